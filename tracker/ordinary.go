package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// ordinary lets a segment without SYN and RST act.
func (t *Tracker) ordinary(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	if snd.sure == TimeWait && !snd.snd.Started() {
		return // the incarnation before answers the SYN with a challenge ACK
	}
	if s.Flags&tcp.ACK == 0 {
		if !snd.snd.Started() && !rcv.snd.Started() {
			snd.set, rcv.set = tcp.Set(Closed, Unknown), tcp.Set(Closed, Unknown) // a scan tells nothing of either
		}
		return // 3.10.7.4 fifth
	}
	t.pickUp(n, c, snd, rcv, s)
	if snd.has(oddlyACKed) {
		t.restore(n, c, snd, rcv, s)
	}
	t.rare.refute(c, s)
	v := t.judge(c, snd, rcv, s)
	if v == outside {
		return
	}
	if snd.flags&(abortive|doubted) != 0 {
		t.revive(n, c, snd, s)
	}
	fresh := snd.fresh(s)
	if s.Options.NSACK > 0 {
		t.sacks(snd, rcv, s)
	}
	flew := rcv.flight != 0

	// What it proves that its sender had received, and what it shows that its sender had not.
	if fresh {
		t.contradict(c, snd, rcv, s)
	}
	if t.credible(c, rcv, s) {
		t.acknowledges(n, c, snd, rcv, s)
	} else {
		v = stale
	}
	if snd.sure == SynRecv && (s.Flags&tcp.FIN != 0 || s.Options.NSACK > 0 || s.Len > 0 && c.flags&fastOpen == 0 || snd.has(hasACK) && snd.ack.After(snd.synACK)) {
		snd.prove(rcvACKofSYN)
	}

	// What its sender does.
	t.sends(n, c, snd, rcv, s, v)
	if fresh {
		t.window(snd, s)
		t.shut(n, c, snd, rcv, s)
	}

	// What its receiver learns.
	if v == acceptable {
		t.learns(n, c, snd, rcv, s, flew)
	}
	snd.stampAcceptable(rcv, s, t.now)
	if rcv.packets == 0 && snd.has(hasFIN) && s.Flags&tcp.FIN == 0 {
		t.see(SpokeOn, n, c, snd, s)
	}
}

// learns notes what has passed the tap toward the receiver of an acceptable segment; flew says whether octets of it were
// in flight until then.
func (t *Tracker) learns(n uint32, c *conn, snd, rcv *end, s *tcp.Segment, flew bool) {
	if (rcv.sure == SynRecv || rcv.est == SynRecv) && s.Ack.After(rcv.iss) {
		rcv.presume(rcvACKofSYN, t.now)
	}
	if rcv.has(hasFIN) && s.Ack.After(rcv.fin) {
		rcv.presumeAnew(rcvACKofFIN, t.now)
	}
	if snd.has(hasFIN) && !rcv.has(gotFIN) && !rcv.pend.has(rcvFIN) && snd.snd.Contiguous(t.holes).After(snd.fin) {
		if flew && !rcv.has(hasFIN) {
			rcv.stall() // it may have closed behind those octets, before the peer
			t.watch(n, c)
		}
		rcv.presume(rcvFIN, t.now)
	}
}

// sends accounts for what a segment carries: octets new and repeated, probes, the FIN.
func (t *Tracker) sends(n uint32, c *conn, snd, rcv *end, s *tcp.Segment, v verdict) {
	fin := s.Flags&tcp.FIN != 0
	if s.Len <= 1 && !fin && s.Seq == snd.snd.Next().Add(-1) && snd.snd.Started() && (s.Len == 0 || s.Seq.Before(snd.snd.Una())) {
		if snd.fresh(s) { // else the network delivers an old acknowledgement once more
			t.pokes(n, c, snd, rcv, s)
		}
		return
	}
	if s.SegLen() == 0 && v == acceptable && s.Seq.After(snd.snd.Next()) && snd.fresh(s) {
		t.goesAhead(n, c, snd, s)
	}
	if s.SegLen() == 0 || snd.has(hasFIN) && s.Seq.After(snd.fin) && snd.snd.Contiguous(t.holes).After(snd.fin) {
		return // there is nothing behind a FIN
	}
	if rcv.has(windowShut) && s.Len == 1 && s.Seq == snd.snd.Next() {
		t.pokes(n, c, snd, rcv, s) // as BSD and Windows do: one octet beyond the window
		if w := t.waitOf(snd); w != nil && rcv.win == 0 {
			w.foreign = true
		}
	}
	was, next := snd.inFlight(), snd.snd.Next()
	r := snd.snd.Add(t.holes, s.Seq, s.SegLen())
	if r.New > 0 && s.Len > 0 && !snd.has(baseless) {
		snd.narrow(sndData) // the first octets seen may be old ones
	}
	if t.cfg.Blame && (r.Class != reassembly.InOrder || snd.wait != 0) {
		t.accounts(c, snd, rcv, s, r)
	}
	snd.flags &^= baseless | pushed
	if s.Flags&tcp.PSH != 0 {
		snd.flags |= pushed
	}
	if rcv.wait != 0 && r.New > 0 {
		t.waitOf(rcv).hears(s, t.now)
	}
	if r.New == 0 && r.Repeat > 0 {
		snd.retransmissions++
		snd.timedAt = 0
		if rcv.has(windowShut) {
			snd.flags |= probed // a retransmission asks a shut window as well as a probe does
			t.asks(n, c, snd, true)
		}
		t.see(Resent, n, c, snd, s)
		t.repeats(c, snd, rcv, s)
	} else if snd.timedAt == 0 {
		snd.time(s, t.now)
	}
	if r.Class == reassembly.Ahead && t.wants(Ahead) {
		t.witness(n, c, snd, &Fact{Kind: Ahead, Seg: s, Octets: s.Seq.Sub(next)})
	}
	if snd.has(lingering) && r.New > 0 && s.Len > 0 {
		t.stirs(n, c, snd, s)
	}
	if was == 0 && snd.inFlight() > 0 {
		t.flying(n, c, snd)
	}
	if fin && (v == acceptable || snd.has(hasFIN)) {
		t.fin(n, c, snd, rcv, s)
		t.closesBehind(n, c, snd, rcv)
	}
}

// goesAhead is an acknowledgement whose number is past all that was seen of its sender.
func (t *Tracker) goesAhead(n uint32, c *conn, snd *end, s *tcp.Segment) {
	if c.flags&late != 0 && snd.has(hasISS) {
		snd.stall() // it sent more before the capture began, and a close may wait behind that
		if snd.flight == 0 {
			t.flying(n, c, snd)
		}
	}
	if t.wants(Ahead) {
		t.witness(n, c, snd, &Fact{Kind: Ahead, Seg: s, Octets: s.Seq.Sub(snd.snd.Next())})
	}
}

// fin lets a FIN act on its sender.
func (t *Tracker) fin(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	at := s.Seq.Add(s.Len)
	acks := s.Flags&tcp.ACK != 0 && rcv.has(hasFIN) && s.Ack.After(rcv.fin)
	if snd.has(hasFIN) {
		if snd.fin == at {
			a := t.asideOf(snd)
			a.finAgain = min(a.finAgain, 254) + 1
			if acks {
				snd.flags |= finACKs
			}
		} else if end := snd.snd.Contiguous(t.holes); end.After(at) && !end.After(snd.fin) {
			snd.fin = at // the one before lay behind a hole that is none: forged
		}
		return
	}
	if t.cfg.Blame {
		t.closes(c, snd)
	}
	t.see(FINSent, n, c, snd, s)
	if rcv.has(hasFIN) && s.Flags&tcp.ACK != 0 && !acks {
		t.see(CrossedFIN, n, c, snd, s)
	}
	if snd.has(gotFIN) {
		t.timers.cancel(lingerTimer, n)
		c.flags &^= timed
	}
	snd.fin = at
	snd.flags |= hasFIN
	if acks {
		snd.flags |= finACKs
	}
	t.closedBy(c, s.Dir, HowFIN)
	if snd.has(gotFIN) && (!acks || snd.ackedFrom == at.Add(1)) {
		// It acknowledged the peer's FIN in a segment behind its own, or its own tells of a time before: it had closed
		// first, and what passed the tap in between was overtaken.
		snd.crossed()
		return
	}
	t.mayHaveClosedBefore(c, snd)
	snd.prove(sndFIN)
}

// crossed rewrites the endpoint's history: its FIN left before the peer's arrived.
func (e *end) crossed() {
	if e.sure != CloseWait {
		return
	}
	e.sure, e.cause = Closing, causeCrossed
	e.set = tcp.Set(Closing, LastAck)
}

// mayHaveClosedBefore widens what a FIN behind the peer's shows: the FIN may have been queued, or sent and lost before
// the tap, before the peer's arrived. Then its sender is in CLOSING, not LAST_ACK.
func (t *Tracker) mayHaveClosedBefore(c *conn, snd *end) {
	if snd.sure != CloseWait || t.near(c, snd) {
		return
	}
	if t.now-*snd.presumedAt(rcvFIN) < t.delay(c, snd)+300*millisecond {
		snd.set = snd.set.With(Closing)
	}
}

// narrow drops the states in which the endpoint could not have sent that.
func (e *end) narrow(on event) {
	if left := e.set & figure5.can[on]; left != 0 && left != e.set {
		e.set, e.cause = left, causeNarrowed
	}
}

// pokes is a segment that asks only for an answer: a zero-window probe, or a keepalive.
func (t *Tracker) pokes(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	snd.unheard = min(snd.unheard, 254) + 1
	if !rcv.has(windowShut) {
		if w := t.waitOf(snd); w != nil && w.waits {
			// The window update was lost: for the sender it is still shut.
			t.asideOf(snd).probes++
			if t.cfg.Blame {
				t.stillShut(c, snd, w)
			}
			w.opened, snd.calmAt = t.now, t.now
			snd.stall()
			t.watch(n, c)
			return
		}
		t.asideOf(snd).keepalives++
		if t.cfg.Blame {
			t.unheard(c, snd)
		}
		t.see(KeptAlive, n, c, snd, s)
		return
	}
	t.asks(n, c, snd, false)
	if w := t.waitOf(snd); w != nil && w.idles(snd) {
		t.asideOf(snd).keepalives++
		snd.flags &^= probed
		t.see(KeptAlive, n, c, snd, s)
		return
	}
	t.asideOf(snd).probes++
	t.see(Probed, n, c, snd, s)
	snd.flags |= probed
	snd.stall()
}

// fullSlack is what options may take of a full segment: 12 octets for timestamps, and two words more.
const fullSlack = 20

// repeats takes back what a repeated segment shows not to have arrived.
func (t *Tracker) repeats(c *conn, snd, rcv *end, s *tcp.Segment) {
	if s.Flags&tcp.FIN != 0 && snd.pend.has(rcvACKofFIN) && t.contradicts(c, snd, rcvACKofFIN) {
		snd.retract(rcvACKofFIN)
	}
	lost := snd.retransmissions < 3 || s.Len+fullSlack >= int(rcv.segment()) // for all we know: full-size segments may find no way
	if s.Len > 0 && rcv.sure == SynRecv && rcv.pend.has(rcvACKofSYN) && t.contradicts(c, rcv, rcvACKofSYN) && (t.near(c, rcv) || !lost) {
		// A listener with a full queue, or one that defers, has seen the ACK, repeats no SYN-ACK and drops the data. On a
		// path that may lose, that is believed when the data was lost more often than the path would.
		rcv.retract(rcvACKofSYN)
		rcv.barred |= 1 << rcvACKofSYN
	}
	near := t.near(c, rcv) && !t.near(c, snd) // where both are, as on one machine, something lies between all the same
	if near || rcv.has(hasACK) && s.End().Before(rcv.ack) {
		return
	}
	if rcv.pend.has(rcvFIN) && t.contradicts(c, rcv, rcvFIN) {
		rcv.retract(rcvFIN)
		rcv.barred |= 1 << rcvFIN
	}
}

// contradict takes back what a fresh segment shows its sender not to have received.
func (t *Tracker) contradict(c *conn, snd, rcv *end, s *tcp.Segment) {
	if snd.pend == 0 {
		return
	}
	if snd.pend.has(rcvRST) && t.contradicts(c, snd, rcvRST) {
		snd.retract(rcvRST)
	}
	if snd.pend.has(rcvFIN) && !s.Ack.After(rcv.fin) && t.contradicts(c, snd, rcvFIN) {
		snd.retract(rcvFIN)
		snd.barred |= 1 << rcvFIN
	}
}
