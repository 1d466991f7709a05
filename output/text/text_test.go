package text

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1.0k", 9949: "9.9k", 9950: "10k", 41234: "41k", 999_499: "999k", 999_500: "1.0M", 3_400_000_000: "3.4G",
		18_000_000_000_000_000_000: "18000P"} {
		if got := output.Size(n); got != want {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{{"10.0.0.1:80", 20, "10.0.0.1:80"}, {"[2001:db8::1234:5678]:443", 12, "[2001…8]:443"}, {"abc", 2, "ab"}} {
		if got := shorten(c.s, c.width); got != c.want || utf8.RuneCountInString(got) > c.width {
			t.Errorf("%s in %d is %s", c.s, c.width, got)
		}
	}
}

// shut is a connection whose client has shut its window while the server has more to send.
func shut(conn uint64, seconds int64) *tracker.Connection {
	end := func(address string) tracker.End {
		return tracker.End{Endpoint: tcp.EndpointFrom(netip.MustParseAddrPort(address)), State: tracker.Established, Basis: tracker.Proven,
			Possible: tcp.Set(tracker.Established), Packets: 10, Bytes: 1000}
	}
	c := &tracker.Connection{Conn: conn, Start: 1e18, Last: 1e18 + seconds*1e9, Streams: []uint32{uint32(conn)}, Client: end("10.0.0.1:40000"), Server: end("10.0.0.2:80")}
	c.Client.ShutSince, c.Client.ShutTotal = 1e18, seconds*1e9
	c.Server.Possible = c.Server.Possible.With(tracker.FinWait1)
	c.Server.Probes = 5
	return c
}

func healthyOne(conn uint64) *tracker.Connection {
	c := shut(conn, 0)
	c.Client.ShutSince, c.Server.Possible = 0, tcp.Set(tracker.Established)
	return c
}

func table(style Style, list ...*tracker.Connection) string {
	var out bytes.Buffer
	w := NewTable(&out, style)
	for _, c := range list {
		w.Connection(c)
	}
	w.Summary(&output.Summary{Packets: 20, Segments: 20})
	return out.String()
}

func TestWorstComeFirst(t *testing.T) {
	refused := healthyOne(3)
	refused.How = tracker.HowRefused
	got := table(Style{Width: 80}, healthyOne(0), refused, shut(1, 5), shut(2, 70), shut(4, 30))
	var order []string
	for line := range strings.Lines(got) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], "10.0.0.1:") {
			order = append(order, f[0])
		}
	}
	if strings.Join(order, " ") != "2 4 1 3" {
		t.Errorf("order %v in\n%s", order, got)
	}
	if !strings.Contains(got, "… 1 healthy connection not shown (--all)") {
		t.Errorf("the healthy one is not counted:\n%s", got)
	}
	if all := table(Style{Width: 80, All: true}, healthyOne(0), shut(1, 5)); strings.Contains(all, "not shown") || !strings.Contains(all, "\n   0  ") {
		t.Errorf("--all:\n%s", all)
	}
}

func TestSingleStuckConnectionIsToldInSentences(t *testing.T) {
	got := table(Style{Width: 100}, healthyOne(0), shut(1, 21))
	for _, want := range []string{
		"server 10.0.0.2:80  ESTABLISHED, or FIN_WAIT1: a close may hide behind the zero window\n",
		"client 10.0.0.1:40000  ESTABLISHED\n",
		"client's window has been shut for 21.0 s\n",
		"the server has probed the window 5 times\n",
		"Wireshark: tcp.stream eq 1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A window that is shut while nothing waits behind it holds up nobody.
func TestIdleShutWindowIsHealthy(t *testing.T) {
	c := shut(0, 100)
	c.Server.Probes, c.Server.Possible = 0, tcp.Set(tracker.Established)
	if r := newRow(c, nil); r.level != healthy {
		t.Errorf("%s", r.note())
	}
}

func TestNotes(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*tracker.Connection)
	}{
		{"server's close is stuck behind it", func(c *tracker.Connection) {
			c.Client.ShutSince, c.Client.ShutTotal, c.Server.State = 1, 9e9, tracker.FinWait1
		}},
		{"client's FIN is not acknowledged", func(c *tracker.Connection) { c.Client.State = tracker.FinWait1 }},
		{"server has not closed its half", func(c *tracker.Connection) { c.Server.State = tracker.CloseWait }},
		{"no answer to 10 SYNs", func(c *tracker.Connection) { c.Client.State, c.How = tracker.SynSent, tracker.HowUnopened }},
		{"server is still in the handshake", func(c *tracker.Connection) { c.Server.State = tracker.SynRecv }},
		{"reset by the server", func(c *tracker.Connection) { c.How, c.ClosedBy = tracker.HowRST, tracker.Server }},
		{"ended by a timer, not by a close", func(c *tracker.Connection) { c.How = tracker.HowTimeout }},
		{"client repeated 50% of its segments", func(c *tracker.Connection) { c.Client.Packets, c.Client.Retransmissions = 100, 50 }},
		{"evicted, the table of connections was full", func(c *tracker.Connection) { c.Evicted = true }},
	} {
		conn := healthyOne(0)
		c.change(conn)
		if r := newRow(conn, nil); r.level == healthy || !strings.Contains(r.note(), c.want) {
			t.Errorf("level %d, %q lacks %q", r.level, r.note(), c.want)
		}
	}
}

// Whatever the addresses and numbers, no line is wider than the terminal, down to one too narrow for a row of states.
func TestNothingIsWiderThanTheTerminal(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	address := func() tcp.Endpoint {
		b := [16]byte{0x20, 0x01}
		for i := 2; i < 16; i++ {
			b[i] = byte(r.Uint32()) | 0x10
		}
		return tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom16(b), uint16(r.Uint32())))
	}
	for _, width := range []int{72, 80, 100, 200} {
		for range 50 {
			var list []*tracker.Connection
			for i := range 1 + r.IntN(3) {
				c := shut(uint64(i), 3+r.Int64N(1e6))
				c.Conn = r.Uint64N(100000)
				c.Client.Endpoint, c.Server.Endpoint = address(), address()
				c.Server.State = tracker.State(r.IntN(tcp.NumStates))
				c.Server.Possible = tracker.StateSet(r.IntN(1 << tcp.NumStates))
				c.Client.Packets, c.Client.Bytes, c.Server.Retransmissions = r.Uint64(), r.Uint64(), r.Uint64N(1e6)
				list = append(list, c)
			}
			for line := range strings.Lines(table(Style{Width: width}, list...)) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
					t.Fatalf("%d columns of %d: %s", n, width, line)
				}
			}
		}
	}
}

// Colours mark the state words, and taking them away leaves the same table.
func TestColourAddsNothing(t *testing.T) {
	plain, coloured := table(Style{Width: 80}, shut(1, 70)), table(Style{Width: 80, Color: true}, shut(1, 70))
	if !strings.Contains(coloured, "\x1b[1;31mESTABLISHED?\x1b[0m") {
		t.Errorf("no colour in %q", coloured)
	}
	for _, code := range []string{"\x1b[1;31m", "\x1b[0m"} {
		coloured = strings.ReplaceAll(coloured, code, "")
	}
	if coloured != plain {
		t.Errorf("without colours\n%s\nis not\n%s", coloured, plain)
	}
}

// The table keeps the worst, whatever comes after them.
func TestRowsAreBounded(t *testing.T) {
	var out bytes.Buffer
	w := NewTable(&out, Style{Width: 80})
	w.bound = 100
	w.Connection(shut(7, 500))
	half := healthyOne(0)
	half.Server.State = tracker.CloseWait
	for range 2*w.bound + 10 {
		w.Connection(half)
	}
	if len(w.rows) > 2*w.bound {
		t.Errorf("%d rows are kept", len(w.rows))
	}
	w.Summary(&output.Summary{})
	if got := out.String(); !strings.Contains(got, fmt.Sprintf("… %d more connections not shown", 111)) || !strings.HasPrefix(strings.SplitN(got, "\n", 2)[1], "   7  ") {
		t.Errorf("begins %.300s, ends %s", got, got[len(got)-300:])
	}
}

// A line comes for each connection that has ended and for what is new of a finding; what is open and healthy is counted.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := NewLines(&out, Style{Width: 80})
	rule := anomaly.Find("zero-window-stall")
	f := anomaly.Finding{Rule: rule, ID: "4-zero-window-stall-1", Severity: anomaly.Notice, Summary: "shut for 3 s"}
	f.Conn, f.Client, f.Server = 4, shut(4, 3).Client.Endpoint, shut(4, 3).Server.Endpoint
	step := func(want string) {
		t.Helper()
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		got := out.String()
		out.Reset()
		if !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("printed %q, not %q", got, want)
		}
		for line := range strings.Lines(got) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("too wide: %s", line)
			}
		}
	}
	l.Finding(&f)
	step("notice zero-window-stall: shut for 3 s; 10.0.0.1:40000 > 10.0.0.2:80 (4)\n")
	f.Summary = "shut for 4 s"
	l.Finding(&f)
	step("")
	f.Severity = anomaly.Warning
	l.Finding(&f)
	step("warning zero-window-stall: shut for 4 s")
	f.Status, f.Until = anomaly.Closed, 1e18+9e9
	l.Finding(&f)
	step("over: warning")
	l.Connection(shut(4, 9))
	step("CONN  CLIENT")
	c := healthyOne(5)
	c.How = tracker.HowFIN
	l.Connection(c)
	step("   5  10.0.0.1:40000  10.0.0.2:80")
	l.Connection(healthyOne(6))
	step("")
	l.Summary(&output.Summary{})
	step("1 healthy open connection not shown")
}
