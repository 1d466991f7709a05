package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/tcptrack/tcptrack/tracker"
)

// live makes the screen one of a capture that runs.
func (s *scene) live() *scene {
	s.link.Scrub = nil
	s.latest.Live = true
	return s
}

// on is the number of the connection under the cursor.
func (s *scene) on() uint64 { return s.chosen().Conn }

// Every key does what the table of keys says, and no key is without a test.
func TestKeys(t *testing.T) {
	first := func(s *scene) uint64 { return s.snap.Rows[0].Conn }
	last := func(s *scene) uint64 { return s.snap.Rows[len(s.snap.Rows)-1].Conn }
	is := func(ok bool, what string, args ...any) func(*scene) string {
		return func(*scene) string {
			if ok {
				return ""
			}
			return fmt.Sprintf(what, args...)
		}
	}
	tests := map[string]func(*scene) func(*scene) string{}
	for _, key := range []string{"j", "down"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys(key)
			return is(s.on() == s.snap.Rows[1].Conn, "on %d", s.on())
		}
	}
	for _, key := range []string{"k", "up"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys("j", "j", key)
			return is(s.on() == s.snap.Rows[1].Conn, "on %d", s.on())
		}
	}
	for _, key := range []string{"G", "end"} {
		tests[key] = func(s *scene) func(*scene) string { s.keys(key); return is(s.on() == last(s), "on %d", s.on()) }
	}
	for _, key := range []string{"g", "home"} {
		tests[key] = func(s *scene) func(*scene) string { s.keys("G", key); return is(s.on() == first(s), "on %d", s.on()) }
	}
	for _, key := range []string{"ctrl+f", "pgdown"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.frame() // so that it knows how much is on the screen
			s.keys(key)
			return is(s.on() == s.snap.Rows[min(s.room-1, len(s.snap.Rows)-1)].Conn, "on %d", s.on())
		}
	}
	for _, key := range []string{"ctrl+b", "pgup"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.frame()
			s.keys("G", key)
			return is(s.on() == s.snap.Rows[max(len(s.snap.Rows)-s.room, 0)].Conn, "on %d", s.on())
		}
	}
	tests["/"] = func(s *scene) func(*scene) string {
		s.keys("/", "state:close_wait")
		ok := len(s.snap.Rows) == 1 && s.prompt != nil // as it is typed
		s.keys("enter")
		return is(ok && s.prompt == nil && s.where == "state:close_wait" && len(s.snap.Rows) == 1, "%d rows, %q", len(s.snap.Rows), s.where)
	}
	tests["enter"] = func(s *scene) func(*scene) string {
		s.keys("j", "enter")
		shown := s.snap.Detail != nil && s.snap.Detail.Conn == s.on() && strings.Contains(s.frame(), fmt.Sprintf("── %d  10.77", s.on()))
		s.keys("enter")
		return is(shown && !strings.Contains(s.frame(), "── "), "pane: %v", shown)
	}
	tests["esc"] = func(s *scene) func(*scene) string {
		s.keys("/", "port:10024", "enter", "enter", "esc")
		closed, kept := !s.open, s.where
		s.keys("esc")
		return is(closed && kept != "" && s.where == "" && len(s.snap.Rows) > 1, "closed %v, selection %q, then %q", closed, kept, s.where)
	}
	for i, key := range []string{"1", "2", "3", "4"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys("2", "3", key)
			return is(s.ask.Tab == Tab(i) && strings.Contains(s.frame(), "["+key+" "), "tab %d", s.ask.Tab)
		}
	}
	tests["tab"] = func(s *scene) func(*scene) string {
		s.keys("tab")
		second := s.ask.Tab
		s.keys("tab", "tab", "tab")
		return is(second == States && s.ask.Tab == Connections, "tabs %d, %d", second, s.ask.Tab)
	}
	tests["shift+tab"] = func(s *scene) func(*scene) string {
		s.keys("shift+tab")
		return is(s.ask.Tab == Findings, "tab %d", s.ask.Tab)
	}
	tests["s"] = func(s *scene) func(*scene) string {
		seen := map[string]bool{}
		for range numOrders {
			seen[s.heads()] = true
			s.keys("s")
		}
		return is(len(seen) == int(numOrders) && s.ask.Order == ByTrouble, "orders as the heads tell them: %v", seen)
	}
	tests["S"] = func(s *scene) func(*scene) string {
		a, b := first(s), last(s)
		s.keys("S")
		return is(first(s) == b && last(s) == a && strings.Contains(s.frame(), "▲"), "first %d, last %d", first(s), last(s))
	}
	tests["f"] = func(s *scene) func(*scene) string {
		s.keys("f")
		newest := s.on()
		for _, r := range s.snap.Rows {
			newest = max(newest, r.Conn)
		}
		ok := s.on() == newest && strings.Contains(s.frame(), "FOLLOWS")
		s.keys("j")
		return is(ok && !s.follow, "on %d, the newest is %d", s.on(), newest)
	}
	tests["space"] = func(s *scene) func(*scene) string {
		s.keys("space")
		s.wait(playTicks * 3)
		played := s.steps
		s.keys("space")
		s.wait(playTicks * 3)
		stopped := s.steps
		s.live().keys("space")
		before := s.frame()
		s.latest = s.look(s.latest.Asked)
		s.latest.Rows = nil
		s.wait(1)
		held := s.frame() == before && strings.Contains(before, "HELD")
		s.keys("space")
		return is(played >= 2 && stopped <= played+1 && held && len(s.snap.Rows) == 0, "played %d steps, then %d; held %v", played, stopped, held)
	}
	tests["x"] = func(s *scene) func(*scene) string {
		n := len(s.snap.Rows)
		s.keys("x")
		more := len(s.snap.Rows)
		shown := strings.Contains(s.frame(), "ended")
		s.keys("x")
		return is(more > n && shown && len(s.snap.Rows) == n, "%d rows, %d with the ended", n, more)
	}
	tests["w"] = func(s *scene) func(*scene) string {
		s.keys("j", "w")
		saved := s.note
		s.err = errors.New("no room\nleft on the disk")
		s.keys("w")
		return is(len(s.saved) == 2 && s.saved[0] == s.on() && saved == "saved: conn.pcapng" && s.note == "not saved: no room left on the disk", "saved %v: %q, %q", s.saved, saved, s.note)
	}
	tests["y"] = func(s *scene) func(*scene) string {
		s.keys("y")
		r := s.snap.Rows[0]
		want := "tcp " + r.Ends[tracker.Client].String() + " " + r.Ends[tracker.Server].String()
		return is(s.came == "tea.setClipboardMsg "+want && s.note == "copied: "+want, "%q, %q", s.came, s.note)
	}
	tests["Y"] = func(s *scene) func(*scene) string {
		s.keys("Y")
		want := "ip.addr == 10.77.4.1 && ip.addr == 10.77.4.2 && tcp.port == 40501 && tcp.port == 10025"
		tuple := s.came == "tea.setClipboardMsg "+want
		s.link.Streams = true
		s.keys("Y")
		return is(tuple && s.came == "tea.setClipboardMsg tcp.stream eq 7", "%q", s.came)
	}
	for key, by := range map[string]int{"[": -1, "]": 1, "{": -10, "}": 10} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys(key)
			moved := s.steps
			s.live().keys(key)
			return is(moved == by && s.steps == by && strings.Contains(s.note, "this is live"), "%d steps, live %d: %q", moved, s.steps, s.note)
		}
	}
	for _, key := range []string{"?", "h"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys(key)
			top := s.frame()
			s.keys("G")
			s.keys(key, "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j")
			all := top + s.frame()
			missing := ""
			for _, b := range bindings {
				if !strings.Contains(all, "\n "+pad(b.shown, 11, false)) {
					missing += " " + b.shown
				}
			}
			return is(missing == "", "without%s:\n%s", missing, all)
		}
	}
	tests["ctrl+z"] = func(s *scene) func(*scene) string {
		s.keys("ctrl+z")
		return is(strings.HasPrefix(s.came, "tea.SuspendMsg"), "%q", s.came)
	}
	for _, key := range []string{"q", "ctrl+c"} {
		tests[key] = func(s *scene) func(*scene) string {
			s.keys(key)
			return is(strings.HasPrefix(s.came, "tea.QuitMsg"), "%q", s.came)
		}
	}
	for _, b := range bindings {
		for _, key := range b.keys {
			test := tests[key]
			if test == nil {
				t.Errorf("%s has no test", key)
				continue
			}
			play(t, 80, 24, func(s *scene) {
				if wrong := test(s)(s); wrong != "" {
					t.Errorf("%s (%s): %s", key, b.what, wrong)
				}
			}, many...)
		}
	}
}

// heads is the line of the columns' heads.
func (s *scene) heads() string { return strings.Split(s.frame(), "\n")[2] }

// From a pair of states, a client and a finding Enter leads to its connections.
func TestEnterLeadsToConnections(t *testing.T) {
	for _, test := range []struct {
		keys  []string
		where string
		open  bool
	}{
		{[]string{"2", "enter"}, "client.state:established server.state:syn_recv", false},
		{[]string{"3", "enter"}, "client:10.77.4.1", false},
		{[]string{"4", "enter"}, "conn:7", true},
	} {
		play(t, 80, 24, func(s *scene) {
			n := len(s.snap.Rows)
			s.keys(test.keys...)
			if s.where != test.where || s.open != test.open || s.ask.Tab != Connections || len(s.snap.Rows) == 0 || test.open && (len(s.snap.Rows) == n || s.snap.Detail == nil) {
				t.Errorf("%v: %q, open %v, tab %d, %d rows", test.keys, s.where, s.open, s.ask.Tab, len(s.snap.Rows))
			}
		}, many...)
	}
}

// A selection is applied as it is typed; what means nothing leaves the last that did, with a mark under what is wrong, and
// Enter does not take it; Esc takes back what stood before.
func TestPrompt(t *testing.T) {
	play(t, 80, 24, func(s *scene) {
		s.keys("/", "port:10024", "enter", "/", " x")
		if s.prompt == nil || s.prompt.err == nil || s.where != "port:10024" || len(s.snap.Rows) != 1 || !strings.Contains(s.frame(), "^") {
			t.Errorf("%q, %d rows:\n%s", s.where, len(s.snap.Rows), s.frame())
		}
		s.keys("enter")
		if s.prompt == nil {
			t.Error("Enter took a selection that means nothing")
		}
		s.keys("backspace", "backspace", "enter")
		if s.prompt != nil || s.where != "port:10024" {
			t.Errorf("%q", s.where)
		}
		s.keys("/", "ctrl+u")
		if s.where != "" || len(s.snap.Rows) < 2 {
			t.Errorf("cleared: %q, %d rows", s.where, len(s.snap.Rows))
		}
		s.keys("port:1 port:2", "ctrl+w", "esc")
		if s.where != "port:10024" || s.prompt != nil {
			t.Errorf("Esc left %q", s.where)
		}
		s.keys("/", "ctrl+u")
		s.send(tea.PasteMsg{Content: "port:10024\n\x1b[31m"})
		if strings.ContainsAny(s.prompt.text, "\n\x1b") {
			t.Errorf("pasted %q", s.prompt.text)
		}
		s.frame()
		for range 40 {
			s.send(tea.PasteMsg{Content: strings.Repeat("x", maxPrompt/20)})
		}
		if len(s.prompt.text) > maxPrompt {
			t.Errorf("a selection of %d octets", len(s.prompt.text))
		}
		s.frame()
	}, many...)
}

// On every size a frame is as large as the screen, and below the least it says so.
func TestSizes(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {20, 5}, {59, 40}, {200, 11}, {60, 12}, {61, 13}, {79, 15}, {100, 17}, {109, 18}, {110, 20}, {300, 100}} {
		play(t, size[0], size[1], func(s *scene) {
			small := size[0] < minWidth || size[1] < minHeight
			for _, keys := range [][]string{{}, {"enter"}, {"G"}, {"x"}, {"2"}, {"3"}, {"4", "G"}, {"?"}, {"esc"}, {"/", "porrt:1"}} {
				s.keys(keys...)
				if got := s.frame(); small != (len(got) > 0 && strings.HasPrefix(got, fmt.Sprintf("%dx%d is too small", size[0], size[1])[:min(size[0]-1, 12)])) {
					t.Errorf("%v after %v:\n%s", size, keys, got)
				}
			}
		}, many...)
	}
}

// Colours add nothing that the text does not say, and NO_COLOR leaves bold and reverse alone.
func TestColors(t *testing.T) {
	play(t, 80, 24, func(s *scene) {
		s.keys("enter")
		plain := s.frame()
		for _, style := range []Style{{Color: true}, {}} {
			s.style = style
			var bare []string
			colored := false
			for _, line := range s.Frame() {
				text := ""
				for rest := line; ; {
					before, after, found := strings.Cut(rest, "\x1b[")
					text += before
					if !found {
						break
					}
					code, tail, _ := strings.Cut(after, "m")
					colored = colored || strings.Contains(code, "3")
					rest = tail
				}
				bare = append(bare, strings.TrimRight(text, " "))
			}
			want := strings.Split(plain, "\n")
			for i := range bare {
				if bare[i] != strings.TrimRight(want[i], " ") {
					t.Errorf("line %d is %q, without colours %q", i, bare[i], want[i])
				}
			}
			if colored != style.Color {
				t.Errorf("colours are %v, wanted %v", colored, style.Color)
			}
		}
	}, many...)
}
