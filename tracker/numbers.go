package tracker

import (
	"math/rand/v2"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// numbers gives connections and streams the numbers that they have in the whole capture where a filter leaves out a part
// of it. When a connection that nobody asks for begins another incarnation, every later number depends on it; so a
// tracker of its own sees all segments, and tells nothing but the numbers of each.
//
// A filter that lets through less than whole connections (one direction, SYNs alone) may make two incarnations here of
// what is one there. They have its number both.
type numbers struct {
	all    *Tracker
	conn   uint64 // of the segment at work
	stream uint32
	reused bool // as in streams
}

// newNumbers makes the numbers of a tracker and, with the same seed, those of it and the other one's flow hashes equal.
func newNumbers(cfg *Config) *numbers {
	if cfg.Seed == 0 {
		cfg.Seed = rand.Uint64() | 1
	}
	return &numbers{all: New(Config{MaxConnections: cfg.MaxConnections, Seed: cfg.Seed})}
}

// observeSome is Observe where a filter leaves out segments.
func (t *Tracker) observeSome(segs []tcp.Segment) {
	x, all := t.numbers, t.numbers.all
	var at, there [batch]aim
	var place [batch]struct {
		conn   uint64
		stream uint32
		reused bool
	}
	for len(segs) > 0 {
		some := segs[:min(len(segs), batch)]
		all.trim()
		t.trim()
		for i := range some {
			h := t.index.hash(&some[i].Flow)
			at[i].hash, there[i].hash = h, h
		}
		all.lookFirst(there[:len(some)])
		for i := range some {
			all.look(there[:len(some)], i+ahead)
			all.observe(there[i], &some[i])
			place[i].reused = some[i].Flags&tcp.SYN != 0 && all.streams.reused
			place[i].conn, place[i].stream = all.numbersOf(there[i], &some[i])
		}
		t.lookFirst(at[:len(some)])
		for i := range some {
			t.look(at[:len(some)], i+ahead)
			s := &some[i]
			if s.Filtered {
				t.pass(s)
				continue
			}
			x.conn, x.stream, x.reused = place[i].conn, place[i].stream, place[i].reused
			t.awaitNumber(at[i], s)
			t.observe(at[i], s)
		}
		segs = segs[len(some):]
	}
}

// numbersOf returns the numbers of the connection and the stream that a segment just observed belongs to.
func (t *Tracker) numbersOf(at aim, s *tcp.Segment) (conn uint64, stream uint32) {
	n := t.find(at, &s.Flow)
	if n&stubBit != 0 {
		u := t.stubs.at(n)
		return u.num, u.stream
	}
	c := t.conns.at(n)
	return c.num, c.stream
}

// pass lets a segment pass by that is left out: the time goes on.
func (t *Tracker) pass(s *tcp.Segment) {
	if s.Time >= t.now {
		t.Advance(s.Time)
	}
	t.packet = s.Number
}

// awaitNumber has number look at a segment that begins another stream, which may have been a SYN left out that did so.
func (t *Tracker) awaitNumber(at aim, s *tcp.Segment) {
	if n := t.find(at, &s.Flow); n > gone && n&stubBit == 0 {
		if c := t.conns.at(n); c.stream != t.numbers.stream {
			c.known &^= 1
			c.flags &^= placed
		}
	}
}

// give gives the segment's stream to its connection.
func (x *numbers) give(t *Tracker, n uint32, c *conn, s *tcp.Segment) {
	if c.known != 0 && c.stream != x.stream {
		t.streams.leave(n, c)
	}
	t.streams.reused = x.reused
	first := c.known == 0
	c.stream, c.known = x.stream, allKnown
	if first && s.Flags&tcp.SYN != 0 {
		c.known = hasStream // what a stub holds
	}
}
