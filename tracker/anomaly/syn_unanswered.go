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
	Wakes:     tracker.SYNAgain | tracker.Moved,
	New:       func(l Limits) Judge { return &synUnanswered{repeats: l.Count("repeats")} },
}

type synUnanswered struct {
	repeats int
	open    int // findings that may be withdrawn
}

func (j *synUnanswered) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Moved {
		if j.open == 0 || f.From != tracker.SynSent {
			return
		}
		if x := b.Standing(f.Conn.Num(), f.Side); x != nil {
			j.open--
			b.Withdraw(x)
		}
		return
	}
	me, peer := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	lost := peer.Seen() && peer.Sure() == tracker.SynRecv && peer.SYNRepeats() >= j.repeats && f.Time-f.Conn.Start() >= 2*nsPerSecond
	if me.SYNRepeats() < j.repeats || peer.Seen() && !lost || me.Sure() != tracker.SynSent {
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
	x.Culprit, x.Since = Network, f.Conn.Start()
	x.Add(f.Packet)
	_, server := f.Conn.Endpoints()
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the SYN to %s was repeated %s in %s, ", server, count(me.SYNRepeats(), "time"), seconds(f.Time-f.Conn.Start()))
		if lost {
			x.Summary += fmt.Sprintf("for its answer, sent %s, does not arrive", count(1+peer.SYNRepeats(), "time"))
		} else {
			x.Summary += "without an answer"
		}
	}
	b.Tell(x)
}

func (*synUnanswered) Wake(*Bench, Alarm) {}
