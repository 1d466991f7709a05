package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// CloseWaitPileup finds applications that leak connections.
var CloseWaitPileup = Rule{
	Code:      "close-wait-pileup",
	Title:     "an application leaves many connections unclosed",
	Severity:  Critical,
	Culprits:  "the application that does not close",
	Evidence:  "many ends of one listener, or of one host's connections to a port, in CLOSE_WAIT at once, none of which sends anything; few leave",
	Threshold: "more than 50: a few may be closed late, fifty are a leak",
	Cause:     "the application leaks descriptors: an error path without close(), a pool that never looks at its idle connections, threads that hang while holding one; it ends when no descriptors are left",
	Remedy:    "on its host 'ss -tanp state close-wait' names the process, 'ls /proc/PID/fd | wc -l' says how far it is; restart it to win time, mend the path that does not close; no sysctl ends CLOSE_WAIT",
	NotWhen:   "half-closed connections on which answers are still sent",
	RFC:       "9293 3.6",
	Limits:    ends(50),
	Wakes:     tracker.Lingers | tracker.Stirred | tracker.Moved | tracker.Ended,
	New:       func(l Limits) Judge { return &closeWaitPileup{newPileup(tracker.CloseWait, l)} },
}

type closeWaitPileup struct{ pileup }

func (j *closeWaitPileup) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Lingers {
		j.enter(b, f, f.Conn.Packet(), App(f.Side))
		return
	}
	j.leave(b, f)
}
