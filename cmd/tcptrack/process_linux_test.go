package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ownProcessOf starts tcptrack in a process of its own: this binary, under that name.
func ownProcessOf(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := &exec.Cmd{Path: self, Args: append([]string{"tcptrack"}, args...), Env: append(os.Environ(), "SUDO_UID=12345", "SUDO_GID=12346")}
	t.Cleanup(func() {
		if cmd.Process != nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return cmd
}

// awaits waits for the process's end and returns its state.
func awaits(t *testing.T, cmd *exec.Cmd) *os.ProcessState {
	t.Helper()
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState
}

// As root, live becomes who called sudo on all threads, keeps the right to capture on one, and SIGTERM ends it as
// Ctrl-C does: with its account and exit code 0.
func TestLiveRelinquishes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to give it up")
	}
	for _, c := range []struct {
		user string
		uid  string
	}{{"", "12345"}, {"root", "0"}} {
		cmd := ownProcessOf(t, "live", "-i", "lo", "-o", "json", "--events", "summary", "-Z", c.user)
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(stderr)
		lines.Scan() // listening
		if c.user == "" && !(lines.Scan() && strings.Contains(lines.Text(), "goes on as 12345")) {
			t.Errorf("%q", lines.Text())
		}
		files, _ := filepath.Glob("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/task/*/status")
		raw := 0
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			}
			if !strings.Contains(string(text), "\nUid:\t"+c.uid+"\t"+c.uid+"\t"+c.uid+"\t"+c.uid+"\n") {
				t.Errorf("-Z %q: %s", c.user, text)
			}
			if c.user == "" && !strings.Contains(string(text), "\nNoNewPrivs:\t1\n") {
				t.Errorf("%s may get privileges: %s", name, text)
			}
			if strings.Contains(string(text), "\nCapEff:\t0000000000002000\n") {
				raw++
			}
		}
		if len(files) < 2 || c.user == "" && raw != 1 {
			t.Errorf("-Z %q: of %d threads %d may capture", c.user, len(files), raw)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		last := ""
		for lines.Scan() {
			last = lines.Text()
		}
		if state := awaits(t, cmd); state.ExitCode() != exitFine || !strings.Contains(last, "captured") {
			t.Errorf("%s: %s", state, last)
		}
	}
}

// The first interrupt ends the reading and lets what is known be told; the second ends the process though its reader hangs.
func TestSecondInterruptQuits(t *testing.T) {
	captures, err := filepath.Glob("../../testdata/pcaps/*/*.pcap.gz")
	if err != nil || len(captures) < 20 {
		t.Fatal(captures, err)
	}
	for range 5 { // a process whose reader hung for long before the first interrupt ends by that: on a busy machine before the second
		state := interrupted(t, append([]string{"read", "-o", "json", "--events", "all"}, captures...)...)
		status, ok := state.Sys().(syscall.WaitStatus)
		if ok && status.Signaled() && status.Signal() == syscall.SIGINT {
			return
		}
		if t.Log(state); state.ExitCode() != exitUsage {
			break
		}
	}
	t.Error("the second interrupt does not end it")
}

// interrupted runs a command line whose output nobody reads, interrupts it again and again, and returns how it ends.
func interrupted(t *testing.T, args ...string) *os.ProcessState {
	t.Helper()
	cmd := ownProcessOf(t, args...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	room, err := unix.FcntlInt(r.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	full := func() bool {
		n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		return err == nil && n > room-min(piece, room/2)
	}
	for end := time.Now().Add(patience); !full(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the pipe does not fill")
		}
	}
	go func() { // two that come before it has seen the first are one, so there may be more
		for cmd.Process.Signal(os.Interrupt) == nil {
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return awaits(t, cmd)
}
