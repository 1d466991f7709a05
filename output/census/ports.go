package census

import (
	"cmp"
	"slices"
)

// MaxPorts bounds the ports that are named at once; all others are counted together.
const MaxPorts = 50

const (
	// renames is how many of them may lose their place to fuller ones within renameEvery: a scan cannot make more names.
	renames     = MaxPorts
	renameEvery = 3600e9 // nanoseconds
	// ahead is by how many connections, beyond twice as many, a port must lead to take another's place.
	ahead = 8
)

// names are the ports that are named.
type names struct {
	ports   map[uint16]bool
	left    int   // renames
	since   int64 // of left, by the caller's clock
	chosen  *Report
	ordered []uint16
}

func newNames() names { return names{ports: map[uint16]bool{}, left: renames} }

// Latest returns what there was when the last round ended, and the ports that are named, the fullest of late, in rising
// order. Neither is to be changed.
func (c *Census) Latest() (*Report, []uint16) {
	c.naming.Lock()
	defer c.naming.Unlock()
	r := c.latest.Load()
	if r != c.names.chosen {
		c.names.choose(r)
	}
	return r, c.names.ordered
}

// choose gives free places to the fullest ports, and then those of the emptiest to ports that are far fuller: names that
// come and go with every scan are of no use.
func (n *names) choose(r *Report) {
	n.chosen = r
	if r.Wall-n.since > renameEvery {
		n.left, n.since = renames, r.Wall
	}
	count := map[uint16]uint64{}
	for p, k := range r.Pairs {
		count[p.Port()] += uint64(k)
	}
	var named, others []uint16 // the emptiest first, and the fullest
	for port := range n.ports {
		named = append(named, port)
	}
	for port := range count {
		if !n.ports[port] {
			others = append(others, port)
		}
	}
	slices.SortFunc(named, func(a, b uint16) int { return cmp.Or(cmp.Compare(count[a], count[b]), cmp.Compare(b, a)) })
	slices.SortFunc(others, func(a, b uint16) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	changed := false
	for _, port := range others {
		if len(n.ports) == MaxPorts {
			if n.left == 0 || len(named) == 0 || count[port] <= 2*count[named[0]]+ahead {
				break
			}
			n.left--
			delete(n.ports, named[0])
			named = named[1:]
		}
		n.ports[port], changed = true, true
	}
	if !changed {
		return
	}
	n.ordered = nil // a new one: the old may be in use
	for port := range n.ports {
		n.ordered = append(n.ordered, port)
	}
	slices.Sort(n.ordered)
}
