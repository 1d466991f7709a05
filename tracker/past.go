package tracker

import (
	"hash/maphash"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// past remembers how far the numbering of four-tuples without a connection has come. It has two generations: when the
// young one is full the old one is forgotten, and its room is the next young one's, so that an hour of flood takes no
// more than its first minutes.
type past struct {
	seed       maphash.Seed
	young, old generation
	places     int // bound on those of a generation, a power of two; 0: maxPast
}

// generation is a table with linear probing, by a hash of 64 bits. Hashes and what they stand for lie apart: to look in
// vain, as each SYN of a flood does, reads one line of the cache.
type generation struct {
	hashes []uint64   // 0: free
	values []numbered // known is 0: taken out again
	used   int        // hashes
	held   int        // values
}

// maxPast bounds the places of a generation, five eighths of which are used: 24 MiB for both.
const maxPast = 1 << 19

// newPast makes one that remembers somewhat more connections than may live at once, 0 being without bound.
func newPast(connections int) past {
	if connections <= 0 {
		return past{}
	}
	places := 1024
	for places < min(connections, maxPast) {
		places *= 2
	}
	return past{places: places}
}

// hash of a four-tuple; never 0.
func (p *past) hash(k *tcp.FlowKey) uint64 { return maphash.Comparable(p.seed, *k) | 1 }

// take fetches what was remembered of a four-tuple, if anything was, and forgets it.
func (p *past) take(k *tcp.FlowKey, w *numbered) bool {
	if p.young.used == 0 && p.old.used == 0 {
		return false
	}
	h := p.hash(k)
	return p.young.take(h, w) || p.old.take(h, w)
}

// put remembers a four-tuple, and returns how many that cost.
func (p *past) put(k *tcp.FlowKey, w numbered) (forgotten int) {
	if p.young.hashes == nil {
		p.seed = maphash.MakeSeed()
	}
	most := p.places
	if most == 0 {
		most = maxPast
	}
	if !p.young.room(most) {
		forgotten = p.old.held
		p.young, p.old = p.old, p.young
		p.young.clear()
		p.young.room(most)
	}
	p.young.put(p.hash(k), w)
	return forgotten
}

// place is where a hash is, or where it would be.
func (g *generation) place(h uint64) int {
	mask := len(g.hashes) - 1
	i := int(h>>20) & mask
	for g.hashes[i] != h && g.hashes[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

func (g *generation) take(h uint64, w *numbered) bool {
	if g.used == 0 {
		return false
	}
	i := g.place(h)
	if g.hashes[i] != h || g.values[i].known == 0 {
		return false
	}
	*w = g.values[i]
	g.values[i] = numbered{}
	g.held--
	return true
}

// room makes room for one more, and says whether there is any in at most so many places.
func (g *generation) room(most int) bool {
	if g.used < len(g.hashes)/8*5 {
		return true
	}
	if len(g.hashes) >= most {
		return false
	}
	before := *g
	n := max(2*len(before.hashes), 64)
	*g = generation{hashes: make([]uint64, n), values: make([]numbered, n)}
	for i, h := range before.hashes {
		if h != 0 && before.values[i].known != 0 {
			g.put(h, before.values[i])
		}
	}
	return true
}

func (g *generation) put(h uint64, w numbered) {
	i := g.place(h)
	if g.hashes[i] == 0 {
		g.hashes[i] = h
		g.used++
	}
	if g.values[i].known == 0 {
		g.held++
	}
	g.values[i] = w
}

func (g *generation) clear() {
	clear(g.hashes)
	clear(g.values)
	g.used, g.held = 0, 0
}
