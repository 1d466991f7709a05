package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// FINUnacked finds FINs that are repeated in vain.
var FINUnacked = Rule{
	Code:      "fin-unacked",
	Title:     "a FIN is repeated and not acknowledged",
	Severity:  Warning,
	Culprits:  "the network; the peer's host if it answers, and acknowledges everything but the FIN",
	Evidence:  "the same FIN sent again and again, the peer's window open, no acknowledgement that covers it",
	Threshold: "3 repetitions and more than 3 s: Linux repeats after 0.2, 0.4, 0.8 s, so 3 s outlast a path that loses one segment in five",
	Cause:     "the path toward the peer is cut, or a firewall has forgotten the connection and drops its segments; or the peer's host takes data but not the FIN",
	Remedy:    "find where the FIN is lost: capture at the peer too. The closing host keeps the socket in FIN_WAIT1 (or LAST_ACK) until it gives up: 8 repetitions, about 107 s, once the application has closed; net.ipv4.tcp_orphan_retries shortens it",
	NotWhen:   "a shut window (fin-wait1-zero-window); a last ACK that is lost once or twice: the peer answers the repeated FIN from TIME_WAIT",
	RFC:       "9293 3.10.4, 3.8.1",
	Absence:   true,
	Limits: []Limit{
		{"repeats", 3, "", "times that the FIN was repeated"},
		{"after", 3, "s", "since it was first sent"},
	},
	Wakes: tracker.Resent | tracker.Moved | tracker.Ended,
	New: func(l Limits) Judge {
		return &finUnacked{repeats: l.Count("repeats"), after: l.Seconds("after"), fins: map[endKey]*fin{}}
	},
}

// fin is one that was repeated.
type fin struct {
	Case
	since    int64
	una      tcp.Seq // when it was first repeated
	again    int64   // when it was repeated last
	n        int
	answers  int // repetitions that the peer answered, but not with their acknowledgement
	evidence []uint64
}

type finUnacked struct {
	repeats int
	after   int64
	fins    map[endKey]*fin
}

func (j *finUnacked) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind != tracker.Resent {
		if len(j.fins) > 0 {
			j.over(b, f)
		}
		return
	}
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	if f.Seg.Flags&tcp.FIN == 0 || !me.HasFIN() || me.FINAcked() {
		return
	}
	k := endOf(f.Conn.Num(), f.Side)
	x := j.fins[k]
	if x != nil {
		if at := peer.SentAt() - x.again; at >= 0 && at < me.Delay()+peer.Delay()+100*millisecond {
			x.answers++
		}
		x.again = f.Time
	}
	if peer.ShutSince() != 0 {
		return
	}
	if x == nil {
		if !b.room(len(j.fins), maxKept) {
			return
		}
		x = &fin{Case: CaseOf(f.Conn), since: me.FlightSince(), una: me.Una()}
		if x.since == 0 {
			x.since = f.Time
		}
		j.fins[k] = x
		b.Follow(f.Conn)
	}
	x.n++
	x.again = f.Time
	x.evidence = append(x.evidence[:min(len(x.evidence), maxEvidence-1)], f.Packet)
	switch {
	case x.n < j.repeats:
	case f.Time-x.since > j.after:
		j.tell(b, k, x, me)
	case x.n == j.repeats:
		b.WakeAt(Alarm{At: x.since + j.after + 1, Conn: k.conn(), Side: k.side()})
	}
}

func (j *finUnacked) tell(b *Bench, k endKey, x *fin, me tracker.EndView) {
	z := b.Raise(x.Case, k.side())
	z.Since, z.Culprit = x.since, Network
	heard := "which is silent"
	if x.answers >= 2 || me.Una() != x.una {
		z.Culprit, heard = Host(k.side().Other()), "which acknowledges other things"
	}
	for _, p := range x.evidence {
		z.Add(p)
	}
	z.Summary = fmt.Sprintf("the %s has repeated its FIN %s in %s, and it is not acknowledged by the %s, %s", k.side(), count(x.n, "time"), seconds(x.again-x.since), k.side().Other(), heard)
	b.Tell(z)
}

// over forgets FINs that were acknowledged, or whose connection is no more.
func (j *finUnacked) over(b *Bench, f *tracker.Fact) {
	k := endOf(f.Conn.Num(), f.Side)
	if f.Kind == tracker.Ended {
		delete(j.fins, k)
		k = k.other()
		delete(j.fins, k)
		return
	}
	if closing := f.To == tracker.FinWait1 || f.To == tracker.Closing || f.To == tracker.LastAck; closing || j.fins[k] == nil {
		return
	}
	delete(j.fins, k)
	if z := b.Standing(k.conn(), k.side()); z != nil {
		b.Close(z, f.Time)
	}
}

// Wake looks at a FIN that was repeated often enough but not long enough.
func (j *finUnacked) Wake(b *Bench, a Alarm) {
	k := endOf(a.Conn, a.Side)
	x := j.fins[k]
	if x == nil || b.Standing(k.conn(), k.side()) != nil {
		return
	}
	if v, ok := x.conn.View(); ok && !v.End(k.side()).FINAcked() && v.End(k.side().Other()).ShutSince() == 0 {
		j.tell(b, k, x, v.End(k.side()))
	}
}
