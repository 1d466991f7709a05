package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// ConnectionRefused finds SYNs that nobody listens for.
var ConnectionRefused = Rule{
	Code:      "connection-refused",
	Title:     "a SYN is answered by a RST",
	Severity:  Notice,
	Culprits:  "the server's host",
	Evidence:  "a RST that acknowledges the SYN, in place of a SYN-ACK",
	Threshold: "none: one RST is enough",
	Cause:     "nothing listens at that address and port: the server is down, starting or bound to another address; or a firewall rejects with a RST, or the listener's queue is full with tcp_abort_on_overflow set",
	Remedy:    "on the server 'ss -tlnp sport = :PORT' shows who listens, and on which address; start it, or mend the client's address; look for REJECT --reject-with tcp-reset in the firewall",
	NotWhen:   "no answer at all (syn-unanswered); a RST after the handshake",
	RFC:       "9293 3.10.7.1, 3.10.7.3",
	Wakes:     tracker.Reset,
	Resets:    readRefused,
	New:       func(Limits) Judge { return connectionRefused{} },
}

type connectionRefused struct{}

func (connectionRefused) Fact(b *Bench, f *tracker.Fact) {
	y := f.Conn.End(f.Side.Other())
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = Host(f.Side)
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s's host answers the SYN to its port %d with a RST, %s later", f.Side, portOf(f.Conn, f.Side), seconds(f.Time-y.SentAt()))
	}
	b.Tell(x)
}

func (connectionRefused) Wake(*Bench, Alarm) {}

// portOf is the port of that side.
func portOf(v tracker.View, s tracker.Side) uint16 {
	c, sv := v.Endpoints()
	if s == tracker.Client {
		return c.Port
	}
	return sv.Port
}
