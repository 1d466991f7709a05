package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// PortReuse finds connections that follow another between the same ports.
var PortReuse = Rule{
	Code:      "port-reuse",
	Title:     "a new connection between the same addresses and ports",
	Severity:  Info,
	Culprits:  "nobody",
	Evidence:  "a SYN with another sequence number on a four-tuple whose connection was over, in TIME_WAIT or just ended",
	Threshold: "none; a connection is remembered for 60 s after a close and for 2 s after a RST",
	Cause:     "the client binds its port, or has so few ephemeral ports that they come round; legal, a later sequence number or timestamp keeps the two apart",
	Remedy:    "nothing, as long as it works; if connects fail or stall, give the client more ports (net.ipv4.ip_local_port_range, more addresses), keep connections open, and do not bind the source port",
	NotWhen:   "a repeated SYN; a SYN in the middle of a connection (blind-syn)",
	RFC:       "6191; 9293 3.4.1, 3.10.7.4",
	Wakes:     tracker.Reused,
	New:       func(Limits) Judge { return portReuse{} },
}

type portReuse struct{}

func (portReuse) Fact(b *Bench, f *tracker.Fact) {
	opener := tracker.Client // also where it shows by its SYN-ACK: the SYN was taken for one in the middle of the life before
	x := b.Raise(CaseOf(f.Conn), opener)
	x.Culprit = Nobody
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s begins another connection from its port %d, %s after the one before was last heard", opener, portOf(f.Conn, opener), seconds(f.Gap))
	}
	b.Close(x, f.Time)
}

func (portReuse) Wake(*Bench, Alarm) {}
