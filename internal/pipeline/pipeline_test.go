package pipeline_test

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// script is a Source that gives out the given batches, then waits for Close or ends.
type script struct {
	batches [][]tcp.Segment
	err     error
	wait    bool
	closed  chan struct{}
	stats   capture.Stats
}

func (s *script) Read(segs []tcp.Segment) (int, error) {
	if len(s.batches) == 0 {
		if s.wait {
			<-s.closed
		}
		return 0, s.err
	}
	n := copy(segs, s.batches[0])
	s.batches = s.batches[1:]
	s.stats.Packets += uint64(n)
	s.stats.Segments += uint64(n)
	return n, nil
}

func (s *script) Stats() capture.Stats { return s.stats }
func (s *script) Close() error         { close(s.closed); return nil }

// newScript is a Source of n connections, each one SYN, one a batch.
func newScript(n int, err error) *script {
	s := &script{err: err, closed: make(chan struct{})}
	server := tcp.EndpointFrom(netip.MustParseAddrPort("10.0.0.2:80"))
	for i := range n {
		client := tcp.EndpointFrom(netip.AddrPortFrom(netip.MustParseAddr("10.0.0.1"), uint16(40000+i)))
		flow, dir := tcp.MakeFlow(client.Addr, server.Addr, client.Port, server.Port, false)
		s.batches = append(s.batches, []tcp.Segment{{Time: int64(1+i) * 1e6, Number: uint64(i + 1), Flow: flow, Dir: dir, Flags: tcp.SYN, Window: 1000, IPLen: 40}})
	}
	return s
}

// counter is a Sink that counts.
type counter struct {
	connections, flushes int
	err                  error
	flushed              chan struct{} // if not nil, told of each flush
}

// Finding does nothing: a connection's line names its findings.
func (*counter) Finding(*anomaly.Finding) {}

func (c *counter) Transition(*tracker.Transition) {}
func (c *counter) Connection(*tracker.Connection) { c.connections++ }

func (c *counter) Flush() error {
	c.flushes++
	if c.flushed != nil {
		c.flushed <- struct{}{}
	}
	return c.err
}

func run(ctx context.Context, src capture.Source, sink pipeline.Sink) (pipeline.Result, error) {
	return pipeline.Run(ctx, src, pipeline.Config{Sink: sink, Connections: true})
}

func TestRunToTheEnd(t *testing.T) {
	var c counter
	r, err := run(context.Background(), newScript(3, io.EOF), &c)
	if err != nil || c.connections != 3 || r.Capture.Packets != 3 || r.Tracker.Connections != 3 {
		t.Errorf("%+v, %d connections, %v", r, c.connections, err)
	}
	if c.flushes != 3 {
		t.Errorf("%d flushes for three reads that gave all there was", c.flushes)
	}
}

func TestSourceThatFails(t *testing.T) {
	var c counter
	bad := errors.New("bad")
	if _, err := run(context.Background(), newScript(2, bad), &c); err != bad || c.connections != 2 {
		t.Errorf("%d connections, %v", c.connections, err)
	}
}

// A reader that has gone away ends the run, though the source would go on for ever.
func TestSinkThatFails(t *testing.T) {
	gone := errors.New("gone")
	s := newScript(1, io.EOF)
	s.wait = true
	if _, err := run(context.Background(), s, &counter{err: gone}); err != gone {
		t.Errorf("ended with %v", err)
	}
}

// An interrupt ends a run whose source waits, and what is known is told.
func TestInterruptWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newScript(2, io.EOF)
	s.wait = true
	c := counter{flushed: make(chan struct{})}
	go func() {
		<-c.flushed
		<-c.flushed
		cancel()
	}()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if r, err := run(ctx, s, &c); err != nil || c.connections != 2 || r.Capture.Packets != 2 {
			t.Errorf("%+v, %d connections, %v", r, c.connections, err)
		}
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("does not end")
	}
}

// finder is a Sink that keeps findings.
type finder struct {
	counter
	found []anomaly.Finding
}

func (f *finder) Finding(x *anomaly.Finding) { f.found = append(f.found, *x) }

// What a short capture has lost is known before its first packet is tracked, and is found at that packet, not in 1970.
func TestLossAtTheBeginning(t *testing.T) {
	src := newScript(1, io.EOF)
	src.stats.Dropped = 7
	var f finder
	if _, err := pipeline.Run(t.Context(), src, pipeline.Config{Sink: &f}); err != nil {
		t.Fatal(err)
	}
	if len(f.found) == 0 || f.found[0].Rule != &anomaly.CaptureLoss || f.found[0].Time != 1e6 || f.found[0].Since != 1e6 {
		t.Errorf("%+v", f.found)
	}
}
