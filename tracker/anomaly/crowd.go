package anomaly

import "github.com/tcptrack/tcptrack/internal/tcp"

// crowd keeps something for each of the many endpoints that connections come to, a bounded number of them: those that
// were asked for lately. An endpoint has two places; it takes the one that was left alone for longer.
type crowd[T any] struct {
	places []place[T]
	latest *place[T] // most questions are about the same endpoint as the one before
	clear  func(*T)  // makes what was kept of one endpoint that of another, of which nothing is known
}

type place[T any] struct {
	who  tcp.Endpoint
	used int64 // 0: free
	it   T
}

// newCrowd makes room for 1<<shift endpoints.
func newCrowd[T any](shift int, clear func(*T)) crowd[T] {
	places := make([]place[T], 1<<shift)
	return crowd[T]{places, &places[0], clear}
}

// at returns what is kept for an endpoint, new and zero where nothing is.
func (c *crowd[T]) at(who tcp.Endpoint, now int64) *T {
	if p := c.latest; p.who == who && p.used != 0 {
		p.used = now
		return &p.it
	}
	two := c.two(who)
	for i := range two {
		if p := &two[i]; p.used != 0 && p.who == who {
			p.used = now
			c.latest = p
			return &p.it
		}
	}
	p := &two[0]
	if two[1].used < p.used {
		p = &two[1]
	}
	p.who, p.used = who, now
	c.clear(&p.it)
	c.latest = p
	return &p.it
}

// known returns what is kept for an endpoint, nil for nothing.
func (c *crowd[T]) known(who tcp.Endpoint) *T {
	if p := c.latest; p.who == who && p.used != 0 {
		return &p.it
	}
	two := c.two(who)
	for i := range two {
		if p := &two[i]; p.used != 0 && p.who == who {
			return &p.it
		}
	}
	return nil
}

func (c *crowd[T]) two(who tcp.Endpoint) []place[T] {
	h := mix(who.Addr, uint64(who.Port))
	i := h % uint64(len(c.places)/2) * 2
	return c.places[i : i+2]
}

// mix makes a hash of an address and something more.
func mix(a tcp.Addr, more uint64) uint64 {
	h := (a.Hi ^ more) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29 ^ a.Lo) * 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

const (
	millisecond = int64(1e6)
	nsPerSecond = int64(1e9)
)

// whole is the second that a time lies in.
func whole(ns int64) int64 { return ns / nsPerSecond }

// grown is what a number must have come to before it is told again.
func grown(told int) int { return told + told/4 }
