package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Beside each other the kernel's word and the wire's agree on every socket but one: the close that hides behind a shut
// window, which the packets had left possible.
func TestBothSideBySide(t *testing.T) {
	var h *hosts
	var out bytes.Buffer
	for duration := 6 * time.Second; ; duration *= 4 { // until all is at rest before the moment
		var said notes
		ended := make(chan int, 1)
		h = newHosts(t)
		out.Reset()
		began := time.Now()
		go func() {
			ended <- execute(t.Context(), []string{"stats", "--both", "-i", "h1", "--netns", h.names[1], "--duration", duration.String(), "-o", "json"}, nil, &out, &said)
		}()
		said.await(t, "listening on")
		h.leaveInEveryState(t)
		rest := duration - time.Since(began)
		if code := <-ended; code != exitFine {
			t.Fatalf("exit code %d: %s", code, said.String())
		}
		if rest > 2*time.Second {
			break
		}
		t.Logf("%s after all were there the sockets were compared: too soon on this machine", rest)
	}
	want := map[string]int{}
	for _, state := range h.kernelSays(t, 1) {
		want[state.String()]++
	}
	fit(t, schema(t, "stats"), out.String())
	rows := 0
	for line := range strings.Lines(out.String()) {
		var x struct {
			Event, Side, State string
			Kernel, Wire       int
			Differ, Refuted    int
			NoPacket           int `json:"no_packet"`
			NoSocket           int `json:"no_socket"`
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		hidden := 0
		if x.Event == "total" || x.State == "FIN_WAIT1" {
			hidden = 1
		}
		if x.Differ != hidden || x.Refuted != 0 || x.NoPacket != 0 || x.NoSocket != 0 {
			t.Errorf("not as the kernel has it: %s", line)
		}
		if x.Event == "both" {
			if rows++; x.Side != "server" || x.Kernel != want[x.State] {
				t.Errorf("the kernel has %v: %s", want, line)
			}
		}
	}
	if rows != len(want)-1 { // and the listener
		t.Errorf("%d rows of %v:\n%s", rows, want, out.String())
	}
}

// A live run that gave up root when all was open still writes down who came: in the directory, as who called sudo.
func TestDaysOfALiveRun(t *testing.T) {
	h := newHosts(t)
	open, err := os.MkdirTemp("", "days") // which that user may enter, as it may not a directory of the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(open) })
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(open, "days")
	cmd := ownProcessOf(t, "stats", "-i", "h1", "--netns", h.names[1], "--days", dir, "-o", "csv")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	heard := &ready{}
	ended := make(chan struct{})
	go func() { io.Copy(heard, said); close(ended) }()
	heard.wait(t, "goes on as 12345")
	h.talk(t)
	time.Sleep(300 * time.Millisecond) // until the ring has handed it on
	cmd.Process.Signal(syscall.SIGINT)
	<-ended
	if state := awaits(t, cmd); state.ExitCode() != exitFine {
		t.Fatalf("%s: %s", state, heard.text)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.seen.roaring"))
	if len(files) == 0 {
		t.Fatalf("nothing is noted in %s: %s", dir, heard.text)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || info.Sys().(*syscall.Stat_t).Uid != 12345 {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
	}
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"stats", "--days", dir, "--overlap", strings.TrimSuffix(filepath.Base(files[0]), ".seen.roaring")}, nil, &out, &errs); code != exitFine || !strings.Contains(out.String(), "\n10.99.0.1\n") {
		t.Errorf("exit code %d: %s%s", code, out.String(), errs.String())
	}
}
