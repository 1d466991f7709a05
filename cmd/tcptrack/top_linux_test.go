package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// In a real terminal top shows a capture from its end, takes keys, moves through time and back, follows the terminal's
// size, saves what is asked for, and leaves the terminal as it was.
func TestTopOfAFileInATerminal(t *testing.T) {
	hang, err := filepath.Abs("../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := newPane(t, 100, 30, "echo before; tcptrack top --save-to "+dir+" "+hang+"; echo exit code $?; read line")
	p.await("the end of the capture", holds("at the end, +14.4 s", "[1 Connections]", "10.77.4.1:40481", "! zero-window-stall"))
	p.keys("Enter")
	p.await("the connection closely", holds("── 0  10.77.4.1:40481 > 10.77.4.2:10024 ", "a close hidden behind it: possible", "x 5 more probes", "server's octets in flight"))
	p.keys("{", "{")
	p.await("4 s earlier", holds("at +10.6 s of 14.4 s", "x 4 more probes"))
	p.keys("{", "{", "{", "{", "{", "[", "[", "[")
	p.await("the beginning, without a finding", holds("at +0 ms of 14.4 s", "no findings", "SYN_SENT"))
	p.keys("]")
	p.await("a step on", holds("at +200 ms of 14.4 s", "ESTABLISHED?", "the window shuts"))
	p.keys("}", "}", "}", "}", "}", "}", "}", "}")
	p.await("the end again", holds("at the end, +14.4 s", "! zero-window-stall"))
	p.keys("/", "p", "o", "r", "t", ":", "9")
	p.await("nothing that is selected", holds("/ port:9", "Nothing is selected"))
	p.keys("Escape")
	p.await("everything again", holds("── 0 "))
	p.keys("2")
	p.await("the states", holds("[2 States]", "CLIENT╲SERVER"))
	p.keys("1", "w")
	p.await("that it is saved", holds("saved: 28 packets of 1 connection"))
	saved, err := filepath.Glob(filepath.Join(dir, "*.pcapng"))
	if err != nil || len(saved) != 1 || filepath.Base(saved[0]) != "tcptrack-conn0-10.77.4.1_40481-10.77.4.2_10024.pcapng" || packetsIn(t, saved[0]) != 28 {
		t.Errorf("saved %v, %v", saved, err)
	}
	for _, size := range [][2]int{{60, 12}, {140, 40}, {40, 8}, {80, 24}} {
		p.run("resize-window", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
		p.await(fmt.Sprintf("a frame of %d columns", size[0]), func(shown string) bool {
			if size[0] < 60 {
				return strings.HasPrefix(shown, "40x8 is too small")
			}
			for line := range strings.Lines(shown) {
				if strings.HasPrefix(line, "── 0 ") {
					return utf8.RuneCountInString(strings.TrimSpace(line)) == size[0]
				}
			}
			return false
		})
	}
	p.keys("q")
	end := p.await("the end", holds("before", "exit code 0"))
	if strings.Contains(end, "10.77.4.1") {
		t.Errorf("a frame is left:\n%s", end)
	}
}

// packetsIn counts the packets of a capture.
func packetsIn(t *testing.T, name string) uint64 {
	t.Helper()
	n, err := countPackets(name)
	if err != nil {
		t.Error(err)
	}
	return n
}

// countPackets counts what is there so far.
func countPackets(name string) (uint64, error) {
	src, err := capture.Open([]string{name}, capture.Options{})
	if err != nil {
		return 0, err
	}
	defer src.Close()
	segs := make([]tcp.Segment, 64)
	for err == nil {
		_, err = src.Read(segs)
	}
	if err == io.EOF {
		err = nil
	}
	return src.Stats().Packets, err
}

// Live in a real terminal: what happens shows, a selection narrows it, the screen can be held still, the packets that the
// ring holds are saved, and the account stands in the terminal at the end, also when it is told to end from outside.
func TestTopLiveInATerminal(t *testing.T) {
	nettest.Run(t, func() {
		dir := t.TempDir()
		p := newPane(t, 120, 30, "tcptrack top -i lo -Z root --save-to "+dir+"; echo exit code $?; read line")
		p.await("an empty screen", holds("drops 0", "No connection has been seen yet."))
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
		row := client.LocalAddr().String() + " " + l.Addr().String() + " ESTABLISHED  ESTABLISHED"
		p.await("the connection", holds("1 conn ", row))
		p.keys("Enter")
		p.await("its ladder", holds("SYN-ACK", "Nothing was found on it."))
		p.keys("Escape")
		p.await("the table alone", func(shown string) bool { return !strings.Contains(shown, "── ") })
		p.keys("Space")
		p.await("that the screen is held", holds("HELD"))
		refuse(t)
		time.Sleep(2 * topEvery)
		if shown := p.run("capture-pane", "-p"); !strings.Contains(shown, "no findings") || !strings.Contains(shown, "HELD") {
			t.Errorf("a screen that is held moves:\n%s", shown)
		}
		p.keys("Space", "4")
		p.await("the finding", holds("· connection-refused", "Means"))
		p.keys("Enter")
		p.await("its connection", holds("/ conn:1", "ended", "── 1 "))
		p.keys("Escape")
		p.await("the table alone", func(shown string) bool { return !strings.Contains(shown, "── ") })
		p.keys("Escape")
		p.await("all connections", holds("all connections again"))
		p.keys("/", "s", "t", "a", "t", "e", ":", "e", "s", "t", "Enter")
		p.await("a mark under what is wrong", holds("/state:est", "^^^"))
		p.keys("a", "b", "l", "i", "s", "h", "e", "d", "Enter")
		p.await("the living one", holds("/ state:established", row))
		p.keys("g", "w")
		p.await("that it is saved", holds("saved: 3 packets in "))
		saved, err := filepath.Glob(filepath.Join(dir, "*.pcapng"))
		if err != nil || len(saved) != 1 || packetsIn(t, saved[0]) != 3 {
			t.Errorf("saved %v, %v", saved, err)
		}
		p.keys("q")
		end := p.await("the account", holds("packets captured, 0 dropped by the kernel, 2 connections, ", "exit code 0"))
		if strings.Contains(end, "Connections]") {
			t.Errorf("a frame is left:\n%s", end)
		}
	})
}

// Told to end from outside, top leaves the terminal as it was.
func TestTopTerminated(t *testing.T) {
	hang, err := filepath.Abs("../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	pid := filepath.Join(t.TempDir(), "pid")
	p := newPane(t, 80, 24, "sh -c 'echo $$ >"+pid+"; exec tcptrack top "+hang+"'; echo exit code $?; stty -a | grep -o ' icanon'; read line")
	p.await("the capture", holds("at the end, +14.4 s"))
	number, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	p.run("run-shell", "kill "+strings.TrimSpace(string(number)))
	p.await("the end", holds("exit code 0", " icanon"))
}
