package incident

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

func flowOf(n int) *tcp.FlowKey {
	return &tcp.FlowKey{A: tcp.AddrFrom4(0x0a000001), B: tcp.AddrFrom4(0x0a000002), PortA: uint16(n), PortB: 80}
}

// The ring agrees with a list of which only the latest that fit are looked at: what it holds is whole and in order, and
// what it has lost is the oldest.
func TestRingAgainstList(t *testing.T) {
	on := []*capture.Interface{{Name: "a"}, {Name: "b", Link: 1}}
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		r := NewRing(MinRing)
		largest := []int{60, 1500, 40_000, MinRing - ringHead}[seed%4]
		type kept struct {
			at   uint64
			flow int
			p    capture.Record
		}
		var list []kept
		for i := range 3000 {
			p := capture.Record{Number: uint64(2*i + 1), Time: int64(i) * 10, Length: i, Data: make([]byte, rnd.IntN(largest+1)), Interface: on[rnd.IntN(2)]}
			for j := range p.Data {
				p.Data[j] = byte(i + j)
			}
			flow := rnd.IntN(5)
			list = append(list, kept{r.push(&p, r.hash(flowOf(flow))), flow, p})
		}
		first := slices.IndexFunc(list, func(k kept) bool { return r.holds(k.at) })
		if first < 0 || uint64(first) != r.evicted || r.packets != 3000 || r.gone != list[first-1].p.Time {
			t.Fatalf("seed %d: the first held is %d, evicted %d, gone %d", seed, first, r.evicted, r.gone)
		}
		held := 0
		for _, k := range list[first:] {
			var p capture.Record
			if r.record(k.at, &p); !r.holds(k.at) || !bytes.Equal(p.Data, k.p.Data) || p.Number != k.p.Number || p.Time != k.p.Time || p.Length != k.p.Length || *p.Interface != *k.p.Interface {
				t.Fatalf("seed %d: %+v is not %+v", seed, p, k.p)
			}
			held += (ringHead + len(p.Data) + 7) &^ 7
		}
		if held+2*(largest+ringHead) < MinRing {
			t.Errorf("seed %d: holds %d octets only", seed, held)
		}
		for flow := range 6 {
			from := list[first+(len(list)-first)/2].p.Time
			var want, all []uint64
			for _, k := range slices.Backward(list[first:]) {
				if k.flow == flow && k.p.Time >= from {
					want = append(want, k.at)
				}
			}
			if all = r.find(nil, r.hash(flowOf(flow)), from); !slices.Equal(all, want) {
				t.Fatalf("seed %d, flow %d: %v, not %v", seed, flow, all, want)
			}
		}
		last := list[len(list)-1]
		if got := r.flows([]uint64{0, list[first].p.Number, last.p.Number, 1 << 40}); !slices.Equal(got, []uint64{r.hash(flowOf(list[first].flow)), r.hash(flowOf(last.flow))}) &&
			first != len(list)-1 {
			t.Errorf("seed %d: flows %v", seed, got)
		}
	}
}

// Keeping a packet allocates nothing, and what is larger than the ring is refused.
func TestRingAllocatesNothing(t *testing.T) {
	r := NewRing(MinRing)
	p := capture.Record{Data: make([]byte, 300), Interface: &capture.Interface{}}
	flow := flowOf(1)
	if n := testing.AllocsPerRun(1000, func() { r.push(&p, r.hash(flow)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	p.Data = make([]byte, MinRing)
	if r.push(&p, 1) != 0 || r.refused != 1 {
		t.Error("a packet as large as the ring is kept")
	}
}

func BenchmarkRing(b *testing.B) {
	r := NewRing(64 << 20)
	p := capture.Record{Data: make([]byte, 256), Interface: &capture.Interface{}}
	for i := range b.N {
		r.push(&p, r.hash(flowOf(i&1023)))
	}
}
