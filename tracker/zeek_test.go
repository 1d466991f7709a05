package tracker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// zeekOf runs a trace; the rows are those of the connections that have retired.
func zeekOf(t *testing.T, cfg Config, src string) (rows *[][]Zeek, tr *Tracker) {
	t.Helper()
	parsed, err := trace.Parse("trace", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	rows = new([][]Zeek)
	cfg.Sink = zeekSink{rows}
	cfg.Connections, cfg.Zeek = true, true
	tr = New(cfg)
	for i := range parsed.Items {
		if it := &parsed.Items[i]; it.Kind == trace.Segment {
			tr.Observe([]tcp.Segment{it.Segment})
		}
	}
	return rows, tr
}

type zeekSink struct{ rows *[][]Zeek }

func (zeekSink) Transition(*Transition) {}
func (s zeekSink) Connection(c *Connection) {
	*s.rows = append(*s.rows, append([]Zeek(nil), c.Zeek...))
}

const zeekHandshake = `# A trace.
A=10.0.0.1:40000
B=10.0.0.2:443
0.000 A > B: S  999:999(0)            win 64240
0.010 B > A: S. 4999:4999(0) ack 1000 win 65160
0.020 A > B: .  1000:1000(0) ack 5000 win 502
`

// TestZeekRules: each of the rules that the logs in output/zeek do not show one by one.
func TestZeekRules(t *testing.T) {
	for _, c := range []struct{ name, trace, state, history string }{
		{"a keepalive of one octet is a retransmission", zeekHandshake + `
0.030 A > B: P. 1000:1100(100) ack 5000 win 502
0.040 B > A: .  5000:5000(0) ack 1100 win 502
9.000 A > B: .  1099:1100(1) ack 5000 win 502
`, "S1", "ShADaT"},
		{"a zero window after the peer's FIN is nothing, before it is", zeekHandshake + `
0.030 B > A: .  5000:5000(0) ack 1000 win 0
0.040 A > B: F. 1000:1000(0) ack 5000 win 502
0.050 B > A: .  5000:5000(0) ack 1001 win 0
`, "S2", "ShAawF"},
		{"a FIN is written again when it lies elsewhere, not when it is repeated", zeekHandshake + `
0.030 A > B: F. 1000:1000(0) ack 5000 win 502
0.040 A > B: F. 1000:1000(0) ack 5000 win 502
0.050 A > B: F. 1000:1010(10) ack 5000 win 502
`, "S2", "ShAFF"},
		{"a gap that the FIN of both shows is written", zeekHandshake + `
0.030 A > B: P. 1100:1200(100) ack 5000 win 502
0.040 B > A: F. 5000:5000(0) ack 1200 win 502
`, "S3", "ShADfG"},
		{"what a RST acknowledges shows no gap", zeekHandshake + `
0.030 A > B: P. 1100:1200(100) ack 5000 win 502
0.040 B > A: R. 5000:5000(0) ack 1200 win 502
`, "RSTR", "ShADr"},
		{"octets that were not captured whole are a gap", zeekHandshake + `
0.030 A > B: P. 1000:1100(100) ack 5000 win 502 snap 60
0.040 B > A: .  5000:5000(0) ack 1100 win 502
`, "S1", "ShADaG"},
		{"an acknowledgement below the start is none", zeekHandshake + `
0.030 A > B: P. 1000:1100(100) ack 4000 win 502
0.040 B > A: .  5000:5000(0) ack 900 win 502
`, "S1", "ShADa"},
		{"a FIN, a RST, and the peer's FIN are a normal end", zeekHandshake + `
0.030 A > B: F. 1000:1000(0) ack 5000 win 502
0.040 A > B: R  1001:1001(0) win 0
0.050 B > A: F. 5000:5000(0) ack 1001 win 502
`, "SF", "ShAFRf"},
		{"the SYN-ACK alone, its SYN missed", `# A trace.
A=10.0.0.1:40000
B=10.0.0.2:9000
0.010 B > A: S. 4999:4999(0) ack 1000 win 65160
0.020 A > B: .  1000:1000(0) ack 5000 win 502
`, "OTH", "Ha"},
		{"both ports may be a server's: the lower is", `# A trace.
A=10.0.0.1:8080
B=10.0.0.2:80
0.010 B > A: P. 5000:5010(10) ack 1000 win 65160
0.020 A > B: .  1000:1000(0) ack 5010 win 502
`, "OTH", "^dA"},
		{"and the sender of a SYN-ACK", `# A trace.
A=10.0.0.1:80
B=10.0.0.2:8080
0.010 B > A: S. 4999:4999(0) ack 1000 win 65160
`, "OTH", "^h"},
		{"a wrong checksum is all that is known of a segment", `# A trace.
0.010 A > B: S  4999:4999(0) win 65160
0.020 B > A: S. 999:999(0) ack 5000 win 65160
0.030 B > A: F. 1000:1000(0) ack 5000 win 65160 badsum
`, "S1", "Shc"},
	} {
		told, tr := zeekOf(t, Config{}, c.trace)
		tr.Close()
		rows := *told
		if len(rows) != 1 || len(rows[0]) != 1 {
			t.Errorf("%s: %d connections, want one with one row: %v", c.name, len(rows), rows)
			continue
		}
		if r := &rows[0][0]; r.State != c.state || r.History.String() != c.history {
			t.Errorf("%s: %s %s, want %s %s", c.name, r.State, r.History.String(), c.state, c.history)
		}
	}
}

// TestZeekServers: the ports where servers are expected are the caller's to choose.
func TestZeekServers(t *testing.T) {
	const src = "# A trace.\nA=10.0.0.1:40000\nB=10.0.0.2:443\n0.010 B > A: P. 5000:5010(10) ack 1000 win 65160\n"
	none, mine := new(Ports), new(Ports)
	mine.Add(40000)
	for _, c := range []struct {
		servers *Ports
		history string
	}{{nil, "^d"}, {none, "D"}, {mine, "D"}} {
		told, tr := zeekOf(t, Config{LikelyServers: c.servers}, src)
		tr.Close()
		if got := (*told)[0][0].History.String(); got != c.history {
			t.Errorf("%v, want %s", got, c.history)
		}
	}
}

// TestZeekIsForgotten: what is kept for Zeek's rows goes with its connection, and has its bounds.
func TestZeekIsForgotten(t *testing.T) {
	var src strings.Builder
	src.WriteString(zeekHandshake)
	src.WriteString("0.030 A > B: P. 2000:2100(100) ack 5000 win 502\n") // a hole
	for i := range 3 * maxZeekRows {
		fmt.Fprintf(&src, "%d.0 A > B: P. 2000:2100(100) ack 5000 win 502\n", 400*(i+1))
	}
	told, tr := zeekOf(t, Config{}, src.String())
	if got := tr.zeeks.arena.len(); got != maxZeekRows {
		t.Errorf("%d rows are kept of one connection, at most %d should be", got, maxZeekRows)
	}
	c := tr.conns.at(2)
	tr.retire(2, c, true)
	rows := *told
	if len(rows) != 1 || len(rows[0]) != maxZeekRows || rows[0][0].History.String() != "ShAD" || rows[0][1].History.String() != "D" {
		t.Errorf("told: %v", rows)
	}
	if n := tr.zeeks.arena.len(); n != 0 || tr.zeeks.older != 0 || tr.zeeks.holes.Len() != 0 {
		t.Errorf("%d records, %d older ones and %d holes are left", n, tr.zeeks.older, tr.zeeks.holes.Len())
	}
}

// TestHistoryIsBounded: who sends a RST at ever other numbers fills the history, and x says so.
func TestHistoryIsBounded(t *testing.T) {
	var h History
	for range 1000 {
		h.Add('R')
	}
	if s := h.String(); s != strings.Repeat("R", maxHistory-1)+"x" {
		t.Errorf("%d letters: %s", len(s), s)
	}
}

// TestNoZeekUnlessAsked: other formats have no record.
func TestNoZeekUnlessAsked(t *testing.T) {
	p := newPlay(Config{Sink: nobody{}, Connections: true, Seed: 1})
	p.run(1, "SsAD")
	if n := p.tr.zeeks.arena.len(); n != 0 {
		t.Errorf("%d records", n)
	}
}
