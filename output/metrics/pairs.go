package metrics

import "sync"

// pairs are the states that connections of each port were seen in: they stay there with 0 when nobody is in them any more,
// so that a graph has no holes. Ports that have lost their names are forgotten.
type pairs struct {
	mu  sync.Mutex
	all map[series]bool
}

func newPairs() *pairs { return &pairs{all: map[series]bool{}} }

// add notes what there is now, and returns all that there has been of the ports that are named, and of the others.
func (p *pairs) add(now map[series]uint64, ports map[uint16]string) []series {
	p.mu.Lock()
	defer p.mu.Unlock()
	named := map[string]bool{other: true}
	for _, name := range ports {
		named[name] = true
	}
	for s := range now {
		p.all[s] = true
	}
	list := make([]series, 0, len(p.all))
	for s := range p.all {
		if !named[s.port] {
			delete(p.all, s)
			continue
		}
		list = append(list, s)
	}
	return list
}
