package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/nettest"
)

// pane is a real terminal, of tmux, with a command in it.
type pane struct {
	t      *testing.T
	server string
	races  string // where reports of the race detector go
}

// newPane begins it in this thread's network.
func newPane(t *testing.T, width, height int, command string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	// A server of its own: that of the test before may still be ending.
	p := &pane{t, fmt.Sprintf("tcptrack-test-%d-%s", os.Getpid(), t.Name()), filepath.Join(t.TempDir(), "race")}
	t.Cleanup(p.racing)
	p.run("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command)
	t.Cleanup(func() { exec.Command("tmux", "-L", p.server, "kill-server").Run() })
	return p
}

// run has tmux do something and returns what it prints.
func (p *pane) run(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("tmux", append([]string{"-L", p.server}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0 exitcode=0 log_path="+p.races)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Errorf("tmux %v: %v %s", args, err, out)
	}
	return string(out)
}

// racing fails for what the race detector has told. It is kept off the screen, and one report is let pass: at its end
// bubbletea closes the terminal under its own reader, if a busy machine has not let that go within half a second.
func (p *pane) racing() {
	logs, err := filepath.Glob(p.races + ".*")
	if err != nil {
		p.t.Error(err)
	}
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			p.t.Error(err)
		}
		for report := range strings.SplitSeq(string(text), "==================\n") {
			if strings.Contains(report, "DATA RACE") && !strings.Contains(report, "(*epollCancelReader).Close()") {
				p.t.Errorf("%s", report)
			}
		}
	}
}

// keys types keys, by their names in tmux.
func (p *pane) keys(names ...string) {
	p.t.Helper()
	p.run(append([]string{"send-keys"}, names...)...)
}

// await waits until the terminal shows what is right, and returns that.
func (p *pane) await(what string, right func(shown string) bool) string {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		shown := p.run("capture-pane", "-p")
		if right(shown) {
			return shown
		}
		if time.Now().After(end) {
			p.t.Errorf("never %s:\n%s", what, shown)
			return shown
		}
	}
}

// holds says that a text holds all words, each once where it begins with the frame's rule.
func holds(words ...string) func(string) bool {
	return func(shown string) bool {
		for _, w := range words {
			if n := strings.Count(shown, w); n == 0 || n > 1 && strings.HasPrefix(w, "── ") {
				return false
			}
		}
		return true
	}
}

// In a real terminal the table stands below the lines and follows the terminal's size, somebody may type, and the end
// leaves the lines, the account, and no frame.
func TestTableInATerminal(t *testing.T) {
	nettest.Run(t, func() {
		p := newPane(t, 100, 30, "tcptrack live -i lo; echo exit code $?; read line")
		p.await("the frame", holds("── lo  ", "dropped 0", "no open findings"))
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Error(err)
			return
		}
		defer l.Close()
		client, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		refuse(t)
		p.await("a finding above the frame and its connection in it", func(shown string) bool {
			lines, frame, ok := strings.Cut(shown, "── lo  ")
			return ok && strings.Contains(lines, "notice connection-refused: ") && strings.Contains(frame, "notice connection-refused (") &&
				strings.Contains(frame, client.LocalAddr().String()+"  "+l.Addr().String()+"  ESTABLISHED")
		})
		p.run("send-keys", "abc", "Enter", "Enter", "Enter")
		p.await("a frame without what was typed", func(shown string) bool { return holds("── lo  ", "CONN")(shown) && !strings.Contains(shown, "abc") })
		for _, size := range [][2]int{{60, 15}, {140, 40}, {40, 6}, {80, 24}} {
			p.run("resize-window", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
			p.await(fmt.Sprintf("a frame of %d columns", size[0]), func(shown string) bool {
				_, frame, ok := strings.Cut(shown, "── lo  ")
				rule, _, _ := strings.Cut(frame, "\n")
				return ok && holds("── lo  ")(shown) && utf8.RuneCountInString("── lo  "+rule) == size[0]
			})
		}
		p.run("send-keys", "C-c")
		end := p.await("the end", holds("packets captured, 0 dropped by the kernel, 2 connections", "exit code 0"))
		if strings.Contains(end, "── lo") {
			t.Errorf("a frame is left:\n%s", end)
		}
	})
}
