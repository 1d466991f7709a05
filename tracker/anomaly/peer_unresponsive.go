package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// PeerUnresponsive finds peers that fall silent while data is sent to them.
var PeerUnresponsive = Rule{
	Code:      "peer-unresponsive",
	Title:     "data is repeated and the peer is silent",
	Severity:  Warning,
	Culprits:  "the network, or the host at its other end",
	Evidence:  "one segment of data sent again and again, and meanwhile not a packet from the peer, whose window is open, but what it repeats though it was acknowledged",
	Threshold: "5 repetitions: Linux has then waited 6 s and more, each time twice as long; a path that loses every fifth segment does that once in 3000 times",
	Cause:     "the path is cut or has changed, the peer's host is down or was cut off without a word, or a firewall or NAT has forgotten the connection",
	Remedy:    "find where the path ends: 'traceroute -T -p PORT', captures on both sides of the firewall; the sender gives up after net.ipv4.tcp_retries2 repetitions, 15 minutes by default: TCP_USER_TIMEOUT on the socket ends it sooner",
	NotWhen:   "a shut window (zero-window-stall); a FIN (fin-unacked); full segments only, while small ones get through (mtu-blackhole); a server that never took the handshake's end (accept-queue-overflow); an idle connection (keepalive-timeout)",
	RFC:       "9293 3.8.3, 1122 4.2.3.5, 6298",
	Absence:   true,
	Limits:    []Limit{{"repeats", 5, "", "times that one segment was repeated while the peer was silent"}},
	Wakes:     tracker.Resent | tracker.Ended,
	New: func(l Limits) Judge {
		return &peerUnresponsive{limit: l.Count("repeats"), sent: newRepeats(), deaf: map[endKey]deaf{}}
	},
}

type peerUnresponsive struct {
	limit int
	sent  repeats
	deaf  map[endKey]deaf
}

// deaf is an end that repeats what was acknowledged: it is heard, and hears nothing.
type deaf struct{ at, before int64 } // its latest such segment; when it was heard before the first of them

// heard is when an end was last heard to say something else.
func (j *peerUnresponsive) heard(k endKey, e tracker.EndView) int64 {
	if d, ok := j.deaf[k]; ok && d.at == e.SentAt() {
		return d.before
	}
	return e.SentAt()
}

// listens notes whether a repeated segment shows its sender not to hear the acknowledgement of it.
func (j *peerUnresponsive) listens(b *Bench, f *tracker.Fact, k endKey) {
	me := f.Conn.End(f.Side)
	if d, ok := j.deaf[k]; f.Seg.Len > 0 && !f.Seg.End().After(me.Una()) && (ok || b.room(len(j.deaf), maxKept)) {
		j.deaf[k] = deaf{f.Time, j.heard(k, me)}
		b.Follow(f.Conn)
	} else if ok && d.at != me.SentAt() {
		delete(j.deaf, k)
	}
}

func (j *peerUnresponsive) Fact(b *Bench, f *tracker.Fact) {
	k := endOf(f.Conn.Num(), f.Side)
	other := k.other()
	if f.Kind == tracker.Ended {
		j.sent.end(f)
		for _, k := range [...]endKey{k, other} {
			delete(j.deaf, k)
		}
		return
	}
	j.listens(b, f, k)
	x, before := j.sent.note(b, f)
	if x == nil {
		return
	}
	x.heard = j.heard(other, f.Conn.End(other.side()))
	if x.n == 1 || x.heard != before {
		x.alone = 0
	}
	x.alone++
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	z := b.Standing(k.conn(), k.side())
	if x.swallowed(me, peer) {
		if z != nil {
			b.Withdraw(z)
		}
		return
	}
	n := x.alone
	if n < j.limit || f.Time-x.since < nsPerSecond || peer.ShutSince() != 0 || queued(f.Conn, f.Side) {
		return
	}
	fresh := z == nil
	if fresh {
		z = b.Raise(x.Case, k.side())
		z.Culprit, z.Since = Network, x.since
		z.Add(x.packet)
	}
	z.Add(f.Packet)
	silent := "is silent"
	if x.heard != peer.SentAt() {
		silent = "hears nothing: it repeats what was acknowledged"
	}
	if b.Speaks() {
		z.Summary = fmt.Sprintf("the %s has repeated %s %s in %s, and the %s %s", k.side(), count(f.Seg.Len, "octet"), count(n, "time"), seconds(f.Time-x.since), k.side().Other(), silent)
	}
	b.Tell(z)
	if fresh {
		b.WakeAt(Alarm{At: f.Time + 5*nsPerSecond, Conn: k.conn(), Side: k.side()})
	}
}

// Wake ends the finding when the peer is heard again.
func (j *peerUnresponsive) Wake(b *Bench, a Alarm) {
	k := endOf(a.Conn, a.Side)
	z, x := b.Standing(k.conn(), k.side()), j.sent.by[k]
	if z == nil || x == nil {
		return
	}
	v, ok := x.conn.View()
	if !ok {
		return
	}
	me, peer := v.End(k.side()), v.End(k.side().Other())
	switch at := j.heard(k.other(), peer); {
	case x.swallowed(me, peer):
		b.Withdraw(z)
	case at > z.Since:
		b.Close(z, at)
	default:
		b.poll(a, 5*nsPerSecond)
	}
}
