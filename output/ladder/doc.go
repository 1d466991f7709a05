// Package ladder is the model of one connection to be drawn; it paints nothing.
//
//	transitions, facts ──> Drawing ──> Rows    the packets that decide, repetitions folded, between the states of both ends
//	segments ────────────>         ──> Points  windows and octets in flight, both ways, over time
//	evidence ────────────>         ──> States  what each end was taken to be, as spans of time
//	                               ──> Shut    when a window was shut, as spans
//
// A Drawing is told the connection's events first and its segments, in order, once all events of their packets were told.
// That holds for two passes over a capture, and as well for one that is under way: each batch is tracked, then its segments
// are told. What it keeps is bounded by Config and the constants of this package, and what it had to leave out is counted.
// One goroutine at a time uses it. Times are capture nanoseconds since 1970 UTC, windows and flights octets.
package ladder
