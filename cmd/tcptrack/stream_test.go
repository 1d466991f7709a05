package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once, on a machine that is slow and busy with other tests.
const patience = 2 * time.Minute

// started is a command line that runs beside the test.
type started struct {
	lines chan string // what it prints, line by line; closed at its end
	code  chan int
}

// start runs a command line in this process.
func start(ctx context.Context, stdin io.Reader, args ...string) *started {
	return startTelling(ctx, stdin, io.Discard, args...)
}

// startTelling does so, with standard error.
func startTelling(ctx context.Context, stdin io.Reader, stderr io.Writer, args ...string) *started {
	r, w := io.Pipe()
	s := &started{lines: make(chan string, 1000), code: make(chan int, 1)}
	go func() {
		s.code <- execute(ctx, args, stdin, w, stderr)
		w.Close()
	}()
	go func() {
		defer close(s.lines)
		for sc := bufio.NewScanner(r); sc.Scan(); {
			s.lines <- sc.Text()
		}
	}()
	return s
}

// expect waits for a line that holds text.
func (s *started) expect(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("ended without %s", text)
			}
			if strings.Contains(line, text) {
				return
			}
		case <-timeout:
			t.Fatalf("no %s", text)
		}
	}
}

func (s *started) end(t *testing.T) {
	t.Helper()
	select {
	case code := <-s.code:
		if code != exitFine {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(patience):
		t.Fatal("does not end")
	}
}

// hang is the capture of the zero-window hang, plain, as a file.
func hang(t *testing.T) (file string, text []byte) {
	file = filepath.Join(t.TempDir(), "hang.pcap")
	if err := unzip("../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz", file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, text
}

// Events go out as data arrives, though the stream goes on; the end of the stream ends the run.
func TestEventsComeAsDataArrives(t *testing.T) {
	_, text := hang(t)
	r, w := io.Pipe()
	s := start(t.Context(), r, "read", "-o", "json", "--events", "all", "-")
	w.Write(text[:len(text)/2])
	s.expect(t, `"to":"ESTABLISHED"`)
	w.Write(text[len(text)/2:])
	s.expect(t, `"FIN_WAIT1"`)
	w.Close()
	s.expect(t, `"event":"summary","schema":1,"packets":28,`)
	s.end(t)
}

// An interrupt ends the reading of a stream that is silent, and what is known is told.
func TestInterruptTellsWhatIsKnown(t *testing.T) {
	_, text := hang(t)
	r, w := io.Pipe()
	defer w.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	s := start(ctx, r, "read", "-o", "json", "--events", "all", "-")
	w.Write(text)
	s.expect(t, `"FIN_WAIT1"`)
	interrupt()
	s.expect(t, `"event":"connection"`)
	s.expect(t, `"event":"summary"`)
	s.end(t)
}

// What tells of a whole capture tells nothing of a part of it: interrupted, it says so and fails.
func TestInterruptedPasses(t *testing.T) {
	file, _ := hang(t)
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, args := range [][]string{
		{"explain", file, "0"}, {"explain", file, "-Y", "port:10024"}, {"draw", file, "0"}, {"report", file, "-O", t.TempDir() + "/x.html"},
		{"extract", file, "--conn", "0", "-w", t.TempDir() + "/x.pcapng"},
	} {
		var stdout, stderr bytes.Buffer
		if code := execute(ctx, args, nil, &stdout, &stderr); code != exitUsage || stderr.String() != "tcptrack: interrupted before the end\n" || stdout.Len() > 0 {
			t.Errorf("%s: exit code %d, %q, %d octets told", args[0], code, stderr.String(), stdout.Len())
		}
	}
}

// --follow waits for a file that grows.
func TestFollow(t *testing.T) {
	file, text := hang(t)
	if err := os.WriteFile(file, text[:len(text)/2], 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	s := start(ctx, nil, "read", "-o", "json", "--events", "all", "--follow", file)
	s.expect(t, `"to":"ESTABLISHED"`)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(text[len(text)/2:])
	f.Close()
	s.expect(t, `"FIN_WAIT1"`)
	interrupt()
	s.expect(t, `"event":"summary"`)
	s.end(t)
}

// An interrupt of a table prints the table.
func TestInterruptPrintsTable(t *testing.T) {
	_, text := hang(t)
	r, w := io.Pipe()
	defer w.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	s := start(ctx, r, "-")
	w.Write(text)
	interrupt()
	s.expect(t, "TCP segment")
	s.end(t)
}

// runOutput runs a command line and returns what it prints.
func runOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out, err bytes.Buffer
	if code := execute(t.Context(), args, nil, &out, &err); code != exitFine {
		t.Fatalf("tcptrack %s: exit code %d, %s", strings.Join(args, " "), code, err.String())
	}
	return out.String()
}
