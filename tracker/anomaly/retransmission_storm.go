package anomaly

import (
	"fmt"
	"math/bits"

	"github.com/tcptrack/tcptrack/tracker"
)

// RetransmissionStorm finds directions that repeat much of what they send.
var RetransmissionStorm = Rule{
	Code:      "retransmission-storm",
	Title:     "much of one direction is retransmitted",
	Severity:  Warning,
	Culprits:  "the network",
	Evidence:  "segments whose octets had passed the tap before, as a share of all segments of that side",
	Threshold: "more than 5 % and at least 20: at 5 % loss TCP's throughput has collapsed (it goes with one over the root of the loss)",
	Cause:     "a link that loses packets: a bad cable or radio, a queue that overflows, a policer, a mismatch of duplex; or a path that reorders so much that losses are suspected",
	Remedy:    "find the link: drops and errors of the interfaces along the path ('ip -s link', 'ethtool -S', 'tc -s qdisc'), 'mtr --tcp' over minutes; compare captures from both ends",
	NotWhen:   "a capture that holds each frame twice (capture-duplicates)",
	RFC:       "9293 3.8.1, 5681",
	Limits: []Limit{
		{"share", 5, "%", "of the direction's segments"},
		{"least", 20, "", "retransmissions"},
	},
	Wakes: tracker.Resent | tracker.Ended,
	New:   func(l Limits) Judge { return &retransmissionStorm{l["share"], uint64(l.Count("least")), 0} },
}

type retransmissionStorm struct {
	share float64
	least uint64
	open  int
}

func (j *retransmissionStorm) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Ended {
		if j.open > 0 {
			j.ends(b, f, tracker.Client)
			j.ends(b, f, tracker.Server)
		}
		return
	}
	me := f.Conn.End(f.Side)
	n := me.Retransmissions()
	if n < j.least || !j.stormy(me) {
		return
	}
	x := b.Standing(f.Conn.Num(), f.Side)
	fresh := x == nil
	if fresh {
		j.open++
		x = b.Raise(CaseOf(f.Conn), f.Side)
		x.Culprit = Network
	}
	x.Add(f.Packet)
	if fresh || bits.OnesCount64(n) == 1 {
		j.say(x, me)
		b.Tell(x)
	}
}

func (j *retransmissionStorm) stormy(me tracker.EndView) bool {
	return 100*float64(me.Retransmissions()) > j.share*float64(me.Packets())
}

func (j *retransmissionStorm) say(x *Finding, me tracker.EndView) {
	n, all := me.Retransmissions(), me.Packets()
	x.Summary = fmt.Sprintf("the %s retransmitted %d of its %d segments (%.1f %%)", x.Side, n, all, 100*float64(n)/float64(all))
}

// ends tells the last of it; what has come to less than the share was none.
func (j *retransmissionStorm) ends(b *Bench, f *tracker.Fact, side tracker.Side) {
	x := b.Standing(f.Conn.Num(), side)
	if x == nil {
		return
	}
	j.open--
	me := f.Conn.End(side)
	j.say(x, me)
	if j.stormy(me) {
		b.Tell(x)
	} else {
		b.Withdraw(x)
	}
}

func (*retransmissionStorm) Wake(*Bench, Alarm) {}
