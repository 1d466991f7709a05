package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// terminal is a model of one: it knows what screen sends, and what somebody types is echoed. Lines do not break anew
// when its width changes; they are cut, as xterm's are.
type terminal struct {
	mu            sync.Mutex
	t             *testing.T
	width, height int
	lines         [][]rune // those that stand
	history       []string // those that have scrolled away
	x, y          int
	savedX        int
	savedY        int
}

func newTerminal(t *testing.T, width, height int) *terminal {
	v := &terminal{t: t, width: width, height: height}
	v.resize(width, height)
	return v
}

// resize makes room at the foot, or scrolls so that the cursor stays on it.
func (v *terminal) resize(width, height int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.width, v.height = width, height
	for len(v.lines) < height {
		v.lines = append(v.lines, nil)
	}
	for len(v.lines) > height && v.y < len(v.lines)-1 {
		v.lines = v.lines[:len(v.lines)-1]
	}
	for len(v.lines) > height {
		v.scroll()
		v.lines = v.lines[:len(v.lines)-1]
	}
	for i := range v.lines {
		v.lines[i] = v.lines[i][:min(len(v.lines[i]), width)]
	}
	v.x = min(v.x, width-1)
}

func (v *terminal) scroll() {
	v.history = append(v.history, strings.TrimRight(string(v.lines[0]), " "))
	v.lines = append(v.lines[1:], nil)
	v.y = max(v.y-1, 0)
}

func (v *terminal) put(r rune) {
	if v.x == v.width {
		v.x = 0
		v.down()
	}
	for len(v.lines[v.y]) <= v.x {
		v.lines[v.y] = append(v.lines[v.y], ' ')
	}
	v.lines[v.y][v.x] = r
	v.x++
}

func (v *terminal) down() {
	if v.y == v.height-1 {
		v.scroll()
	}
	v.y++
}

// erase erases from the cursor on; a cursor behind the last column is on it.
func (v *terminal) erase(below bool) {
	x := min(v.x, v.width-1)
	v.lines[v.y] = v.lines[v.y][:min(len(v.lines[v.y]), x)]
	for i := v.y + 1; below && i < v.height; i++ {
		v.lines[i] = nil
	}
}

func (v *terminal) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for s := string(p); s != ""; {
		r := []rune(s)[0]
		s = s[len(string(r)):]
		switch {
		case r == '\r':
			v.x = 0
		case r == '\n':
			v.down()
		case r != '\x1b':
			v.put(r)
		case s[0] == '7':
			v.savedX, v.savedY, s = v.x, v.y, s[1:]
		case s[0] == '8':
			v.x, v.y, s = v.savedX, v.savedY, s[1:]
		case s[0] == '[':
			end := strings.IndexFunc(s, func(r rune) bool { return r >= 'A' && r != '[' })
			n, _ := strconv.Atoi(s[1:end])
			switch s[1 : end+1] {
			case "K":
				v.erase(false)
			case "J":
				v.erase(true)
			case "?2026h", "?2026l":
			default:
				if s[end] != 'A' || n == 0 {
					v.t.Errorf("sequence %q", s[:end+1])
				}
				v.y = max(v.y-n, 0)
			}
			s = s[end+1:]
		default:
			v.t.Errorf("sequence %q", s[:1])
		}
	}
	return len(p), nil
}

// shows is all that was ever printed and stands there still, from the history on.
func (v *terminal) shows() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := append([]string(nil), v.history...)
	for _, line := range v.lines {
		all = append(all, strings.TrimRight(string(line), " "))
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// settle waits until the outlet has written all.
func settle(t *testing.T, o *outlet) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Microsecond) {
		if idle, err := o.idle(); idle && err == nil {
			return
		} else if err != nil || time.Now().After(end) {
			t.Fatalf("not idle: %v", err)
		}
	}
}

// Whatever is printed and typed, and whatever size the terminal takes: the frame stands below all lines, once, and
// nothing of earlier ones is left between them.
func TestScreen(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		v := newTerminal(t, 40, 12)
		fmt.Fprint(v, "$ tcptrack -i eth0\r\n")
		want := []string{"$ tcptrack -i eth0"}
		s := &screen{out: newOutlet(t.Context(), v, "the terminal", nil), size: func() (int, int) { return v.width, v.height }}
		for step := range 40 {
			for range random.IntN(4) * random.IntN(4) {
				line := fmt.Sprintf("line %d of step %d", random.IntN(1000), step)
				fmt.Fprintln(s, line)
				want = append(want, line)
			}
			if s.standing && random.IntN(3) == 0 {
				io.WriteString(v, strings.Repeat("typed\r\n", random.IntN(s.painted)))
			}
			if random.IntN(5) == 0 && s.standing {
				// A terminal's saved cursor does not survive, and one in the middle of a line that is cut is not ours.
				if width, height := 30+random.IntN(30), 6+random.IntN(12); width != v.width || height != v.height {
					v.x, v.y = v.savedX, v.savedY
					v.resize(width, height)
					v.savedX, v.savedY = 5, 0
				}
			}
			if random.IntN(10) == 0 {
				s.leave()
				fmt.Fprint(v, "$ fg\r\n")
				want = append(want, "$ fg")
			}
			var frame []string
			for i := range random.IntN(min(frameHeight(v.height), 6) + 1) {
				frame = append(frame, strings.Repeat("=", v.width-i)[:v.width-i])
			}
			s.paint(frame)
			settle(t, s.out)
			if got := v.shows(); strings.Join(got, "\n") != strings.Join(append(want[:len(want):len(want)], frame...), "\n") {
				t.Fatalf("seed %d, step %d: %d lines and a frame of %d in %dx%d, and the terminal shows\n%s\nnot\n%s", seed, step, len(want), len(frame),
					v.width, v.height, strings.Join(got, "\n"), strings.Join(append(want, frame...), "\n"))
			}
		}
		fmt.Fprintln(s, "the end")
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if got := v.shows(); strings.Join(got, "\n") != strings.Join(append(want, "the end"), "\n") {
			t.Fatalf("seed %d: at the end the terminal shows\n%s", seed, strings.Join(got, "\n"))
		}
	}
}

// Lines for a terminal that takes nothing are kept within a bound, and those beyond it are told of.
func TestScreenIsBounded(t *testing.T) {
	s := &screen{}
	line := strings.Repeat("x", 1023) + "\n"
	for range 2 * maxWaiting / len(line) {
		io.WriteString(s, line)
	}
	if len(s.lines) > maxWaiting {
		t.Errorf("%d octets wait", len(s.lines))
	}
	var b bytes.Buffer
	s.scroll(&b)
	if text := b.String(); !strings.HasSuffix(text, "\n… 1024 lines not shown: the terminal did not take them\r\n") {
		t.Error(text[len(text)-100:])
	}
}

// What goes to standard error stays there until there is a frame.
func TestAside(t *testing.T) {
	var stderr bytes.Buffer
	s := &screen{}
	fmt.Fprintln(s.aside(&stderr), "before")
	s.out = &outlet{}
	fmt.Fprintln(s.aside(&stderr), "meanwhile")
	s.out = nil
	fmt.Fprintln(s.aside(&stderr), "behind")
	if stderr.String() != "before\nbehind\n" || string(s.lines) != "meanwhile\n" {
		t.Errorf("%q %q", stderr.String(), s.lines)
	}
}
