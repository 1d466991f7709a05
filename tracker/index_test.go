package tracker

import (
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// TestIndexAgainstMap adds, finds, renumbers and removes at random, with hashes that collide, while the table grows.
func TestIndexAgainstMap(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		x := newIndex(seed + 1)
		model := map[uint32]uint32{} // number to hash
		var numbers []uint32
		find := func(h, n uint32) bool {
			for _, slots := range [][]uint64{x.slots, x.old} {
				for i, found := h, uint32(1); found != 0 && slots != nil; {
					if found, i = search(slots, h, i); found == n {
						return true
					}
				}
			}
			return false
		}
		next := uint32(2)
		hash := func() uint32 {
			if r.IntN(4) == 0 {
				return uint32(r.IntN(8)) << 28 // all in one place of a small table
			}
			return r.Uint32() >> r.IntN(20)
		}
		for step := range 12_000 {
			switch k := r.IntN(10); {
			case k < 5 || len(numbers) == 0:
				h := hash()
				x.add(h, next)
				model[next] = h
				numbers = append(numbers, next)
				next++
			case k < 8:
				i := r.IntN(len(numbers))
				n := numbers[i]
				x.remove(model[n], n)
				if find(model[n], n) {
					t.Fatalf("seed %d step %d: %d is found after its removal", seed, step, n)
				}
				delete(model, n)
				numbers[i] = numbers[len(numbers)-1]
				numbers = numbers[:len(numbers)-1]
			default:
				i := r.IntN(len(numbers))
				n := numbers[i]
				x.renumber(model[n], n, next)
				model[next] = model[n]
				delete(model, n)
				numbers[i] = next
				next++
			}
			if step%2000 != 0 {
				continue
			}
			for n, h := range model {
				if !find(h, n) {
					t.Fatalf("seed %d step %d: %d with hash %#x is not found", seed, step, n, h)
				}
			}
			if x.used != len(model) {
				t.Fatalf("seed %d step %d: %d used, want %d", seed, step, x.used, len(model))
			}
		}
	}
}

// TestIndexGrowsStepByStep: no single entry waits for the whole table to move.
func TestIndexGrowsStepByStep(t *testing.T) {
	x := newIndex(1)
	r := rand.New(rand.NewPCG(1, 1))
	for n := uint32(2); n < 200_000; n++ {
		old, moved, fresh, ready := x.old, x.moved, x.fresh, x.ready
		x.add(r.Uint32(), n)
		if fresh == nil {
			ready = 0
		}
		if x.fresh != nil && x.ready-ready > 32 {
			t.Fatalf("entry %d made %d slots ready", n, x.ready-ready)
		}
		if fresh == nil && x.old != nil && old == nil {
			t.Fatalf("entry %d took slots into use that nobody had made ready", n)
		}
		if old != nil && x.old != nil && x.moved-moved > movesAtOnce {
			t.Fatalf("entry %d moved %d others", n, x.moved-moved)
		}
		if x.used > len(x.slots)/8*7 {
			t.Fatalf("%d entries in %d slots", x.used, len(x.slots))
		}
	}
}

// TestHashSpreads: neighbouring addresses and ports do not land in neighbouring slots, in either family.
func TestHashSpreads(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		x := newIndex(7)
		seen := map[uint32]int{}
		const flows, places = 1 << 16, 1 << 14
		for i := range uint64(flows) {
			a, b := tcp.AddrFrom4(0x0a000001+uint32(i>>8)), tcp.AddrFrom4(0x0a630001)
			if v6 {
				a, b = tcp.Addr{Hi: 0x20010db8 << 32, Lo: i >> 8}, tcp.Addr{Hi: 0x20010db8 << 32, Lo: 1 << 32}
			}
			k, _ := tcp.MakeFlow(a, b, uint16(40000+i&0xff), 80, v6)
			seen[x.hash(&k)%places]++
		}
		most := 0
		for _, n := range seen {
			most = max(most, n)
		}
		if len(seen) < places*9/10 || most > 24 { // four each on average: Poisson leaves 2 % empty, and 24 has a chance of 1e-11
			t.Errorf("v6 %v: %d of %d places used, the fullest by %d", v6, len(seen), places, most)
		}
	}
}
