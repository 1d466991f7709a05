package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/nettest"
)

// Many connections through several rings: live says what reading the saved packets says, which lie in the order of time.
func TestFanOutSaves(t *testing.T) {
	nettest.Run(t, func() {
		whole := filepath.Join(t.TempDir(), "whole.pcapng")
		p := launch(t, "live", "-i", "lo", "--fanout", "4", "-p", "-o", "json", "--events", "transition,summary", "-w", whole, "-Z", "root")
		said := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(p.stdout)
			said <- string(text)
		}()
		const connections = 300
		for i := range connections {
			refuse(t)
			if i%100 == 99 { // another block of each ring
				time.Sleep(150 * time.Millisecond)
			}
		}
		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != 0 {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		got, want := transitions(t, whole), <-said
		if at, equal := firstUnequal(strings.Split(got, "\n"), strings.Split(want, "\n")); !equal {
			t.Errorf("line %d: the file says\n%s\nand live said\n%s", at, lineAt(strings.Split(got, "\n"), at), lineAt(strings.Split(want, "\n"), at))
		}
		for _, part := range []string{`"packets":600,`, `"connections":300,`, `"received":600,"dropped":0`, `"time_backwards":0`} {
			if !strings.Contains(want, part) {
				t.Errorf("no %s in %s", part, lineAt(strings.Split(want, "\n"), strings.Count(want, "\n")-1))
			}
		}
	})
}

// On a cable with VLAN tags, on several interfaces and on all, live says of what comes through several rings what reading
// the saved packets says.
func TestFanOutElsewhere(t *testing.T) {
	h := newHosts(t)
	for _, c := range []struct {
		name, interfaces string
		at               int // number of the host that captures
		traffic          []func(*testing.T)
		connections      int
	}{
		{"tags", "-i h1", 1, []func(*testing.T){h.tagged, h.talk}, 5},
		{"several", "-i h0 -i lo", 0, []func(*testing.T){h.talk}, 4},
		{"any", "-i any", 1, []func(*testing.T){h.talk}, 4},
		{"filter", "-i h0 tcp and src host 10.99.0.1", 0, []func(*testing.T){h.talk}, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			file := filepath.Join(t.TempDir(), "saved.pcapng")
			args := []string{"live", "--netns", h.names[c.at], "--fanout", "3", "-o", "json", "--events", "transition,summary", "-w", file}
			s := startLive(ctx, t, append(args, strings.Fields(c.interfaces)...)...)
			for _, f := range c.traffic {
				f(t)
			}
			interrupt()
			var said []string
			for line := range s.lines {
				said = append(said, line)
			}
			s.end(t)
			read := strings.Split(strings.TrimSpace(runOutput(t, "read", "-o", "json", "--events", "transition,summary", file)), "\n")
			slices.Sort(said) // what timers tell comes when they run: live, also while no packet does
			slices.Sort(read)
			if at, equal := firstUnequal(read, said); !equal {
				t.Errorf("the file says\n%s\nand live said\n%s", lineAt(read, at), lineAt(said, at))
			}
			if text := strings.Join(said, "\n"); !strings.Contains(text, fmt.Sprintf(`"connections":%d,`, c.connections)) {
				t.Error(text)
			}
		})
	}
}

// Several rings follow an interface that goes down, comes up, goes away and comes back.
func TestFanOutFollows(t *testing.T) {
	h := newHosts(t)
	s, said := startHeard(t.Context(), t, "live", "--netns", h.names[0], "-i", "h0", "--fanout", "2", "-o", "json", "--events", "connection")
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link set h0 down")
	said.wait(t, "h0: the interface is down")
	ip(t, "-n "+h.names[0]+" link set h0 up")
	said.wait(t, "h0: the interface is up")
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link del h0")
	said.wait(t, "h0: the interface is gone")
	h.cable(t)
	said.wait(t, "h0: the interface is back")
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link del h0")
	for range 12 {
		s.expect(t, `"event":"connection"`)
	}
	s.end(t)
	said.wait(t, "12 connections")
}

// Where there can be only one ring, that and what to do is said.
func TestFanOutProblem(t *testing.T) {
	for want, err := range map[string]*capture.FanOutError{
		"leave --backend out":       {Rings: 2},
		"that takes Linux 4.12":     {Rings: 2, Err: errors.New("invalid argument")},
		"refuses: invalid argument": {Rings: 2, Err: errors.New("invalid argument")},
	} {
		var b strings.Builder
		printProblem(&b, liveProblem(err, []string{"eth0"}))
		if !strings.Contains(b.String(), want) || !strings.Contains(b.String(), "--fanout 2") {
			t.Error(b.String())
		}
	}
	for _, rings := range []uint{0, capture.MaxRings + 1} {
		if err := (&fanning{rings}).check(); err == nil {
			t.Errorf("--fanout %d is taken", rings)
		}
	}
}
