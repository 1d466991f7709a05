package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/nettest"
)

// overflowID is nobody.
const overflowID = 65534

// transitions reads a saved file by the real command, as JSON Lines of all transitions.
func transitions(t *testing.T, file string) string {
	t.Helper()
	text, err := exec.Command("tcptrack", "read", "-o", "json", "--events", "transition,summary", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What live saves says the same when it is read; an incident is saved beside it as it happens; a file that cannot be
// written on ends the capture with the reason, the count and exit code 2.
func TestLiveSaves(t *testing.T) {
	nettest.Run(t, func() {
		dir := t.TempDir()
		whole, incidents := filepath.Join(dir, "whole.pcapng"), filepath.Join(dir, "incidents")
		p := launch(t, "live", "-i", "lo", "-o", "json", "--events", "transition,summary", "-w", whole,
			"--save-anomalies", incidents, "--save-level", "notice", "--ring", "64KiB", "-Z", "nobody")
		said := make(chan string, 1)
		go func() {
			text, _ := io.ReadAll(p.stdout)
			said <- string(text)
		}()
		for range 3 {
			refuse(t)
		}
		p.stderr.await(t, "listening on")
		time.Sleep(300 * time.Millisecond)
		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != 0 {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		if got, want := transitions(t, whole), <-said; got != want {
			t.Errorf("the file says\n%s\nand live said\n%s", got, want)
		}
		if text := p.stderr.String(); !strings.Contains(text, "6 packets saved in "+whole) || !strings.Contains(text, "incidents: 3 files in "+incidents+", 6 packets") {
			t.Error(text)
		}
		names, _ := filepath.Glob(filepath.Join(incidents, "tcptrack-*-conn?-connection-refused-127.0.0.1_*-127.0.0.1_1.pcapng"))
		if len(names) != 3 {
			t.Fatalf("%v", names)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil || !regexp.MustCompile(`notice connection-refused: [^\n]+\nclient 127\.0\.0\.1:\d+ CLOSED\nserver 127\.0\.0\.1:1 CLOSED\n`).Match(b) {
				t.Errorf("%v %q", err, b)
			}
		}

		for name, want := range map[string]uint32{whole: 0, incidents: overflowID, names[0]: overflowID} {
			info, err := os.Stat(name)
			if err != nil || info.Sys().(*syscall.Stat_t).Uid != want {
				t.Errorf("%s: %+v, expected that %d owns it; %v", name, info, want, err)
			}
		}

		p = launch(t, "live", "-i", "lo", "-w", "/dev/full")
		go io.Copy(io.Discard, p.stdout)
		refuse(t)
		if code := p.end(t); code != 2 {
			t.Errorf("exit code %d", code)
		}
		// Of 0 where the head of the file was already too much.
		if text := p.stderr.String(); !strings.Contains(text, "no space left on device; the capture ends here") ||
			!regexp.MustCompile(`: 0 of [02] packets are saved`).MatchString(text) {
			t.Error(text)
		}
	})
}

// A disk that is full before the first packet comes ends the capture with an error too: an empty file is no good end.
func TestLiveSavesNothingOnAFullDisk(t *testing.T) {
	nettest.Run(t, func() {
		p := launch(t, "live", "-i", "lo", "-w", "/dev/full")
		go io.Copy(io.Discard, p.stdout)
		if code := p.end(t); code != 2 {
			t.Errorf("exit code %d", code)
		}
		if text := p.stderr.String(); !strings.Contains(text, "no space left on device; the capture ends here") || !strings.Contains(text, "0 of 0 packets are saved") {
			t.Error(text)
		}
	})
}

// The first file of a rotation, made as root, is written again by whom root has become.
func TestLiveRotatesWithoutRoot(t *testing.T) {
	nettest.Run(t, func() {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o1777); err != nil {
			t.Fatal(err)
		}
		p := launch(t, "live", "-i", "lo", "-Z", "nobody", "-w", filepath.Join(dir, "x.pcapng"), "-C", "1k", "-W", "2")
		go io.Copy(io.Discard, p.stdout)
		for range 20 {
			refuse(t)
		}
		time.Sleep(300 * time.Millisecond)
		p.cmd.Process.Signal(syscall.SIGINT)
		if code := p.end(t); code != 0 {
			t.Errorf("exit code %d: %s", code, p.stderr.String())
		}
		if text := p.stderr.String(); !strings.Contains(text, "goes on as nobody") || !strings.Contains(text, "40 packets saved in ") || strings.Contains(text, "in 2 files") {
			t.Error(text)
		}
	})
}
