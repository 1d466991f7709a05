package filter

// reduce takes the shortcuts that libpcap's optimizer takes, and no others: which octets are looked at decides what
// becomes of a packet that was cut short in front of them. Shortcuts never change the answer to a whole packet.
func (g *graph) reduce() {
	for turns, changed := 0, true; changed && turns < 100; turns++ {
		changed = false
		g.arrange()
		levels := g.byHeight()
		for _, n := range levels {
			for by := range n.to {
				if to := shortcut(edge{n, by}); to != n.to[by] {
					n.to[by] = to
					changed = true
				}
			}
		}
		g.skip()
		g.join()
		g.dominate(levels)
		for _, n := range levels {
			for same := 1; same >= 0; same-- {
				if pull(n, same) {
					g.dominate(levels)
					changed = true
				}
			}
		}
	}
	g.arrange()
}

// byHeight lists the tests, those nearest to the leaves first.
func (g *graph) byHeight() []*node {
	list := make([]*node, 0, len(g.order))
	for high := 1; len(list) < len(g.order); high++ {
		for _, n := range g.order {
			if n.high == high {
				list = append(list, n)
			}
		}
	}
	return list
}

// shortcut follows an edge past tests whose outcome does not matter or is known on all ways that the edge is on.
func shortcut(e edge) *node {
	to := e.from.to[e.by]
again:
	for !to.leaf {
		if to.to[0] == to.to[1] {
			to = to.to[0]
			continue
		}
		for known := e; known.from != nil; known = known.from.through {
			if outcome, ok := known.tells(&to.test); ok {
				to = to.to[outcome]
				continue again
			}
		}
		break
	}
	return to
}

// tells says how a test turns out behind the edge.
func (e edge) tells(t *test) (outcome int, ok bool) {
	was := &e.from.test
	switch {
	case was.op != t.op || was.value != t.value:
		return 0, false
	case was.k == t.k:
		return e.by, true
	case e.by == 1 && t.op == equal:
		return 0, true
	}
	return 0, false
}

// skip takes tests that decide nothing off the root.
func (g *graph) skip() {
	for !g.root.leaf && g.root.to[0] == g.root.to[1] {
		g.root = g.root.to[0]
	}
}

// pull looks at the chain of alternatives that begins at top: tests that lead by their outcome same to one place, and by
// the other to the next. One that compares the value that was compared just before the chain is pulled to its front, or
// behind others of that value. It says whether it has moved one.
func pull(top *node, same int) bool {
	if len(top.in) == 0 {
		return false
	}
	value, next := top.in[0].from.test.value, 1-same
	for _, e := range top.in {
		if e.from.test.value != value {
			return false
		}
	}
	goal := top.to[same]
	fits := func(n *node) bool { return !n.leaf && n.to[same] == goal && n.isBelow(top) }
	var before *node // the last of that value at the front of the chain
	at := top
	for ; fits(at) && at.test.value == value; at = at.to[next] {
		before = at
	}
	if !fits(at) {
		return false
	}
	last := at
	for n := at.to[next]; fits(n); last, n = n, n.to[next] {
		if n.test.value != value {
			continue
		}
		last.to[next] = n.to[next]
		n.to[next] = at
		if before != nil {
			before.to[next] = n
			return true
		}
		for _, e := range top.in {
			e.from.to[e.by] = n
		}
		return true
	}
	return false
}
