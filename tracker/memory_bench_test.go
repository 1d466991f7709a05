package tracker

import (
	"testing"
	"unsafe"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// BenchmarkMemory tells what a connection with data both ways takes, entry and the rest apart, in octets of what has
// been allocated: the entry and its slot in the index, which every packet needs; the side arenas, for what few
// connections have; the timers; and what is asked for beside the states: the blame line, Zeek's record, Wireshark's marks.
func BenchmarkMemory(b *testing.B) {
	const flows = 100_000
	for _, all := range []bool{false, true} {
		name := "states"
		if all {
			name = "everything"
		}
		b.Run(name, func(b *testing.B) {
			var tr *Tracker
			for b.Loop() {
				tr = New(Config{Seed: 1, Sink: nobody{}, Connections: true, Blame: all, Zeek: all, Analysis: all})
				gen := newTraffic(flows, 1<<20)
				segs := make([]tcp.Segment, 1024)
				for range 12 * flows / len(segs) {
					for i := range segs {
						gen.next(&segs[i])
					}
					tr.Observe(segs)
				}
			}
			per := func(octets int) float64 { return float64(octets) / float64(tr.Stats().Live) }
			b.ReportMetric(per(size(&tr.conns)+8*(len(tr.index.slots)+len(tr.index.old)+len(tr.index.fresh))), "entry-B/conn")
			b.ReportMetric(per(size(&tr.waits)+size(&tr.asides)+size(&tr.stubs.arena)), "side-B/conn")
			b.ReportMetric(per(alarmsOf(tr)), "timers-B/conn")
			b.ReportMetric(per(size(&tr.blames)), "blame-B/conn")
			b.ReportMetric(per(size(&tr.zeeks.arena)), "zeek-B/conn")
			b.ReportMetric(per(size(&tr.analyses.arena)+size(&tr.analyses.tallies)), "analysis-B/conn")
		})
	}
}

// size is what an arena has allocated, and not given back.
func size[T any](a *arena[T]) int {
	octets := a.kept * arenaChunk * int(unsafe.Sizeof(*new(T)))
	for i := range a.rooms {
		octets += 2 * cap(a.rooms[i].free)
	}
	return octets
}

// alarmsOf is what the timers have allocated.
func alarmsOf(t *Tracker) int { return t.timers.chunks.made * int(unsafe.Sizeof(chunk{})) }
