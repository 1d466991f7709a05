package main

import (
	"context"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// arrivals notes after how many segments each event came.
type arrivals struct {
	segments                           int
	transitions, findings, connections []int
}

func (a *arrivals) Transition(*tracker.Transition) { a.transitions = append(a.transitions, a.segments) }
func (a *arrivals) Finding(*anomaly.Finding)       { a.findings = append(a.findings, a.segments) }
func (a *arrivals) Connection(*tracker.Connection) { a.connections = append(a.connections, a.segments) }
func (a *arrivals) Flush() error                   { return nil }

// one gives a source's segments one by one, as an interface does.
type one struct{ capture.Source }

func (s one) Read(segs []tcp.Segment) (int, error) { return s.Source.Read(segs[:1]) }

// sifted runs the hanging connection, with 28 segments, through a sieve.
func sifted(t *testing.T, where string, set func(*sieve)) (*arrivals, *sieve) {
	t.Helper()
	want, err := query.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	src, err := capture.Open([]string{"../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &arrivals{}
	s := newSieve(a, want, false)
	set(s)
	_, err = pipeline.Run(context.Background(), one{src}, pipeline.Config{Sink: s, Transitions: true, Connections: true,
		Segments: func(segs []tcp.Segment) { a.segments += len(segs) }})
	if err != nil {
		t.Fatal(err)
	}
	return a, s
}

func TestSieve(t *testing.T) {
	files := func(*sieve) {}
	atOnce := func(s *sieve) { s.atOnce = true }
	all, _ := sifted(t, "port:10024", files)
	if len(all.transitions) < 5 || len(all.findings) < 2 || all.transitions[0] != 28 || all.findings[0] != 28 || len(all.connections) != 1 {
		t.Errorf("of a file everything comes with the connection's line: %+v", all)
	}
	live, _ := sifted(t, "port:10024", atOnce)
	if len(live.transitions) != len(all.transitions) || len(live.findings) != len(all.findings) || live.transitions[0] != 1 || live.findings[0] == 28 {
		t.Errorf("live, everything comes at once: %+v", live)
	}
	// The state is reached in the midst; what came before is shown then.
	late, _ := sifted(t, "finding:zero-window-stall", atOnce)
	if len(late.transitions) != len(all.transitions) || late.transitions[0] < 2 || late.transitions[0] != late.findings[0] {
		t.Errorf("what waits is shown with the first that is meant: %+v", late)
	}
	none, s := sifted(t, "port:22", atOnce)
	if len(none.transitions)+len(none.findings)+len(none.connections) > 0 || s.waiting != 0 || len(s.held) != 0 {
		t.Errorf("what is not meant is not shown, nor kept: %+v", none)
	}
	// At its bound it decides by what is known.
	tight, s := sifted(t, "finding:zero-window-stall", func(s *sieve) { s.bound = 2 })
	if len(tight.transitions) >= len(all.transitions) || len(tight.findings) != len(all.findings) || s.told.Hurried == 0 || s.waiting != 0 {
		t.Errorf("at the bound: %+v, %+v", tight, s.told)
	}
}
