package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// reset lets a RST act: RFC 9293 3.10.7, RFC 5961 3.2.
func (t *Tracker) reset(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	if snd.sure == TimeWait && !snd.snd.Started() && s.Seq == snd.fin && s.Ack == snd.ackedFrom {
		snd.prove(sndRST) // the incarnation before answers the SYN, as some stacks do
		return
	}
	if !snd.snd.Started() && !rcv.snd.Started() {
		c.flags |= late | guessed
		c.guessClient()
		rcv.join(tcp.Synchronised)
		rcv.snd.Start(s.Ack)
		snd.snd.Start(s.Seq)
	}
	if snd.sure == SynSent && s.Flags&tcp.ACK == 0 && s.Seq != snd.iss.Add(1) {
		// It turns down a SYN-ACK for a SYN that is not its own (figures 8 and 9), and waits on.
		if rcv.sure == SynRecv && s.Seq == rcv.synACK {
			rcv.presume(rcvRST, t.now)
		}
		return
	}
	taken, exact := t.resets(c, snd, rcv, s)
	shape := t.shape(snd, rcv, s)
	if t.wants(Reset) {
		t.witness(n, c, snd, &Fact{Kind: Reset, Seg: s, Taken: taken, Exact: exact, Shape: shape})
	}
	if !taken {
		t.turnedDown(n, c, snd, rcv, s)
		return
	}
	refuses := snd.sure == SynRecv && s.Flags&tcp.ACK == 0 && snd.has(hasISS) && s.Seq != snd.iss.Add(1)
	t.diesBehind(n, c, snd, shape)
	if refuses {
		// It turns down an ACK that is not for its SYN-ACK, and waits on (3.10.7.4, fifth).
		rcv.presume(rcvRST, t.now)
		return
	}
	t.accepted(n, c, snd, rcv, s, exact, shape)
}

// accepted lets a RST act that its receiver accepts: it ends the connection.
func (t *Tracker) accepted(n uint32, c *conn, snd, rcv *end, s *tcp.Segment, exact bool, shape ResetShape) {
	refused := rcv.sure == SynSent && snd.sure == Closed
	t.bury(n, c, snd, s, exact)
	if t.closedBy(c, s.Dir, HowRST) && refused {
		c.how = HowRefused
	}
	switch {
	case refused:
	case !exact, shape == ShapeSuspect && !t.near(c, snd):
		snd.expired = snd.expired.With(Closed) // it may be somebody else's: it proves nothing of its sender
	default:
		snd.prove(sndRST)
		snd.pend = 0
		snd.set = tcp.Set(Closed)
	}
	snd.flags |= abortive
	if snd.unheard >= 2 && !t.near(c, rcv) {
		// It gives up a peer that does not answer: what was lost twice is not presumed to arrive the third time.
		rcv.expired = rcv.expired.With(Closed)
	} else {
		rcv.presume(rcvRST, t.now)
		if !exact {
			*rcv.presumedAt(rcvRST) = 0 // whatever it sends next tells that it did not
		}
	}
	t.acknowledgesByReset(c, snd, rcv, s)
}

// turnedDown lets a RST act that its receiver does not accept: forged, or too old to count; a challenge ACK at most. But of
// a late start, or of a sender that was not heard since packets were lost, too little is known to say so.
func (t *Tracker) turnedDown(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	if c.flags&late != 0 || t.losses.since(snd.sentAt) {
		snd.expired, rcv.expired = snd.expired.With(Closed), rcv.expired.With(Closed)
	}
	own := t.answersItself(c, snd, rcv, s)
	t.bury(n, c, snd, s, own)
	if own {
		t.closedBy(c, s.Dir, HowRST)
		snd.prove(sndRST)
		snd.pend, snd.set = 0, tcp.Set(Closed)
		snd.flags |= abortive
	}
}

// answersItself says that a RST which its receiver does not take is nevertheless its sender's own, seen beside it: the
// answer to a segment that was overtaken, at the number that this acknowledged (3.10.7.1). So answers a host without
// that connection, and none other.
func (t *Tracker) answersItself(c *conn, snd, rcv *end, s *tcp.Segment) bool {
	return s.Flags&tcp.ACK == 0 && snd.est != Closed && snd.est != SynSent && snd.est != SynRecv && t.near(c, snd) && !t.near(c, rcv) &&
		rcv.sentAt >= snd.sentAt && t.now-rcv.sentAt < 2*millisecond && rcv.has(hasACK) && !s.Seq.After(rcv.ack) && rcv.ack.Sub(s.Seq) < 1<<20
}

// acknowledgesByReset counts what a RST with ACK acknowledges, as any ACK does.
func (t *Tracker) acknowledgesByReset(c *conn, snd, rcv *end, s *tcp.Segment) {
	if s.Flags&tcp.ACK != 0 && rcv.snd.Started() && s.Ack.InRange(rcv.snd.Una(), rcv.snd.Next().Add(1)) {
		rcv.snd.Ack(t.holes, s.Ack)
	}
}

// resets says that the receiver of a RST accepts it; exact, that it is at the sequence number that the receiver expects,
// which its sender knows and a forger must guess.
func (t *Tracker) resets(c *conn, snd, rcv *end, s *tcp.Segment) (taken, exact bool) {
	if rcv.est == SynSent && !rcv.has(hasACK) {
		taken = s.Flags&tcp.ACK != 0 && s.Ack.InRange(rcv.iss.Add(1), rcv.iss.Add(2+t.synData(rcv)))
		return taken, taken
	}
	if !rcv.has(hasACK) && !snd.snd.Started() {
		return true, true // nothing is known of its receiver: see late
	}
	nxt := snd.snd.Contiguous(t.holes)
	if !snd.snd.Started() {
		nxt = rcv.ack
	}
	switch {
	case rcv.est == SynRecv && s.Seq == rcv.synACK:
		return true, true // what passed before its SYN-ACK was of an earlier life
	case rcv.est == SynRecv && rcv.sure == SynRecv && rcv.has(hasISS) && t.near(c, rcv):
		return false, false // nor has it taken anything since: Linux 6.18 answers with a challenge ACK
	case s.Seq == nxt:
		return true, true
	case rcv.has(hasACK) && s.Seq == rcv.ack && (rcv.win == 0 || !t.near(c, rcv)):
		return true, true // what passed since may be lost, or found no room: to Linux the edge of a window that shrank is where it stands
	case t.sacked(rcv) && s.Seq == t.aside(rcv).sackHi:
		return true, true // as Linux does: the peer had sent that much when it died
	case s.Seq == nxt.Add(-1) && tcp.Set(CloseWait, LastAck, Closing).Has(rcv.est):
		return true, true // as Linux does, for macOS peers
	case rcv.est == FinWait2 && !rcv.has(owned) && rcv.has(hasACK) && s.Seq.InRange(rcv.ack, rcv.edge.Add(1)):
		return true, false // as Linux does once the owner is gone
	}
	return false, false
}

// closedBy notes who closed first, and says whether it was the sender of this segment.
func (t *Tracker) closedBy(c *conn, d tcp.Dir, how How) bool {
	if c.how != HowOpen {
		if how == HowRST {
			c.how = HowRST
		}
		return false
	}
	c.closed(c.side(d), how)
	return true
}
