package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// stub is a connection of which one SYN was seen and nothing else: all of that SYN that counts, in an eighth of a
// connection's room, so that a flood of them costs little. A second segment unfolds it: the SYN acts again, silently,
// on a whole connection. Whatever else is asked of a stub is asked of its connection, made for the moment.
type stub struct {
	a, b         tcp.Addr // of its FlowKey
	num, first   uint64   // as in conn
	at           int64    // the tracker's time at the SYN
	seq          tcp.Seq
	tsVal        uint32
	stream       uint32
	older, newer uint32 // stubs in order of time; 0 for none
	portA, portB uint16
	window, mss  uint16
	ipID         uint16
	has          tcp.OptionSet
	vlan         [2]uint16
	ipLen        uint8
	ttl, scale   uint8
	flags        stubFlags
}

// stubFlags are the rest of a stub, a bit each but for the checksum's two.
type stubFlags uint8

const (
	stubV6        stubFlags = 1 << iota
	stubFromB               // the SYN's direction
	stubECE                 // ECE and CWR, as RFC 3168 6.1.1 sets them up, both or neither
	stubExpired             // its SYN may have been given up
	stubContinued           // as in conn
	stubSnap
	stubSum // times tcp.Sum: the upper two bits
)

// fewAsking is how many connections of which only a SYN was seen are whole: folding takes time, twice, and pays by the
// room that it saves where nobody answers.
const fewAsking = 1 << 10

// stubBit tells a stub's number from a connection's in the index.
const stubBit = 1 << 31

// plain are the options that a stub keeps.
const plain = tcp.HasMSS | tcp.HasWScale | tcp.HasSACKOK | tcp.HasTS

// foldable says that the segment is a SYN of which a stub keeps everything.
func foldable(s *tcp.Segment) bool {
	o := &s.Options
	ecn := s.Flags & (tcp.ECE | tcp.CWR)
	return s.Flags&^ecn == tcp.SYN && s.Sum <= tcp.SumPartial && (ecn == 0 || ecn == tcp.ECE|tcp.CWR) && s.Len == 0 && uint(s.IPLen) < 1<<8 &&
		o.Has&^plain == 0 && o.TSEcr == 0 && s.Ack == 0
}

// keep takes a SYN into a zeroed stub, where it lies: one made elsewhere and copied would be waited for, as words just
// written are slow to read two at a time.
func (u *stub) keep(s *tcp.Segment) {
	u.a, u.b, u.portA, u.portB = s.Flow.A, s.Flow.B, s.Flow.PortA, s.Flow.PortB
	u.seq, u.tsVal, u.window, u.mss, u.scale = s.Seq, s.Options.TSVal, s.Window, s.Options.MSS, s.Options.WScale
	u.has, u.ipLen, u.ipID, u.ttl, u.vlan = s.Options.Has, uint8(s.IPLen), s.IPID, s.TTL, s.VLAN
	u.flags = stubFlags(s.Sum) * stubSum
	if s.Flow.V6 != 0 {
		u.flags |= stubV6
	}
	if s.Dir == tcp.FromB {
		u.flags |= stubFromB
	}
	if s.Flags&tcp.ECE != 0 {
		u.flags |= stubECE
	}
	if s.Snap {
		u.flags |= stubSnap
	}
}

// segment gives the SYN back, where it is to lie: see keep.
func (u *stub) segment(s *tcp.Segment) {
	*s = tcp.Segment{}
	s.Time, s.Number, s.Seq, s.Flags, s.Window = u.at, u.first, u.seq, tcp.SYN, u.window
	s.Flow.A, s.Flow.B, s.Flow.PortA, s.Flow.PortB = u.a, u.b, u.portA, u.portB
	s.IPLen, s.IPID, s.TTL, s.VLAN, s.Sum, s.Snap = int(u.ipLen), u.ipID, u.ttl, u.vlan, tcp.Sum(u.flags/stubSum), u.flags&stubSnap != 0
	s.Options.Has, s.Options.MSS, s.Options.WScale, s.Options.TSVal = u.has, u.mss, u.scale, u.tsVal
	if u.flags&stubV6 != 0 {
		s.Flow.V6 = 1
	}
	if u.flags&stubFromB != 0 {
		s.Dir = tcp.FromB
	}
	if u.flags&stubECE != 0 {
		s.Flags |= tcp.ECE | tcp.CWR
	}
}

func (u *stub) key() tcp.FlowKey {
	k := tcp.FlowKey{A: u.a, B: u.b, PortA: u.portA, PortB: u.portB}
	if u.flags&stubV6 != 0 {
		k.V6 = 1
	}
	return k
}

func (u *stub) is(k *tcp.FlowKey) bool {
	return u.first != 0 && u.b == k.B && u.a == k.A && u.portA == k.PortA && u.portB == k.PortB && (u.flags&stubV6 != 0) == (k.V6 != 0)
}

// stubs are all stubs, linked in order of time: the timer of a SYN given up is a walk along them, and so is eviction.
type stubs struct {
	arena       arena[stub]
	first, last uint32 // numbers without stubBit, as in the links
	due         uint32 // the oldest that has not expired
	next        int64  // when it does, or never
}

func newStubs() stubs { return stubs{next: never} }

// at returns a stub by its number with stubBit.
func (l *stubs) at(n uint32) *stub { return l.arena.at(n &^ stubBit) }

func (l *stubs) len() int { return l.arena.len() }

// link appends a stub, which is the latest.
func (l *stubs) link(n uint32, u *stub) {
	u.older = l.last
	if l.last != 0 {
		l.arena.at(l.last).newer = n
	} else {
		l.first = n
	}
	l.last = n
	if l.due == 0 {
		l.wait(n)
	}
}

// remove takes a stub out.
func (l *stubs) remove(n uint32) {
	n &^= stubBit
	u := l.arena.at(n)
	if l.due == n {
		l.wait(u.newer)
	}
	if u.older != 0 {
		l.arena.at(u.older).newer = u.newer
	} else {
		l.first = u.newer
	}
	if u.newer != 0 {
		l.arena.at(u.newer).older = u.older
	} else {
		l.last = u.older
	}
	u.first = 0
	l.arena.give(n)
}

// wait makes n, or none, the next to expire.
func (l *stubs) wait(n uint32) {
	l.due, l.next = n, never
	if n != 0 {
		l.next = l.arena.at(n).at + lasts[synTimer]
	}
}

// fold enters a new connection as a stub.
func (t *Tracker) fold(h uint32, s *tcp.Segment) {
	c := &t.single
	*c = conn{}
	if t.cfg.Zeek {
		t.opened = *s
	}
	t.introduce(c, s)
	c.flags |= t.bound.continues(s)
	t.name(0, c, s)
	// It goes on with the stream of a connection before, which knows more than a stub holds; or there is already something
	// to tell of it.
	more := func() bool { return c.known == allKnown || c.flags&followed != 0 || t.streams.reused }
	if t.untold(s) && !more() {
		t.twice(c, &c.ends[s.Dir], s) // never, but its second copy will be
		t.stats.Transitions++         // its client's, to SYN_SENT
	} else if t.act(0, c, s); more() {
		n, whole := t.conns.take()
		*whole = *c
		t.beside(n, whole, s, t.aside(&whole.ends[s.Dir]).badSums > 0)
		if t.analyses.on {
			t.analyse(n, whole, s)
		}
		t.index.add(h, n)
		t.awaits(n, whole)
		return
	}
	n, u := t.stubs.arena.take()
	u.keep(s)
	u.at, u.num, u.first, u.stream = t.now, c.num, c.first, c.stream
	if c.flags&continued != 0 {
		u.flags |= stubContinued
	}
	t.stubs.link(n, u)
	t.index.add(h, n|stubBit)
}

// untold says that a SYN of which a stub keeps everything need not act on the connection that it begins: nobody listens
// for what follows from it, and its checksum tells nothing of its host.
func (t *Tracker) untold(s *tcp.Segment) bool {
	return (s.Sum == tcp.SumUnknown || s.Sum == tcp.SumGood) && (t.cfg.Sink == nil || !t.cfg.Transitions)
}

// whole makes a zeroed entry the connection that a stub stands for: its SYN acts again, and tells and counts nothing.
func (t *Tracker) whole(u *stub, c *conn) *conn {
	sink, facts, now, packet, begun := t.cfg.Sink, t.cfg.Facts, t.now, t.packet, t.begun
	transitions, offloaded, bad := t.stats.Transitions, t.stats.Offloaded, t.stats.BadChecksums
	t.cfg.Sink, t.cfg.Facts, t.replays = nil, 0, true
	t.now, t.packet, t.begun = u.at, u.first, u.num
	s := &t.opened
	u.segment(s)
	t.introduce(c, s)
	c.numbered = u.numbered(s)
	if u.flags&stubContinued != 0 {
		c.flags |= continued
	}
	t.enter(0, c, s)
	if u.flags&stubExpired != 0 {
		t.now += lasts[synTimer]
		t.fire(synTimer, 0, c)
	}
	t.cfg.Sink, t.cfg.Facts, t.replays, t.now, t.packet, t.begun = sink, facts, false, now, packet, begun
	t.stats.Transitions, t.stats.Offloaded, t.stats.BadChecksums = transitions, offloaded, bad
	return c
}

// once is whole for a moment.
func (t *Tracker) once(u *stub) *conn {
	t.single = conn{}
	return t.whole(u, &t.single)
}

// unfold makes a stub a whole connection, because more of it is seen.
func (t *Tracker) unfold(was uint32) (uint32, *conn) {
	n, c := t.conns.take()
	t.whole(t.stubs.at(was), c)
	t.zeekOpened(n, c)
	if t.analyses.on {
		t.analyse(n, c, &t.opened)
	}
	t.index.renumber(t.index.hash(&c.key), was, n)
	t.stubs.remove(was)
	return n, c
}

// hears notes that more than its SYN is seen of a connection, or never will be.
func (t *Tracker) hears(c *conn) {
	if c.flags&asked != 0 {
		c.flags &^= asked
		t.asking--
	}
}

// expire is the timer of the oldest stub that has not expired.
func (t *Tracker) expire() {
	u := t.stubs.arena.at(t.stubs.due)
	c := t.once(u)
	t.now = max(t.now, t.stubs.next)
	t.fire(synTimer, 0, c)
	u.flags |= stubExpired
	t.stubs.wait(u.newer)
}

// stubFirst says that of a stub and a connection whose timers run out at once the stub is the older.
func (t *Tracker) stubFirst() bool {
	k, a := t.timers.peek()
	return k >= synTimer && int32(a.num-uint32(t.stubs.arena.at(t.stubs.due).num)) > 0
}

// awaits lets the timer run that a stub has by its place among the others.
func (t *Tracker) awaits(n uint32, c *conn) {
	if c.ends[0].est == SynSent || c.ends[1].est == SynSent {
		t.timers.set(synTimer, t.now, n, c)
	}
}

// lapse writes a stub's line and forgets it; as are further flags of its connection.
func (t *Tracker) lapse(n uint32, as connFlags) {
	u := t.stubs.arena.at(n)
	t.tellStub(u, as)
	var s tcp.Segment
	u.segment(&s)
	t.streams.remember(&s.Flow, u.numbered(&s))
	t.index.remove(t.index.hash(&s.Flow), n|stubBit)
	t.stubs.remove(n)
}

// tellStub is tellEnd for a stub.
func (t *Tracker) tellStub(u *stub, as connFlags) {
	if t.cfg.Connections {
		c := t.once(u)
		c.flags |= as
		t.tellEnd(0, c, false)
	} else {
		t.stats.States[SynSent][Closed]++
	}
}
