package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// SYNRecvPileup finds listeners full of handshakes that they have answered in vain.
var SYNRecvPileup = Rule{
	Code:      "syn-recv-pileup",
	Title:     "many handshakes of one listener hang in SYN_RECV",
	Severity:  Critical,
	Culprits:  "the listener's host",
	Evidence:  "many ends of one listener at once in SYN_RECV, each of which has repeated its SYN-ACK",
	Threshold: "more than 50: a SYN-ACK is repeated after a second, and few are lost",
	Cause:     "a flood of SYNs, a listener whose accept queue is full, or a path on which the last step of the handshake is lost",
	Remedy:    "on the server 'ss -tn state syn-recv' lists them, 'nstat -az TcpExtListenOverflows TcpExtTCPReqQFullDoCookies' says which queue is full; net.ipv4.tcp_syncookies=1, a larger backlog; see syn-flood and accept-queue-overflow",
	NotWhen:   "handshakes in passing, which take one round trip",
	RFC:       "9293 3.5; 4987",
	Limits:    ends(50),
	Wakes:     tracker.SYNAgain | tracker.Unjoined | tracker.Moved | tracker.Ended,
	New:       func(l Limits) Judge { return &synRecvPileup{newPileup(tracker.SynRecv, l)} },
}

type synRecvPileup struct{ pileup }

func (j *synRecvPileup) Fact(b *Bench, f *tracker.Fact) {
	again := f.Kind == tracker.SYNAgain && f.Conn.End(f.Side).State() == tracker.SynRecv
	if f.Side == tracker.Server && (again || f.Kind == tracker.Unjoined) {
		j.enter(b, f, f.Packet, ServerHost)
		return
	}
	j.leave(b, f)
}
