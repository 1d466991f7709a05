package pipeline_test

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/traffic"
)

// threadTime is the processor time of this thread: what another process takes of a shared machine is not in it.
func threadTime() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return t.Nano()
}

// many is connections that live all at once and speak in turn, none twice in a row; each round takes 20 ms.
func many(flows int) traffic.Shape {
	return traffic.Shape{Flows: flows, Exchanges: 1 << 10, Answer: 4, Octets: 1200, Snap: 96, Gap: int(20e6) / flows, Together: true, Clean: true}
}

// BenchmarkGrowth follows ever more connections and tells the time of a packet when all are there and every packet is
// another's, the longest batch of 64 packets from the first connection on, in which tables grow, and what the collector
// marks in one cycle. All is processor time of the goroutine that tracks.
func BenchmarkGrowth(b *testing.B) {
	for _, size := range []struct {
		name  string
		flows int
	}{{"flows=1k", 1000}, {"flows=1M", 1_000_000}, {"flows=10M", 10_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			if size.flows > 1_000_000 && !*long {
				b.Skip("takes 9 GiB: go test -bench Growth ./internal/pipeline -long")
			}
			b.ReportAllocs()
			var packet, begin, longest, marked float64
			for b.Loop() {
				handshakes, after := 3*size.flows, 4_000_000
				// A round in which each connection first carries data is not counted, nor what it allocates.
				s := newSpared(b, many(size.flows), handshakes+3*size.flows+after, threadTime)
				var built, warm int64
				s.after = func(read int) {
					if read <= handshakes {
						built = s.spent
					}
					if read <= handshakes+3*size.flows {
						warm = s.spent
					}
				}
				s.last = func() { marked = marking() }
				if _, err := pipeline.Run(context.Background(), s, pipeline.Config{Sink: deaf{}, CountFindings: true}); err != nil {
					b.Fatal(err)
				}
				packet += float64(s.spent-warm) / float64(after)
				begin += float64(built) / float64(handshakes)
				longest = max(longest, float64(s.longest)/1e6)
			}
			b.ReportMetric(packet/float64(b.N), "ns/packet")
			b.ReportMetric(begin/float64(b.N), "ns/handshake-packet")
			b.ReportMetric(longest, "longest-ms")
			b.ReportMetric(marked, "marking-ms/gc")
		})
	}
}

// marking is what one cycle of the collector spends on marking, in milliseconds of processor time: the least of five.
func marking() float64 {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	sum := func() (s float64) {
		metrics.Read(samples)
		for _, v := range samples {
			s += v.Value.Float64()
		}
		return s
	}
	least := 0.0
	for i := range 5 {
		runtime.GC()
		was := sum()
		runtime.GC()
		if took := (sum() - was) * 1000; i == 0 || took < least {
			least = took
		}
	}
	return least
}

// BenchmarkMemory tells what a connection costs in resident memory, when the collector has just run and at most: half
// open (the SYN of a flood), and with data both ways.
func BenchmarkMemory(b *testing.B) {
	for _, kind := range []struct {
		name  string
		shape traffic.Shape
		each  int // packets of a connection
		bound int // of connections; 0: none
	}{
		{"half-open", traffic.Shape{Flows: 1, Gap: 1000}, 1, 0},
		{"half-open/bound=100k", traffic.Shape{Flows: 1, Gap: 1000}, 1, 100_000},
		{"data", many(500_000), 11, 0},
	} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			flows := max(kind.shape.Flows, 1_000_000)
			kept := flows
			if kind.bound > 0 {
				kept = kind.bound
			} else if kind.shape.Flows > 1 {
				flows, kept = kind.shape.Flows, kind.shape.Flows
			}
			var settled, most uint64
			for b.Loop() {
				s := newSpared(b, kind.shape, flows*kind.each, func() int64 { return 0 })
				debug.FreeOSMemory()
				before := status(b, "VmRSS")
				if os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) != nil {
					b.Skip("cannot begin anew to measure the most memory")
				}
				s.last = func() {
					most = status(b, "VmHWM") - before
					debug.FreeOSMemory()
					settled = status(b, "VmRSS") - before
				}
				if _, err := pipeline.Run(context.Background(), s, pipeline.Config{Sink: deaf{}, CountFindings: true, MaxConnections: kind.bound}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(settled)/float64(kept), "B/conn")
			b.ReportMetric(float64(most)/float64(kept), "most-B/conn")
		})
	}
}

// status is a value of /proc/self/status in octets.
func status(b *testing.B, key string) uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("needs /proc to tell what is resident")
	}
	_, rest, _ := strings.Cut(string(text), key+":")
	line, _, _ := strings.Cut(rest, " kB")
	kb, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb << 10
}
