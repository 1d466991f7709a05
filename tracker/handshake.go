package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// handshake lets a segment with SYN act: RFC 9293 3.5, 3.10.7.2 to 3.10.7.4.
func (t *Tracker) handshake(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	if s.Flags&tcp.FIN != 0 {
		return // no stack sends it, listeners and TIME-WAIT ignore it
	}
	if s.Flags&tcp.ACK != 0 {
		t.synACK(n, c, snd, rcv, s)
		return
	}
	t.syn(n, c, snd, rcv, s)
}

func (t *Tracker) syn(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	switch {
	case !snd.has(hasISS) && (snd.sure == Closed):
		// The first SYN of the connection, or the second of a simultaneous open.
		t.open(snd, s)
		snd.prove(sndSYN)
		snd.flags |= opener
		snd.time(s, t.now)
		if rcv.has(hasISS) {
			t.see(CrossedSYN, n, c, snd, s)
			rcv.presume(rcvSYN, t.now)
			if snd.pend.has(rcvSYN) || rcv.sure == SynSent {
				// The other's SYN passed before: whether this end had it will show in what it sends next.
				snd.presume(rcvSYN, t.now)
			}
		}
	case snd.has(hasISS) && snd.iss == s.Seq:
		t.repeatsSYN(snd)
		snd.timedAt = 0
		t.see(SYNAgain, n, c, snd, s)
		if snd.sure == SynSent {
			snd.retract(rcvRST) // Windows tries again after a refusal
		}
		if snd.sure == SynSent && snd.pend.has(rcvSYNACK) && t.contradicts(c, snd, rcvSYNACK) {
			snd.retract(rcvSYNACK)
			snd.barred |= 1 << rcvSYNACK // an end that is given one says so within a round trip
		}
		if rcv.sure == SynSent {
			rcv.presume(rcvSYN, t.now)
		}
	case snd.sure == SynSent || snd.sure == Closed:
		// Another ISN before the first was answered: whichever the answer acknowledges was the real one.
		t.rare.keep(n, c, s, t.now)
	default:
		// In a synchronised state it draws a challenge ACK and changes nothing (RFC 9293 3.10.7.4). But if that is
		// answered by a SYN-ACK, the peer had forgotten the connection.
		t.rare.keep(n, c, s, t.now)
		t.see(Challenged, n, c, snd, s)
	}
}

// open takes from a SYN or SYN-ACK what it sets up.
func (t *Tracker) open(e *end, s *tcp.Segment) {
	e.iss = s.Seq
	e.flags |= hasISS
	e.snd.Add(t.holes, s.Seq, 1)
	e.win = uint32(s.Window)
	o := &s.Options
	if o.Has&tcp.HasMSS != 0 {
		e.mss = o.MSS
	}
	if o.Has&tcp.HasWScale != 0 {
		e.scale = min(o.WScale, 14) // RFC 7323 2.3
		e.flags |= hasScale
	} else {
		e.flags &^= hasScale
		e.scale = 0
	}
	e.stamp(s)
	if s.Len > 0 || e.aside != 0 {
		t.asideOf(e).synData = uint16(min(s.Len, 1<<16-1))
	}
}

func (t *Tracker) synACK(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	if s.Seq == snd.iss && snd.has(hasISS) && snd.sure != SynSent {
		t.synACKAgain(n, c, snd, rcv, s)
		return
	}
	if rcv.has(hasISS) && !t.answers(n, rcv, s) {
		// It answers an old SYN: its receiver will turn it down with a RST (figure 8).
		if snd.sure == Closed {
			snd.prove(sndSYNACK)
			snd.synACK = s.Ack
		} else if snd.has(hasISS) && snd.sure != SynRecv && snd.sure != SynSent && rcv.sure != SynSent {
			t.see(Challenged, n, c, snd, s)
		}
		return
	}
	if snd.sure == SynRecv && !snd.has(hasISS) {
		snd.retract(rcvRST) // the RST of figure 8 has made it a listener again
	} else if snd.est == Closed && snd.has(hasISS) && snd.iss != s.Seq && (snd.sure == Closed || tcp.Set(Closed, TimeWait).Has(rcv.est)) {
		snd.answersAnew(s)
		return
	} else if snd.sure != Closed && snd.sure != SynSent && snd.sure != TimeWait {
		if _, ok := t.rare.kept(n, s); ok || !snd.has(hasISS) || snd.sure == SynRecv {
			t.see(Forgot, n, c, snd, s)
		} else {
			t.see(Challenged, n, c, snd, s) // nothing has asked for it
		}
		return
	}
	if !rcv.has(hasISS) {
		// The SYN was before the capture's beginning, or went another way.
		c.flags |= late
		rcv.iss, rcv.flags = s.Ack.Add(-1), rcv.flags|hasISS|unscaled
		rcv.snd.Start(s.Ack)
		rcv.prove(sndSYN)
	}
	if snd.sure == SynSent {
		snd.prove(rcvSYN)
	}
	if !snd.has(hasISS) {
		if snd.snd.Started() {
			snd.snd.Release(t.holes) // where its octets begin was an assumption
			snd.flags &^= baseless | unscaled
			snd.set = tcp.Set(SynRecv)
		}
		t.open(snd, s)
		snd.time(s, t.now)
	}
	snd.prove(sndSYNACK)
	snd.synACK = s.Ack
	if n := t.synData(rcv); n > 0 && s.Ack.After(rcv.iss.Add(1)) {
		c.flags |= fastOpen
		rcv.snd.Add(t.holes, rcv.iss.Add(1), n)
	}
	t.acknowledges(n, c, snd, rcv, s)
	if !snd.has(hasScale) || !rcv.has(hasScale) {
		// Both ends scale or none does (RFC 7323 2.2); an end whose SYN was not seen stays unknown.
		snd.unscale()
		rcv.unscale()
	}
	t.window(snd, s)
	rcv.isAnswered(t.now)
}

// answersAnew is a listener that an old duplicate of the SYN has made answer once more: nothing of what was before counts
// for it.
func (e *end) answersAnew(s *tcp.Segment) {
	e.sure, e.set, e.pend, e.barred = Closed, tcp.Set(Closed), 0, 1<<rcvFIN
	e.flags &^= abortive | doubted
	e.prove(sndSYNACK)
	e.iss, e.synACK = s.Seq, s.Ack
}

// isAnswered notes that a SYN-ACK has passed toward the endpoint.
func (e *end) isAnswered(now int64) {
	e.presume(rcvSYNACK, now)
	if e.sure == SynRecv || e.pend.has(rcvSYN) {
		e.presume(rcvACKofSYN, now) // simultaneous open
	}
}

// unscale takes the scale back where the peer did not offer one.
func (e *end) unscale() {
	if !e.has(unscaled) {
		e.scale = 0
	}
}

// answers says that a SYN-ACK acknowledges a SYN of its receiver; if that was another than the first, the first is
// forgotten in its favour.
func (t *Tracker) answers(n uint32, rcv *end, s *tcp.Segment) bool {
	if s.Ack.InRange(rcv.iss.Add(1), rcv.iss.Add(2+t.synData(rcv))) {
		return true
	}
	syn, ok := t.rare.kept(n, s)
	if !ok || !s.Ack.InRange(syn.Seq.Add(1), syn.End().Add(1)) {
		return false
	}
	rcv.snd.Release(t.holes)
	rcv.flags &^= hasISS
	t.open(rcv, &syn.Segment)
	return true
}

// synACKAgain is a SYN-ACK repeated: the handshake's last ACK was lost, or the listener does not take it (a full accept
// queue, TCP_DEFER_ACCEPT).
func (t *Tracker) synACKAgain(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	t.repeatsSYN(snd)
	t.see(SYNAgain, n, c, snd, s)
	snd.timedAt = 0
	if snd.sure != SynRecv {
		return
	}
	if snd.pend.has(rcvACKofSYN) && t.contradicts(c, snd, rcvACKofSYN) {
		snd.retract(rcvACKofSYN)
		// A listener that defers takes the ACK that its repeated SYN-ACK draws; a second time says that it takes none.
		if snd.has(synAgain) {
			snd.barred |= 1 << rcvACKofSYN
		}
		snd.flags |= synAgain
	}
	if rcv.sure == SynSent {
		rcv.isAnswered(t.now)
	}
}
