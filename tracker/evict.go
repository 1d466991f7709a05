package tracker

import (
	"unsafe"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// What one connection costs at most, its share of the index and the lists of what is free and what waits included. The
// table's bound in connections is a bound in memory by the first: every connection may be in data, and every one may
// have been half open before, for the room of the one kind is not used for the other.
const (
	ConnectionBytes = int(unsafe.Sizeof(conn{})) + 2*(int(unsafe.Sizeof(aside{}))+4) + int(unsafe.Sizeof(blames{})) + 4 + HalfOpenBytes + 4 + 5*alarmBytes // timers: SYN, flight, gone, FIN_WAIT2, TIME_WAIT
	HalfOpenBytes   = int(unsafe.Sizeof(stub{})) + 4 + 2*slotBytes                                                                                         // a connection of which one SYN was seen

	slotBytes  = 8 * 4 / 3 * 2 // a table three quarters full, or just doubled
	alarmBytes = int(unsafe.Sizeof(alarm{}))
)

// BytesBeside is what Config.Zeek and Config.Analysis add to what one connection costs.
func BytesBeside(zeeks, analyses bool) (n int) {
	if zeeks {
		n += int(unsafe.Sizeof(zeek{})) + 4
	}
	if analyses {
		n += int(unsafe.Sizeof(dialogue{})) + 4 + int(unsafe.Sizeof(tally{})) + 4
	}
	if zeeks || analyses {
		n += int(unsafe.Sizeof(brief{}))
	}
	return n
}

// bound keeps the number of connections within Config.MaxConnections.
type bound struct {
	hand  uint32 // the place in the arena to be looked at next
	marks []mark // evicted connections, by hash: the latest of each place
}

// mark remembers an evicted connection: its hash and its client's ISN, 0 if that was not known.
type mark struct {
	hash uint32
	iss  tcp.Seq
}

// maxMarks bounds the memory of what was evicted: 1 MiB, half of it for the half-open, so that a flood of them leaves
// the others alone.
const maxMarks = 1 << 17

// sampled is how many connections are looked at to find one to evict: the clock's hand goes round, nobody keeps a list
// in order of use with every packet.
const sampled = 8

// Live is how many connections have not yet retired.
func (t *Tracker) Live() int { return t.conns.len() + t.stubs.len() }

// makeRoom evicts where the table is full: the finished, then the never answered, then the longest idle, those that
// are stuck last.
func (t *Tracker) makeRoom() {
	if t.cfg.MaxConnections <= 0 || t.Live() < t.cfg.MaxConnections {
		return
	}
	t.stats.Evicted++
	if n := t.finished(); n != 0 {
		t.evict(n)
		return
	}
	n := t.unanswered()
	switch {
	case n != 0 && (t.stubs.first == 0 || t.conns.at(n).num < t.stubs.at(t.stubs.first).num):
		t.evict(n)
	case t.stubs.first != 0:
		u := t.stubs.at(t.stubs.first)
		k := u.key()
		t.bound.mark(&k, u.seq, true)
		t.lapse(t.stubs.first, evicted)
	default:
		t.evict(t.idle())
	}
}

func (t *Tracker) evict(n uint32) {
	c := t.conns.at(n)
	e := &c.ends[c.client]
	t.bound.mark(&c.key, e.iss, false)
	c.flags |= evicted
	t.retire(n, c, false)
}

// finished returns the connection that waits longest to retire, 0 for none: those are in order already, as alarms.
func (t *Tracker) finished() uint32 {
	for _, k := range [...]timer{goneTimer, timeWaitTimer} {
		for t.timers.due[k] != never {
			q := &t.timers.queues[k]
			a := *q.at(q.head)
			// What fires it later or never is no loss: an alarm for another time than its connection's has been replaced.
			t.timers.drop(k)
			c := t.conn(a)
			if c == nil {
				continue
			}
			if k == goneTimer && c.retire == a.at {
				return a.n
			}
			if k == timeWaitTimer && (c.ends[0].waitsUntil(a.at) || c.ends[1].waitsUntil(a.at)) {
				return a.n
			}
		}
	}
	return 0
}

func (e *end) waitsUntil(at int64) bool { return e.est == TimeWait && e.dueAt == at }

// unanswered returns the oldest connection of which one side alone was seen, stubs aside; 0 for none.
func (t *Tracker) unanswered() uint32 {
	for t.timers.due[synTimer] != never || t.timers.due[lateTimer] != never {
		k, a := t.timers.oldest()
		if c := t.conn(a); c != nil && (c.ends[0].est == SynSent || c.ends[1].est == SynSent) {
			return a.n
		}
		t.timers.drop(k)
	}
	return 0
}

// idle returns the connection that can best be spared among some. There is one.
func (t *Tracker) idle() (best uint32) {
	var worth, last int64
	for left := min(sampled, t.conns.len()); left > 0; {
		p, ok := t.conns.place(t.bound.hand)
		if !ok {
			p, _ = t.conns.place(0)
		}
		t.bound.hand = p + 1
		n := p + 2
		c := t.conns.at(n)
		if c.first == 0 {
			continue
		}
		left--
		if w := c.worth(); best == 0 || w < worth || w == worth && c.last() < last {
			best, worth, last = n, w, c.last()
		}
	}
	return best
}

// worth ranks a connection among those that may be evicted, the least first.
func (c *conn) worth() int64 {
	a, b := &c.ends[0], &c.ends[1]
	over, opening, closing := tcp.Set(Closed, TimeWait), tcp.Set(SynSent, SynRecv), tcp.Set(FinWait1, CloseWait, Closing, LastAck)
	switch {
	case over.Has(a.est) && over.Has(b.est):
		return 0
	case opening.Has(a.est) || opening.Has(b.est):
		return 1
	case a.has(stalled) || b.has(stalled) || (a.flags|b.flags)&windowShut != 0 || closing.Has(a.est) || closing.Has(b.est):
		return 3 // what the user is looking for
	}
	return 2
}

// markHash is an index without entries, for its hash: the seed is the same in every process, so that the same capture is
// told the same way twice. Who aims at the place of a mark hides the word that what comes later is more of it, no more.
var markHash = index{seed: seeds(1)}

// mark notes an evicted connection.
func (b *bound) mark(k *tcp.FlowKey, iss tcp.Seq, halfOpen bool) {
	if b.marks == nil {
		b.marks = make([]mark, maxMarks)
	}
	h := markHash.hash(k)
	b.marks[spot(h, halfOpen)] = mark{h, iss}
}

func spot(h uint32, halfOpen bool) uint32 {
	i := h & (maxMarks/2 - 1)
	if halfOpen {
		i += maxMarks / 2
	}
	return i
}

// continues says, as the flag continued, that what a segment begins is more of an evicted connection: that is
// remembered, and a SYN has its ISN.
func (b *bound) continues(s *tcp.Segment) connFlags {
	if b.marks == nil {
		return 0
	}
	h := markHash.hash(&s.Flow)
	for _, halfOpen := range [...]bool{false, true} {
		m := &b.marks[spot(h, halfOpen)]
		if m.hash == h && h != 0 && (s.Flags&(tcp.SYN|tcp.ACK) != tcp.SYN || s.Seq == m.iss) {
			*m = mark{}
			return continued
		}
	}
	return 0
}
