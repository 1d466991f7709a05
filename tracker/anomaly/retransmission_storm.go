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
	NotWhen:   "segments that the network delivers twice: their timestamps are not later than those before; a capture that holds each frame twice (capture-duplicates)",
	RFC:       "9293 3.8.1, 5681",
	Limits: []Limit{
		{"share", 5, "%", "of the direction's segments"},
		{"least", 20, "", "retransmissions"},
	},
	Wakes: tracker.Resent | tracker.Ended,
	New: func(l Limits) Judge {
		return &retransmissionStorm{l["share"], uint64(l.Count("least")), 0, map[endKey]copies{}}
	},
}

type retransmissionStorm struct {
	share float64
	least uint64
	open  int

	copies map[endKey]copies // of directions that come near the threshold
}

// copies counts the segments that the network delivered twice: a retransmission has a timestamp later than all before,
// or goes out in the same tick as one that had.
type copies struct {
	n    uint64
	tick uint32 // of the latest retransmission whose timestamp was later
}

func (j *retransmissionStorm) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Ended {
		for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
			if j.open > 0 {
				j.ends(b, f, side)
			}
			if len(j.copies) > 0 {
				delete(j.copies, endOf(f.Conn.Num(), side))
			}
		}
		return
	}
	me, k := f.Conn.End(f.Side), endOf(f.Conn.Num(), f.Side)
	n, all := me.Retransmissions(), me.Packets()
	if n < j.least/2 {
		return
	}
	j.compare(b, f, me, k)
	if n, all = j.less(n, all, k); n < j.least || !j.stormy(n, all) {
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
		j.say(x, n, all)
		b.Tell(x)
	}
}

// compare tells a copy from a retransmission, where there are timestamps.
func (j *retransmissionStorm) compare(b *Bench, f *tracker.Fact, me tracker.EndView, k endKey) {
	s := f.Seg
	behind, ok := me.Behind(s)
	x, known := j.copies[k]
	switch {
	case !ok || !known && !b.room(len(j.copies), maxKept):
		return
	case behind < 0:
		x.tick = s.Options.TSVal
	case x.tick != s.Options.TSVal:
		x.n++
	}
	if !known {
		b.Follow(f.Conn)
	}
	j.copies[k] = x
}

// less leaves the network's copies out.
func (j *retransmissionStorm) less(n, all uint64, k endKey) (uint64, uint64) {
	twice := min(j.copies[k].n, n)
	return n - twice, all - twice
}

func (j *retransmissionStorm) stormy(n, all uint64) bool {
	return 100*float64(n) > j.share*float64(all)
}

func (j *retransmissionStorm) say(x *Finding, n, all uint64) {
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
	n, all := j.less(me.Retransmissions(), me.Packets(), endOf(f.Conn.Num(), side))
	j.say(x, n, all)
	if j.stormy(n, all) {
		b.Tell(x)
	} else {
		b.Withdraw(x)
	}
}

func (*retransmissionStorm) Wake(*Bench, Alarm) {}
