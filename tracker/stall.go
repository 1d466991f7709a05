package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// A close behind unsent octets shows on no wire: the FIN waits its turn. So while octets are in flight, or the peer's
// window is shut, FIN_WAIT1 is possible beside ESTABLISHED, and LAST_ACK beside CLOSE_WAIT.

// hidden is what else may be when the application may have closed.
func hidden(set StateSet) StateSet {
	if set.Has(Established) {
		set = set.With(FinWait1)
	}
	if set.Has(CloseWait) {
		set = set.With(LastAck)
	}
	return set
}

// stall notes that a close may wait behind the endpoint's octets.
func (e *end) stall() {
	if !e.has(stalled) {
		e.flags |= stalled
		e.cause = causeStalled
	}
	e.set = hidden(e.set)
}

// unstall notes that nothing holds a FIN back: had the application closed, the FIN would have left. At the far end that
// may have been lost before the tap; then it was sent before the peer's arrived.
func (e *end) unstall(near bool) {
	e.flags &^= stalled
	e.cause = causeRested
	if e.has(hasFIN) {
		return
	}
	if e.set.Has(Established) {
		e.set = e.set.Without(FinWait1)
	} else if e.set.Has(CloseWait) {
		e.set = e.set.Without(LastAck)
		if near {
			e.set = e.set.Without(Closing)
		}
	}
}

// flying notes that octets of the endpoint are in flight from now on.
func (t *Tracker) flying(n uint32, c *conn, e *end) {
	e.flight = t.now
	t.watch(n, c)
}

// watch lets the flight timer run.
func (t *Tracker) watch(n uint32, c *conn) {
	if c.flags&armed == 0 {
		c.flags |= armed
		t.timers.set(flightTimer, t.now, n, c)
		c.alarm = t.timers.place(flightTimer)
	}
}

// calm notes that all that the endpoint sent is acknowledged.
func (t *Tracker) calm(n uint32, c *conn, e *end) {
	e.calmAt = t.now
	if e.has(gotFIN) && !e.has(hasFIN) && t.wants(Lingers) {
		t.listen(n, c)
	}
	a, b := &c.ends[0], &c.ends[1]
	if c.flags&armed != 0 && a.flight == 0 && b.flight == 0 && (a.flags|b.flags)&stalled == 0 {
		// Nothing is left to look at, and when it fired the connection would have left the processor's cache.
		c.flags &^= armed
		t.timers.cancelAt(flightTimer, c.alarm, c)
	}
}

// shut follows the window that snd announces to rcv.
func (t *Tracker) shut(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	small := snd.win == 0 || snd.has(hasISS) && !snd.has(unscaled) && snd.win < min(uint32(rcv.segment()), snd.maxWin/2) // silly, RFC 9293 3.8.6.2
	if rcv.has(hasFIN) && rcv.snd.Una().After(rcv.fin) {
		small = false // there is nothing more to send
	}
	switch {
	case small && !snd.has(windowShut):
		t.asideOf(snd).shutAt = t.now
		snd.flags |= windowShut
		rcv.flags &^= probed
		t.see(Shut, n, c, snd, s)
		fits := rcv.inFlight() <= int(snd.win)
		t.beginWait(n, c, rcv, !fits)
		if !fits {
			if t.cfg.Blame {
				t.blocked(c, rcv, t.waitOf(rcv))
			}
			rcv.stall() // what it sent will not fit; an empty queue shows by probes whether it stays so
		}
	case !small && snd.has(windowShut):
		t.see(Opened, n, c, snd, s)
		a := t.asideOf(snd)
		a.shutSum += t.now - a.shutAt
		a.shutAt = 0
		snd.flags &^= windowShut
		t.calm(n, c, rcv)
		t.openWait(rcv)
		if t.cfg.Blame {
			t.opens(c, rcv, snd, s.Len > 0)
		}
	}
	if snd.has(windowShut) {
		t.crack(snd, rcv)
	}
	if rcv.flight == 0 && rcv.has(stalled) {
		t.watch(n, c)
	}
}

// watched is the flight timer: it finds the endpoints whose octets have been in flight for long, and those that have
// come to rest.
func (t *Tracker) watched(n uint32, c *conn) (changed bool) {
	c.flags &^= armed
	again := false
	for d := range c.ends {
		e, peer := &c.ends[d], &c.ends[1-d]
		switch {
		case !e.has(stalled) && e.flight != 0:
			if t.now-e.flight < lasts[flightTimer] {
				again = true
			} else if !e.has(hasFIN) {
				e.stall()
				changed = true
			}
		case e.has(stalled) && e.flight == 0 && !(peer.has(windowShut) && (e.has(probed) || c.flags&late != 0)):
			if t.now-e.calmAt < t.rest(c, e, peer) {
				again = true
			} else {
				e.unstall(t.near(c, e))
				t.restWait(n, c, e, peer)
				changed = true
			}
		}
	}
	if again {
		t.watch(n, c)
	}
	return changed
}

// rest is how long an endpoint with nothing in flight must say nothing until it is sure that no FIN waits: until it would
// have been seen; behind a shut window, until it would have probed.
func (t *Tracker) rest(c *conn, e, peer *end) int64 {
	if peer.has(windowShut) {
		if e.retransmissions > 0 || e.rtt.max > 200*millisecond {
			return 4 * second // its RTO has backed off, and stays so until a round trip is measured (RFC 6298 5.7)
		}
		return second // five times Linux' least RTO
	}
	d := t.delay(c, e) + 10*millisecond
	if w := t.waitOf(e); w != nil {
		d += max(w.first, 200*millisecond) // longer than its RTO (D8)
		if !t.near(c, e) {
			d += 2*w.gap + w.gap/4 // the window update may be lost: then it asks once more
		}
	}
	return min(d, 3600*second) // whatever a capture's clock makes of them
}
