package anomaly

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// reading is what one RST tells, a bit each, so that rules ask for a set. The rules on RSTs share it, so that each RST
// speaks for one of them at most.
type reading uint16

const (
	readNothing   reading = 1 << iota // an aftermath, or too little is known
	readRefused                       // nobody listens for the SYN
	readAborted                       // its living owner gave the connection up
	readTimedOut                      // its living owner gave up after keepalives that nobody answered
	readForgotten                     // its sender's host does not know the connection, and nothing has ended it
	readReply                         // the same, but it lived a moment ago, or nothing had asked it for an answer
	readClosed                        // its sender had closed, and data came
	readLeftover                      // it ends TIME_WAIT
	readInjected                      // at the exact sequence, and not made by its sender
	readBlind                         // what its receiver must not accept, and its sender did not make
)

// readReset tells what a Reset fact means. X is the end in whose name the RST is, Y the one that gets it.
func readReset(f *tracker.Fact) reading {
	x, y := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	switch {
	case !f.Taken:
		if blind(f, x, y) {
			return readBlind
		}
		return readNothing
	case y.State() == tracker.TimeWait && x.State() != tracker.TimeWait && !(f.Shape == tracker.ShapeAbort && open(x.State())):
		return readLeftover
	case y.State() == tracker.Closed:
		return readNothing
	case y.State() == tracker.SynSent:
		if y.Sure() == tracker.SynSent && x.Sure() == tracker.Closed && !f.Conn.Late() {
			return readRefused
		}
		return readNothing
	}
	switch f.Shape {
	case tracker.ShapeSuspect:
		switch {
		case !open(x.State()):
		case f.Exact:
			return readInjected
		default:
			return readBlind
		}
	case tracker.ShapeTimeout:
		if y.ShutSince() == 0 && x.InFlight() <= 0 && x.Keepalives() >= 2 && x.Unheard() >= 2 {
			return readTimedOut
		}
	case tracker.ShapeAbort:
		if x.HasFIN() && f.Seg.Window == 0 && unacked(y) > 0 && y.WroteOn() && !x.TookFIN() {
			return readClosed // Windows answers so
		}
		if open(x.State()) {
			return readAborted
		}
	case tracker.ShapeReply:
		return readDead(f, x, y)
	}
	return readNothing
}

// open says that an end in that state is synchronised and has something to lose by a RST.
func open(s tracker.State) bool {
	return tcp.Synchronised.Has(s) && s != tracker.TimeWait
}

// unacked is how many octets an end has sent, its FIN not counted, that were not acknowledged.
func unacked(e tracker.EndView) int {
	n := e.InFlight()
	if e.HasFIN() && !e.FINAcked() {
		n--
	}
	return max(n, 0)
}

// quiet is how long a host must have said nothing before it can be said to have forgotten rather than closed a moment
// ago, with a FIN or RST that was lost: five times Linux' least RTO.
const quiet = int64(1e9)

// readDead tells why a host has no such connection, which is what its RST says.
func readDead(f *tracker.Fact, x, y tracker.EndView) reading {
	if y.ShutSince() != 0 {
		return readNothing // a close behind a shut window is a story of its own
	}
	if x.HasFIN() {
		if unacked(y) > 0 && y.WroteOn() && !x.TookFIN() && f.Seg.Seq.After(x.Next().Add(-1)) {
			return readClosed // its number is what the octets acknowledged; what crosses the FIN is nobody's fault
		}
		return readNothing
	}
	switch x.Sure() {
	case tracker.Established, tracker.CloseWait:
		if x.State() == tracker.Closed || f.Conn.Late() && x.Packets() < 2 {
			return readNothing // it had been reset itself, or was never seen alive
		}
		if f.Time-x.SentAt() < quiet {
			return readReply
		}
	case tracker.Closed:
		// It had aborted; that its peer is not closed says that the RST was lost.
	default:
		return readNothing
	}
	if y.InFlight() == 0 && y.Unheard() == 0 {
		return readReply
	}
	return readForgotten
}

// blind says that a RST that its receiver must not accept is for certain none of its sender's. Of others it shows only
// when the sender speaks on: they may answer an old segment, or come from one who ran ahead of what was captured.
func blind(f *tracker.Fact, x, y tracker.EndView) bool {
	if !open(x.State()) || !open(y.State()) || !x.Seen() || !y.Seen() {
		return false
	}
	s := f.Seg
	switch {
	case f.Shape == tracker.ShapeSuspect:
		return true
	case f.Conn.Late() || s.Flags&tcp.ACK != 0 && s.Seq == 0:
		return false
	case s.Flags&tcp.ACK != 0:
		return !around(s.Ack, y.Una(), y.Next())
	}
	return !around(s.Seq, x.Una(), x.Next())
}

// around says that a number lies in [lo, hi], or so near that it may be an old one, or one that the capture has missed.
func around(q, lo, hi tcp.Seq) bool { return q.InRange(lo.Add(-1<<20), hi.Add(1<<20)) }
