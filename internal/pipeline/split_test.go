package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/internal/traffic"
)

// ready is a Source that several goroutines may track; now and then it has lost packets.
type ready struct {
	capture.Source
	loses bool
	reads int
	lost  uint64
}

func (r *ready) Ready() bool { return true }
func (r *ready) Eager() bool { return false }

func (r *ready) Read(segs []tcp.Segment) (int, error) {
	if r.reads++; r.loses && r.reads%40 == 0 {
		r.lost += 3
	}
	return r.Source.Read(segs)
}

func (r *ready) Stats() capture.Stats {
	s := r.Source.Stats()
	s.Dropped += r.lost
	return s
}

// four lets four goroutines run, whatever the machine has.
func four(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(was, 4))
	t.Cleanup(func() { runtime.GOMAXPROCS(was) })
}

// mixed is what all traces of the project tell, many times over and at once, between other hosts each time; of the frames
// some come twice, and some are stamped too early.
func mixed(t *testing.T) []tcp.Segment {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 11))
	var all []tcp.Segment
	err := filepath.WalkDir("../../tracker", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".trace") {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		told, err := trace.Parse(file, text)
		if err != nil {
			return err
		}
		for range 12 {
			host, later := r.Uint64N(1<<16)<<8, r.Int64N(20e9)
			for i := range told.Items {
				if told.Items[i].Kind == trace.Segment {
					all = append(all, elsewhere(told.Items[i].Segment, host, later-told.Origin))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b tcp.Segment) int { return int(a.Time - b.Time) })
	var segs []tcp.Segment
	for _, s := range all {
		segs = append(segs, s)
		switch r.IntN(100) {
		case 0, 1:
			s.Time += r.Int64N(1e6)
			segs = append(segs, s)
		case 2, 3:
			segs[len(segs)-1].Time -= r.Int64N(1e9)
		}
	}
	for i := range segs {
		segs[i].Time += 1e18
		segs[i].Number = uint64(i + 1)
	}
	return segs
}

// elsewhere is the segment between other hosts, and later.
func elsewhere(s tcp.Segment, host uint64, later int64) tcp.Segment {
	src, dst := s.Ends()
	src.Addr.Lo ^= host
	dst.Addr.Lo ^= host
	s.Flow, s.Dir = tcp.MakeFlow(src.Addr, dst.Addr, src.Port, dst.Port, src.V6)
	s.Time += later
	return s
}

// TestSplit: several goroutines count what one does.
func TestSplit(t *testing.T) {
	four(t)
	mix := mixed(t)
	open := map[string]func() capture.Source{
		"mixed":       func() capture.Source { return pipeline.Segments(mix) },
		"mixed, lost": func() capture.Source { return &ready{Source: pipeline.Segments(mix), loses: true} },
	}
	for name, b := range samples(t) {
		open[name] = func() capture.Source { return stream(t, bytes.NewReader(b)) }
	}
	clean := open["K"]
	open["K, lost"] = func() capture.Source { return &ready{Source: clean(), loses: true} }
	for name, open := range open {
		count := func(jobs int) (pipeline.Result, string) {
			cfg := pipeline.Config{Sink: deaf{}, CountFindings: true, Jobs: jobs, Again: func() (capture.Source, error) {
				t.Errorf("%s: %d begin anew", name, jobs)
				return open(), nil
			}}
			src, ok := open().(*ready)
			if !ok {
				src = &ready{Source: open()}
			}
			r, err := pipeline.Run(t.Context(), src, cfg)
			if err != nil {
				t.Fatal(err)
			}
			return r, fmt.Sprintf("%+v", r)
		}
		one, want := count(1)
		for jobs := 2; jobs <= 4; jobs++ {
			if _, got := count(jobs); got != want {
				t.Errorf("%s: %d count %s\nwant %s", name, jobs, got, want)
			}
		}
		if name == "K, lost" && one.Findings["capture-loss"] != 1 {
			t.Errorf("%s: no loss is found: %s", name, want)
		}
		if strings.HasPrefix(name, "mixed") && (len(one.Findings) < 30 || one.Tracker.Duplicates < 100 || one.Tracker.TimeBackwards < 100) {
			t.Errorf("%s shows too little: %s", name, want)
		}
	}
}

// TestSplitComesToABound: where there are more connections than the bound, one goroutine begins anew, and what is evicted
// is what it evicts.
func TestSplitComesToABound(t *testing.T) {
	four(t)
	open := func() capture.Source {
		b := traffic.Capture(traffic.Shapes[3], 1, traffic.Pcap, 100_000)
		return &ready{Source: stream(t, bytes.NewReader(b))}
	}
	before := runtime.NumGoroutine()
	for _, bound := range []int{1 << 16, 99_000, 100_000, 200_000} {
		count := func(jobs int) (r pipeline.Result, begun int) {
			r, err := pipeline.Run(t.Context(), open(), pipeline.Config{Sink: deaf{}, CountFindings: true, Jobs: jobs, MaxConnections: bound, Again: func() (capture.Source, error) {
				begun++
				return open(), nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			return r, begun
		}
		want, _ := count(1)
		got, begun := count(2)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || begun == 0 != (bound > 110_000) || want.Tracker.Evicted != uint64(max(100_000-bound, 0)) {
			t.Errorf("bound %d: begun anew %d times, %+v\nwant %+v", bound, begun, got, want)
		}
	}
	if _, err := pipeline.Run(t.Context(), open(), pipeline.Config{Sink: deaf{}, CountFindings: true, Jobs: 2, MaxConnections: 1 << 16, Again: func() (capture.Source, error) {
		return nil, errFaulty
	}}); err != errFaulty {
		t.Errorf("a file that is gone at the second look: %v", err)
	}
	settles(t, before)
}

// TestSplitByItself: by itself a run is split only if that pays.
func TestSplitByItself(t *testing.T) {
	four(t)
	for _, c := range []struct {
		name  string
		shape int
		size  int64
		cfg   pipeline.Config
		want  bool
	}{
		{"many flows", 2, 1 << 30, pipeline.Config{CountFindings: true}, true},
		{"a small file", 2, 1 << 20, pipeline.Config{CountFindings: true}, false},
		{"one flow", 4, 1 << 30, pipeline.Config{CountFindings: true}, false},
		{"one is asked for", 2, 1 << 30, pipeline.Config{CountFindings: true, Jobs: 1}, false},
		{"connections are told", 2, 1 << 30, pipeline.Config{CountFindings: true, Connections: true}, false},
		{"findings are told", 2, 1 << 30, pipeline.Config{}, false},
		{"a bound is near", 2, 1 << 30, pipeline.Config{CountFindings: true, MaxConnections: 1000}, false},
	} {
		b := traffic.Capture(traffic.Shapes[c.shape], 1, traffic.Pcap, 50_000)
		before, most := runtime.NumGoroutine(), 0
		c.cfg.Sink = deaf{}
		c.cfg.Again = func() (capture.Source, error) { return nil, errFaulty }
		c.cfg.Progress = func(capture.Stats) { most = max(most, runtime.NumGoroutine()-before) }
		if _, err := pipeline.Run(t.Context(), &sized{ready{Source: stream(t, bytes.NewReader(b))}, c.size}, c.cfg); err != nil {
			t.Fatal(err)
		}
		if got := most >= 4; got != c.want {
			t.Errorf("%s: split is %v (%d goroutines)", c.name, got, most)
		}
	}
}

// sized is a Source of that many octets.
type sized struct {
	ready
	size int64
}

func (s *sized) Stats() capture.Stats {
	st := s.ready.Stats()
	st.Size = s.size
	return st
}

// TestInterruptSplit: all that was read is counted, and no goroutine is left.
func TestInterruptSplit(t *testing.T) {
	four(t)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	src := &ready{Source: &endless{closed: make(chan struct{})}}
	r, err := pipeline.Run(ctx, src, pipeline.Config{
		Sink: deaf{}, CountFindings: true, Jobs: 3, Again: func() (capture.Source, error) { return nil, errFaulty },
		Progress: func(s capture.Stats) {
			if s.Packets > 50_000 {
				cancel()
			}
		},
	})
	if err != nil || r.Capture.Packets <= 50_000 || r.Tracker.Segments != r.Capture.Packets || r.Tracker.Connections != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	settles(t, before)
}

// TestFailureSplit: what came before an error is counted, and the error is told.
func TestFailureSplit(t *testing.T) {
	four(t)
	before := runtime.NumGoroutine()
	src := &ready{Source: &faulty{endless: endless{closed: make(chan struct{})}, left: 100}}
	r, err := pipeline.Run(t.Context(), src, pipeline.Config{Sink: deaf{}, CountFindings: true, Jobs: 2, Again: func() (capture.Source, error) { return nil, errFaulty }})
	if !errors.Is(err, errFaulty) || r.Capture.Packets != 6400 || r.Tracker.Segments != 6400 || r.Tracker.Connections != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	settles(t, before)
}
