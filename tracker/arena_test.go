package tracker

import (
	"math/rand/v2"
	"reflect"
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
