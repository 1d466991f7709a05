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
		{Time: 10_000_000}, {End: true},
	}
	want := map[int]int{0: 3, 1: 5, 2: 2, 3: 10, 4: 1, 7: 0, 8: 10, 9: 10} // the sixth and the seventh lie beyond the end
	got := map[int]int{}
	_, err := pipeline.Run(context.Background(), pipeline.Segments(segs), pipeline.Config{Sink: &counter{}, Moments: moments,
		At: func(moment int, _ int64, living iter.Seq[tracker.View]) { got[moment] = len(slices.Collect(living)) }})
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("connections at the moments: %v, want %v; %v", got, want, err)
	}
}

// One that comes again does so as long as the capture lasts, the last of a long silence alone.
func TestMomentsComeAgain(t *testing.T) {
	var segs []tcp.Segment
	for _, b := range newScript(10, nil).batches { // one each millisecond
		segs = append(segs, b...)
	}
	late := segs[len(segs)-1]
	late.Number++
	late.Time += 10_000e9
	var times []int64
	_, err := pipeline.Run(context.Background(), pipeline.Segments(append(segs, late)), pipeline.Config{Sink: &counter{},
		Moments: []pipeline.Moment{{Time: 3e6, Since: true, Every: 3e6}},
		At:      func(_ int, now int64, _ iter.Seq[tracker.View]) { times = append(times, now-segs[0].Time) }})
	want := []int64{3e6, 6e6, 9e6, 10_000_008e6}
	if err != nil || !slices.Equal(times, want) {
		t.Errorf("at %v, want %v; %v", times, want, err)
	}
}

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]pipeline.Moment{
		"8.0s": {Time: 8e9, Since: true}, "1m 5s": {Time: 65e9, Since: true}, "#902": {Packet: 902}, "1970-01-01T00:00:01.5Z": {Time: 1_500_000_000},
	} {
		if got, err := pipeline.ParseMoment(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "8", "#0", "#x", "-1s", "soon"} {
		if _, err := pipeline.ParseMoment(text); err == nil {
			t.Errorf("%q is taken for a moment", text)
		}
	}
}
