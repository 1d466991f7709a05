package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// Tracker runs one state machine for each endpoint of each connection.
type Tracker struct {
	cfg   Config
	stats Stats

	index   index
	conns   arena[conn]
	waits   arena[wait]
	asides  arena[aside]
	blames  arena[blames]
	stubs   stubs
	holes   *reassembly.Holes
	timers  timers
	rare    rare
	streams streams
	bound   bound
	asking  int // connections in the arena of which one SYN is all that was seen
	copies  Copies
	losses  losses
	numbers *numbers // nil: no filter leaves out anything
	zeeks   zeeks

	analyses analyses // idle unless Config.Analysis
	briefs   briefs   // likewise, and unless Config.Zeek

	single conn        // what a stub stands for, while it is worked on
	opened tcp.Segment // and its SYN

	replays bool // a stub's SYN acts again: it is no second frame
	plain   bool // without what is there for speed and memory only; a test holds the two equal

	now     int64  // capture time: the latest seen
	packet  uint64 // number of the latest packet
	ackedBy uint64 // the latest that acknowledged new octets
	begun   uint64 // connections begun
	gap     int64  // for how long the incarnation that was followed by another last had been silent

	fact  Fact       // reused for the Witness
	wakes int64      // when the Witness wants to be woken
	tell  Transition // reused for the Sink
	line  Connection // likewise
}

// maxHoles bounds the holes of all connections together: 48 MiB of them.
const maxHoles = 4 << 20

// New makes an empty Tracker.
func New(cfg Config) *Tracker {
	cfg.Blame = cfg.Blame && cfg.Connections && cfg.Sink != nil
	cfg.Zeek = cfg.Zeek && cfg.Connections && cfg.Sink != nil
	cfg.Analysis = cfg.Analysis && cfg.Connections && cfg.Sink != nil
	t := &Tracker{cfg: cfg, wakes: never, streams: streams{past: newPast(cfg.MaxConnections)}}
	if cfg.Witness != nil {
		t.wakes = cfg.Witness.Next()
	}
	if cfg.Filtered {
		t.numbers = newNumbers(&t.cfg)
	}
	t.streams.over = cfg.Filtered || cfg.Unnumbered // they are not numbered here
	t.empty()
	return t
}

// empty forgets all connections.
func (t *Tracker) empty() {
	t.index = newIndex(t.cfg.Seed)
	t.conns, t.waits, t.asides, t.blames = arena[conn]{}, arena[wait]{few: true}, arena[aside]{few: true}, arena[blames]{}
	t.stubs = newStubs()
	t.holes = reassembly.NewHoles(maxHoles / t.parts())
	t.timers = newTimers(t.conn, func() int { return t.conns.len() })
	t.analyses = newAnalyses(t.cfg.Analysis)
	t.rare, t.bound, t.copies = rare{most: maxRare / t.parts()}, bound{}, Copies{}
	t.zeeks = newZeeks(&t.cfg)
	t.briefs = briefs{on: t.cfg.Zeek || t.cfg.Analysis}
	t.asking = 0
}

// batch is how many segments are looked ahead in together.
const batch = 64

// Observe takes segments in the order of the capture.
func (t *Tracker) Observe(segs []tcp.Segment) {
	if t.numbers != nil {
		t.observeSome(segs)
		return
	}
	var at [batch]aim
	for len(segs) > 0 {
		some := segs[:min(len(segs), batch)]
		for i := range some {
			at[i].hash, at[i].ends = t.index.hash(&some[i].Flow), some[i].Flags.Any(tcp.FIN|tcp.RST)
		}
		t.trim()
		t.lookFirst(at[:len(some)])
		for i := range some {
			t.look(at[:len(some)], i+ahead)
			t.observe(at[i], &some[i])
		}
		segs = segs[len(some):]
	}
}

// Latest is the latest time that is believed, in the year 2116: sums with it do not overflow.
const Latest = never / 2

// Advance moves the tracker's clock to now, in capture time, and fires the timers due. A now before the latest
// packet's time changes nothing.
func (t *Tracker) Advance(now int64) {
	t.advance(now)
	t.trim()
}

// advance is Advance within a batch, which has handed back what it could.
func (t *Tracker) advance(now int64) {
	now = min(now, Latest)
	for t.timers.next <= now || t.stubs.next <= now {
		t.ring(min(t.timers.next, t.stubs.next))
		if t.stubs.next < t.timers.next || t.stubs.next == t.timers.next && t.stubFirst() {
			t.expire()
			continue
		}
		k, a := t.timers.take()
		t.fetchSoon(k)
		t.now = max(t.now, a.at)
		if c := t.conn(a); c != nil {
			t.fire(k, a.n, c)
		}
	}
	t.ring(now)
	t.now = max(t.now, now)
}

// trim hands back the memory that is not needed any more, between segments: none of them looks at what it gave back.
func (t *Tracker) trim() {
	t.conns.trim()
	t.stubs.arena.trim()
	t.waits.trim()
	t.asides.trim()
	t.blames.trim()
	t.zeeks.arena.trim()
	t.analyses.arena.trim()
}

// ring lets the Witness act on the time that passed.
func (t *Tracker) ring(now int64) {
	if t.wakes <= now {
		t.cfg.Witness.Advance(now, t.packet)
		t.wakes = t.cfg.Witness.Next()
	}
}

// Now is the capture's time: that of the latest packet or timer, nanoseconds since 1970 UTC.
func (t *Tracker) Now() int64 { return t.now }

// conn returns the connection that an alarm is for, nil if it is gone or the alarm was cancelled.
func (t *Tracker) conn(a alarm) *conn {
	if a.n == 0 {
		return nil
	}
	if c := t.conns.at(a.n); uint32(c.num) == a.num && c.latest != 0 {
		return c
	}
	return nil
}

// Stats returns the counts so far.
func (t *Tracker) Stats() Stats {
	s := t.stats
	s.Live, s.HalfOpen = t.Live(), t.stubs.len()
	s.Connections = t.begun
	s.StreamsForgotten = t.streams.forgotten
	return s
}

func (t *Tracker) observe(at aim, s *tcp.Segment) {
	t.stats.Segments++
	if s.Time < t.now {
		if t.stats.Segments > 1 {
			t.stats.TimeBackwards++
		}
	} else if s.Time < min(t.timers.next, t.stubs.next, t.wakes, Latest) {
		t.now = s.Time // Advance, where nothing is due
	} else {
		t.advance(s.Time)
	}
	t.packet = s.Number // from here on: what timers do comes before it

	n, c := at.likely, t.known(at.likely, &s.Flow)
	if c == nil {
		if n = t.find(at, &s.Flow); n&stubBit == 0 && n != 0 {
			c = t.conns.at(n)
		}
	}
	unfolded := false
	switch {
	case n == 0:
		t.makeRoom()
		asks := foldable(s)
		if asks && t.asking >= fewAsking && !t.plain {
			t.fold(at.hash, s)
			return
		}
		n, c = t.begin(at.hash, s)
		if asks {
			c.flags |= asked
			t.asking++
		}
	case n&stubBit != 0:
		n, c = t.unfold(n)
		unfolded = true
	default:
		if !t.plain && t.quick(n, c, s) {
			if t.analyses.on {
				t.streams.reused = false
				t.analyse(n, c, s)
			}
			return
		}
		t.hears(c)
	}
	if s.Flags&(tcp.SYN|tcp.RST) == tcp.SYN {
		n, c = t.again(n, c, s)
	}
	t.enter(n, c, s)
	if unfolded {
		t.awaits(n, c)
	}
}

// enter gives a segment to its connection.
func (t *Tracker) enter(n uint32, c *conn, s *tcp.Segment) {
	t.name(n, c, s)
	t.act(n, c, s)
}

// name finds the segment's stream, and tells of the connection if it is its first.
func (t *Tracker) name(n uint32, c *conn, s *tcp.Segment) {
	t.number(n, c, s)
	if c.known == allKnown {
		c.flags |= placed
	}
	if c.first == s.Number {
		t.see(Began, n, c, &c.ends[s.Dir], s)
		if c.flags&again != 0 && t.wants(Reused) {
			t.witness(n, c, &c.ends[s.Dir], &Fact{Kind: Reused, Seg: s, Gap: t.gap})
		}
	}
}

// act lets the segment act, and tells what follows.
func (t *Tracker) act(n uint32, c *conn, s *tcp.Segment) {
	t.segment(n, c, s)
	t.settle(n, c)
	if t.analyses.on && n != 0 {
		t.analyse(n, c, s)
	}
}

// begin enters a new connection with its first segment.
func (t *Tracker) begin(h uint32, s *tcp.Segment) (uint32, *conn) {
	n, c := t.conns.take()
	t.introduce(c, s)
	c.flags |= t.bound.continues(s)
	t.index.add(h, n)
	return n, c
}

// introduce makes a zeroed entry the connection that a segment begins.
func (t *Tracker) introduce(c *conn, s *tcp.Segment) {
	c.key = s.Flow
	c.num, c.first, c.latest, c.start = t.begun, s.Number, s.Number, t.now
	c.vlan = s.VLAN
	t.begun++
	if t.numbers != nil && !t.replays {
		c.num = t.numbers.conn
	}
	for d := range c.ends {
		e := &c.ends[d]
		e.sure, e.est, e.set = Closed, Closed, tcp.Set(Closed)
		e.shown = claim{Closed, Proven, tcp.Set(Closed)}
		if s.Flags&(tcp.SYN|tcp.ACK|tcp.RST) != tcp.SYN {
			e.shown = claim{possible: tcp.Set(Unknown)} // what was before is not known
		}
	}
	c.client = s.Dir
	if s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN|tcp.ACK {
		c.client = s.Dir.Other()
	}
}

// segment lets one segment act on its connection.
func (t *Tracker) segment(n uint32, c *conn, s *tcp.Segment) {
	snd, rcv := c.pair(s.Dir)
	t.counts(snd, s)
	c.odd, c.latest = t.now, s.Number
	if t.twice(c, snd, s) {
		t.stats.Duplicates++
		t.see(Twice, n, c, snd, s)
		t.beside(n, c, s, false)
		return
	}
	if t.damaged(n, c, snd, s) {
		t.asideOf(snd).badSums++
		t.stats.BadChecksums++
		t.see(Damaged, n, c, snd, s)
		t.beside(n, c, s, true)
		return
	}
	t.beside(n, c, s, false)
	switch {
	case s.Flags&tcp.RST != 0:
		t.reset(n, c, snd, rcv, s)
	case s.Flags&tcp.SYN != 0:
		t.handshake(n, c, snd, rcv, s)
	default:
		t.ordinary(n, c, snd, rcv, s)
	}
	if rcv.has(troubled) {
		t.heard(c, rcv, snd)
	}
	rcv.unheard = 0
	snd.sentAt = t.now
	snd.marks(s)
}

// damaged says that the segment's checksum makes it as if never received, unless the sender's network card fills the
// sums in behind the tap.
func (t *Tracker) damaged(n uint32, c *conn, snd *end, s *tcp.Segment) bool {
	switch s.Sum {
	case tcp.SumGood:
		snd.flags |= goodSum
	case tcp.SumPartial:
		t.offloaded(n, c, snd, s)
	case tcp.SumNever:
		return true
	case tcp.SumBad:
		// A host whose SYN is damaged is one whose card does the sums.
		if snd.has(goodSum) || s.Flags&tcp.SYN == 0 && !snd.has(offloads) {
			return true
		}
		t.offloaded(n, c, snd, s)
	}
	return false
}

// offloaded counts a checksum that the sender's network card was to fill in.
func (t *Tracker) offloaded(n uint32, c *conn, snd *end, s *tcp.Segment) {
	t.stats.Offloaded++
	if !snd.has(offloads) {
		snd.flags |= offloads
		t.see(Offloaded, n, c, snd, s)
	}
}
