package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// FinWait1Pileup finds servers whose closes hang by the dozen.
var FinWait1Pileup = Rule{
	Code:      "fin-wait1-pileup",
	Title:     "many closes of one server hang in FIN_WAIT1",
	Severity:  Critical,
	Culprits:  "the clients' application, which does not read",
	Evidence:  "many ends of one listener at once that have closed and are not acknowledged: their FIN is repeated, or is proven to wait behind a shut window",
	Threshold: "more than 50 that have repeated their FIN at least once: a close in passing takes one round trip",
	Cause:     "clients stop reading and stay, or vanish: the kernel keeps each socket, its send buffer and its port, although the server's application has long closed",
	Remedy:    "on the server 'ss -tnoe state fin-wait-1' lists them with the memory that they hold; tcp_fin_timeout does not touch them: net.ipv4.tcp_orphan_retries, net.ipv4.tcp_max_orphans and TCP_USER_TIMEOUT do; mend the clients' read loop",
	NotWhen:   "FIN_WAIT2, in which the peer has acknowledged",
	RFC:       "9293 3.6, 3.8.6.1; 6429",
	Limits:    ends(50),
	Wakes:     tracker.Resent | tracker.Verdict | tracker.Moved | tracker.Ended,
	New:       func(l Limits) Judge { return &finWait1Pileup{newPileup(tracker.FinWait1, l)} },
}

type finWait1Pileup struct{ pileup }

func (j *finWait1Pileup) Fact(b *Bench, f *tracker.Fact) {
	switch f.Kind {
	case tracker.Resent:
		me := f.Conn.End(f.Side)
		if f.Side == tracker.Server && me.HasFIN() && !me.FINAcked() && me.State() == tracker.FinWait1 {
			j.enter(b, f, f.Packet, ClientApp)
		}
	case tracker.Verdict:
		if f.Side == tracker.Server && f.Hidden == tracker.HiddenConfirmed && f.Conn.End(f.Side).State() == tracker.Established {
			j.enter(b, f, f.Packet, ClientApp)
		}
	default:
		j.leave(b, f)
	}
}
