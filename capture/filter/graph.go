package filter

import "slices"

// node is a test and where it leads; the leaves are the answers.
type node struct {
	test test
	to   [2]*node // 0: it fails, 1: it holds; nil for leaves
	leaf bool
	mark int // of the walk that met it last
	rank int // place in the order, from the root
	high int // longest way to a leaf

	in      []edge   // that lead here
	over    []uint64 // a bit, by rank, for each test that all ways here lead over, itself among them
	through edge     // nearest edge on all ways here; none: its from is nil
	deep    int      // of through, for meeting it
}

// edge leads from a node, by the outcome of its test.
type edge struct {
	from *node
	by   int
}

// graph is a program before it is put in a line: no test leads back.
type graph struct {
	root    *node
	yes, no *node
	order   []*node // all tests that are reached, each before those it leads to
	walks   int
}

// newGraph lays the tests of a condition out in the order in which they are written.
func newGraph(c *cond) *graph {
	g := &graph{yes: &node{leaf: true}, no: &node{leaf: true}}
	g.root = lay(c, g.no, g.yes)
	return g
}

func lay(c *cond, no, yes *node) *node {
	switch c.op {
	case '1':
		return yes
	case '!':
		return lay(c.a, yes, no)
	case '&':
		return lay(c.a, no, lay(c.b, no, yes))
	case '|':
		return lay(c.a, lay(c.b, no, yes), yes)
	}
	return &node{test: c.test, to: [2]*node{no, yes}}
}

// arrange finds the order, and what all ways to a test have in common.
func (g *graph) arrange() {
	g.walks++
	g.order = g.order[:0]
	g.visit(g.root)
	slices.Reverse(g.order)
	for i, n := range g.order {
		n.rank, n.through, n.deep = i, edge{}, 0
	}
	g.join()
	for _, n := range g.order {
		for i, e := range n.in {
			if i == 0 {
				n.through = e
			} else {
				n.through = meet(n.through, e)
			}
		}
		if n.through.from != nil {
			n.deep = n.through.from.deep + 1
		}
	}
}

// join notes anew which edges lead where, those of tests that are reached no more among them.
func (g *graph) join() {
	for _, n := range g.order {
		n.in = n.in[:0]
	}
	for _, n := range g.order {
		for by, to := range n.to {
			to.in = append(to.in, edge{n, by})
		}
	}
	g.yes.in, g.no.in = nil, nil
}

// visit puts a node behind all that it leads to.
func (g *graph) visit(n *node) {
	if n.leaf || n.mark == g.walks {
		return
	}
	n.mark = g.walks
	g.visit(n.to[1])
	g.visit(n.to[0])
	n.high = max(n.to[0].high, n.to[1].high) + 1
	g.order = append(g.order, n)
}

// meet is the nearest edge that all ways to both lead over; none where there is none.
func meet(a, b edge) edge {
	for a != b {
		switch {
		case a.from == nil || b.from == nil:
			return edge{}
		case a.from.deep >= b.from.deep:
			a = a.from.through
		default:
			b = b.from.through
		}
	}
	return a
}

// dominate finds the tests that all ways to a test lead over. The levels are those of before tests were moved, and what
// comes of that is what libpcap makes of it: its optimizer too goes by the old ones.
func (g *graph) dominate(levels []*node) {
	words := (len(g.order) + 63) / 64
	for _, n := range levels {
		if n.over = slices.Grow(n.over[:0], words)[:words]; n == g.root {
			clear(n.over)
			continue
		}
		for i := range n.over {
			n.over[i] = ^uint64(0)
		}
	}
	for _, n := range slices.Backward(levels) {
		n.over[n.rank/64] |= 1 << (n.rank % 64)
		for _, to := range n.to {
			for i := range to.over {
				to.over[i] &= n.over[i]
			}
		}
	}
}

// isBelow says that all ways to the node lead over top, or that it is top.
func (n *node) isBelow(top *node) bool { return n.over[top.rank/64]>>(top.rank%64)&1 != 0 }
