package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// ResetInjection finds RSTs that hit and that their sender did not make.
var ResetInjection = Rule{
	Code:      "reset-injection",
	Title:     "somebody else's RST ends the connection",
	Severity:  Warning,
	Culprits:  "an attacker, or a box in the path",
	Evidence:  "a RST at the exact sequence whose window, TTL or IP ID does not fit its sender, or whose own sender goes on after it: with new octets, or a timestamp later than the RST's",
	Threshold: "IP IDs count only where the sender's run on steadily (4096 apart at most), a TTL only where all its segments had the same; a window on a RST without ACK, only on one that comes too soon to be an answer",
	Cause:     "somebody who sees the connection cuts it: a firewall or intrusion-prevention box, a censor, a NAT or load balancer that has dropped the connection, an attacker in the path",
	Remedy:    "compare the RST's TTL with the sender's to see how far away it was made, capture on both sides of each box between; look into its logs and idle timeouts; TLS does not help against it, TCP-AO and IPsec do",
	NotWhen:   "the answer of a host without that connection (IP ID 0); hosts whose IP IDs are random; a RST that its receiver does not accept (blind-reset)",
	RFC:       "5961 1.1, 3360",
	Wakes:     tracker.Reset | tracker.Revived,
	Resets:    readInjected,
	New:       func(Limits) Judge { return resetInjection{} },
}

type resetInjection struct{}

func (resetInjection) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	x, me := b.Standing(num, f.Side), f.Conn.End(f.Side)
	if f.Kind == tracker.Revived {
		if !f.Taken {
			return
		}
		if x == nil {
			x = b.Raise(CaseOf(f.Conn), f.Side)
			x.Culprit = Attacker
			x.Add(f.RST)
		}
		x.Add(f.Packet)
		x.Summary = fmt.Sprintf("the %s speaks on after the RST of packet %d in its name, %s after the segment before: it was not its own", f.Side, f.RST, seconds(f.Time-me.SentAt()))
		b.Tell(x)
		return
	}
	if x != nil {
		return
	}
	x = b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = Attacker
	x.Add(f.Packet)
	x.Summary = fmt.Sprintf("a RST in the %s's name hits the exact sequence, but its window %d, TTL %d (its own %d) and IP ID %d (its latest %d) do not fit the %s",
		f.Side, f.Seg.Window, f.Seg.TTL, me.TTL(), f.Seg.IPID, me.IPID(), f.Side)
	b.Tell(x)
}

func (resetInjection) Wake(*Bench, Alarm) {}
