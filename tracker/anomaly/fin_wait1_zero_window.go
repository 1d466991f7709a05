package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// FinWait1ZeroWindow finds closes that are proven to hang behind a shut window.
var FinWait1ZeroWindow = Rule{
	Code:     "fin-wait1-zero-window",
	Title:    "a close hangs in FIN_WAIT1 behind the peer's shut window",
	Severity: Critical,
	Culprits: "the reader's application",
	Evidence: "a close proven while the peer's window was shut: a FIN repeated into it, new data of the reader answered by the RST of a dead socket, or a FIN that leaves " +
		"the moment the window opens, before anything could have let a blocked writer go on; or the kernel's own word",
	Threshold: "none: one proof is enough; without it zero-window-stall says how likely a hidden close is",
	Cause:     "the sender's application has closed, its send buffer is full, and the reader does not read: the FIN waits behind unsent data and the kernel keeps the socket, its memory and its port",
	Remedy: "mend the reader: a read loop that cannot be blocked, a larger SO_RCVBUF. At the sender tcp_fin_timeout does not touch it, it times FIN_WAIT2; TCP_USER_TIMEOUT on the socket, " +
		"tcp_orphan_retries and tcp_max_orphans do; nginx: reset_timedout_connection on. 'ss -tnoe state fin-wait-1' lists them, with the memory that they hold in Send-Q",
	NotWhen: "a writer that was blocked and closes when the window lets it finish; a FIN that is lost on the way with the window open (fin-unacked)",
	RFC:     "9293 3.6, 3.8.6.1; 6429",
	Wakes:   tracker.Verdict | tracker.Moved,
	New:     func(Limits) Judge { return &finWait1ZeroWindow{} },
}

type finWait1ZeroWindow struct{ open int }

func (z *finWait1ZeroWindow) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Moved {
		z.moved(b, f)
		return
	}
	if f.Hidden != tracker.HiddenConfirmed {
		return
	}
	w, ok := f.Conn.End(f.Side).Stall()
	if !ok {
		return
	}
	z.open++
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit, x.Since, x.Earlier = App(f.Side.Other()), w.Since, f.Conn.Late()
	x.Hidden, x.HiddenAt = tracker.HiddenConfirmed, w.From
	x.Add(f.Packet)
	if f.Word != nil {
		x.Summary = fmt.Sprintf("the %s has closed behind the %s's window, shut for %s, its kernel says: the FIN waits behind unsent data", f.Side, f.Side.Other(), seconds(b.Now()-w.Since))
		b.Tell(x)
		return
	}
	if me := f.Conn.End(f.Side); w.Opened == 0 && me.FINRepeats() > 0 {
		x.Summary = fmt.Sprintf("the %s has closed: it has sent its FIN %s, and the %s, whose window has been shut for %s, does not acknowledge it",
			f.Side, count(me.FINRepeats()+1, "time"), f.Side.Other(), seconds(b.Now()-w.Since))
		b.Tell(x)
		return
	}
	x.Summary = fmt.Sprintf("the %s closed while the %s's window was shut, which shows %s after it shut and %s later: the FIN waits behind unsent data",
		f.Side, f.Side.Other(), seconds(b.Now()-w.Since), count(w.Probes, "probe"))
	b.Tell(x)
}

// moved ends the finding when the close goes on: its FIN is acknowledged, or the socket is gone.
func (z *finWait1ZeroWindow) moved(b *Bench, f *tracker.Fact) {
	if z.open == 0 || f.To == tracker.FinWait1 || f.To == tracker.LastAck || f.To == tracker.Closing {
		return
	}
	if x := b.Standing(f.Conn.Num(), f.Side); x != nil {
		z.open--
		b.Close(x, f.Time)
	}
}

func (z *finWait1ZeroWindow) Wake(*Bench, Alarm) {}
