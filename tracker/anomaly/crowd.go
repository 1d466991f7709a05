package anomaly

import "github.com/tcptrack/tcptrack/internal/tcp"

// crowd keeps something for each of the many endpoints that connections come to, a bounded number of them: those that
// were asked for lately. An endpoint has two places; it takes the one that was left alone for longer. What is kept lies
// apart from what is searched, which is small enough to stay in the processor's cache.
type crowd[T any] struct {
	seats   []seated // in pairs
	places  []place[T]
	latest  int // the seat asked for last: most questions are about the same endpoint as the one before
	touched uint64
	clear   func(*T) // makes what was kept of one endpoint that of another, of which nothing is known
}

// seated is who has a place, by a hash, and when it was last asked for.
type seated struct {
	hash uint64
	used int64 // 0: free
}

type place[T any] struct {
	who tcp.Endpoint
	it  T
}

// newCrowd makes room for 1<<shift endpoints.
func newCrowd[T any](shift int, clear func(*T)) crowd[T] {
	return crowd[T]{seats: make([]seated, 1<<shift), places: make([]place[T], 1<<shift), clear: clear}
}

// at returns what is kept for an endpoint, new and zero where nothing is.
func (c *crowd[T]) at(who tcp.Endpoint, now int64) *T {
	i, hash := c.find(who)
	if i < 0 {
		i = c.first(hash)
		if c.seats[i+1].used < c.seats[i].used {
			i++
		}
		c.seats[i].hash, c.latest = hash, i
		c.places[i].who = who
		c.clear(&c.places[i].it)
	}
	c.seats[i].used = now
	return &c.places[i].it
}

// known returns what is kept for an endpoint, nil for nothing.
func (c *crowd[T]) known(who tcp.Endpoint) *T {
	if i, _ := c.find(who); i >= 0 {
		return &c.places[i].it
	}
	return nil
}

// find returns an endpoint's seat, -1 for none, and its hash.
func (c *crowd[T]) find(who tcp.Endpoint) (int, uint64) {
	hash := mix(who.Addr, uint64(who.Port))
	if s := &c.seats[c.latest]; s.hash == hash && s.used != 0 && c.places[c.latest].who == who {
		return c.latest, hash
	}
	first := c.first(hash)
	for i := first; i < first+2; i++ {
		if s := &c.seats[i]; s.hash == hash && s.used != 0 && c.places[i].who == who {
			c.latest = i
			return i, hash
		}
	}
	return -1, hash
}

// touch reads a word of each line of memory that a question about an endpoint is going to need: of many endpoints, the
// processor fetches them all at once.
func (c *crowd[T]) touch(who tcp.Endpoint) {
	i := c.first(mix(who.Addr, uint64(who.Port)))
	c.touched += c.seats[i].hash + c.places[i].who.Addr.Lo + c.places[i+1].who.Addr.Lo
}

// first is the first of the two seats of a hash.
func (c *crowd[T]) first(hash uint64) int { return int(hash&uint64(len(c.seats)/2-1)) * 2 }

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
