package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// Hidden is what is believed of a close that may hide behind a shut window (DESIGN 2.1).
type Hidden uint8

const (
	HiddenNone Hidden = iota // nothing waits behind the window
	HiddenPossible
	HiddenLikely
	HiddenConfirmed
	HiddenExcluded
)

var hiddenNames = [...]string{"", "possible", "likely", "confirmed", "excluded"}

func (h Hidden) String() string { return hiddenNames[h] }

// wait is one stretch in which an endpoint's peer had its window shut, kept until it is known what that hid.
// Times are capture nanoseconds, 0 for not yet.
type wait struct {
	since  int64 // the window was seen to shut
	opened int64
	asked  int64 // the latest probe, or octets repeated into the shut window
	gap    int64 // between the latest two of them
	before int64 // and the one before that
	first  int64 // the least gap: of a persist timer, which doubles from the first probe on, twice the sender's RTO, or a multiple
	spoke  int64 // the reader sent new octets, which a dead sender answers with a RST
	urged  int64 // the reader sent new octets or its FIN, upon which an application that lives may close
	alive  int64 // the sender was last heard
	crack  int64 // since when some octets fit, too few to count as an opening, but enough for a FIN
	freed  int64 // since the opening, when an acknowledgement of new octets first passed
	from   int64 // from when on the close is known to have been hidden; with HiddenConfirmed and HiddenLikely
	heard  int64 // the kernel's latest word on it

	lull    int64  // silence before the first probe
	asks    uint16 // probes and octets repeated
	level   uint8  // the latest gaps that were as long as the one before
	doubled uint8  // gaps that were longer than the one before, since the least
	foreign bool   // octets beyond the window ask, as BSD and Windows do and Linux does not
	grew    bool   // a gap was longer than the one before: a persist timer
	waits   bool   // octets are known to wait
	repeats bool   // octets in flight ask, not probes
	took    bool   // the sender acknowledged new octets: a process still owns it, or it shut down for writing only
	pushed  bool   // the last octets before ended a write
	blamed  bool   // the blame line knows whether octets waited
	verdict Hidden
}

// waitOf is the wait of an endpoint, nil for none.
func (t *Tracker) waitOf(e *end) *wait {
	if e.wait == 0 {
		return nil
	}
	return t.waits.at(e.wait)
}

// beginWait notes that the window of the endpoint's peer has shut; waits says that octets are known to wait behind it.
func (t *Tracker) beginWait(n uint32, c *conn, e *end, waits bool) {
	t.endWait(e)
	var w *wait
	e.wait, w = t.waits.take()
	w.since, w.alive, w.pushed = t.now, e.sentAt, e.has(pushed)
	if waits {
		w.waits = true
		t.believe(n, c, e, w, HiddenPossible, 0)
	}
}

// endWait forgets the wait of an endpoint.
func (t *Tracker) endWait(e *end) {
	if e.wait != 0 {
		t.waits.give(e.wait)
		e.wait = 0
	}
}

// believe takes a verdict and tells of it if it is news. What is confirmed or excluded stays so, but that the kernel's
// word is of one moment: proof of a close that came later holds against it.
func (t *Tracker) believe(n uint32, c *conn, e *end, w *wait, v Hidden, from int64) {
	switch {
	case v == w.verdict:
		return
	case w.verdict == HiddenExcluded && w.heard != 0 && v == HiddenConfirmed:
		from = max(from, w.heard)
	case w.verdict >= HiddenConfirmed, v < w.verdict:
		return
	}
	w.verdict, w.from = v, from
	if t.wants(Verdict) {
		t.witness(n, c, e, &Fact{Kind: Verdict, Hidden: v})
	}
}

// asks notes a probe, or octets repeated into the shut window, and learns from the gaps which timer sends them (D12):
// a persist timer doubles them, keepalives keep them.
func (t *Tracker) asks(n uint32, c *conn, e *end, repeated bool) {
	w := t.waitOf(e)
	if w == nil {
		return
	}
	gap := t.now - max(w.asked, w.since, e.sentAt)
	if w.asks == 0 {
		w.lull = gap
	} else {
		switch {
		case w.asks == 1:
		case gap > w.gap+w.gap/4:
			w.grew, w.level = true, 1 // which may be as far as they grow
			if gap > 2*w.gap-w.gap/8 {
				w.level, w.doubled = 0, min(w.doubled+1, 62)
				w.first = min(w.first, gap>>w.doubled) // the later they are, the less a coarse timer adds to them
			}
		case gap > w.gap-w.gap/8:
			w.level = min(w.level, 254) + 1
		default:
			w.level = 0 // another timer: the persist timer's after the keepalive's
		}
		w.before, w.gap = w.gap, gap
		if w.first == 0 || gap < w.first-w.first/8 {
			w.first, w.doubled = gap, 0
		}
	}
	w.asked, w.alive = t.now, t.now
	w.asks++
	w.repeats = w.repeats || repeated
	grown := w.grew || w.asks == 2 && gap > w.lull+w.lull/4
	if repeated || grown || c.flags&late != 0 && gap >= 2*second {
		w.waits = true
		t.believe(n, c, e, w, HiddenPossible, 0)
	}
	if t.cfg.Blame {
		t.blocked(c, e, w)
	}
	if w.waits && w.asks == 2 && w.lull > 2*gap && w.pushed && e.flight == 0 {
		// Everything had been acknowledged and all was silent until one RTO before the first probe, when the application
		// wrote more or closed; its last write had been complete (D9).
		t.believe(n, c, e, w, HiddenLikely, w.asked-gap-gap/2) // the first probe came an RTO after it, the second two
	}
}

// idles says that what asks the shut window is a keepalive timer: the gaps never grew and nothing is in flight. Where they
// have just become shorter a persist timer may have begun.
func (w *wait) idles(e *end) bool {
	before := w.before
	if w.asks == 2 {
		before = w.lull
	}
	return !w.waits && w.asks >= 2 && e.flight == 0 && w.gap > before-before/4
}

// openWait notes that the window has opened.
func (t *Tracker) openWait(e *end) {
	if w := t.waitOf(e); w != nil {
		w.opened = t.now
		if t.ackedBy == t.packet {
			w.freed = t.now // the opening itself freed room for a writer that is blocked
		}
	}
}

// crack notes whether any octet fits into the peer's window, which counts as shut.
func (t *Tracker) crack(peer, e *end) {
	w := t.waitOf(e)
	switch {
	case w == nil:
	case peer.win == 0:
		w.crack, w.freed = 0, 0
	case w.crack == 0:
		w.crack = t.now
	}
}

// hears notes that the reader has sent new octets, or its FIN.
func (w *wait) hears(s *tcp.Segment, now int64) {
	w.urged = now
	if s.Len > 0 {
		w.spoke = now
	}
}

// frees notes that octets of the endpoint were acknowledged: a writer blocked in its application may go on.
func (t *Tracker) frees(e *end) {
	t.ackedBy = t.packet
	if w := t.waitOf(e); w != nil && w.opened+w.crack != 0 && w.freed == 0 {
		w.freed = t.now
	}
}

// briefly is how long a window may be shut without anybody having closed behind it: a busy host drains its buffer within
// a few round trips (zero-window-stall's threshold).
const briefly = 2 * second

// closesBehind judges a FIN of an endpoint whose peer's window is or was shut (D1, D7).
func (t *Tracker) closesBehind(n uint32, c *conn, e, peer *end) {
	w := t.waitOf(e)
	if w == nil {
		return
	}
	opened := w.opened
	if opened == 0 {
		opened = w.crack
	}
	soon := max(w.first, 200*millisecond)
	later := soon
	if w.repeats {
		later += 2*w.gap + w.gap/4 // it goes on when its timer runs out, and who closes meanwhile waits for that too
	}
	switch {
	case w.opened == 0 && t.aside(e).finAgain > 0:
		t.believe(n, c, e, w, HiddenConfirmed, w.since)
	case !w.waits, opened-w.since < briefly, t.now-opened > later:
		// A slow reader's window shuts for moments, and a FIN long after the opening was not held back by it.
	case t.now-opened <= soon && w.urged+t.delay(c, e) < opened && (w.freed == 0 || t.now-w.freed < t.minDelay(c, e)):
		// It left before anything that was sent after the opening was acknowledged: nothing had made room for a blocked
		// writer, nor had the reader asked for an end, so the application had closed while the window was shut.
		t.believe(n, c, e, w, HiddenConfirmed, w.since)
	default:
		t.believe(n, c, e, w, HiddenLikely, w.since)
	}
}

// diesBehind judges a RST that answers what the reader sent (D2, D5).
func (t *Tracker) diesBehind(n uint32, c *conn, e *end, shape ResetShape) {
	w := t.waitOf(e)
	if w == nil || w.opened != 0 || shape != ShapeReply {
		return
	}
	switch {
	case w.spoke != 0 && t.now-w.alive <= max(2*w.gap+w.gap/2, 2*second), w.waits && !w.took && w.lapsed(e, t.now):
		t.believe(n, c, e, w, HiddenConfirmed, w.since)
	case w.spoke != 0, w.waits && !w.took:
		t.believe(n, c, e, w, HiddenLikely, w.since) // it may also have timed out, or its host have been started anew
	}
}

// restWait ends the wait of an endpoint that has come to rest after the opening (D8): had its application closed, the FIN
// would have left.
func (t *Tracker) restWait(n uint32, c *conn, e, peer *end) {
	w := t.waitOf(e)
	if w == nil || w.opened == 0 || e.has(hasFIN) {
		return
	}
	if w.waits && int(peer.win) >= int(e.segment()) {
		t.believe(n, c, e, w, HiddenExcluded, 0)
	}
	t.endWait(e)
}

// segment is the size of a full segment, as far as the handshake told.
func (e *end) segment() uint16 {
	if e.mss == 0 {
		return 536 // RFC 9293 3.7.1
	}
	if e.has(hasTS) {
		return e.mss - min(e.mss/2, 12) // timestamps take their part of every segment
	}
	return e.mss
}

// Stall is what is known of the shut window that an endpoint's data waits behind.
type Stall struct {
	Since    int64 // the window was seen to shut
	Opened   int64 // and to open again; 0: not yet
	Probes   int   // probes and repeated octets since
	RTO      int64 // the shortest interval between them
	Gap      int64 // the latest
	Retries2 int   // the sender's tcp_retries2 as its level interval tells, 0 for not (D6)
	Deadline int64 // when an orphan would be gone, 0 for not known (D4)
	Past     bool  // it asked on after that: no orphan
	Waits    bool  // octets are known to wait: in flight, repeated, or asked for by a persist timer
	Took     bool  // it acknowledged new octets meanwhile: no orphan (D3)
	Hidden   Hidden
	From     int64 // since when the close is known to have been hidden
	Heard    int64 // when the kernel was last asked, 0 for never
}

// Stall returns the wait of the endpoint, false if its peer's window is not and was not lately shut.
func (v EndView) Stall() (Stall, bool) {
	w := v.t.waitOf(v.e)
	if w == nil {
		return Stall{}, false
	}
	s := Stall{Since: w.since, Opened: w.opened, Probes: int(w.asks), RTO: w.first, Gap: w.gap, Waits: w.waits, Took: w.took, Hidden: w.verdict, From: w.from, Heard: w.heard}
	if v.c.flags&late == 0 { // else its RTO is not known
		_, s.Retries2 = w.levels()
	}
	if v.c.flags&late == 0 || !w.repeats { // else it is not known for how long it has repeated them
		s.Deadline, s.Past = w.orphanEnd(v.e)
	}
	return s, true
}
