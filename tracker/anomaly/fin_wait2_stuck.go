package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// FinWait2Stuck finds peers that do not close, where nothing of the peer is captured.
var FinWait2Stuck = Rule{
	Code:      "fin-wait2-stuck",
	Title:     "an end waits in FIN_WAIT2 for a peer whose packets are not captured",
	Severity:  Notice,
	Culprits:  "the peer's application, which does not close",
	Evidence:  "an end sent its FIN and does not repeat it, so it was acknowledged; later it still sends segments that acknowledge nothing new (keepalives, answers to them), so the connection is there and the peer's FIN has not come; of the peer no packet is captured",
	Threshold: "5 s, as for close-wait-stuck, whose other side this is",
	Cause:     "the peer's application has not noticed the end of its input, and its host stays in CLOSE_WAIT",
	Remedy:    "capture the other direction too; on the peer's host 'ss -tanp state close-wait' names the process that does not close. A socket whose owner has closed leaves FIN_WAIT2 after net.ipv4.tcp_fin_timeout; one that was only shut down for writing never does",
	NotWhen:   "the peer's packets are captured (close-wait-stuck); a FIN that is repeated (fin-unacked); an answer that is still arriving",
	RFC:       "9293 3.6",
	Absence:   true,
	Limits:    []Limit{{"after", 5, "s", "since anything new was acknowledged"}},
	Wakes:     tracker.SpokeOn | tracker.Ended,
	New:       func(l Limits) Judge { return &finWait2Stuck{l.Seconds("after"), map[endKey]*spoken{}} },
}

// spoken is an end that speaks on after its FIN.
type spoken struct {
	ack      tcp.Seq
	since    int64 // of that acknowledgement
	n        int
	evidence uint64
}

type finWait2Stuck struct {
	after int64
	ends  map[endKey]*spoken
}

func (j *finWait2Stuck) Fact(b *Bench, f *tracker.Fact) {
	k := endOf(f.Conn.Num(), f.Side)
	if f.Kind == tracker.Ended {
		delete(j.ends, k)
		delete(j.ends, k.other())
		return
	}
	me := f.Conn.End(f.Side)
	if f.Seg.Flags&(tcp.ACK|tcp.RST) != tcp.ACK || me.FINRepeats() >= 3 {
		return
	}
	e := j.ends[k]
	if e == nil || f.Seg.Ack != e.ack {
		if e == nil && !b.room(len(j.ends), maxKept) {
			return
		}
		if x := b.Standing(k.conn(), k.side()); x != nil {
			b.Close(x, f.Time) // the peer sends, or has closed
		}
		b.Follow(f.Conn)
		j.ends[k] = &spoken{ack: f.Seg.Ack, since: f.Time, evidence: f.Packet}
		return
	}
	e.n++
	if e.n < 2 || f.Time-e.since <= j.after {
		return
	}
	x := b.Standing(k.conn(), k.side())
	fresh := x == nil
	if fresh {
		x = b.Raise(CaseOf(f.Conn), k.side())
		x.Culprit, x.Since = App(k.side().Other()), e.since
		x.Add(e.evidence)
	}
	x.Add(f.Packet)
	x.Summary = fmt.Sprintf("the %s closed and its FIN was taken, but for %s the %s, of which no packet is captured, has neither sent anything nor closed", k.side(), seconds(f.Time-e.since), k.side().Other())
	if fresh {
		b.Tell(x)
	}
}

func (*finWait2Stuck) Wake(*Bench, Alarm) {}
