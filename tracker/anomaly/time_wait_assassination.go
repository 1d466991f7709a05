package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// TimeWaitAssassination finds RSTs that end TIME_WAIT early.
var TimeWaitAssassination = Rule{
	Code:      "time-wait-assassination",
	Title:     "a RST ends TIME_WAIT early",
	Severity:  Notice,
	Culprits:  "the network, which delivered an old segment late",
	Evidence:  "a RST that an end in TIME_WAIT accepts, mostly from the peer that had closed long since and met the acknowledgement of an old duplicate",
	Threshold: "none: one RST is enough",
	Cause:     "an old segment came late and was acknowledged again from TIME_WAIT; the peer knows nothing of the connection any more and answers with a RST, and TIME_WAIT can guard the next connection against old segments no longer",
	Remedy:    "harmless while ports are not used again within seconds; on the host in TIME_WAIT net.ipv4.tcp_rfc1337=1 ignores such RSTs; look for the path that delays or repeats segments",
	NotWhen:   "a RST before the second FIN; a new SYN that ends TIME_WAIT (port-reuse)",
	RFC:       "1337; 9293 3.10.7.4",
	Wakes:     tracker.Reset,
	Resets:    readLeftover,
	New:       func(Limits) Judge { return timeWaitAssassination{} },
}

type timeWaitAssassination struct{}

func (timeWaitAssassination) Fact(b *Bench, f *tracker.Fact) {
	victim := f.Side.Other()
	if b.Standing(f.Conn.Num(), victim) != nil {
		return
	}
	x := b.Raise(CaseOf(f.Conn), victim)
	x.Culprit = Network
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("a RST of the %s ends the %s's TIME_WAIT, %s after the %s was last heard", f.Side, victim, seconds(f.Time-f.Conn.End(victim).SentAt()), victim)
	}
	b.Tell(x)
}

func (timeWaitAssassination) Wake(*Bench, Alarm) {}
