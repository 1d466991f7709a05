// Package tracker infers what state each end of each TCP connection is in: facts out, no opinions.
//
// Every segment is at once something that its sender does and something that its receiver may get:
//
//	client ──────●──────────── tap ───────────────● server
//	        does │              │ seen            │ may get
//	             └─ proven ─────┴──── presumed ───┘ until it shows, by what it acknowledges, that it did
//
// So each endpoint carries a proven state, moved by what it sent and by what its acknowledgements show that it has
// received, and a list of presumptions, events that passed the tap toward it. Its estimate is the proven state moved on
// by the presumptions; taking a presumption back is dropping it from the list. The moves are the rows of rules.go,
// RFC 9293 figure 5 as seen from the wire.
//
// A Tracker owns all its memory: connections live in chunks of pointer-free entries behind an index of 8-byte slots, so
// that ten million of them cost the garbage collector nothing. Segments are read during Observe and not kept. What is
// passed to a Sink is valid until the method returns. Nothing here is safe for concurrent use, nothing reads a clock:
// time is the capture's, and Advance moves it.
//
// The package judges nothing: what is sick is said by tracker/anomaly.
package tracker
