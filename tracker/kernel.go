package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// Word is what the kernel of one end says of its socket.
type Word struct {
	Flow        tcp.FlowKey
	Local       tcp.Dir // whose end of Flow the kernel's own is
	State       State   // Closed: there is no such socket any more
	Began, Time int64   // it was so at some time between these, capture nanoseconds

	RecvQueue, SendQueue uint32 // octets not read; octets not acknowledged; in both a FIN counts as one
	Unsent               uint32 // of SendQueue, never sent
	Memory               uint64 // octets of kernel memory that it holds
	Timer                string // retransmit, keepalive, time-wait, persist; empty if none runs
	Expires              int64  // nanoseconds until then; meaningful iff Timer
	Retries              uint8  // of what Timer repeats
	UID                  uint32
	Orphan               bool // no process owns it: closed, not only shut down for writing
	Unaccepted           bool // it waits for its listener's accept()
	PID                  int  // of the process that owns it; 0: not known
	Command              string
	Denied               bool // whose it is was not permitted to be seen
}

// Owner says what is known of the process that owns the socket: none, unaccepted, process, not-permitted or unknown,
// where nobody looked for it.
func (w *Word) Owner() string {
	switch {
	case w.Orphan || w.State == TimeWait || w.State == SynRecv || w.State == Closed:
		return "none"
	case w.Unaccepted:
		return "unaccepted"
	case w.PID != 0:
		return "process"
	case w.Denied:
		return "not-permitted"
	}
	return "unknown"
}

// Answer is what came of a Word.
type Answer uint8

const (
	Unfollowed Answer = iota // of no connection that is tracked
	Restless                 // the connection had moved, or moves: nothing is compared
	Agreed                   // the kernel says what was claimed
	Settled                  // it says which of several possible states it is
	Differed                 // it says what was thought impossible: our error
)

// restFor is how long before and after the kernel is asked nothing may pass for its word to be compared: it keeps
// segments in a socket's backlog for moments, and says SYN_RECV, or a state that a FIN is about to show, meanwhile.
const restFor = 50 * millisecond

// Hearable is the capture time from which on a Word can be heard: all that passed before it was said has been observed.
func (w *Word) Hearable() int64 { return w.Time + restFor }

// Hear takes the kernel's word in; it settles the state of the kernel's own end alone. It is to come when the tracker's
// clock has reached Hearable. The View is valid until the next call, and meaningful unless the Answer is Unfollowed; the
// states that it was compared with are Heard's.
func (t *Tracker) Hear(w *Word) (h Heard) {
	n := t.find(aim{hash: t.index.hash(&w.Flow)}, &w.Flow)
	if n == 0 || n&stubBit != 0 { // a lone SYN: what there is to say of it, the kernel says no better
		return Heard{}
	}
	c := t.conns.at(n)
	e := &c.ends[w.Local]
	h = Heard{View: View{t, n, c}, Side: c.side(w.Local), Wire: e.est, Possible: e.shown.possible}
	if w.State == Listen || w.State == Unknown {
		h.Answer = Restless
		return h
	}
	h.Verdict = t.vouch(n, c, e, w)
	if c.last() > w.Began-restFor {
		h.Answer = Restless
		t.heed(n, c)
		return h
	}
	if e.has(stalled) && !e.has(hasFIN) {
		h.Possible = hidden(h.Possible) // it may have closed since the kernel was asked last
	}
	switch {
	case h.Possible == tcp.Set(w.State):
		h.Answer = Agreed
	case h.Possible.Has(w.State):
		h.Answer = Settled
	default:
		h.Answer = Differed
	}
	t.take(n, c, e, w.State)
	return h
}

// Heard is an Answer and what it was made of.
type Heard struct {
	Answer   Answer
	View     View
	Side     Side     // the kernel's own
	Wire     State    // the claim before the Word was taken in
	Possible StateSet // and all that it allowed
	Verdict  bool     // what is believed of a hidden close has changed
}

// closing are the states in which the end has closed and its FIN is not acknowledged.
var closing = tcp.Set(FinWait1, Closing, LastAck)

// vouch takes in what the word says of a close behind a shut window, and whether that was news. A window that was shut
// before the kernel was asked and has stayed so let no FIN out meanwhile, whatever else has passed.
func (t *Tracker) vouch(n uint32, c *conn, e *end, word *Word) bool {
	w := t.waitOf(e)
	if w == nil || w.opened != 0 || w.since > word.Began || e.has(hasFIN) || word.State == Closed || word.SendQueue == 0 && !w.waits {
		return false
	}
	was := w.verdict
	w.waits, w.heard = true, word.Time
	switch {
	case was == HiddenConfirmed:
		return false
	case closing.Has(word.State):
		w.verdict, w.from = HiddenConfirmed, word.Time
		e.prove(sndFIN) // it waits in the queue, and nothing more is written
		e.cause = causeKernel
	case was != HiddenExcluded:
		w.verdict, w.from = HiddenExcluded, 0
		e.cause = causeKernel
	}
	if w.verdict != was && t.wants(Verdict) {
		t.witness(n, c, e, &Fact{Kind: Verdict, Hidden: w.verdict, Word: word})
	}
	return w.verdict != was
}

// open leaves in a set the states of an end that has not closed.
func open(set StateSet) StateSet {
	if set.Has(Established) {
		set = set.Without(FinWait1)
	}
	if set.Has(CloseWait) {
		set = set.Without(LastAck)
	}
	return set
}

// vouched says that the kernel denies that a close waits behind what the endpoint sent.
func (t *Tracker) vouched(e *end) bool {
	w := t.waitOf(e)
	return w != nil && w.heard != 0 && w.verdict == HiddenExcluded
}

// wordHolds is for how long the kernel's word that a socket is there is believed: who asks does so every second.
const wordHolds = 3 * second

// take lets the kernel's word settle the state of its own end. What is in flight without a wait at a shut window leaves
// open at once again whether a close follows, so that is not settled.
func (t *Tracker) take(n uint32, c *conn, e *end, s State) {
	if e.est == s && e.sure == s && (e.shown.possible == tcp.Set(s) || e.has(stalled) && !t.vouched(e) && !e.has(hasFIN)) {
		return
	}
	e.sure, e.set = s, tcp.Set(s)
	e.pend, e.expired = 0, 0
	e.cause = causeKernel
	t.heed(n, c)
}

// heed settles what is claimed even where nothing that claims are weighed by has changed.
func (t *Tracker) heed(n uint32, c *conn) {
	c.ends[0].weighed, c.ends[1].weighed = weight{}, weight{}
	t.settle(n, c)
}
