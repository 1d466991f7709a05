package traffic_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/iotest"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/traffic"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// A capture depends on shape and seed alone, not on how it is read.
func TestPure(t *testing.T) {
	shape := traffic.Shapes[0]
	shape.Flows = 20
	for _, format := range []traffic.Format{traffic.Pcap, traffic.Pcapng} {
		want := traffic.Capture(shape, 1, format, 500)
		again, err := io.ReadAll(io.LimitReader(iotest.HalfReader(traffic.NewReader(shape, 1, format)), int64(len(want))))
		if err != nil || !bytes.Equal(again, want) {
			t.Errorf("format %d: read otherwise than made (%v)", format, err)
		}
		if bytes.Equal(traffic.Capture(shape, 2, format, 500), want) {
			t.Errorf("format %d: two seeds make the same", format)
		}
	}
}

// tally counts the lines.
type tally struct{ connections, guessed, reused int }

func (*tally) Transition(*tracker.Transition) {}
func (*tally) Finding(*anomaly.Finding)       {}
func (*tally) Flush() error                   { return nil }

func (t *tally) Connection(c *tracker.Connection) {
	t.connections++
	if c.Guessed {
		t.guessed++
	}
	if len(c.Streams) > 1 {
		t.reused++
	}
}

// The tracker finds in each shape what it is made of: whole connections, each on ports of its own, with good sums, in
// all the ways to end that it has; and the same in either format.
func TestShapes(t *testing.T) {
	const packets = 60_000
	for _, shape := range traffic.Shapes {
		shape.Flows = min(shape.Flows, 500)
		var both [2]pipeline.Result
		for _, format := range []traffic.Format{traffic.Pcap, traffic.Pcapng} {
			src, err := capture.Open([]string{"-"}, capture.Options{Stdin: bytes.NewReader(traffic.Capture(shape, 7, format, packets))})
			if err != nil {
				t.Fatal(err)
			}
			var lines tally
			r, err := pipeline.Run(context.Background(), src, pipeline.Config{Sink: &lines, Connections: true})
			if err != nil {
				t.Fatal(err)
			}
			both[format] = r
			if r.Tracker.Segments != packets || r.Tracker.BadChecksums+r.Tracker.Offloaded+r.Tracker.TimeBackwards+r.Tracker.Duplicates != 0 {
				t.Errorf("%s: %+v", shape.Name, r.Tracker)
			}
			if lines.guessed+lines.reused > 0 || uint64(lines.connections) != r.Tracker.Connections {
				t.Errorf("%s: %d connections without a beginning, %d on ports of another, of %d", shape.Name, lines.guessed, lines.reused, lines.connections)
			}
			if shape.Clean != (r.Findings["connection-refused"] == 0) && shape.Exchanges > 0 {
				t.Errorf("%s: findings %v", shape.Name, r.Findings)
			}
		}
		if both[0].Tracker != both[1].Tracker {
			t.Errorf("%s: pcap %+v, pcapng %+v", shape.Name, both[0].Tracker, both[1].Tracker)
		}
		t.Logf("%s: %d connections, findings %v", shape.Name, both[0].Tracker.Connections, both[0].Findings)
	}
}
