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
	Evidence:  "one segment of data sent again and again, and not a packet from the peer meanwhile, whose window is open",
	Threshold: "5 repetitions: Linux has then waited 6 s and more, each time twice as long; a path that loses every fifth segment does that once in 3000 times",
	Cause:     "the path is cut or has changed, the peer's host is down or was cut off without a word, or a firewall or NAT has forgotten the connection",
	Remedy:    "find where the path ends: 'traceroute -T -p PORT', captures on both sides of the firewall; the sender gives up after net.ipv4.tcp_retries2 repetitions, 15 minutes by default: TCP_USER_TIMEOUT on the socket ends it sooner",
	NotWhen:   "a shut window (zero-window-stall); a FIN (fin-unacked); full segments only, while small ones get through (mtu-blackhole); a server that never took the handshake's end (accept-queue-overflow); an idle connection (keepalive-timeout)",
	RFC:       "9293 3.8.3, 1122 4.2.3.5, 6298",
	Limits:    []Limit{{"repeats", 5, "", "times that one segment was repeated while the peer was silent"}},
	Wakes:     tracker.Resent | tracker.Ended,
	New: func(l Limits) Judge {
		return &peerUnresponsive{limit: l.Count("repeats"), sent: repeats{}, silent: map[tallyKey]int{}}
	},
}

type peerUnresponsive struct {
	limit  int
	sent   repeats
	silent map[tallyKey]int // repetitions since the peer was heard
}

func (j *peerUnresponsive) Fact(b *Bench, f *tracker.Fact) {
	k := tallyKey{f.Conn.Num(), f.Side}
	if f.Kind == tracker.Ended {
		j.sent.end(f)
		delete(j.silent, k)
		delete(j.silent, tallyKey{k.conn, k.side.Other()})
		return
	}
	before := int64(-1)
	if x := j.sent[k]; x != nil {
		before = x.heard
	}
	x := j.sent.note(f)
	if x == nil {
		return
	}
	if x.n == 1 || x.heard != before {
		j.silent[k] = 0
	}
	j.silent[k]++
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	z := b.Standing(k.conn, k.side)
	if x.swallowed(me, peer) {
		if z != nil {
			b.Withdraw(z)
		}
		return
	}
	n := j.silent[k]
	if n < j.limit || f.Time-x.since < nsPerSecond || peer.ShutSince() != 0 || queued(f.Conn, f.Side) {
		return
	}
	fresh := z == nil
	if fresh {
		z = b.Raise(x.Case, k.side)
		z.Culprit, z.Since = Network, x.since
		z.Add(x.packet)
	}
	z.Add(f.Packet)
	z.Summary = fmt.Sprintf("the %s has repeated %s %s in %s, and the %s is silent", k.side, count(f.Seg.Len, "octet"), count(n, "time"), seconds(f.Time-x.since), k.side.Other())
	b.Tell(z)
	if fresh {
		b.WakeAt(Alarm{At: f.Time + 5*nsPerSecond, Conn: k.conn, Side: k.side})
	}
}

// Wake ends the finding when the peer is heard again.
func (j *peerUnresponsive) Wake(b *Bench, a Alarm) {
	k := tallyKey{a.Conn, a.Side}
	z, x := b.Standing(k.conn, k.side), j.sent[k]
	if z == nil || x == nil {
		return
	}
	v, ok := x.conn.View()
	if !ok {
		return
	}
	me, peer := v.End(k.side), v.End(k.side.Other())
	switch at := peer.SentAt(); {
	case x.swallowed(me, peer):
		b.Withdraw(z)
	case at > z.Since:
		b.Close(z, at)
	default:
		b.WakeAt(Alarm{At: b.Now() + 5*nsPerSecond, Conn: k.conn, Side: k.side})
	}
}
