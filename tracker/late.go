package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// pickUp lets a segment introduce ends whose handshake was not seen: an operator starts us when the hang is there, or
// the capture holds one direction only.
func (t *Tracker) pickUp(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	ack := s.Flags&tcp.ACK != 0
	if snd.snd.Started() && (!ack || rcv.snd.Started()) && (snd.sure != SynSent || rcv.sure != Closed && rcv.has(hasISS)) {
		if snd.has(baseless) && s.Len == 0 && s.Seq.After(snd.snd.Next()) {
			snd.rebase(t, s.Seq)
		}
		return
	}
	if ack && !snd.snd.Started() && rcv.sure == SynSent && t.acksSYN(rcv, s) {
		// Its SYN-ACK was lost on the way, or it asks for the rest of the handshake (3.5 figure 7, Fast Open): an end that
		// waits for a SYN-ACK drops what comes without (3.10.7.3), and its peer cannot be further than SYN-RECEIVED.
		snd.snd.Start(s.Seq)
		snd.join(tcp.Synchronised.With(SynRecv))
		snd.sure, snd.iss, snd.synACK = SynRecv, s.Seq.Add(-1), s.Ack
		if s.Len > 0 || s.Ack.After(rcv.iss.Add(1)) {
			c.flags |= fastOpen
			rcv.snd.Add(t.holes, rcv.iss.Add(1), s.Ack.Sub(rcv.iss.Add(1)))
		}
		return
	}
	c.flags |= late
	if !snd.snd.Started() && !rcv.snd.Started() {
		c.flags |= guessed
		c.guessClient()
	}
	switch {
	case !snd.snd.Started():
		snd.snd.Start(s.Seq)
		snd.join(tcp.Synchronised)
	case snd.sure == SynSent && s.Seq == snd.snd.Next() && ack:
		snd.prove(rcvSYNACK) // the SYN-ACK went another way, or was lost by the capture
		t.see(Unheard, n, c, rcv, s)
	case snd.sure == SynSent:
		snd.rebase(t, s.Seq) // that SYN was an old one
		snd.join(tcp.Synchronised)
	}
	if ack && !rcv.snd.Started() {
		rcv.snd.Start(s.Ack)
		if s.SegLen() == 0 {
			rcv.join(tcp.Synchronised.With(Closed)) // it may be the last ACK of all
		} else {
			rcv.join(tcp.Synchronised.With(SynRecv))
		}
	} else if ack && rcv.sure == SynSent && !t.acksSYN(rcv, s) {
		rcv.rebase(t, s.Ack) // likewise: its receiver is long past it
		rcv.join(tcp.Synchronised)
	}
}

// acksSYN says that a segment acknowledges its receiver's SYN and no more than what that carried.
func (t *Tracker) acksSYN(rcv *end, s *tcp.Segment) bool {
	return s.Ack.InRange(rcv.iss.Add(1), rcv.iss.Add(2+t.synData(rcv)))
}

// join puts an endpoint into every state in which what was seen of it is possible.
func (e *end) join(set StateSet) {
	e.sure, e.set, e.cause = Established, set, causeJoined
	e.flags |= unscaled | baseless
	e.flags &^= hasISS
}

// rebase begins an endpoint's octets anew, where they were an assumption.
func (e *end) rebase(t *Tracker, at tcp.Seq) {
	e.snd.Release(t.holes)
	e.snd.Start(at)
}

// guessClient takes the higher port for the client's: listeners have low ones.
func (c *conn) guessClient() {
	c.client = tcp.FromA
	if c.key.PortA < c.key.PortB {
		c.client = tcp.FromB
	}
}
