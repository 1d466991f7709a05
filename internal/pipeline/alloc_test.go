package pipeline_test

import (
	"bytes"
	"context"
	"runtime"
	"testing"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/traffic"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// TestNoAllocationPerPacket: capture, tracker and judges together allocate for what they begin, not for what they read:
// three times the packets of the same connections cost no more.
func TestNoAllocationPerPacket(t *testing.T) {
	const packets = 60_000
	mallocs := func(packets int) uint64 {
		shape := traffic.Shape{Flows: 500, Exchanges: 1 << 10, Answer: 4, Octets: 100, Gap: 10_000, Together: true, Clean: true}
		src := stream(t, bytes.NewReader(traffic.Capture(shape, 1, traffic.Pcap, packets)))
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := pipeline.Run(context.Background(), src, pipeline.Config{Sink: deaf{}, Transitions: true, Connections: true})
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if r.Tracker.Segments != uint64(packets) || r.Tracker.Connections != uint64(shape.Flows) {
			t.Fatalf("%d segments of %d connections, want %d of %d", r.Tracker.Segments, r.Tracker.Connections, packets, shape.Flows)
		}
		return after.Mallocs - before.Mallocs
	}
	mallocs(packets) // what is allocated once
	few, many := mallocs(packets), mallocs(3*packets)
	if many > few+200 {
		t.Errorf("%d allocations for %d packets, %d for %d", few, packets, many, 3*packets)
	}
}

type deaf struct{}

func (deaf) Transition(*tracker.Transition) {}
func (deaf) Connection(*tracker.Connection) {}
func (deaf) Finding(*anomaly.Finding)       {}
func (deaf) Flush() error                   { return nil }
