package pipeline_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Moments come where they lie, however the segments are batched: ten connections, one each millisecond.
func TestMoments(t *testing.T) {
	var segs []tcp.Segment
	for _, b := range newScript(10, nil).batches {
		segs = append(segs, b...)
	}
	moments := []pipeline.Moment{
		{Packet: 3}, {Time: 4_500_000, Since: true}, {Time: 2_000_000}, {Packet: 10}, {Time: 0, Since: true}, {Packet: 11}, {Time: 9_000_001, Since: true}, {Time: 500_000},
		{Time: 10_000_000},
	}
	want := map[int]int{0: 3, 1: 5, 2: 2, 3: 10, 4: 1, 7: 0, 8: 10} // the sixth and the seventh lie beyond the end
	got := map[int]int{}
	_, err := pipeline.Run(context.Background(), pipeline.Segments(segs), pipeline.Config{Sink: &counter{}, Moments: moments,
		At: func(moment int, living iter.Seq[tracker.View]) { got[moment] = len(slices.Collect(living)) }})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("connections at the moments: %v, want %v; %v", got, want, err)
	}
}
