package tracker

import (
	"iter"
	"math"
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
	return byNumber(list)
}

// byNumber sorts eleven bits at a time, in a quarter of the time that it takes to compare.
func byNumber(list []live) []live {
	const bits = 11
	var most uint64
	for _, l := range list {
		most = max(most, l.num)
	}
	sorted := make([]live, len(list))
	for shift := 0; most>>shift != 0; shift += bits {
		var at [1 << bits]int
		for _, l := range list {
			at[l.num>>shift%(1<<bits)]++
		}
		sum := 0
		for i, n := range at {
			at[i], sum = sum, sum+n
		}
		for _, l := range list {
			place := &at[l.num>>shift%(1<<bits)]
			sorted[*place] = l
			*place++
		}
		list, sorted = sorted, list
	}
	return list
}
