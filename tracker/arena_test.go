package tracker

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"testing"
)

// TestArena: entries stay where they are while others come and go, come back zeroed, and none is given out twice.
func TestArena(t *testing.T) {
	var a arena[[3]uint64]
	r := rand.New(rand.NewPCG(1, 2))
	type held struct {
		n uint32
		e *[3]uint64
		v uint64
	}
	var out []held
	for step := range uint64(1_000_000) {
		if len(out) == 0 || r.IntN(100) < 52 {
			n, e := a.take()
			if n < 2 || *e != [3]uint64{} {
				t.Fatalf("entry %d comes as %v", n, *e)
			}
			e[0], e[2] = step+1, ^step
			out = append(out, held{n, e, step + 1})
		} else {
			i := r.IntN(len(out))
			h := out[i]
			if a.at(h.n) != h.e || h.e[0] != h.v || h.e[2] != ^(h.v-1) {
				t.Fatalf("entry %d has moved or changed: %v", h.n, *h.e)
			}
			a.give(h.n)
			out[i] = out[len(out)-1]
			out = out[:len(out)-1]
		}
		if a.len() != len(out) {
			t.Fatalf("len %d, want %d", a.len(), len(out))
		}
	}
}

// TestArenaTrims: when nine in ten entries are given back, most of the memory is too; what is left stays as it is, and
// what is taken again comes zeroed.
func TestArenaTrims(t *testing.T) {
	var a arena[[80]uint64]
	const many = 8 * arenaChunk
	held := map[uint32]uint64{}
	take := func(v uint64) {
		n, e := a.take()
		if *e != [80]uint64{} {
			t.Fatalf("entry %d comes as %v", n, *e)
		}
		if _, twice := held[n]; twice {
			t.Fatalf("entry %d is given out twice", n)
		}
		for i := range e {
			e[i] = v
		}
		held[n] = v
	}
	give := func(keep func(n uint32) bool) {
		for n, v := range held {
			if e := a.at(n); e[0] != v || e[79] != v {
				t.Fatalf("entry %d holds %d and %d, not %d", n, e[0], e[79], v)
			}
			if !keep(n) {
				a.give(n)
				delete(held, n)
			}
		}
	}
	for round := range uint64(3) {
		for len(held) < many {
			take(round<<32 | uint64(len(held)) + 1)
		}
		full := resident(t)
		give(func(n uint32) bool { return n < arenaChunk/2 || n > many-arenaChunk/2 }) // half of the first chunk and of the last: two are kept
		a.trim()
		if a.kept != 2 {
			t.Errorf("round %d: %d chunks are kept for %d entries", round, a.kept, a.len())
		}
		if rss := resident(t); runtime.GOOS == "linux" && full-rss < 4*arenaChunk*640 {
			t.Errorf("round %d: %d MiB are resident, %d before", round, rss>>20, full>>20)
		}
		// One more and one less at the edge of a chunk hands nothing to and fro.
		for range 2 * arenaChunk {
			take(8)
		}
		kept := a.kept
		for range 20 {
			give(func(n uint32) bool { return held[n] != 8 })
			a.trim()
			for range 100 {
				take(8)
			}
			if a.kept > kept {
				t.Fatalf("round %d: %d chunks are kept, then %d", round, kept, a.kept)
			}
			kept = a.kept
		}
		for p := range a.all() {
			delete(held, p)
		}
		if len(held) > 0 {
			t.Fatalf("all passes over %d entries that are in use", len(held))
		}
		a = arena[[80]uint64]{}
	}
}

// resident is how many octets of memory the process holds, 0 where that cannot be told.
func resident(t *testing.T) int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestEntriesHoldNoPointers: what there are millions of must not be looked into by the garbage collector.
func TestEntriesHoldNoPointers(t *testing.T) {
	for _, v := range []any{conn{}, stub{}, wait{}, aside{}, alarm{}, mark{}} {
		if p := pointerIn(reflect.TypeOf(v)); p != "" {
			t.Errorf("%T holds a pointer: %s", v, p)
		}
	}
}

func pointerIn(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if p := pointerIn(t.Field(i).Type); p != "" {
				return t.Field(i).Name + "." + p
			}
		}
	case reflect.Array:
		return pointerIn(t.Elem())
	case reflect.Pointer, reflect.Slice, reflect.String, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return t.String()
	}
	return ""
}
