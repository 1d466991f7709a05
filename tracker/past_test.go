package tracker

import (
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// The table and a map remember the same, as long as nothing is forgotten.
func TestPastAgainstAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var p past
	model := map[tcp.FlowKey]numbered{}
	for n := range 300_000 {
		k := tcp.FlowKey{A: tcp.Addr{Lo: random.Uint64N(40_000)}}
		switch want, known := model[k]; random.IntN(3) {
		case 0:
			var got numbered
			ok := p.take(&k, &got)
			if delete(model, k); ok != known || got != want {
				t.Fatalf("step %d: %v %v, not %v %v", n, got, ok, want, known)
			}
		default:
			model[k] = numbered{stream: uint32(n), known: hasStream}
			if forgotten := p.put(&k, model[k]); forgotten != 0 {
				t.Fatalf("step %d: %d forgotten", n, forgotten)
			}
		}
		if p.young.held != len(model) {
			t.Fatalf("step %d: %d held, not %d", n, p.young.held, len(model))
		}
	}
}

// Of more four-tuples than there is room for the latest are remembered, the others counted, and the room is used again.
func TestPastIsBounded(t *testing.T) {
	var p past
	key := func(n int) *tcp.FlowKey { return &tcp.FlowKey{A: tcp.Addr{Lo: uint64(n)}} }
	const room, all = maxPast / 8 * 5, maxPast * 4
	forgotten := 0
	for n := range all {
		forgotten += p.put(key(n), numbered{stream: uint32(n), known: hasStream})
		if n == 2*room {
			first := &p.old.hashes[0]
			defer func() {
				if first != &p.old.hashes[0] && first != &p.young.hashes[0] {
					t.Error("room was made anew")
				}
			}()
		}
	}
	if held := p.young.held + p.old.held; held+forgotten != all || held < room || len(p.young.hashes)+len(p.old.hashes) > 2*maxPast {
		t.Errorf("%d held and %d forgotten of %d", held, forgotten, all)
	}
	var w numbered
	for n := all - 1; n >= all-room; n-- {
		if !p.take(key(n), &w) || w.stream != uint32(n) {
			t.Fatalf("%d of the latest is forgotten", n)
		}
	}
	if p.take(key(0), &w) {
		t.Error("the first is remembered")
	}
	small := newPast(1000)
	for n := range 100_000 {
		small.put(key(n), numbered{known: hasStream})
	}
	if held := small.young.held + small.old.held; held < 600 || held > 2000 {
		t.Errorf("%d held beside at most 1000 connections", held)
	}
}
