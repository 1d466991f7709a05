package anomaly

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// repeated is a segment that one end sends again and again.
type repeated struct {
	Case
	at, next tcp.Seq // where it begins; one past all that its sender has sent
	len      int
	since    int64  // the first repetition
	heard    int64  // when the other end was last heard, as of the latest repetition
	packet   uint64 // the first repetition
	n        int
	alone    int // since the other end was heard; of peer-unresponsive
}

// repeats remembers the latest repeated segment of each end that has one. It forgets a connection when it ends. On a path
// that loses, all ends have one; so each part of the flows has room of its own, whoever tracks it.
type repeats struct {
	by map[endKey]*repeated
	of [tracker.Parts]uint16 // how many
}

func newRepeats() repeats { return repeats{by: map[endKey]*repeated{}} }

// note counts a Resent fact, nil for one that does not count: a FIN (see fin-unacked), or one too many to remember. before
// is when the other end was heard as of the repetition before, of whatever; -1 if there was none.
func (r *repeats) note(b *Bench, f *tracker.Fact) (x *repeated, before int64) {
	if f.Seg.Len == 0 || f.Seg.Flags&tcp.FIN != 0 {
		return nil, 0
	}
	k := endOf(f.Conn.Num(), f.Side)
	me := f.Conn.End(f.Side)
	x, before = r.by[k], -1
	if x != nil {
		before = x.heard
	}
	if x == nil || x.at != f.Seg.Seq || x.next != me.Next() {
		if x == nil {
			of := &r.of[f.Conn.Part()]
			if *of == maxKept/tracker.Parts {
				return nil, 0
			}
			*of++
			x = &repeated{Case: CaseOf(f.Conn)}
			r.by[k] = x
			b.Follow(f.Conn)
		}
		x.at, x.next, x.len, x.since, x.packet, x.n = f.Seg.Seq, me.Next(), f.Seg.Len, f.Time, f.Packet, 0
	}
	x.n++
	x.heard = f.Conn.End(f.Side.Other()).SentAt()
	return x, before
}

// end forgets a connection.
func (r *repeats) end(f *tracker.Fact) {
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		if k := endOf(f.Conn.Num(), side); r.by[k] != nil {
			delete(r.by, k)
			r.of[f.Conn.Part()]--
		}
	}
}

// slack is how much room options may take of a full segment.
const slack = 60

// full says that a segment of n octets is one of the largest that the end sends.
func full(me, peer tracker.EndView, n int) bool {
	if peer.Opened() {
		return n >= min(peer.MSS()-slack, 1460-slack)
	}
	return n >= 1000
}

// swallowed says that full segments of the end vanish while small ones get through: this one is larger than any that
// was acknowledged, and the other end has something that was sent with it or after it.
func (x *repeated) swallowed(me, peer tracker.EndView) bool {
	if !full(me, peer, x.len) || x.len <= me.Through() || me.Una().After(x.at) {
		return false
	}
	if peer.Sure() == tracker.SynRecv {
		return x.allFull(me, peer)
	}
	return peer.Sacks() || peer.SentAt() >= x.since-10*millisecond
}

// allFull says that nothing but full segments followed a handshake, of which the listener does not complain. A listener
// with a full queue answers as little; but it takes no small one either, and nothing is lost on the way to a tap at its
// own side.
func (x *repeated) allFull(me, listener tracker.EndView) bool {
	return !me.HasFIN() && unacked(me)%x.len == 0 && listener.SYNRepeats() == 0 && !listener.Near()
}
