package anomaly

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
)

// TestHiddenClose: the finding on a shut window says what is believed of a close behind it, also what shows only after the
// window has opened.
func TestHiddenClose(t *testing.T) {
	const head = `# A trace.
0.000 A > B: S 999:999(0) win 4000 <mss 1460>
0.000 B > A: S. 4999:4999(0) ack 1000 win 64240 <mss 1460>
0.001 A > B: . 1000:1000(0) ack 5000 win 4000
0.002 B > A: P. 5000:9000(4000) ack 1000 win 64240
0.003 A > B: . 1000:1000(0) ack 9000 win 0
`
	probes := func(n int) string {
		var b strings.Builder
		for at, gap, i := 0.208, 0.208, 0; i < n; i++ {
			fmt.Fprintf(&b, "%.3f B > A: . 8999:8999(0) ack 1000 win 64240\n%.3f A > B: . 1000:1000(0) ack 9000 win 0\n", at, at+.001)
			at, gap = at+gap*2, min(gap*2, 120)
		}
		return b.String()
	}
	for _, test := range []struct {
		name, then string
		probes     int
		want       tracker.Hidden
		confirmed  bool
	}{
		{"probes alone", "", 5, tracker.HiddenPossible, false},
		{"the FIN leaves as the window opens (D7)", `8.000 A > B: . 1000:1000(0) ack 9000 win 60000
8.001 B > A: FP. 9000:10000(1000) ack 1000 win 64240
8.002 A > B: . 1000:1000(0) ack 10001 win 59000
`, 5, tracker.HiddenConfirmed, true},
		{"the same, but the reader asks for it", `8.000 A > B: P. 1000:1004(4) ack 9000 win 60000
8.001 B > A: FP. 9000:10000(1000) ack 1004 win 64240
8.002 A > B: . 1004:1004(0) ack 10001 win 59000
`, 5, tracker.HiddenLikely, false},
		{"and the reader's own FIN does", `8.000 A > B: F. 1000:1000(0) ack 9000 win 60000
8.001 B > A: FP. 9000:10000(1000) ack 1001 win 64240
8.002 A > B: . 1001:1001(0) ack 10001 win 59000
`, 5, tracker.HiddenLikely, false},
		{"it rests after the opening (D8)", `8.000 A > B: . 1000:1000(0) ack 9000 win 60000
8.001 B > A: P. 9000:10000(1000) ack 1000 win 64240
8.002 A > B: . 1000:1000(0) ack 10000 win 59000
15.000 A > B: . 999:999(0) ack 10000 win 59000
15.001 B > A: . 10000:10000(0) ack 1000 win 64240
`, 5, tracker.HiddenExcluded, false},
		{"silent, then a dead socket answers an ACK", `20.000 A > B: . 1000:1000(0) ack 9000 win 0
20.001 B > A: R 9000:9000(0) win 0 id 0
`, 4, tracker.HiddenLikely, false},
		{"silent when an orphan is, then a dead socket answers an ACK (D5)", `400.000 A > B: . 1000:1000(0) ack 9000 win 0
400.001 B > A: R 9000:9000(0) win 0 id 0
`, 10, tracker.HiddenConfirmed, true},
	} {
		d := watched(t, head+probes(test.probes)+test.then)
		stand := d.stand("zero-window-stall")
		if len(stand) != 1 {
			t.Fatalf("%s: %d findings", test.name, len(stand))
		}
		if stand[0].Hidden != test.want {
			t.Errorf("%s: it believes %q, want %q", test.name, stand[0].Hidden, test.want)
		}
		if confirmed := len(d.stand("fin-wait1-zero-window")) > 0; confirmed != test.confirmed {
			t.Errorf("%s: fin-wait1-zero-window is raised: %v", test.name, confirmed)
		}
	}
}
