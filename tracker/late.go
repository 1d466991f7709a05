package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// pickUp lets a segment introduce ends whose handshake was not seen: an operator starts us when the hang is there.
func (t *Tracker) pickUp(c *conn, snd, rcv *end, s *tcp.Segment) {
	if snd.snd.Started() && (s.Flags&tcp.ACK == 0 || rcv.snd.Started()) {
		return
	}
	if !snd.snd.Started() && !rcv.snd.Started() {
		c.flags |= guessed
		t.guessClient(c)
	}
	c.flags |= late
	if !snd.snd.Started() {
		snd.snd.Start(s.Seq)
		snd.join()
	}
	if s.Flags&tcp.ACK != 0 && !rcv.snd.Started() {
		rcv.snd.Start(s.Ack)
		rcv.join()
	}
}

// join puts an endpoint in every state in which a segment without SYN is sent or answered.
func (e *end) join() {
	if e.sure == Closed {
		e.sure, e.est = Established, Established
	}
	e.set |= tcp.Synchronised
	e.set = e.set.Without(Closed)
	e.flags |= unscaled
}

// guessClient takes the higher port for the client's: listeners have low ones.
func (t *Tracker) guessClient(c *conn) {
	c.client = tcp.FromA
	if c.key.PortA < c.key.PortB {
		c.client = tcp.FromB
	}
}
