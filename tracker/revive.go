package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// lastWords is an endpoint as it was when a RST in its name passed, kept in case that it speaks on: then the RST was not
// its own.
type lastWords struct {
	at     int64
	packet uint64
	ack    tcp.Seq // of the RST; iff own
	next   tcp.Seq // one past what the endpoint had sent
	una    tcp.Seq // what its peer had acknowledged
	ts     uint32  // the RST's, or the endpoint's latest; iff stamped
	echo   uint32  // the latest timestamp that had passed toward it; iff echoes

	own     bool // the RST has ACK, as those of a living owner
	stamped bool
	dated   bool // the RST has a timestamp of its own
	echoes  bool

	believed bool // it closed the endpoint, whose state was:
	sure     State
	set      StateSet
	pend     eventSet
	how      How
	closer   Side
}

// bury keeps the sender of a RST as it was; believed says that the RST closes it.
func (t *Tracker) bury(n uint32, c *conn, snd *end, s *tcp.Segment, believed bool) {
	if snd.sure == Closed || !believed && (snd.has(doubted) || snd.est == Closed) {
		return // what follows a RST that it was given is an aftermath
	}
	peer := c.other(snd)
	w := lastWords{
		at: t.now, packet: t.packet, ack: s.Ack, own: s.Flags&tcp.ACK != 0,
		next: snd.snd.Next(), una: snd.snd.Una(), ts: snd.tsRecent, stamped: snd.has(hasTS), echo: peer.tsRecent, echoes: peer.has(hasTS),
		believed: believed, sure: snd.sure, set: snd.set, pend: snd.pend, how: c.how, closer: c.closer(),
	}
	if s.Options.Has&tcp.HasTS != 0 {
		w.ts, w.stamped, w.dated = s.Options.TSVal, true, true
	} else if was, ok := t.rare.buried(n, s.Dir); ok && was.dated && int32(was.ts-w.ts) > 0 {
		w.ts = was.ts
	}
	if t.rare.bury(n, c, s.Dir, w) && !believed {
		snd.flags |= doubted
	}
}

// revive gives an endpoint its state back when a segment shows that the RST in its name was somebody else's.
func (t *Tracker) revive(n uint32, c *conn, snd *end, s *tcp.Segment) {
	w, ok := t.rare.buried(n, s.Dir)
	if !ok || !w.outlived(s, snd, t.now-w.at > t.delay(c, snd)) {
		return
	}
	if t.wants(Revived) {
		t.witness(n, c, snd, &Fact{Kind: Revived, Seg: s, Taken: w.believed, RST: w.packet})
	}
	t.rare.exhume(n, c, s.Dir)
	snd.flags &^= abortive | doubted
	if !w.believed || snd.sure != Closed {
		return
	}
	snd.sure, snd.set, snd.cause = w.sure, w.set, causeRevived
	snd.pend |= w.pend
	c.closed(w.closer, w.how)
}

// outlived says that a segment left its sender after the RST; later, that the RST passed longer ago than segments
// overtake each other. A reordered old one revives nobody.
func (w *lastWords) outlived(s *tcp.Segment, snd *end, later bool) bool {
	fresh := s.SegLen() > 0 && s.End().After(w.next)
	if w.echoes && s.Options.Has&tcp.HasTS != 0 && int32(s.Options.TSEcr-w.echo) < 0 {
		return false // it left before its sender had what the RST may answer
	}
	if w.stamped && s.Options.Has&tcp.HasTS != 0 {
		// What was in flight may carry a later timestamp than the latest taken.
		return int32(s.Options.TSVal-w.ts) > 0 && (w.dated || later && (fresh || !s.Seq.After(w.una)))
	}
	acks := s.Flags&tcp.ACK != 0 && s.Ack.After(snd.ack) && (!w.own || s.Ack.After(w.ack))
	return later && (fresh || acks)
}
