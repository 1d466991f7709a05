package main

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/nettest"
)

// process is the real command at work.
type process struct {
	cmd    *exec.Cmd
	stdout *os.File
	stderr notes
	ended  chan struct{}
}

// launch starts the command from this thread, and waits until it listens.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command("tcptrack", args...), stdout: r, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = w, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.ended
		r.Close()
	})
	p.stderr.await(t, "listening on")
	return p
}

// end waits for the process and returns its exit code.
func (p *process) end(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("does not end; it said %s", p.stderr.String())
	}
	return p.cmd.ProcessState.ExitCode()
}

// refuse has the kernel refuse a connection.
func refuse(t *testing.T) {
	t.Helper()
	if c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err == nil {
		c.Close()
		t.Fatal("somebody listens on port 1")
	}
}

// From the deciding packet to the finding on standard output it takes no longer than 200 ms. A machine that is busy with
// other tests takes longer now and then: a third must hold, and without the race detector.
func TestFindingsComeAtOnce(t *testing.T) {
	nettest.Run(t, func() {
		p := launch(t, "live", "-i", "lo", "-o", "json", "--events", "finding")
		const findings = 30
		late := make(chan time.Duration, 1)
		go func() {
			for sc := bufio.NewScanner(p.stdout); sc.Scan(); {
				at := time.Now()
				var line struct {
					Time         time.Time
					Code, Status string
				}
				if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
					t.Error(err)
				}
				if line.Code == "connection-refused" && line.Status == "open" {
					late <- at.Sub(line.Time)
				}
			}
		}()
		var delays []time.Duration
		for range findings {
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			refuse(t)
			select {
			case d := <-late:
				delays = append(delays, d)
			case <-time.After(patience):
				t.Fatal("no finding")
			}
		}
		slices.Sort(delays)
		t.Logf("%d findings: median %v, nine tenths %v, longest %v", len(delays), delays[len(delays)/2], delays[len(delays)*9/10], delays[len(delays)-1])
		if delays[len(delays)/3] > 2*answerTime {
			t.Errorf("%v", delays)
		}
	})
}

// When nobody reads standard output, that is told, and so is when somebody reads it again; nothing is lost as long as
// the ring takes what comes.
func TestAReaderThatPauses(t *testing.T) {
	nettest.Run(t, func() {
		p := launch(t, "live", "-i", "lo", "-o", "json", "--events", "all")
		for range 400 { // some 300 KB of lines, where a pipe holds 64
			refuse(t)
		}
		p.stderr.await(t, "standard output takes nothing")
		connections := make(chan int)
		go func() {
			n := 0
			for sc := bufio.NewScanner(p.stdout); sc.Scan(); {
				if strings.Contains(sc.Text(), `"event":"connection"`) {
					n++
				}
			}
			connections <- n
		}()
		p.stderr.await(t, "standard output is read again, after")
		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != exitFine {
			t.Errorf("exit code %d", code)
		}
		if n := <-connections; n != 400 {
			t.Errorf("%d connections", n)
		}
		if said := p.stderr.String(); !strings.Contains(said, "800 packets captured, 0 dropped by the kernel, 400 connections") {
			t.Error(said)
		}
	})
}

// One interrupt ends the capture though nobody reads standard output; what was to be written is counted as lost.
func TestInterruptEndsBesideAHungReader(t *testing.T) {
	t.Run("answer", func(t *testing.T) { hungReader(t, "-o", "json", "--events", "all") })
	t.Run("packets", func(t *testing.T) { hungReader(t, "-w", "-") })
}

func hungReader(t *testing.T, args ...string) {
	nettest.Run(t, func() {
		p := launch(t, append([]string{"live", "-i", "lo"}, args...)...)
		for range 400 {
			refuse(t)
		}
		p.stderr.await(t, "standard output takes nothing")
		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != exitUsage {
			t.Errorf("exit code %d", code)
		}
		said := p.stderr.String()
		if !strings.Contains(said, "800 packets captured, 0 dropped by the kernel, 400 connections") || !strings.Contains(said, "nobody reads it") || !strings.Contains(said, " octets lost") {
			t.Error(said)
		}
	})
}
