package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// AbortiveClose finds owners that end a connection by a RST.
var AbortiveClose = Rule{
	Code:      "abortive-close",
	Title:     "a RST in place of a FIN",
	Severity:  Notice,
	Culprits:  "the application that aborts",
	Evidence:  "a RST with ACK at its sender's next sequence number, whose window, TTL and IP ID go on from its sender's other segments",
	Threshold: "none: one RST is enough",
	Cause:     "the application closed with unread data in its receive buffer, or set SO_LINGER to 0, or its process was killed with data unread; what was in flight is lost, and the peer reads ECONNRESET",
	Remedy:    "at the side that aborts: read to the end (or shutdown(SHUT_WR) and drain) before close(); look for SO_LINGER {1, 0}, and for pools and load balancers that drop idle connections so",
	NotWhen:   "the answer of a host that has no such connection (half-open, data-after-close); giving up a peer that does not answer (keepalive-timeout, peer-unresponsive); a RST that its sender did not make (reset-injection); a RST from TIME_WAIT, when all is said",
	RFC:       "9293 3.10.5, 1122 4.2.2.13, 2525 2.17",
	Wakes:     tracker.Reset | tracker.Revived | tracker.Ended,
	Resets:    readAborted | readNothing | readReply | readForgotten,
	New:       func(Limits) Judge { return abortiveClose{map[endKey]uint64{}} },
}

type abortiveClose struct {
	ahead map[endKey]uint64 // packets of RSTs that come before octets lost on the way
}

func (j abortiveClose) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	k := endOf(num, f.Side)
	switch f.Kind {
	case tracker.Revived:
		delete(j.ahead, k)
		withdraw(b, num, f.Side)
		return
	case tracker.Ended:
		if len(j.ahead) > 0 {
			delete(j.ahead, k)
			delete(j.ahead, endOf(num, f.Side.Other()))
		}
		return
	}
	first := j.ahead[k]
	switch b.reading {
	case readAborted:
	case readNothing:
		if x := f.Conn.End(f.Side); !f.Taken && f.Shape == tracker.ShapeAbort && open(x.State()) && f.Seg.Seq.After(x.Next()) && b.room(len(j.ahead), maxKept) {
			j.ahead[k] = f.Packet
			b.Follow(f.Conn)
		}
		return
	case readReply, readForgotten:
		if first == 0 {
			return // else that RST was the owner's: its host does not know the connection any more
		}
	}
	if b.Standing(num, f.Side) != nil || b.Standing(num, f.Side.Other()) != nil {
		return
	}
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = App(f.Side)
	if first != 0 {
		x.Add(first)
	}
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s aborts the connection with a RST in %v, %s after its beginning", f.Side, me.State(), seconds(f.Time-f.Conn.Start()))
		if own, other := unacked(me), unacked(peer); own+other > 0 {
			x.Summary += fmt.Sprintf(": %s of its own and %s of the %s were in flight", count(own, "octet"), count(other, "octet"), f.Side.Other())
		}
	}
	b.Tell(x)
}

func (abortiveClose) Wake(*Bench, Alarm) {}

// withdraw takes back what the judge at work had read from a RST that was not its sender's.
func withdraw(b *Bench, conn uint64, side tracker.Side) {
	if x := b.Standing(conn, side); x != nil {
		b.Withdraw(x)
	}
}
