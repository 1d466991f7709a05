package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/traffic"
)

var long = flag.Bool("long", false, "benchmarks of ten million connections too: some minutes and 9 GiB")

// BenchmarkRead is the whole way from the octets of a capture to all states and findings, for each kind of traffic.
func BenchmarkRead(b *testing.B) {
	for _, format := range []struct {
		name string
		is   traffic.Format
	}{{"pcap", traffic.Pcap}, {"pcapng", traffic.Pcapng}} {
		for _, shape := range traffic.Shapes {
			b.Run(format.name+"/"+shape.Name, func(b *testing.B) {
				packets := 1_000_000
				if shape.Snap == 0 && shape.Octets > 0 {
					packets = 200_000
				}
				file := traffic.Capture(shape, 1, format.is, packets)
				b.ReportAllocs()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				for b.Loop() {
					read(b, bytes.NewReader(file), packets, pipeline.Config{Sink: deaf{}, CountFindings: true})
				}
				runtime.ReadMemStats(&after)
				n := float64(b.N) * float64(packets)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/packet")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/packet")
			})
		}
	}
}

// BenchmarkJobs is Read by the clock on the wall, with one goroutine that tracks and with several.
func BenchmarkJobs(b *testing.B) {
	const packets = 1_000_000
	for _, shape := range traffic.Shapes[1:4] {
		file := traffic.Capture(shape, 1, traffic.Pcap, packets)
		for _, jobs := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("%s/%d", shape.Name, jobs), func(b *testing.B) {
				if n := runtime.GOMAXPROCS(0); n < jobs {
					b.Skipf("%d processors", n)
				}
				for b.Loop() {
					read(b, bytes.NewReader(file), packets, pipeline.Config{Sink: deaf{}, CountFindings: true, Jobs: jobs, Again: func() (capture.Source, error) {
						return nil, errors.New("a bound is near")
					}})
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/packets, "ns/packet")
			})
		}
	}
}

// read runs a capture of so many packets through the pipeline.
func read(b *testing.B, file io.Reader, packets int, cfg pipeline.Config) pipeline.Result {
	r, err := pipeline.Run(context.Background(), &ready{Source: stream(b, file)}, cfg)
	if err != nil || r.Tracker.Segments != uint64(packets) {
		b.Fatalf("%d segments, not %d: %v", r.Tracker.Segments, packets, err)
	}
	return r
}

// stream opens a capture that comes through a pipe.
func stream(tb testing.TB, from io.Reader) capture.Source {
	tb.Helper()
	src, err := capture.Open([]string{"-"}, capture.Options{Stdin: from})
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// spared hands out the segments of generated traffic, up to a number, and times whoever takes them: not how they are made.
type spared struct {
	from    capture.Source
	left    int
	clock   func() int64 // nanoseconds
	after   func(read int)
	last    func() // called once, before the end
	buffer  []tcp.Segment
	pending []tcp.Segment
	stats   capture.Stats

	read    int
	began   int64 // when the last batch was handed out
	spent   int64 // nanoseconds until it was taken, of all batches
	longest int64 // of one
}

func newSpared(b *testing.B, shape traffic.Shape, packets int, clock func() int64) *spared {
	return &spared{from: stream(b, traffic.NewReader(shape, 1, traffic.Pcap)), left: packets, clock: clock, buffer: make([]tcp.Segment, 1<<14)}
}

func (s *spared) Read(segs []tcp.Segment) (int, error) {
	if s.read == 0 {
		runtime.LockOSThread() // the clock may be a thread's
	} else {
		took := s.clock() - s.began
		s.spent += took
		s.longest = max(s.longest, took)
		if s.after != nil {
			s.after(s.read)
		}
	}
	for len(s.pending) == 0 && s.left > 0 {
		n := 0
		for n < len(s.buffer) {
			m, err := s.from.Read(s.buffer[n:])
			if err != nil {
				return 0, err
			}
			n += m
		}
		s.pending = s.buffer[:min(n, s.left)]
		s.left -= len(s.pending)
	}
	if len(s.pending) == 0 {
		if s.last != nil {
			s.last()
		}
		return 0, io.EOF
	}
	n := copy(segs, s.pending)
	s.pending = s.pending[n:]
	s.read += n
	s.stats.Packets += uint64(n)
	s.stats.Segments += uint64(n)
	s.began = s.clock()
	return n, nil
}

func (s *spared) Stats() capture.Stats { return s.stats }
func (s *spared) Close() error         { return nil }
