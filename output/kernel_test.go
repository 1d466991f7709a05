package output

import (
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
)

func TestKernelSays(t *testing.T) {
	for _, c := range []struct {
		word tracker.Word
		want string
	}{
		{tracker.Word{State: tracker.Closed, SendQueue: 7}, "no such socket any more"},
		{tracker.Word{State: tracker.Established, PID: 7, Command: "ng\x1b[1m"}, `ESTABLISHED, "ng\x1b[1m" (process 7) owns it`},
		{tracker.Word{State: tracker.Established, RecvQueue: 1, Unaccepted: true}, "ESTABLISHED, 1 octet not read, waits for accept()"},
		{tracker.Word{State: tracker.CloseWait, RecvQueue: 1, UID: 33, Denied: true}, "CLOSE_WAIT, the FIN not read, of user 33 (which process is not permitted to see)"},
		{tracker.Word{State: tracker.FinWait1, SendQueue: 3001, Unsent: 2000, Timer: "persist", Expires: 1.2e9, Retries: 4, Orphan: true},
			"FIN_WAIT1, 3000 octets and the FIN to send (2000 of them never sent), persist timer in 1.2 s (4 before), no process owns it"},
	} {
		if got := KernelSays(&c.word); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
