package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// CloseWaitStuck finds applications that do not close after their peer has.
var CloseWaitStuck = Rule{
	Code:      "close-wait-stuck",
	Title:     "an application does not close after its peer has",
	Severity:  Notice,
	Culprits:  "the application that does not close",
	Evidence:  "an end acknowledged its peer's FIN, and since then has sent neither octets nor a FIN, with nothing left in flight and the peer's window open",
	Threshold: "notice after 5 s, warning after 60 s: an application that meets the end of its input closes at once, or works on its answer",
	Cause:     "the application has not noticed the end of its input, or has lost the descriptor: a read loop that ignores a read of 0 octets, a connection pool that never checks, a thread that hangs elsewhere",
	Remedy:    "on its host 'ss -tanp state close-wait' names the process; look at what it does ('strace -p', a stack dump); close the socket on end of input, in every path of errors as well. No kernel timer ends CLOSE_WAIT",
	NotWhen:   "a half-closed connection on which the answer is still sent; an answer that waits for the peer's window (zero-window-stall)",
	RFC:       "9293 3.6, 3.10.4",
	Absence:   true,
	Limits: []Limit{
		{"notice", 5, "s", "it has not closed for so long"},
		{"warning", 60, "s", "it becomes a warning"},
	},
	Wakes: tracker.Lingers | tracker.Stirred | tracker.Moved | tracker.Ended,
	New:   func(l Limits) Judge { return &closeWaitStuck{l: l, waits: map[endKey]*lingers{}} },
}

// lingers is an end in CLOSE_WAIT.
type lingers struct {
	Case
	since  int64
	packet uint64 // the connection's last
	octets uint64 // that it has sent
}

type closeWaitStuck struct {
	l     Limits
	waits map[endKey]*lingers
}

func (j *closeWaitStuck) Fact(b *Bench, f *tracker.Fact) {
	k := endOf(f.Conn.Num(), f.Side)
	switch f.Kind {
	case tracker.Lingers:
		if !b.room(len(j.waits), maxKept) {
			return
		}
		me := f.Conn.End(f.Side)
		w := &lingers{CaseOf(f.Conn), me.LingersSince(), f.Conn.Packet(), me.StreamBytes()}
		j.waits[k] = w
		b.Follow(f.Conn)
		b.WakeAt(Alarm{At: max(f.Time, w.since+j.l.Seconds("notice")), Conn: k.conn(), Side: k.side()})
	case tracker.Ended:
		delete(j.waits, k)
		delete(j.waits, k.other())
	default:
		if f.Kind == tracker.Moved && f.From != tracker.CloseWait || len(j.waits) == 0 || j.waits[k] == nil {
			return
		}
		delete(j.waits, k)
		if x := b.Standing(k.conn(), k.side()); x != nil {
			b.Close(x, f.Time)
		}
	}
}

// Wake looks at an end when a threshold has passed.
func (j *closeWaitStuck) Wake(b *Bench, a Alarm) {
	k := endOf(a.Conn, a.Side)
	w := j.waits[k]
	if w == nil || b.Now() < w.since+j.l.Seconds("notice") {
		return
	}
	x := b.Raise(w.Case, k.side())
	x.Culprit, x.Since = App(k.side()), w.since
	x.Add(w.packet)
	if b.Now() >= w.since+j.l.Seconds("warning") {
		x.Severity = Warning
	} else {
		b.WakeAt(Alarm{At: w.since + j.l.Seconds("warning"), Conn: k.conn(), Side: k.side()})
	}
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s closed %s ago; the %s has acknowledged that, has sent %s in all and has not closed", k.side().Other(), seconds(b.Now()-w.since), k.side(), count(int(w.octets), "octet"))
	}
	b.Tell(x)
}
