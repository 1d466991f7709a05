// Package reassembly accounts for one direction's bytes: new, repeated, out of order, missing, acknowledged; it keeps
// no payload.
//
// A Stream is one direction of one connection as seen at the tap:
//
//	      Start        Una       Contiguous                  Next
//	        |           |            |                         |
//	 Old    |  Repeated |  Repeated  |  hole  |####|   hole   |##|   InOrder, Ahead
//	--------+-----------+------------+--------+----+----------+--+----------------------> sequence numbers
//	        |<------------- unique + missed + missing --------->|
//
// Below Contiguous every octet has been seen (unique), or was acknowledged without having been seen, or was given up
// (both missed). A hole is an interval not seen yet below Next. New octets fill holes or go on from Next; all others
// are repeated. An acknowledgement closes the holes below it: the peer has what the capture has not. An octet that
// arrives after its hole was closed counts as repeated, for nothing of the hole is kept.
//
// Positions wrap at 2^32 and nothing is kept in 32 bits that must not: a stream may be of any length. What lies more
// than Horizon behind Next cannot be in flight any more, so holes that old are given up and Una is never older.
//
// Ownership: a Stream is a value without pointers; the caller keeps it, by the million, where it likes. Its holes,
// rare, lie in a Holes that is passed with every call that may need it, always the same one for the same stream; a
// stream that is thrown away without Release leaks its holes there.
//
// Concurrency: none inside. One Holes and all of its Streams belong to one goroutine at a time.
//
// It does not judge: whether a segment or an acknowledgement is acceptable (RFC 9293 3.10.7.4) the caller decides
// before it calls. It knows no time, no SACK, no windows, and SYN and FIN only as the octet each takes.
package reassembly
