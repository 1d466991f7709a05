package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

// Bounds of the fragments kept: memory and age as Linux has them (ipfrag_high_thresh, ipfrag_time).
const (
	maxFragmentBytes = 4 << 20
	maxFragmentAge   = 30e9
	maxDatagram      = 65535
	maxSpans         = 256 // holes in one datagram; even 8-octet fragments in reverse order join into one span
)

// fragment is one piece of an IP datagram.
type fragment struct {
	id      uint32
	proto   uint8
	off     int // octets from the datagram's payload's start
	last    bool
	body    []byte
	missing int // octets of the piece that were not captured
}

// datagramKey tells datagrams apart (RFC 791 3.2, RFC 8200 4.5); on two VLANs the same numbers are two datagrams.
type datagramKey struct {
	src, dst tcp.Addr
	id       uint32
	v6       uint32
	vlan     [2]uint16
	proto    uint8
}

type span struct{ lo, hi int }

// datagram is a datagram of which some is still missing.
type datagram struct {
	began int64
	spans []span // what has arrived, in order, disjoint and not touching
	total int    // length, or -1 before the last fragment
	have  int    // first octet that arrived uncaptured; total length or more if none
	bytes []byte
}

// begun is a datagram's place in the order; it is gone when its key has no or another datagram.
type begun struct {
	key datagramKey
	g   *datagram
}

// fragments puts datagrams together. The zero value is ready.
type fragments struct {
	open    map[datagramKey]*datagram
	order   []begun // as they began, to find the oldest; those gone since are among them
	bytes   int
	evicted uint64
	added   uint64 // fragments that came
}

// add takes a fragment. When it completes its datagram it returns the payload, as far as captured without a hole, sets
// d.missing to the rest, and true. The payload is valid until the next record.
func (f *fragments) add(d *decoder, seg *tcp.Segment, p fragment) ([]byte, bool) {
	key := datagramKey{seg.Flow.A, seg.Flow.B, p.id, seg.Flow.V6, seg.VLAN, p.proto}
	if seg.Flow.V6 != 0 {
		key.proto = 0 // RFC 8200 4.5: only the first fragment's next header counts
	}
	f.added++
	f.expire(d.now)
	g := f.open[key]
	if g == nil {
		if f.open == nil {
			f.open = make(map[datagramKey]*datagram)
		}
		g = &datagram{began: d.now, total: -1, have: maxDatagram + 1}
		f.open[key] = g
		f.order = append(f.order, begun{key, g})
		f.bytes += overhead
	}
	held := len(g.bytes)
	ok := g.put(p)
	f.bytes += len(g.bytes) - held
	if !ok {
		f.drop(key)
		f.tidy()
		f.evicted++
		return nil, false
	}
	if !g.complete() {
		f.shrink()
		return nil, false
	}
	f.drop(key)
	f.tidy()
	have := min(g.have, g.total)
	d.missing, d.beyond = g.total-have, 0
	return g.bytes[:have], true
}

// overhead is what a datagram costs beside its octets, for the bound.
const overhead = 256

// put writes a fragment into the datagram. It returns false for one that cannot belong to it.
func (g *datagram) put(p fragment) bool {
	n := len(p.body) + p.missing
	end := p.off + n
	switch {
	case end > maxDatagram, !p.last && (n == 0 || n%8 != 0):
		return false
	case p.last && g.total >= 0 && g.total != end, g.total >= 0 && end > g.total:
		return false
	case p.last && len(g.spans) > 0 && g.spans[len(g.spans)-1].hi > end:
		return false
	}
	if p.last {
		g.total = end
	}
	if p.missing > 0 {
		g.have = min(g.have, p.off+len(p.body))
	}
	if need := p.off + len(p.body); need > len(g.bytes) {
		g.bytes = append(g.bytes, make([]byte, need-len(g.bytes))...)
	}
	copy(g.bytes[p.off:], p.body)
	return g.cover(p.off, end)
}

// cover adds [lo, hi) to the spans. It returns false when they are too many.
func (g *datagram) cover(lo, hi int) bool {
	i := 0
	for i < len(g.spans) && g.spans[i].hi < lo {
		i++
	}
	j := i
	for ; j < len(g.spans) && g.spans[j].lo <= hi; j++ {
		lo, hi = min(lo, g.spans[j].lo), max(hi, g.spans[j].hi)
	}
	if i == j {
		g.spans = append(g.spans, span{})
		copy(g.spans[i+1:], g.spans[i:])
		g.spans[i] = span{lo, hi}
		return len(g.spans) <= maxSpans
	}
	g.spans[i] = span{lo, hi}
	g.spans = append(g.spans[:i+1], g.spans[j:]...)
	return true
}

func (g *datagram) complete() bool {
	return g.total >= 0 && len(g.spans) == 1 && g.spans[0] == span{0, g.total}
}

// expire gives up datagrams that began too long ago.
func (f *fragments) expire(now int64) {
	for len(f.order) > 0 {
		first := f.order[0]
		if f.open[first.key] == first.g {
			if now-first.g.began < maxFragmentAge {
				return
			}
			f.drop(first.key)
			f.evicted++
		}
		f.order = f.order[1:]
	}
}

// shrink gives up the oldest datagrams until the memory bound is kept.
func (f *fragments) shrink() {
	for f.bytes > maxFragmentBytes && len(f.order) > 0 {
		if first := f.order[0]; f.open[first.key] == first.g {
			f.drop(first.key)
			f.evicted++
		}
		f.order = f.order[1:]
	}
}

// tidy takes out of the order what is gone, when that is most of it: one datagram that never completes must not hold
// up the places of millions that did, or never can.
func (f *fragments) tidy() {
	if len(f.order) < 1024 || len(f.order) < 4*len(f.open) {
		return
	}
	kept := f.order[:0]
	for _, o := range f.order {
		if f.open[o.key] == o.g {
			kept = append(kept, o)
		}
	}
	clear(f.order[len(kept):])
	f.order = kept
}

func (f *fragments) drop(key datagramKey) {
	g := f.open[key]
	f.bytes -= len(g.bytes) + overhead
	delete(f.open, key)
}
