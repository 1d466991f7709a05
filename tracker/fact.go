package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// FactKind is one kind of thing that is worth a judgement, a bit each, so that those who judge subscribe to a set.
type FactKind uint32

const (
	Began      FactKind = 1 << iota // an incarnation's first segment
	Moved                           // Side's state is now To; it was From; only of a connection whose moves somebody follows
	Shut                            // Side announced a window too small to send into
	Opened                          // Side's window is open again
	Probed                          // Side asked a shut window to open
	KeptAlive                       // Side sent a keepalive
	Resent                          // Side sent octets, or its FIN, again; Seg tells which
	SYNAgain                        // Side repeated its SYN or SYN-ACK
	FINSent                         // Side sent its FIN for the first time
	Reset                           // a RST in Side's name; Taken: its receiver accepts it; Shape: what made it
	Challenged                      // a SYN in Side's name that its receiver must not accept
	Damaged                         // a segment of Side with a wrong checksum that is not offload
	Offloaded                       // a checksum of Side that its network card was to fill in; once an endpoint
	Missed                          // Octets of Side were acknowledged and never captured
	Unmissed                        // Side goes on where it was seen to be: what Missed has told of it since had never been sent
	Twice                           // a frame of Side was captured a second time
	Revived                         // Side spoke on after a RST in its name, that of packet RST: it was not its own; Taken: it had been believed
	Forgot                          // Side answered a SYN in the middle of the connection with a SYN-ACK: it begins anew
	CrossedSYN                      // Side sent a SYN to a peer that had sent one
	CrossedFIN                      // Side's FIN does not acknowledge its peer's, which had passed before
	Took                            // Side acknowledged new octets after its own FIN, or while its data waited at a shut window
	Verdict                         // Hidden is what is now believed of a close that Side may have hidden
	Ahead                           // Side sent octets, or an acknowledgement, past others that the tap has not seen: Octets of them are missing in front
	Unheard                         // Side, of which nothing was captured, has answered: its peer acknowledges its SYN
	SpokeOn                         // Side sent something after its FIN, and nothing of its peer was ever captured
	Lingers                         // Side has acknowledged its peer's FIN, and for a tenth of a second has sent neither octets nor its own
	Stirred                         // Side, which lingered, sent octets again
	Joined                          // Side came from SYN_RECV to ESTABLISHED
	Unjoined                        // Side, which had joined, is back in SYN_RECV
	Rested                          // the server came to TIME_WAIT
	Reused                          // an incarnation's first segment, where the four-tuple had one before; told after Began
	Ended                           // an incarnation retires that somebody follows
)

// Fact is one thing seen, told after the segment has acted on the octets and before the states it leads to are settled:
// Conn shows the states as they were before it.
type Fact struct {
	Kind   FactKind
	Side   Side
	Time   int64        // capture time, nanoseconds since 1970 UTC
	Packet uint64       // number of the deciding packet, or of the last one before a timer
	Seg    *tcp.Segment // nil for Moved, Verdict, Lingers, Joined, Unjoined, Rested and Ended; valid until Fact returns
	Conn   View         // valid until Fact returns

	From, To State      // Moved
	Gap      int64      // Reused: since the incarnation before was last heard, nanoseconds
	Over     bool       // Ended: by itself, not because the input ends or the table is full
	Evicted  bool       // Ended: because the table is full
	Taken    bool       // Reset, Revived
	Exact    bool       // Reset: its number is the one that its receiver expects; some take others of the window too
	RST      uint64     // Revived
	Shape    ResetShape // Reset
	Octets   int        // Missed, Ahead
	Hidden   Hidden     // Verdict
	Word     *Word      // Verdict: the kernel's, that it comes from; nil: from the wire
}

// Witness takes facts, in order, on the goroutine that calls the Tracker.
type Witness interface {
	Fact(*Fact)
	// Next is the capture time of the earliest alarm that it waits for, math.MaxInt64 for none; it is asked for after each
	// Fact and Advance.
	Next() int64
	// Advance lets it act on the alarms due by now; packet is the latest packet's number.
	Advance(now int64, packet uint64)
}

// wants says that somebody listens for facts of that kind.
func (t *Tracker) wants(k FactKind) bool { return t.cfg.Facts&k != 0 }

// witness tells of a fact of the endpoint e; callers ask wants first, so that ordinary segments cost nothing.
func (t *Tracker) witness(n uint32, c *conn, e *end, what *Fact) {
	f := &t.fact
	*f = *what
	f.Side = c.sideOf(e)
	f.Time, f.Packet = t.now, t.packet
	f.Conn = View{t, n, c}
	t.cfg.Witness.Fact(f)
	t.wakes = t.cfg.Witness.Next()
}

// see is witness for the facts that need no more than a segment.
func (t *Tracker) see(k FactKind, n uint32, c *conn, e *end, s *tcp.Segment) {
	if t.wants(k) {
		t.witness(n, c, e, &Fact{Kind: k, Seg: s})
	}
}

func (c *conn) sideOf(e *end) Side {
	if e == &c.ends[c.client] {
		return Client
	}
	return Server
}
