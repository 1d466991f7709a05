package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// SimultaneousOpen finds handshakes that both ends began.
var SimultaneousOpen = Rule{
	Code:      "simultaneous-open",
	Title:     "both ends open the connection at once",
	Severity:  Info,
	Culprits:  "nobody",
	Evidence:  "a SYN without ACK from each end, before either was answered",
	Threshold: "none",
	Cause:     "two peers connect to each other from the ports that they connect to, as for traversing NATs; or a host has connected to itself",
	Remedy:    "nothing if meant so; a listener that should be there answers with SYN-ACK instead: see whether it is",
	NotWhen:   "a SYN in the middle of a connection (blind-syn); a SYN repeated with another sequence number",
	RFC:       "9293 3.5 figure 7",
	Wakes:     tracker.CrossedSYN,
	New:       func(Limits) Judge { return simultaneousOpen{} },
}

type simultaneousOpen struct{}

func (simultaneousOpen) Fact(b *Bench, f *tracker.Fact) {
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = Nobody
	x.Add(f.Packet)
	x.Summary = fmt.Sprintf("the %s sends a SYN of its own %s after the %s's: both open the connection", f.Side, seconds(f.Time-f.Conn.End(f.Side.Other()).SentAt()), f.Side.Other())
	b.Close(x, f.Time)
}

func (simultaneousOpen) Wake(*Bench, Alarm) {}
