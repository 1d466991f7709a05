package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// settle works out what is now claimed of both ends, tells what has changed, and sets the timers that follow.
func (t *Tracker) settle(n uint32, c *conn) {
	if a, b := &c.ends[0], &c.ends[1]; a.weighed == a.weigh(c) && b.weighed == b.weigh(c) && !t.plain {
		return
	}
	changed := t.claims(n, c, 0)
	if t.claims(n, c, 1) || changed {
		t.expect(n, c)
		if t.cfg.Blame {
			t.turned(c)
		}
	}
}

// claims tells what is claimed of one end if it has changed, and says whether its state has.
func (t *Tracker) claims(n uint32, c *conn, d tcp.Dir) bool {
	e := &c.ends[d]
	est := e.fold(e.sure)
	moved := est != e.est
	if moved {
		e.est, e.dueAt, e.expired = est, 0, 0
	}
	if e.has(stalled) && !e.has(hasFIN) {
		if t.vouched(e) {
			e.set = open(e.set)
		} else {
			e.set = hidden(e.set)
		}
	}
	now := claim{state: est, possible: e.foldSet(e.set).With(est) | e.expired}
	if e.pend.has(rcvACKofSYN) && e.sure == SynRecv && !e.has(opener) {
		now.possible = now.possible.With(SynRecv)
	}
	if e.pend != 0 && c.flags&late != 0 && e.set.Len() > 1 {
		// What is presumed to arrive may have come before the capture, or never; a FIN, after octets that it did not get.
		now.possible |= e.set | (e.pend &^ (1 << rcvFIN)).foldSet(e.set)
	}
	if est == e.sure && now.possible == tcp.Set(est) {
		now.basis = Proven
	}
	e.weighed = e.weigh(c)
	if now == e.shown {
		return moved
	}
	if moved {
		t.moved(n, c, e, est)
	}
	was := e.shown
	e.shown = now
	t.stats.Transitions++
	if t.cfg.Sink != nil && t.cfg.Transitions {
		a, b := c.key.Ends()
		if c.client == tcp.FromB {
			a, b = b, a
		}
		t.tell = Transition{
			Time: t.now, Packet: t.packet, Conn: c.num, Stream: c.stream, Client: a, Server: b, Side: c.side(d),
			From: was.state, To: now.state, Basis: now.basis, Possible: now.possible, Deadline: e.dueAt,
			Why: whys[e.cause], View: View{t, n, c},
		}
		t.cfg.Sink.Transition(&t.tell)
	}
	return moved
}

// moved tells of the endpoint's new state.
func (t *Tracker) moved(n uint32, c *conn, e *end, to State) {
	from := e.shown.state
	if c.flags&moves != 0 && t.wants(Moved) {
		t.witness(n, c, e, &Fact{Kind: Moved, From: from, To: to})
	}
	switch {
	case to == Established && from == SynRecv && t.wants(Joined):
		t.witness(n, c, e, &Fact{Kind: Joined})
	case to == SynRecv && from == Established && t.wants(Unjoined):
		t.witness(n, c, e, &Fact{Kind: Unjoined})
	case to == TimeWait && e == &c.ends[c.client.Other()] && t.wants(Rested):
		t.witness(n, c, e, &Fact{Kind: Rested})
	}
}

// weight is all that a claim is made of, so that most segments show by a comparison that they change none.
type weight struct {
	stand
	set     StateSet
	besides uint16 // expired, and the flags
}

// weighty are the flags that count, the lowest: with late they fit above a set of states.
const weighty = hasFIN | stalled | opener

const _ = uint16(weighty<<1|1) << tcp.NumStates

func (e *end) weigh(c *conn) weight {
	besides := uint16(e.expired) | uint16(e.flags&weighty<<1|endFlags(c.flags&late/late))<<tcp.NumStates
	return weight{e.stand, e.set, besides}
}

// expect sets the timers of states that no packet ends.
func (t *Tracker) expect(n uint32, c *conn) {
	over, waits := true, false
	for d := range c.ends {
		e := &c.ends[d]
		switch e.est {
		case SynSent:
			t.timers.set(synTimer, t.now, n, c)
			over = false
		case FinWait2:
			if e.dueAt == 0 && !e.has(owned) {
				e.dueAt = t.now + lasts[finWait2Timer]
				t.timers.set(finWait2Timer, t.now, n, c)
			}
			over = false
		case TimeWait:
			if e.dueAt == 0 {
				e.dueAt = t.now + lasts[timeWaitTimer]
				t.timers.set(timeWaitTimer, t.now, n, c)
			}
			waits = true
		case Closed:
		default:
			over = false
		}
	}
	switch {
	case over && !waits:
		c.retire = t.now + lasts[goneTimer]
		t.timers.set(goneTimer, t.now, n, c)
	case !over:
		c.retire = 0
	}
}

// fire lets a timer act.
func (t *Tracker) fire(k timer, n uint32, c *conn) {
	switch k {
	case flightTimer:
		if !t.watched(n, c) {
			return
		}
	case goneTimer:
		if c.retire != 0 && c.retire <= t.now {
			t.retire(n, c, true)
			return
		}
	case timeWaitTimer:
		for d := range c.ends {
			if e := &c.ends[d]; e.est == TimeWait && e.dueAt <= t.now {
				t.retire(n, c, true)
				return
			}
		}
	case finWait2Timer:
		for d := range c.ends {
			if e := &c.ends[d]; e.est == FinWait2 && e.dueAt != 0 && e.dueAt <= t.now {
				e.expired, e.cause = tcp.Set(Closed), causeExpired
			}
		}
	case lingerTimer:
		t.lingered(n, c)
	case synTimer:
		for d := range c.ends {
			if e := &c.ends[d]; e.est == SynSent {
				e.expired, e.cause = tcp.Set(Closed), causeExpired
			}
		}
	}
	t.settle(n, c)
}
