package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// BlameClass is what a direction's time went into: its sender's octets on their way, or what held them up.
type BlameClass uint8

// The classes, in the order in which they are shown. Where two would fit, the first of window_shut, handshake, peer_silent,
// loss_recovery and closing counts.
const (
	BlameFlowing    BlameClass = iota // all the rest: octets flow, or the application has none to send
	BlameHandshake                    // either end has not yet been let in
	BlameWindowShut                   // octets wait at the peer's shut window, until it opens: its application does not read
	BlamePeerSilent                   // three repeats or keepalives in a row, and nothing heard from the peer at all
	BlameLoss                         // from the silence before octets were repeated until all that was sent by then is acknowledged
	BlameClosing                      // its FIN was sent, or the connection reset
	BlameGap                          // octets passed that the capture does not hold

	NumBlames = iota
)

var blameNames = [NumBlames]string{"flowing", "handshake", "window_shut", "peer_silent", "loss_recovery", "closing", "capture_gap"}

func (b BlameClass) String() string { return blameNames[b] }

// stall says that it begins and ends by itself, whatever the states are.
func (b BlameClass) stall() bool {
	return b == BlameWindowShut || b == BlamePeerSilent || b == BlameLoss
}

// Blame is where the life of one direction went, in nanoseconds by BlameClass. Its sum is Connection.Life.
type Blame [NumBlames]int64

// Sum is the direction's life.
func (b *Blame) Sum() (ns int64) {
	for _, d := range b {
		ns += d
	}
	return ns
}

// blames is the account of one connection, beside the arena: none is kept of a handshake that nothing has ended.
type blames struct {
	of   [2]account // in the key's order
	dead int64      // when a RST ended it, 0 for not
}

// account is where the time of one endpoint's direction went. It is brought up to date only when the class changes, and
// often later than that: what a stretch was shows at its end. Then the part of the current stretch that lies behind is
// given to another class.
type account struct {
	sums     Blame // until at
	at       int64
	fin      int64   // when its FIN was sent, 0 for not
	tried    int64   // the first repeat or keepalive since its peer was last heard
	holeFrom int64   // the segments around the latest hole in what it sent, 0 for none
	holeTo   int64   //
	recover  tcp.Seq // its recovery ends with an acknowledgement of this
	cur      BlameClass
	tries    uint8 // repeats since tried
}

// turn begins another stretch at a time in the current one; what lies before that stays as it was.
func (a *account) turn(from int64, to BlameClass) {
	from = max(from, a.at)
	a.sums[a.cur] += from - a.at
	a.at, a.cur = from, to
}

// insert gives a part of the current stretch, as far as it lies in it, to a class.
func (a *account) insert(from, to int64, as BlameClass) {
	was := a.cur
	if max(from, a.at) < to {
		a.turn(from, as)
		a.turn(to, was)
	}
}

const (
	silentTries = 3                 // so many in a row are lost on a bad path once in a thousand times
	quickProbe  = 900 * millisecond // a first probe that comes sooner is a persist timer's: no keepalive timer is as short
	reordering  = 3 * millisecond   // what fills a hole sooner was overtaken, as Wireshark has it
)

// account returns that of an endpoint, which begins with the handshake.
func (t *Tracker) account(c *conn, e *end) *account {
	var b *blames
	if c.blame == 0 {
		c.blame, b = t.blames.take()
		for d := range b.of {
			b.of[d].at, b.of[d].cur = c.start, BlameHandshake
		}
	} else {
		b = t.blames.at(c.blame)
	}
	if e == &c.ends[0] {
		return &b.of[0]
	}
	return &b.of[1]
}

// handshaking are the states of a handshake.
const handshaking = StateSet(1<<Unknown | 1<<Listen | 1<<SynSent | 1<<SynRecv)

// base is what the states alone make of an endpoint's time.
func (c *conn) base(e, peer *end) BlameClass {
	switch {
	case c.how == HowOpen && (e.est == Closed || peer.est == Closed || e.est == TimeWait || peer.est == TimeWait):
		return BlameHandshake // the TIME-WAIT is that of the incarnation before
	case e.has(hasFIN) || e.est == Closed:
		if !handshaking.Has(peer.est) || e.est == Closed {
			return BlameClosing
		}
		return BlameHandshake
	case handshaking.Has(e.est) || handshaking.Has(peer.est):
		return BlameHandshake
	}
	return BlameFlowing
}

// turned takes in that a state has changed.
func (t *Tracker) turned(c *conn) {
	for d := range c.ends {
		e, peer := &c.ends[d], &c.ends[1-d]
		to := c.base(e, peer)
		if c.blame == 0 && to == BlameHandshake {
			continue
		}
		switch a := t.account(c, e); {
		case a.cur == to:
		case to == BlameHandshake: // taken back: it never ended
			e.flags &^= troubled
			*a = account{at: c.start, cur: to, fin: a.fin}
		case a.cur.stall() && e.est != Closed && e.est != TimeWait:
			// that ends by itself
		default:
			e.flags &^= troubled
			a.turn(t.now, to)
		}
	}
	if c.how == HowRST && c.blame != 0 {
		if b := t.blames.at(c.blame); b.dead == 0 {
			b.dead = t.now
		}
	}
}

// resent takes in octets, or a FIN, sent again: they were lost, or their acknowledgement was.
func (t *Tracker) resent(c *conn, snd, rcv *end) {
	if c.blame == 0 {
		return
	}
	a := t.account(c, snd)
	switch {
	case a.cur == BlameHandshake || a.cur == BlameWindowShut:
		return
	case snd.inFlight() <= 0:
		a.insert(snd.sentAt, t.now, BlameLoss) // the acknowledgement was lost beyond the tap
		return
	}
	if a.tries == 0 || rcv.sentAt >= a.tried {
		a.tried, a.tries = t.now, 0
	}
	a.tries = min(a.tries, 254) + 1
	if !snd.has(troubled) {
		snd.flags |= troubled
		a.recover = snd.snd.Next()
		a.turn(max(snd.sentAt, snd.flight), BlameLoss)
	}
	if a.tries >= silentTries && a.cur != BlamePeerSilent {
		a.turn(rcv.sentAt, BlamePeerSilent)
	}
}

// unheard takes in a keepalive.
func (t *Tracker) unheard(c *conn, snd *end) {
	if c.blame == 0 {
		return
	}
	a := t.account(c, snd)
	if snd.unheard == 1 {
		a.tried = t.now
	}
	if snd.unheard >= silentTries && a.cur != BlameHandshake && a.cur != BlameWindowShut && a.cur != BlamePeerSilent {
		if !snd.has(troubled) {
			snd.flags |= troubled
			a.recover = snd.snd.Una()
		}
		a.turn(a.tried, BlamePeerSilent)
	}
}

// heard takes in that an endpoint in trouble was sent something.
func (t *Tracker) heard(c *conn, e, peer *end) {
	a := t.account(c, e)
	switch {
	case !e.snd.Una().Before(a.recover):
		e.flags &^= troubled
		a.turn(t.now, c.base(e, peer))
	case a.cur == BlamePeerSilent:
		a.turn(t.now, BlameLoss)
	}
}

// accounts takes in what a segment carries, unless that only goes on where the octets before it left off.
func (t *Tracker) accounts(c *conn, snd, rcv *end, s *tcp.Segment, r reassembly.Result) {
	switch {
	case r.New == 0:
		if r.Repeat > 0 && !rcv.has(windowShut) {
			t.resent(c, snd, rcv)
		}
		return
	case r.Class != reassembly.InOrder:
		t.holed(c, snd, r.Class != reassembly.Ahead)
	}
	if snd.wait != 0 {
		t.fills(c, snd, rcv, s)
	}
}

// holed takes in octets behind a hole, or in one.
func (t *Tracker) holed(c *conn, snd *end, filled bool) {
	if c.blame == 0 {
		return
	}
	a := t.account(c, snd)
	if a.holeTo == 0 {
		if !filled {
			a.holeFrom, a.holeTo = snd.sentAt, t.now
		}
		return
	}
	// What is lost in front of the tap shows only by what fills the hole, a round trip later.
	if t.now-a.holeTo >= max(reordering, t.minDelay(c, snd)) && (a.cur == BlameFlowing || a.cur == BlameClosing) {
		a.insert(a.holeTo, t.now, BlameLoss)
		a.holeTo = t.now
	}
	if snd.snd.Missing() == 0 {
		a.holeTo = 0
	}
}

// uncaptured takes in the acknowledgement of octets that the capture does not hold.
func (t *Tracker) uncaptured(c *conn, e *end) {
	if c.blame == 0 {
		return
	}
	a := t.account(c, e)
	if a.cur == BlameHandshake {
		return
	}
	if a.holeTo != 0 {
		a.insert(a.holeFrom, a.holeTo, BlameGap)
		a.holeTo = 0
	} else {
		a.insert(e.sentAt, t.now, BlameGap)
	}
}

// blocked takes in what an endpoint asks of its peer's shut window: that its octets wait there, and since when.
func (t *Tracker) blocked(c *conn, e *end, w *wait) {
	if w.blamed || c.blame == 0 {
		return
	}
	from := w.since
	switch {
	case w.waits && w.first > 0 && w.lull > 2*w.first:
		from = w.wroteAt()
	case w.waits || w.lull < quickProbe:
	default:
		return
	}
	t.shuts(c, e, w, max(from, e.flight))
}

// wroteAt is one RTO before the first probe: until then nothing had waited (D9). The first gap was two RTO, and each after
// it double.
func (w *wait) wroteAt() int64 {
	at := w.asked
	for gap := w.gap; gap > w.first*3/4; gap /= 2 {
		at -= gap
	}
	return at - w.first/2
}

// shuts begins a stretch behind a shut window.
func (t *Tracker) shuts(c *conn, e *end, w *wait, from int64) {
	if a := t.account(c, e); a.cur != BlameHandshake {
		w.blamed = true
		e.flags &^= troubled
		a.turn(from, BlameWindowShut)
	}
}

// fills takes in new octets sent while the peer's window is shut, or after it was. If they fill what is left of it, or
// come as soon as it opens, they had been waiting.
func (t *Tracker) fills(c *conn, snd, rcv *end, s *tcp.Segment) {
	w := t.waitOf(snd)
	switch {
	case w == nil || w.blamed || c.blame == 0:
	case w.opened == 0:
		if s.End() == rcv.edge {
			t.shuts(c, snd, w, w.since)
		}
	case t.now-w.opened <= t.delay(c, snd)+10*millisecond:
		t.account(c, snd).insert(w.since, w.opened, BlameWindowShut)
		fallthrough
	default:
		w.blamed = true
	}
}

// opens takes in that the window that the endpoint's octets may have waited for is open; with octets, the segment that
// opens it may be a request, and what is sent next its answer.
func (t *Tracker) opens(c *conn, e, peer *end, octets bool) {
	if w := t.waitOf(e); w != nil && octets {
		w.blamed = true
	}
	if c.blame == 0 {
		return
	}
	if a := t.account(c, e); a.cur == BlameWindowShut {
		a.turn(t.now, c.base(e, peer))
	}
}

// stillShut takes in that the endpoint asks on after the opening, which it has not heard of.
func (t *Tracker) stillShut(c *conn, e *end, w *wait) {
	if c.blame != 0 {
		t.account(c, e).insert(w.opened, t.now, BlameWindowShut)
	}
}

// closes notes when the endpoint's FIN was sent.
func (t *Tracker) closes(c *conn, e *end) { t.account(c, e).fin = t.now }

// blame writes the blame line of a connection. It lives until its last packet; if that did not end it, until now: as long
// as the input or its place in the table lasts.
func (t *Tracker) blame(c *conn, l *Connection, over bool) {
	open := tcp.Set(Established, FinWait1, FinWait2, CloseWait, Closing, LastAck)
	end := c.last()
	if !over && (open.Has(c.ends[0].est) || open.Has(c.ends[1].est)) {
		end = t.now
	}
	l.Blamed, l.Life = true, end-c.start
	l.Client.Blame[BlameHandshake], l.Server.Blame[BlameHandshake] = l.Life, l.Life
	if c.blame == 0 {
		return
	}
	b := *t.blames.at(c.blame) // the original goes on while the connection lives
	for d := range b.of {
		a := &b.of[d]
		a.turn(end, a.cur)
		if tcp.Dir(d) == c.client {
			l.Client.Blame = a.sums
		} else {
			l.Server.Blame = a.sums
		}
	}
	l.HalfClosed, l.Half = b.halfClosed(end)
}

// halfClosed is how long only one direction had been closed, by FIN; false if none was.
func (b *blames) halfClosed(end int64) (int64, bool) {
	first, second := b.of[0].fin, b.of[1].fin
	if first == 0 || second != 0 && second < first {
		first, second = second, first
	}
	if first == 0 {
		return 0, false
	}
	for _, other := range [...]int64{b.dead, end} {
		if second == 0 {
			second = other
		}
	}
	return max(second-first, 0), true
}
