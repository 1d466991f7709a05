package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// again decides whether a SYN on a known four-tuple begins another incarnation; then it retires the one there is and
// returns the new.
func (t *Tracker) again(n uint32, c *conn, s *tcp.Segment) (uint32, *conn) {
	snd, rcv := c.pair(s.Dir)
	if s.Flags&tcp.ACK != 0 {
		return t.answered(n, c, snd, rcv, s)
	}
	if s.Flags&tcp.FIN != 0 || snd.has(hasISS) && snd.iss == s.Seq {
		return n, c
	}
	over := tcp.Set(Closed, TimeWait)
	if snd.packets+rcv.packets == 0 || !over.Has(rcv.est) || !over.Has(snd.est) || snd.est == Closed && rcv.est == Closed && c.how == HowOpen {
		return n, c
	}
	if rcv.est == TimeWait && !t.reopens(snd, rcv, s) {
		return n, c
	}
	before, h := *rcv, t.index.hash(&c.key)
	t.gap = t.now - c.last()
	t.retire(n, c, true)
	n, c = t.begin(h, s)
	c.flags |= again
	if before.est == TimeWait {
		c.ends[s.Dir.Other()].carry(&before)
	}
	return n, c
}

// answered begins another incarnation when a SYN-ACK answers a SYN that came in the midst of the one there is: its sender
// had forgotten that.
func (t *Tracker) answered(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) (uint32, *conn) {
	if !snd.has(hasISS) || snd.iss == s.Seq || rcv.sure == SynSent {
		return n, c
	}
	syn, ok := t.rare.kept(n, s)
	if !ok || !s.Ack.InRange(syn.Seq.Add(1), syn.End().Add(1)) {
		return n, c
	}
	h := t.index.hash(&c.key)
	t.gap = syn.silence
	t.retire(n, c, true)
	n, c = t.begin(h, s)
	c.flags |= again
	c.client = syn.Dir
	// The SYN was counted when it came.
	t.opened = syn.Segment
	t.zeekOpened(n, c)
	t.handshake(n, c, &c.ends[syn.Dir], &c.ends[syn.Dir.Other()], &t.opened)
	return n, c
}

// carry leaves an endpoint in TIME-WAIT from the incarnation before: until its SYN-ACK it has not let the new one in.
func (e *end) carry(before *end) {
	e.sure, e.est, e.set = TimeWait, TimeWait, tcp.Set(TimeWait)
	e.shown = claim{TimeWait, before.shown.basis, before.shown.possible}
	e.fin, e.ackedFrom = before.snd.Next(), before.ack
}

// reopens says that TIME-WAIT lets a SYN in: a later sequence number, or a later timestamp (RFC 6191).
func (t *Tracker) reopens(snd, rcv *end, s *tcp.Segment) bool {
	if snd.has(hasTS) && s.Options.Has&tcp.HasTS != 0 && int32(s.Options.TSVal-snd.tsRecent) > 0 {
		return true
	}
	return !rcv.has(hasACK) || s.Seq.After(rcv.ack)
}
