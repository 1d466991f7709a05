package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// verdict is what a receiver does with a segment (RFC 9293 3.10.7.4, RFC 5961, RFC 7323).
type verdict uint8

const (
	acceptable verdict = iota
	stale              // wholly before its window: answered and dropped, but its sender is real
	outside            // beyond its window, or from a time before: nothing may move
)

// judge says what the receiver of a segment without SYN and RST does with it.
func (t *Tracker) judge(c *conn, snd, rcv *end, s *tcp.Segment) verdict {
	if back := rcv.snd.Una().Sub(s.Ack); rcv.snd.Started() && back > 0 && back > t.oldest(c, snd, rcv) {
		return outside // RFC 5961 5.2
	}
	if !rcv.has(hasACK) {
		return acceptable
	}
	if !rcv.has(unscaled) && s.Seq.After(rcv.edge) {
		return outside
	}
	if s.SegLen() > 0 && snd.old(s, t.now) {
		return outside
	}
	if s.End().Before(rcv.ack) {
		return stale
	}
	return acceptable
}

// oldest is how far behind the latest an acknowledgement may be for its receiver to take what comes with it: the largest
// window that its sender announced (RFC 5961 5.2). What the receiver's idea of the latest is, only a tap beside it knows.
func (t *Tracker) oldest(c *conn, snd, rcv *end) int {
	if snd.maxWin > 0 && snd.maxWin < 1<<16 && snd.flags&unscaled == 0 && t.near(c, rcv) {
		return int(snd.maxWin)
	}
	return int(max(snd.maxWin, 1<<16))
}

// pawsTime is a time in units of about a second.
func pawsTime(ns int64) uint32 { return uint32(ns >> 30) }

// pawsIdle is how long a timestamp counts (RFC 7323 5.5), as pawsTime.
const pawsIdle = uint32(24 * 24 * 3600 * second >> 30)

// old says that PAWS drops the segment (RFC 7323 5.3).
func (e *end) old(s *tcp.Segment, now int64) bool {
	return e.has(hasTS) && s.Options.Has&tcp.HasTS != 0 && int32(s.Options.TSVal-e.tsRecent) < 0 && pawsTime(now)-e.tsAt < pawsIdle
}

// stamp takes a segment's timestamp as the latest.
func (e *end) stamp(s *tcp.Segment) {
	if s.Options.Has&tcp.HasTS != 0 {
		e.tsRecent, e.flags = s.Options.TSVal, e.flags|hasTS
	}
}

// stampAcceptable takes the timestamp of a segment that its receiver does not drop as old and that is no later in sequence
// than it had acknowledged (RFC 7323 4.3).
func (e *end) stampAcceptable(rcv *end, s *tcp.Segment, now int64) {
	if s.Options.Has&tcp.HasTS == 0 || rcv.has(hasACK) && (s.Seq.After(rcv.ack) || s.End().Before(rcv.ack)) {
		return
	}
	if !e.has(hasTS) || int32(s.Options.TSVal-e.tsRecent) >= 0 {
		e.tsRecent, e.tsAt, e.flags = s.Options.TSVal, pawsTime(now), e.flags|hasTS
	}
}

// fresh says that a segment is not one overtaken by a later of the same sender.
func (e *end) fresh(s *tcp.Segment) bool {
	if e.has(hasACK) && s.Flags&tcp.ACK != 0 && s.Ack.Before(e.ack) {
		return false
	}
	return !e.has(hasTS) || s.Options.Has&tcp.HasTS == 0 || int32(s.Options.TSVal-e.tsRecent) >= 0
}

// credible says that an acknowledgement is one that its sender can have sent: of octets that were seen, or that two
// segments say the capture has lost.
func (t *Tracker) credible(c *conn, rcv *end, s *tcp.Segment) bool {
	if !s.Ack.After(rcv.snd.Next()) {
		return true
	}
	if rcv.has(baseless) {
		rcv.rebase(t, s.Ack)
		return true
	}
	if c.flags&late != 0 && s.Ack == rcv.snd.Next().Add(1) {
		if rcv.set.Len() > 1 && !rcv.has(hasFIN) { // of a FIN from before the capture
			rcv.set = rcv.set.Without(SynRecv) | tcp.Set(FinWait2, TimeWait, Closed)
		}
		return true
	}
	if !t.rare.lost(c, s) {
		return false
	}
	t.rare.suppose(c, rcv, s, t.now)
	return true
}

// acknowledges takes in an acknowledgement: what it proves that its sender had received, and what of the receiver's is
// no longer in flight.
func (t *Tracker) acknowledges(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	ack := s.Ack
	if !snd.has(hasACK) {
		snd.ack, snd.edge, snd.flags = ack, ack, snd.flags|hasACK
	} else if ack.After(snd.ack) {
		snd.ack = ack
		if w := t.waitOf(snd); w != nil && w.opened == 0 && !w.took {
			w.took = true
			t.see(Took, n, c, snd, s)
		}
		if snd.has(hasFIN) && !(rcv.has(hasFIN) && ack.After(rcv.fin)) {
			snd.flags |= owned
			t.see(Took, n, c, snd, s)
			snd.dueAt, snd.expired = 0, 0
		}
	}
	if ack.After(rcv.snd.Una()) {
		if a := rcv.snd.Ack(t.holes, ack); a.Missed > 0 {
			if t.cfg.Blame {
				t.uncaptured(c, rcv)
			}
			if t.wants(Missed) {
				t.witness(n, c, rcv, &Fact{Kind: Missed, Seg: s, Octets: a.Missed})
			}
		}
		t.frees(rcv)
		if rcv.timedAt != 0 && !ack.Before(rcv.timed) {
			rcv.rtt.add(t.now - rcv.timedAt)
			rcv.rtt.through = max(rcv.rtt.through, rcv.timedLen)
			rcv.timedAt = 0
		}
		if rcv.inFlight() <= 0 {
			rcv.flight = 0
			t.calm(n, c, rcv)
		}
	}
	if snd.sure == SynSent && rcv.has(hasISS) && ack.After(rcv.iss) && rcv.sure != SynSent {
		snd.prove(rcvSYNACK)
	}
	if rcv.has(hasFIN) && ack.After(rcv.fin) && !snd.has(gotFIN) {
		if rcv.has(finACKs) || snd.pend.has(rcvACKofFIN) && t.near(c, snd) {
			snd.prove(rcvACKofFIN)
		}
		if snd.pend&(1<<rcvFIN) == 0 && !snd.barred.has(rcvFIN) {
			*snd.presumedAt(rcvFIN) = t.now
		}
		snd.prove(rcvFIN)
		snd.flags |= gotFIN
		snd.ackedFrom = s.Seq
		if s.Flags&tcp.FIN == 0 && !snd.has(hasFIN) && t.wants(Lingers) {
			t.listen(n, c)
		}
	}
}

// time begins to measure a round trip with a segment sent for the first time.
func (e *end) time(s *tcp.Segment, now int64) {
	if s.SegLen() > 0 {
		e.timed, e.timedAt, e.timedLen = s.End(), now, uint16(min(s.Len, 1<<16-1))
	}
}

// window takes in the window that a segment announces. That of a SYN is not scaled (RFC 7323 2.2).
func (t *Tracker) window(e *end, s *tcp.Segment) {
	if s.Flags&tcp.ACK == 0 {
		return
	}
	win := uint32(s.Window)
	if s.Flags&tcp.SYN == 0 {
		if e.has(hasScale) {
			win <<= e.scale
		} else if e.has(unscaled) {
			win <<= 14 // at most
		}
		if win == 0 {
			t.asideOf(e).zeroWindows++
		}
		e.maxWin = max(e.maxWin, win)
	}
	e.win = win
	if edge := s.Ack.Add(int(win)); edge.After(e.edge) {
		e.edge = edge
	}
}

// sacks notes the right edge of the highest block that an endpoint holds above its acknowledgement.
func (t *Tracker) sacks(e, peer *end, s *tcp.Segment) {
	above := func(q tcp.Seq) bool { return q.After(s.Ack) && !q.After(peer.snd.Next()) }
	for _, b := range s.Options.SACK[:s.Options.NSACK] {
		if !above(b.Hi) {
			continue
		}
		if a := t.asideOf(e); !above(a.sackHi) || b.Hi.After(a.sackHi) {
			a.sackHi = b.Hi
		}
	}
}
