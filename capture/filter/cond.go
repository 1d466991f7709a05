package filter

import "fmt"

// cond is a condition on a frame of one link type: '&' and '|' of a and b, '!' of a, a test ('t'), or always
// true ('1').
type cond struct {
	op   byte
	a, b *cond
	test test
}

// test compares a value of the frame to a constant.
type test struct {
	load  load
	op    testOp
	k     uint32
	value string // names what is compared: two tests with one value compare the same
}

type testOp uint8

const (
	equal testOp = iota
	greater
	atLeast
	anySet // bits
)

// load is a value of the frame.
type load struct {
	at     uint32
	size   uint32
	behind bool   // the IPv4 header at head, whose own length is added to at
	head   uint32 // meaningful iff behind
	mask   uint32 // 0: none
}

func (l load) String() string { return fmt.Sprintf("%d:%d %v %d", l.at, l.size, l.behind, l.head) }

func and(a, b *cond) *cond { return &cond{op: '&', a: a, b: b} }
func or(a, b *cond) *cond  { return &cond{op: '|', a: a, b: b} }
func not(a *cond) *cond    { return &cond{op: '!', a: a} }

func always() *cond { return &cond{op: '1'} }
func never() *cond  { return not(always()) }

// compare is a test of a plain value.
func compare(at, size uint32, op testOp, k uint32) *cond {
	return tested(load{at: at, size: size}, op, k)
}

func tested(l load, op testOp, k uint32) *cond {
	t := test{load: l, op: op, k: k, value: l.String()}
	if l.mask != 0 {
		t.value += fmt.Sprintf(" &%x", l.mask)
	}
	return &cond{op: 't', test: t}
}

// masked is a test that the bits under mask are those of k.
func masked(at, size, k, mask uint32) *cond {
	switch {
	case mask == 0:
		return always()
	case mask == ^uint32(0):
		return compare(at, size, equal, k)
	case k == 0:
		return not(compare(at, size, anySet, mask))
	}
	return tested(load{at: at, size: size, mask: mask}, equal, k)
}
