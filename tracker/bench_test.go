package tracker

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// BenchmarkObserve: nanoseconds a packet, states on, nobody listening. The traffic is made outside the clock.
func BenchmarkObserve(b *testing.B) {
	for _, shape := range []struct {
		name        string
		flows, data int
	}{
		{"elephant", 1, 1 << 30},
		{"flows=1k", 1000, 20},
		{"flows=50k", 50_000, 20},
		{"flows=1M", 1_000_000, 20},
	} {
		b.Run(shape.name, func(b *testing.B) {
			b.ReportAllocs()
			tr := New(Config{Seed: 1})
			gen := newTraffic(shape.flows, shape.data)
			segs := make([]tcp.Segment, 8192)
			fill := func() {
				for i := range segs {
					gen.next(&segs[i])
				}
			}
			for warm := 0; warm < 4*shape.flows; warm += len(segs) {
				fill()
				tr.Observe(segs)
			}
			at := len(segs)
			for b.Loop() {
				if at == len(segs) {
					b.StopTimer()
					fill()
					at = 0
					b.StartTimer()
				}
				tr.Observe(segs[at : at+32])
				at += 32
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/packet")
		})
	}
	b.Run("flood", func(b *testing.B) {
		b.ReportAllocs()
		tr := New(Config{Seed: 1, MaxConnections: 1 << 20})
		segs := make([]tcp.Segment, 32)
		id := uint32(0)
		for b.Loop() {
			for i := range segs {
				segs[i] = syn(id, 1e18+int64(id)*1000)
				id++
			}
			tr.Observe(segs)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/packet")
	})
}

// TestObserveDoesNotAllocate: not in steady state, with connections that come and go among those that live.
func TestObserveDoesNotAllocate(t *testing.T) {
	for _, flows := range []int{1, 1000} {
		tr := New(Config{Seed: 1, Sink: nobody{}, Transitions: true, Connections: true, Zeek: true, Analysis: true})
		gen := newTraffic(flows, 10)
		segs := make([]tcp.Segment, 64)
		step := func() {
			for i := range segs {
				gen.next(&segs[i])
			}
			tr.Observe(segs)
		}
		for range 1500 {
			step()
		}
		if n := testing.AllocsPerRun(500, step); n != 0 {
			t.Errorf("%d flows: %v allocations in 64 packets", flows, n)
		}
		if s := tr.Stats(); s.Transitions == 0 || s.Connections < uint64(2*flows) || s.Live == int(s.Connections) {
			t.Errorf("%d flows: nothing happened: %+v", flows, s)
		}
	}
}

type nobody struct{}

func (nobody) Transition(*Transition) {}
func (nobody) Connection(*Connection) {}
