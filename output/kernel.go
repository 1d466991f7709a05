package output

import (
	"fmt"
	"strconv"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// KernelSays puts what the kernel says of a socket in a line: FIN_WAIT1, 2532104 octets and the FIN to send (2101 of them never sent),
// persist timer in 3.2 s (4 before), no process owns it. What a process calls itself is quoted and escaped.
func KernelSays(w *tracker.Word) string {
	if w.State == tracker.Closed {
		return "no such socket any more"
	}
	text := w.State.String()
	if w.RecvQueue > 0 {
		text += ", " + queued(w.RecvQueue, gotFIN.Has(w.State)) + " not read"
	}
	if w.SendQueue > 0 {
		text += ", " + queued(w.SendQueue, unacked.Has(w.State)) + " to send"
		if w.Unsent > 0 && w.Unsent < w.SendQueue {
			text += " (" + strconv.FormatUint(uint64(w.Unsent), 10) + " of them never sent)"
		}
	}
	if w.Timer != "" {
		text += ", " + w.Timer + " timer in " + Span(w.Expires)
		if w.Retries > 0 {
			text += fmt.Sprintf(" (%d before)", w.Retries)
		}
	}
	switch w.Owner() {
	case "none":
		if w.Orphan {
			text += ", no process owns it"
		}
	case "unaccepted":
		text += ", waits for accept()"
	case "process":
		text += fmt.Sprintf(", %q (process %d) owns it", w.Command, w.PID)
	case "not-permitted":
		text += fmt.Sprintf(", of user %d (which process is not permitted to see)", w.UID)
	}
	return text
}

// The states of an end with its peer's FIN, which its application may not have read, and with its own not acknowledged: a
// queue counts a FIN as one.
var (
	gotFIN  = tcp.Set(tracker.CloseWait, tracker.LastAck, tracker.Closing)
	unacked = tcp.Set(tracker.FinWait1, tracker.LastAck, tracker.Closing)
)

func queued(n uint32, fin bool) string {
	switch {
	case !fin:
		return Count(uint64(n), "octet")
	case n == 1:
		return "the FIN"
	}
	return Count(uint64(n-1), "octet") + " and the FIN"
}
