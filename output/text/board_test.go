package text

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// night leads testdata/board.trace to a Board, which looks every half second as live does.
type night struct {
	board   *Board
	lines   bytes.Buffer
	tracker *tracker.Tracker
	looked  int64
	gauge   Gauge
}

func newNight(t *testing.T, style Style) *night {
	text, err := os.ReadFile("testdata/board.trace")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := trace.Parse("board.trace", text)
	if err != nil {
		t.Fatal(err)
	}
	n := &night{looked: tr.Origin, gauge: Gauge{Source: "eth0", Start: tr.Origin}}
	n.board = NewBoard(&n.lines, style)
	bench := anomaly.NewBench(anomaly.Rules, nil, n.board)
	n.tracker = tracker.New(tracker.Config{Sink: n.board, Connections: true, Witness: bench, Facts: bench.Facts()})
	for i := range tr.Items {
		it := &tr.Items[i]
		for n.looked+5e8 <= it.Time {
			n.looked += 5e8
			n.look(n.looked)
		}
		switch it.Kind {
		case trace.Segment:
			n.gauge.Packets++
			n.tracker.Observe([]tcp.Segment{it.Segment})
		case trace.Advance:
			n.tracker.Advance(it.Time)
		}
	}
	n.look(n.looked)
	return n
}

func (n *night) look(now int64) {
	n.tracker.Advance(now)
	n.gauge.Now = now
	n.board.Look(n.gauge, n.tracker)
}

// frames draws the night in terminals of many sizes.
func frames(t *testing.T) map[string]string {
	n := newNight(t, Style{Width: 80})
	drawn := map[string]string{}
	for _, size := range [][2]int{{40, 5}, {60, 12}, {80, 8}, {80, 24}, {120, 30}, {200, 50}} {
		name := fmt.Sprintf("board-%dx%d", size[0], size[1])
		drawn[name] = strings.Join(n.board.Frame(size[0], size[1]), "\n") + "\n"
	}
	n.gauge.Dropped, n.gauge.Freezes = 1234, 3
	n.look(n.looked)
	n.board.table.style.Color = true
	drawn["board-color"] = strings.Join(n.board.Frame(80, 24), "\n") + "\n"
	n.tracker.Close()
	n.board.Flush()
	drawn["board-lines"] = n.lines.String()
	return drawn
}

// The frames are those in testdata: the worst first, then the busiest, cut to the terminal.
func TestBoardFrames(t *testing.T) {
	for name, got := range frames(t) {
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s\nnot\n%s\n(go test -update writes it)", name, got, want)
		}
	}
}

// A frame never has more lines or columns than it may, in any terminal, and with colours as without.
func TestBoardFits(t *testing.T) {
	for _, color := range []bool{false, true} {
		n := newNight(t, Style{Width: 80, Color: color})
		for height := range 30 {
			for width := 1; width < 140; width++ {
				frame := n.board.Frame(width, height)
				if len(frame) > height {
					t.Fatalf("%d lines in %dx%d", len(frame), width, height)
				}
				for _, line := range frame {
					if w := visible(line); w > width {
						t.Fatalf("%d columns in %dx%d: %s", w, width, height, line)
					}
					if strings.Count(line, "\x1b[")%2 != 0 || strings.Contains(line, "\n") {
						t.Fatalf("colours left on, or a line end, in %dx%d: %q", width, height, line)
					}
				}
			}
		}
	}
}

// With more connections than one look takes in, those with findings are there at once, and all others get their turn.
func TestBoardFindsTheBadAmongMany(t *testing.T) {
	b := NewBoard(&bytes.Buffer{}, Style{Width: 80})
	bench := anomaly.NewBench(anomaly.Rules, nil, b)
	tr := tracker.New(tracker.Config{Sink: b, Connections: true, Witness: bench, Facts: bench.Facts()})
	const conns = 3 * surveyed
	number, at := uint64(0), int64(1e18)
	send := func(i int, fromServer bool, flags tcp.Flags, seq, ack tcp.Seq, length int) {
		number++
		at += 1000
		s := tcp.Segment{Time: at, Number: number, Flags: flags, Seq: seq, Ack: ack, Len: length, IPLen: 40 + length, Window: 60000}
		a, p, z, q := tcp.Addr{Lo: 1 + uint64(i)}, uint16(1000), tcp.Addr{Lo: 1 << 40}, uint16(80)
		if fromServer {
			a, p, z, q = z, q, a, p
		}
		s.Flow, s.Dir = tcp.MakeFlow(a, z, p, q, false)
		tr.Observe([]tcp.Segment{s})
	}
	for i := range conns {
		send(i, false, tcp.SYN, 99, 0, 0)
		send(i, true, tcp.SYN|tcp.ACK, 299, 100, 0)
		send(i, false, tcp.ACK, 100, 300, 0)
	}
	const stuck = conns - 7
	send(stuck, true, tcp.FIN|tcp.ACK, 300, 100, 0)
	send(stuck, false, tcp.ACK, 100, 301, 0)
	at += 30e9
	tr.Advance(at)
	b.Look(Gauge{Start: 1e18, Now: at}, tr)
	if r := &b.rows[0]; r.conn.Conn != stuck || r.level != notice || r.conn.Client.State != tracker.CloseWait {
		t.Errorf("the first row is connection %d in %s", r.conn.Conn, r.conn.Client.State)
	}
	const busy = conns - 9
	for i := range 100 {
		send(busy, false, tcp.ACK, tcp.Seq(100+1000*i), 300, 1000)
		send(busy, true, tcp.ACK, 300, tcp.Seq(1100+1000*i), 0)
	}
	for range 3 {
		at += 5e8
		tr.Advance(at)
		b.Look(Gauge{Start: 1e18, Now: at}, tr)
	}
	if r := &b.rows[1]; r.conn.Conn != busy || r.rate == 0 {
		t.Errorf("the second row is connection %d at %d/s", r.conn.Conn, r.rate)
	}
	if len(b.rows) > maxBoard || len(b.meters) > maxBoard {
		t.Errorf("%d rows, %d meters are kept", len(b.rows), len(b.meters))
	}
	tr.Close()
	if len(b.bad)+len(b.open) > 0 {
		t.Errorf("%d connections and %d findings are remembered", len(b.bad), len(b.open))
	}
}
