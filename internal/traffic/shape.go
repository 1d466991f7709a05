package traffic

// Shape says what the traffic is like.
type Shape struct {
	Name      string
	Flows     int  // connections at once; when one has ended, another begins in its place
	Exchanges int  // a request and its answer each, in a connection; 0: a SYN and nothing after it
	Answer    int  // segments of an answer
	Octets    int  // payload of each
	Snap      int  // octets that are kept of a packet; 0: all
	Gap       int  // nanoseconds from packet to packet
	Together  bool // all connections begin at once, else spread over a life
	Clean     bool // every connection is accepted, loses nothing and ends with FINs
}

// Shapes are the five kinds of traffic that speed is measured on, each small enough to be held in memory.
var Shapes = []Shape{
	{Name: "S", Flows: 1000, Exchanges: 8, Answer: 4, Octets: 1200, Gap: 10_000},
	{Name: "M", Flows: 20_000, Exchanges: 4, Answer: 3, Octets: 1200, Snap: 96, Gap: 5000},
	{Name: "L", Flows: 100_000, Exchanges: 3, Answer: 2, Octets: 600, Snap: 96, Gap: 1000},
	{Name: "F", Flows: 1, Gap: 1000},
	{Name: "K", Flows: 1, Exchanges: 1 << 20, Answer: 64, Octets: 1448, Snap: 96, Gap: 1000, Together: true, Clean: true},
}

// exchange is how many packets a request, its answer and the ACKs of every second segment of it are.
func (s *Shape) exchange() int { return 1 + s.Answer + (s.Answer+1)/2 }

// life is how many turns a connection has: the handshake, the exchanges and the close.
func (s *Shape) life() uint64 {
	if s.Exchanges == 0 {
		return 1
	}
	return uint64(3 + s.Exchanges*s.exchange() + 3)
}

// mix makes of any number one with bits everywhere (MurmurHash3's finaliser).
func mix(v uint64) uint64 {
	v = (v ^ v>>33) * 0xff51afd7ed558ccd
	v = (v ^ v>>33) * 0xc4ceb9fe1a85ec53
	return v ^ v>>33
}

// order goes round all connections, each time in another order.
type order struct {
	flows, mask uint64
	half        uint
	key         uint64 // of the round
}

func newOrder(flows int) order {
	o := order{flows: uint64(flows), half: 1}
	for o.mask < o.flows-1 {
		o.mask = o.mask<<1 | 1
	}
	for 1<<(2*o.half) < o.mask {
		o.half++
	}
	return o
}

// begin begins a round.
func (o *order) begin(seed, round uint64) { o.key = mix(seed ^ mix(round)) }

// at returns whose turn the i-th of the round is. Each step of it can be undone, so that no two turns are the same
// connection's; what falls outside is sent round again.
func (o *order) at(i uint64) uint64 {
	for {
		i = (i*0x9e3779b97f4a7c15 + o.key) & o.mask
		i ^= i >> o.half
		i = (i*(o.key|1) + 1) & o.mask
		i ^= i >> o.half
		if i < o.flows {
			return i
		}
	}
}

// fate is what becomes of a connection.
type fate uint8

const (
	closed     fate = iota // by a FIN of each end
	reset                  // by a RST in place of the client's FIN
	refused                // the SYN draws a RST
	unanswered             // the SYN is repeated and nothing comes
)

func (s *Shape) fate(id, seed uint64) fate {
	if s.Clean || s.Exchanges == 0 {
		return closed
	}
	switch mix(id^seed) % 32 {
	case 0, 1, 2:
		return reset
	case 3:
		return refused
	case 4:
		return unanswered
	}
	return closed
}

// segment is one step of a connection's life.
type segment struct {
	fromServer bool
	flags      uint8
	length     int
	seq, ack   uint32
}

// Flags of TCP.
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

const request = 200 // octets of it

// step returns what connection id does at a turn of its life; false for nothing.
func (s *Shape) step(id, seed, turn uint64) (segment, bool) {
	h := mix(id + seed)
	c, v := uint32(h), uint32(h>>32) // where the numbers of client and server begin
	f := s.fate(id, seed)
	switch {
	case turn == 0:
		return segment{flags: syn, seq: c}, true
	case f == unanswered:
		return segment{flags: syn, seq: c}, turn == 2 || turn == 4
	case f == refused:
		return segment{fromServer: true, flags: rst | ack, ack: c + 1}, turn == 1
	case turn == 1:
		return segment{fromServer: true, flags: syn | ack, seq: v, ack: c + 1}, true
	case turn == 2:
		return segment{flags: ack, seq: c + 1, ack: v + 1}, true
	}
	answer := s.Answer * s.Octets
	n := int(turn - 3)
	e, p := n/s.exchange(), n%s.exchange()
	if e >= s.Exchanges {
		return s.end(n-s.Exchanges*s.exchange(), f, c+1+uint32(s.Exchanges*request), v+1+uint32(s.Exchanges*answer))
	}
	c, v = c+1+uint32(e*request), v+1+uint32(e*answer)
	if p == 0 {
		return segment{flags: psh | ack, length: request, seq: c, ack: v}, true
	}
	c += request
	p--
	if sent := p/3*2 + p%3; p%3 < 2 && sent < s.Answer { // two segments, then their ACK
		return segment{fromServer: true, flags: psh | ack, length: s.Octets, seq: v + uint32(sent*s.Octets), ack: c}, true
	}
	sent := uint32(min(p/3*2+2, s.Answer) * s.Octets)
	if !s.Clean && mix(h+turn)%64 == 0 { // the ACK was lost: the last segment comes again
		return segment{fromServer: true, flags: psh | ack, length: s.Octets, seq: v + sent - uint32(s.Octets), ack: c}, true
	}
	return segment{flags: ack, seq: c, ack: v + sent}, true
}

// end returns the steps of the close, with what client and server send next.
func (s *Shape) end(n int, f fate, c, v uint32) (segment, bool) {
	switch {
	case f == reset:
		return segment{flags: rst | ack, seq: c, ack: v}, n == 0
	case n == 0:
		return segment{fromServer: true, flags: fin | ack, seq: v, ack: c}, true
	case n == 1:
		return segment{flags: fin | ack, seq: c, ack: v + 1}, true
	}
	return segment{fromServer: true, flags: ack, seq: v + 1, ack: c + 1}, true
}
