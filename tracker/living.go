package tracker

import (
	"cmp"
	"iter"
	"math"
	"slices"
)

// Living yields every connection that has not retired, in order of their numbers. A View is valid until the next is
// yielded, and nothing may be observed meanwhile.
func (t *Tracker) Living() iter.Seq[View] {
	return func(yield func(View) bool) {
		stub := t.stubs.first
		stubsBefore := func(num uint64) bool {
			for stub != 0 && t.stubs.arena.at(stub).num < num {
				u := t.stubs.arena.at(stub)
				if !yield(View{t, 0, t.once(u)}) {
					return false
				}
				stub = u.newer
			}
			return true
		}
		for _, l := range t.inOrder() {
			if !stubsBefore(l.num) || !yield(View{t, l.n, t.conns.at(l.n)}) {
				return
			}
		}
		stubsBefore(math.MaxUint64)
	}
}

// live is a connection's number and its entry's.
type live struct {
	num uint64
	n   uint32
}

// inOrder lists the connections that are whole, in order of their numbers.
func (t *Tracker) inOrder() []live {
	list := make([]live, 0, t.conns.len())
	for n := range t.conns.all() {
		if c := t.conns.at(n); c.first != 0 {
			list = append(list, live{c.num, n})
		}
	}
	slices.SortFunc(list, func(a, b live) int { return cmp.Compare(a.num, b.num) })
	return list
}
