package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// SYNUnanswered finds hosts and paths that do not answer a SYN.
var SYNUnanswered = Rule{
	Code:      "syn-unanswered",
	Title:     "a SYN is repeated and nobody answers",
	Severity:  Warning,
	Culprits:  "the network: a firewall that drops, a wrong route, a host that is down",
	Evidence:  "the same SYN sent again and again, and nothing from the other side",
	Threshold: "2 repetitions, 3 s on Linux: one SYN or its answer may be lost on any path",
	Cause:     "a firewall drops the SYN without a word, the server's host is down, the address is routed elsewhere, or the answer takes a way that is cut; or the listener's queue is full and its host drops SYNs",
	Remedy:    "capture at the server: does the SYN arrive? If so, look at its firewall, at the route back, and at 'nstat -az TcpExtListenDrops TcpExtListenOverflows'; if not, at the path: 'traceroute -T -p PORT'",
	NotWhen:   "an answer that is late: then it is withdrawn; a RST in answer (connection-refused); the server's packets not captured (one-way-capture)",
	RFC:       "9293 3.8.1, 6298",
	Absence:   true,
	Limits:    []Limit{{"repeats", 2, "", "times that the SYN was repeated"}},
	Wakes:     tracker.SYNAgain | tracker.Moved | tracker.Ended,
	New:       func(l Limits) Judge { return &synUnanswered{repeats: l.Count("repeats")} },
}

type synUnanswered struct {
	repeats int
	open    int // findings that may be withdrawn
}

func (j *synUnanswered) Fact(b *Bench, f *tracker.Fact) {
	switch f.Kind {
	case tracker.SYNAgain:
		j.again(b, f)
	case tracker.Moved:
		if j.open == 0 || f.From != tracker.SynSent {
			return
		}
		if x := b.Standing(f.Conn.Num(), f.Side); x != nil {
			j.open--
			b.Withdraw(x)
		}
	case tracker.Ended:
		for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
			if x := b.Standing(f.Conn.Num(), side); x != nil && b.Speaks() && x.heard > x.Time {
				x.Summary = unanswered(f.Conn, side, x.heard)
				if !f.Over { // else it is told as closed
					b.Tell(x)
				}
			}
		}
	}
}

// again takes in a repeated SYN. Told again are the repetitions that are a power of two, and the last: a client that
// never gives up would else be told of with each of its packets.
func (j *synUnanswered) again(b *Bench, f *tracker.Fact) {
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	if me.SYNRepeats() < j.repeats || peer.Seen() && !j.lost(f.Conn, f.Side, f.Time) || me.Sure() != tracker.SynSent {
		return
	}
	stands := b.Stands(f.Conn.Num(), f.Side)
	if stands && !b.Speaks() {
		return // no more than its words would be new
	}
	if !stands {
		j.open++
	}
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit, x.Since, x.heard = Network, f.Conn.Start(), f.Time
	x.Add(f.Packet)
	if n := me.SYNRepeats(); stands && n&(n-1) != 0 {
		return
	}
	if b.Speaks() {
		x.Summary = unanswered(f.Conn, f.Side, f.Time)
	}
	b.Tell(x)
}

// lost says that the peer answers, and its answers do not arrive.
func (j *synUnanswered) lost(v tracker.View, side tracker.Side, now int64) bool {
	peer := v.End(side.Other())
	return peer.Sure() == tracker.SynRecv && peer.SYNRepeats() >= j.repeats && now-v.Start() >= 2*nsPerSecond
}

// unanswered tells of the repetitions up to the latest.
func unanswered(v tracker.View, side tracker.Side, latest int64) string {
	_, server := v.Endpoints()
	me, peer := v.End(side), v.End(side.Other())
	text := fmt.Sprintf("the SYN to %s was repeated %s in %s, ", server, count(me.SYNRepeats(), "time"), seconds(latest-v.Start()))
	if peer.Seen() {
		return text + fmt.Sprintf("for its answer, sent %s, does not arrive", count(1+peer.SYNRepeats(), "time"))
	}
	return text + "without an answer"
}

func (*synUnanswered) Wake(*Bench, Alarm) {}
