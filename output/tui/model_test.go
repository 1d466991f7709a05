package tui

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// scene is a screen joined to captures that stand still at their end.
type scene struct {
	*Model
	t      *testing.T
	latest *Snapshot
	look   func(*Ask) *Snapshot
	busy   string
	steps  int      // scrubbed, in sum
	saved  []uint64 // connections
	err    error    // of saving
	came   string   // of the latest command
}

// hang is testdata's zero-window hang.
const hang = "fin_wait1_zero_window/s.pcap.gz"

// play reads captures to their end and lets somebody use the screen on what they hold.
func play(t *testing.T, width, height int, use func(*scene), files ...string) {
	t.Helper()
	var names []string
	for _, f := range files {
		names = append(names, filepath.Join("../../testdata/pcaps", f))
	}
	src, err := capture.Open(names, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	desk := NewDesk()
	var segs []tcp.Segment
	desk.Recall = func(flow tcp.FlowKey, from uint64, most int) func() []tcp.Segment {
		return func() (list []tcp.Segment) {
			for i := range segs {
				if segs[i].Flow == flow && segs[i].Number >= from {
					list = append(list, segs[i])
				}
			}
			return list[max(len(list)-most, 0):]
		}
	}
	used := false
	_, err = pipeline.Run(context.Background(), src, pipeline.Config{
		Sink: desk, Transitions: true, Connections: true, Facts: Facts, Fact: desk.Fact,
		Segments: func(list []tcp.Segment) {
			segs = append(segs, list...)
			desk.Segments(list)
		},
		Moments: []pipeline.Moment{{End: true}},
		At: func(_ int, now int64, living iter.Seq[tracker.View]) {
			stats := src.Stats()
			s := &scene{t: t, look: func(a *Ask) *Snapshot {
				return desk.Look(a, Gauge{Source: files[0], Start: stats.First, Now: now, End: stats.Last, Packets: stats.Packets}, nil, living)
			}}
			s.Model = New(Link{
				Ask: func(a *Ask) {
					live := s.latest != nil && s.latest.Live
					s.latest = s.look(a)
					s.latest.Live = live
				},
				Latest:  func() *Snapshot { return s.latest },
				Busy:    func() string { return s.busy },
				Scrub:   func(steps int) { s.steps += steps },
				Save:    func(r *Row) (string, error) { s.saved = append(s.saved, r.Conn); return "conn.pcapng", s.err },
				Streams: len(files) == 1,
			}, Style{Plain: true}, nil)
			s.Init()
			s.send(tea.WindowSizeMsg{Width: width, Height: height})
			s.wait(1)
			use(s)
			used = true
		},
	})
	if err != nil || !used {
		t.Fatal(err, used)
	}
}

// send hands over a message, and takes what comes of it.
func (s *scene) send(msg tea.Msg) {
	_, cmd := s.Update(msg)
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case savedMsg:
		s.send(msg)
	default:
		s.came = fmt.Sprintf("%T %s", msg, msg)
	}
}

// keys presses keys by their names; what is none is typed letter by letter.
func (s *scene) keys(names ...string) *scene {
	s.t.Helper()
	special := map[string]tea.KeyPressMsg{
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift},
		"backspace": {Code: tea.KeyBackspace}, "down": {Code: tea.KeyDown}, "up": {Code: tea.KeyUp}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
		"pgdown": {Code: tea.KeyPgDown}, "pgup": {Code: tea.KeyPgUp}, "space": {Code: tea.KeySpace, Text: " "},
		"ctrl+f": {Code: 'f', Mod: tea.ModCtrl}, "ctrl+b": {Code: 'b', Mod: tea.ModCtrl}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl},
		"ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "ctrl+w": {Code: 'w', Mod: tea.ModCtrl}, "ctrl+z": {Code: 'z', Mod: tea.ModCtrl},
	}
	for _, name := range names {
		if k, ok := special[name]; ok {
			if k.String() != name {
				s.t.Errorf("the key %s calls itself %s", name, k)
			}
			s.send(k)
			s.wait(1)
			continue
		}
		for _, r := range name {
			s.send(tea.KeyPressMsg{Code: unicode.ToLower(r), ShiftedCode: r, Text: string(r)})
		}
		s.wait(1)
	}
	return s
}

// wait lets ticks pass.
func (s *scene) wait(ticks int) {
	for range ticks {
		s.pass()
	}
}

// frame draws the screen, and holds it to its size.
func (s *scene) frame() string {
	s.t.Helper()
	lines := s.Frame()
	if len(lines) != s.height {
		s.t.Errorf("%d lines on a screen %d high", len(lines), s.height)
	}
	for i, line := range lines {
		if n := utf8.RuneCountInString(line); n > s.width {
			s.t.Errorf("line %d has %d columns on a screen %d wide: %s", i, n, s.width, line)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) {
				s.t.Errorf("line %d holds %q", i, r)
			}
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// golden holds the frame to a file.
func (s *scene) golden(name string) {
	s.t.Helper()
	name = filepath.Join("testdata", name+".txt")
	got := s.frame()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			s.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != string(want) {
		s.t.Errorf("%s is otherwise (go test -update writes it):\n%s", name, got)
	}
}

// many is captures with something of everything.
var many = []string{
	"accept_queue_full/s.pcap.gz", "client_closes/s.pcap.gz", "close_wait_leak/s.pcap.gz", "fin_never_acked/s.pcap.gz", "fin_wait1_zero_window/s.pcap.gz",
	"fin_wait1_zero_window_visible/s.pcap.gz", "half_open/s.pcap.gz", "lossy/s.pcap.gz", "refused/s.pcap.gz", "syn_unanswered/c.pcap.gz",
}

// The frames at the widths that terminals have.
func TestFrames(t *testing.T) {
	for _, size := range [][2]int{{60, 12}, {80, 24}, {120, 32}, {200, 50}} {
		width, height := size[0], size[1]
		name := func(s string) string { return fmt.Sprintf("%s-%d", s, width) }
		play(t, width, height, func(s *scene) {
			s.golden(name("hang"))
			s.keys("enter")
			s.golden(name("hang-open"))
		}, hang)
		play(t, width, height, func(s *scene) {
			s.golden(name("connections"))
			s.keys("2")
			s.golden(name("states"))
			s.keys("3")
			s.golden(name("talkers"))
			s.keys("4", "j")
			s.golden(name("findings"))
			s.keys("1", "x", "s", "s", "S", "j")
			s.golden(name("ended"))
			s.keys("/", "porrt:80")
			s.golden(name("mistake"))
			s.keys("esc", "?")
			s.golden(name("help"))
		}, many...)
	}
}
