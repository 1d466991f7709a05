package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/traffic"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// eager is a Source that asks to be read ahead, or not; reads counts what was asked of it.
type eager struct {
	capture.Source
	is    bool
	reads atomic.Int64
}

func (e *eager) Ready() bool { return true }
func (e *eager) Eager() bool { return e.is }

func (e *eager) Read(segs []tcp.Segment) (int, error) {
	e.reads.Add(1)
	return e.Source.Read(segs)
}

// teller is a Sink that writes down all that it is told.
type teller struct{ lines []string }

func (t *teller) Transition(x *tracker.Transition) {
	t.lines = append(t.lines, fmt.Sprint(x.Time, x.Packet, x.Conn, x.Client, x.Side, x.From, x.To, x.Basis, x.Possible))
}
func (t *teller) Connection(c *tracker.Connection) { t.lines = append(t.lines, fmt.Sprintf("%+v", *c)) }
func (t *teller) Finding(f *anomaly.Finding) {
	t.lines = append(t.lines, fmt.Sprint(f.Rule.Code, f.Time, f.Since, f.Conn))
}
func (t *teller) Flush() error { t.lines = append(t.lines, "flush"); return nil }

// TestReadAhead: what is read ahead is told as if it were not, to the last packet, which is cut.
func TestReadAhead(t *testing.T) {
	two(t)
	b := traffic.Capture(traffic.Shapes[0], 1, traffic.Pcap, 20_000)
	file := filepath.Join(t.TempDir(), "s.pcap")
	if err := os.WriteFile(file, b[:len(b)-7], 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(ahead bool) (teller, pipeline.Result, []string, int64) {
		files, err := capture.Open([]string{file}, capture.Options{})
		if err != nil {
			t.Fatal(err)
		}
		src := &eager{Source: files, is: ahead}
		var to teller
		var seen []string
		var taken, most int64
		r, err := pipeline.Run(t.Context(), src, pipeline.Config{
			Sink: &to, Transitions: true, Connections: true, Blame: true, Zeek: true, Analysis: true,
			Progress: func(s capture.Stats) {
				seen = append(seen, fmt.Sprint(s.Packets, s.Segments, s.Skipped, s.Bytes, s.Warnings))
				taken++
				most = max(most, src.reads.Load()-taken)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		return to, r, seen, most
	}
	want, counted, steps, lead := read(false)
	got, counts, walked, most := read(true)
	if lead > 15 || most < 20 { // the first 16 are looked at before it is decided
		t.Errorf("%d reads ahead where none is asked for, %d at most where some are", lead, most)
	}
	for i := range min(len(got.lines), len(want.lines)) {
		if got.lines[i] != want.lines[i] {
			t.Fatalf("line %d ahead: %s\nwant %s", i, got.lines[i], want.lines[i])
		}
	}
	if len(got.lines) != len(want.lines) || !slices.Equal(steps, walked) || fmt.Sprintf("%+v", counts) != fmt.Sprintf("%+v", counted) {
		t.Errorf("%d lines of %d; %+v\nwant %+v", len(got.lines), len(want.lines), counts, counted)
	}
}

// two lets two goroutines work at once, on whatever machine.
func two(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(was, 2))
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
}

// endless is a Source of full batches of one connection until Close.
type endless struct {
	number atomic.Uint64
	closed chan struct{}
}

func (e *endless) Read(segs []tcp.Segment) (int, error) {
	select {
	case <-e.closed:
		return 0, io.EOF
	default:
	}
	for i := range segs {
		n := e.number.Add(1)
		segs[i] = tcp.Segment{Time: int64(n), Number: n, Flags: tcp.ACK, Seq: 1, Ack: 1, IPLen: 40}
		segs[i].Flow.PortA, segs[i].Flow.PortB = 1, 2
	}
	return len(segs), nil
}

func (e *endless) Stats() capture.Stats {
	n := e.number.Load()
	return capture.Stats{Packets: n, Segments: n}
}
func (e *endless) Close() error { close(e.closed); return nil }

// An interrupt ends a run that is read ahead, and what is told is what was tracked.
func TestInterruptReadAhead(t *testing.T) {
	two(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := runtime.NumGoroutine()
	packets := 0
	r, err := pipeline.Run(ctx, &eager{Source: &endless{closed: make(chan struct{})}, is: true}, pipeline.Config{
		Sink: &counter{}, Connections: true,
		Segments: func(segs []tcp.Segment) {
			if packets += len(segs); packets > 10_000 {
				cancel()
			}
		},
	})
	if err != nil || r.Capture.Packets != uint64(packets) || r.Tracker.Segments != uint64(packets) || packets <= 10_000 {
		t.Errorf("%d packets tracked: %+v, %v", packets, r, err)
	}
	settles(t, before)
}

// faulty is a Source that fails after some reads.
type faulty struct {
	endless
	left int
}

func (f *faulty) Read(segs []tcp.Segment) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFaulty
	}
	return f.endless.Read(segs)
}

var errFaulty = errors.New("faulty")

// A source that fails while it is read ahead has told all before: that is tracked, then the error ends the run.
func TestFailureReadAhead(t *testing.T) {
	two(t)
	before := runtime.NumGoroutine()
	src := &faulty{endless: endless{closed: make(chan struct{})}, left: 100}
	r, err := pipeline.Run(t.Context(), &eager{Source: src, is: true}, pipeline.Config{Sink: &counter{}, Connections: true})
	if err != errFaulty || r.Capture.Packets != 6400 || r.Tracker.Segments != 6400 {
		t.Errorf("%+v, %v", r, err)
	}
	settles(t, before)
}

// settles waits until no more goroutines are left than there were.
func settles(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
		}
	}
}
