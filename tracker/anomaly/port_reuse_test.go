package anomaly

import (
	"strings"
	"testing"
)

// TestPortReuseTellsTheSilence: also where the SYN fell into the life before, of which nobody knew any more, and shows as
// what it was by its SYN-ACK, after another connection has followed one.
func TestPortReuseTellsTheSilence(t *testing.T) {
	d := watched(t, `# The server's host was started anew: the client's new SYN, sent twice, meets nobody who knows of the old connection.
0.000 A > B: S   100:100(0)           win 65535
0.010 B > A: S.  300:300(0)   ack 101 win 65535
0.020 A > B: .   101:101(0)   ack 301 win 65535
0.030 A > B: P.  101:111(10)  ack 301 win 65535
0.040 B > A: .   301:301(0)   ack 111 win 65535
9.050 A > B: S   7000:7000(0)         win 65535
10.050 A > B: S  7000:7000(0)         win 65535
10.060 B > A: S. 9000:9000(0) ack 7001 win 65535
10.070 A > B: R. 7001:7001(0) ack 9001 win 65535
10.070020 A > B: S 9100:9100(0)       win 65535
`)
	stand := d.stand("port-reuse")
	for i, want := range []string{", 9.0 s after", ", 20 µs after"} {
		if i >= len(stand) || !strings.Contains(stand[i].Summary, want) {
			t.Errorf("finding %d of %d does not say %q", i, len(stand), want)
		}
	}
}
