package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// MTUBlackhole finds paths that swallow large packets without a word.
var MTUBlackhole = Rule{
	Code:      "mtu-blackhole",
	Title:     "full segments vanish while small ones get through",
	Severity:  Warning,
	Culprits:  "the network",
	Evidence:  "at the sender's side: a full segment is repeated, none of its size was ever acknowledged, and the peer shows that it has smaller ones; at the receiver's side: full segments are missing in front of the tap and stay away, small ones before and after them arrive",
	Threshold: "3 repetitions and 1 s, or missing for 3 s: a path that loses segments loses small ones too",
	Cause:     "a link on the path carries only smaller packets (a tunnel, PPPoE, a VPN), its router's 'fragmentation needed' (ICMP 3/4, ICMPv6 packet too big) is filtered, and the sender never learns",
	Remedy:    "let ICMP 'fragmentation needed' and 'packet too big' through; clamp the MSS at the tunnel ('iptables ... TCPMSS --clamp-mss-to-pmtu'); net.ipv4.tcp_mtu_probing=1 on the sender helps itself; 'tracepath HOST' and 'ping -M do -s SIZE HOST' find the size and the place",
	NotWhen:   "segments of all sizes are lost (retransmission-storm, peer-unresponsive); a listener that takes nothing after the handshake, small segments neither (accept-queue-overflow)",
	RFC:       "2923, 4821, 8201",
	Absence:   true,
	Limits: []Limit{
		{"repeats", 3, "", "times that a full segment was repeated"},
		{"missing", 3, "s", "that full segments are missing"},
	},
	Wakes: tracker.Resent | tracker.Ahead | tracker.Ended,
	New: func(l Limits) Judge {
		return &mtuBlackhole{limit: l.Count("repeats"), missing: l.Seconds("missing"), sent: newRepeats(), holes: map[endKey]*hole{}}
	},
}

// hole is what is missing in front of the tap.
type hole struct {
	Case
	at     tcp.Seq
	octets int
	small  int   // of the segment behind it
	bare   bool  // nothing but acknowledgements tells of it
	again  int64 // when one last did
	since  int64
	packet uint64
}

type mtuBlackhole struct {
	limit   int
	missing int64
	sent    repeats
	holes   map[endKey]*hole
}

const (
	alarmRepeats uint8 = iota
	alarmHole
)

func (j *mtuBlackhole) Fact(b *Bench, f *tracker.Fact) {
	switch f.Kind {
	case tracker.Ended:
		j.sent.end(f)
		delete(j.holes, endOf(f.Conn.Num(), tracker.Client))
		delete(j.holes, endOf(f.Conn.Num(), tracker.Server))
	case tracker.Ahead:
		j.ahead(b, f)
	case tracker.Resent:
		me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
		if peer.ShutSince() != 0 || !full(me, peer, f.Seg.Len) {
			return
		}
		if x, _ := j.sent.note(b, f); x != nil && x.n >= j.limit {
			j.repeats(b, f.Side, x, me, peer)
			if x.n == j.limit {
				b.WakeAt(Alarm{f.Time + poll, x.Conn, f.Side, alarmRepeats})
			}
		}
	}
}

// poll is how often a connection is looked at of which too little is known yet.
const poll = 250 * millisecond

// repeats judges a full segment that was repeated often enough.
func (j *mtuBlackhole) repeats(b *Bench, side tracker.Side, x *repeated, me, peer tracker.EndView) (found bool) {
	if b.Now()-x.since < nsPerSecond || !x.swallowed(me, peer) {
		return false
	}
	z := b.Raise(x.Case, side)
	z.Culprit, z.Since = Network, x.since
	z.Add(x.packet)
	smaller := "the handshake did"
	if n := me.Through(); n > 0 {
		smaller = fmt.Sprintf("smaller ones of up to %s do", count(n, "octet"))
	}
	z.Summary = fmt.Sprintf("segments of %s from the %s are repeated (%s) and never arrive, while %s", count(x.len, "octet"), side, count(x.n, "time"), smaller)
	b.Tell(z)
	return true
}

// ahead notes what is missing in front of a small segment.
func (j *mtuBlackhole) ahead(b *Bench, f *tracker.Fact) {
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	k := endOf(f.Conn.Num(), f.Side)
	bare := f.Seg.Len == 0
	if h := j.holes[k]; h != nil && h.bare && bare {
		h.again = f.Time
		if f.Time-h.since >= j.missing && b.Standing(k.conn(), k.side()) == nil {
			j.hole(b, k, h)
		}
		return
	}
	if full(me, peer, f.Seg.Len) || full(me, peer, me.Through()) || !full(me, peer, f.Octets) || j.holes[k] != nil || !b.room(len(j.holes), maxKept) {
		return
	}
	j.holes[k] = &hole{CaseOf(f.Conn), me.Contiguous(), f.Octets, max(f.Seg.Len, me.Through()), bare, f.Time, f.Time, f.Packet}
	b.Follow(f.Conn)
	b.WakeAt(Alarm{f.Time + j.missing, k.conn(), k.side(), alarmHole})
}

func (j *mtuBlackhole) Wake(b *Bench, a Alarm) {
	k := endOf(a.Conn, a.Side)
	if a.What == alarmHole {
		if h := j.holes[k]; h != nil && b.Standing(k.conn(), k.side()) == nil && !j.hole(b, k, h) {
			b.WakeAt(Alarm{b.Now() + poll, k.conn(), k.side(), alarmHole})
		}
		return
	}
	x := j.sent.by[k]
	if x == nil || x.n < j.limit || b.Standing(k.conn(), k.side()) != nil {
		return
	}
	v, ok := x.conn.View()
	if !ok || v.End(k.side()).Una().After(x.at) || b.Now()-x.since > nsPerSecond*60 {
		return
	}
	if !j.repeats(b, k.side(), x, v.End(k.side()), v.End(k.side().Other())) {
		b.WakeAt(Alarm{b.Now() + poll, k.conn(), k.side(), alarmRepeats})
	}
}

// hole judges what has been missing for long, and says whether all is known of it.
func (j *mtuBlackhole) hole(b *Bench, k endKey, h *hole) (over bool) {
	v, ok := h.conn.View()
	if !ok || b.Now()-h.since > 60*nsPerSecond {
		delete(j.holes, k)
		return true
	}
	me := v.End(k.side())
	if me.Contiguous() != h.at {
		delete(j.holes, k) // it was filled, or acknowledged without having been seen
		return true
	}
	peer := v.End(k.side().Other())
	lives := h.again
	if !h.bare {
		lives = me.SentAt()
	}
	if lives < h.since+nsPerSecond || me.Una() != h.at || peer.SentAt() < h.since {
		return false // its sender must be known to live, and its receiver to wait for just that
	}
	z := b.Raise(h.Case, k.side())
	z.Culprit, z.Since = Network, h.since
	z.Add(h.packet)
	smaller := "acknowledgements"
	if h.small > 0 {
		smaller = "segments of up to " + count(h.small, "octet")
	}
	z.Summary = fmt.Sprintf("%s of the %s are missing for %s, while its %s arrive", count(h.octets, "octet"), k.side(), seconds(b.Now()-h.since), smaller)
	b.Tell(z)
	return true
}
