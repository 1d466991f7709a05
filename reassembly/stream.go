package reassembly

import "github.com/tcptrack/tcptrack/internal/tcp"

// Horizon is the most octets that can be in flight: no window is larger (RFC 7323 2.3).
const Horizon = 1 << 30

// Stream accounts for the sequence space of one direction. The zero value has not started.
type Stream struct {
	unique uint64 // octets seen, each sequence number once
	missed uint64 // octets acknowledged or given up without having been seen

	nxt     tcp.Seq // one past the highest position seen or acknowledged; meaningful iff started
	una     tcp.Seq // highest acknowledgement, at times too far behind: see Una; meaningful iff started
	missing uint32  // octets in holes
	first   uint32  // lowest hole, a node of Holes; 0 for none
	holes   uint8   // number of them
	started bool
}

// Class says where a segment lies in what was seen before it.
type Class uint8

const (
	Empty      Class = iota // no octets: nothing to account for
	InOrder                 // goes on exactly where the highest left off
	Ahead                   // begins past it: there is a new hole in front
	OutOfOrder              // new octets only, and all of them in holes
	Overlap                 // some octets are new, some are not
	Repeated                // no octet is new
	Old                     // wholly before the start
)

var classNames = [...]string{"empty", "in-order", "ahead", "out-of-order", "overlap", "repeated", "old"}

func (c Class) String() string { return classNames[c] }

// Result is what a segment added. New + Repeat + Old is its length.
type Result struct {
	New    int // octets never seen before
	Repeat int // octets seen, acknowledged or given up before
	Old    int // octets before the start, of which nothing is known
	Class  Class
}

// Acked is what an acknowledgement added.
type Acked struct {
	New    int // octets acknowledged for the first time, Missed included
	Missed int // octets acknowledged that were never seen: lost by the capture, not by the network
}

// Start sets the first sequence number: the ISN with a SYN, else that of the first segment captured. A stream that
// has started keeps its start; Release it to begin again.
func (s *Stream) Start(seq tcp.Seq) {
	if s.started {
		return
	}
	s.nxt, s.una, s.started = seq, seq, true
}

// Started says that a first sequence number is known.
func (s *Stream) Started() bool { return s.started }

// Next is one past the highest position seen or acknowledged: SND.NXT as far as the tap can know.
func (s *Stream) Next() tcp.Seq { return s.nxt }

// Una is the highest acknowledgement, from the start on; never more than Horizon behind Next.
func (s *Stream) Una() tcp.Seq {
	if s.nxt-s.una > Horizon {
		return s.nxt - Horizon
	}
	return s.una
}

// Unique returns the octets seen, each sequence number once; SYN and FIN count as the caller added them.
func (s *Stream) Unique() uint64 { return s.unique }

// Missed returns the octets acknowledged or given up that were never seen.
func (s *Stream) Missed() uint64 { return s.missed }

// Missing returns the octets in holes: not seen, and neither acknowledged nor given up.
func (s *Stream) Missing() int { return int(s.missing) }

// Contiguous is the position up to which nothing is missing: the most that the receiver can have as RCV.NXT.
func (s *Stream) Contiguous(h *Holes) tcp.Seq {
	if s.first == 0 {
		return s.nxt
	}
	return h.at(s.first).lo
}

// Seen says that all n octets from seq on lie between the start and Next, and none of them in a hole. It is true of
// no octets.
func (s *Stream) Seen(h *Holes, seq tcp.Seq, n int) bool {
	if n <= 0 {
		return true
	}
	if !s.started || s.before(seq) > 0 || s.nxt.Sub(seq) < n {
		return false
	}
	end := seq.Add(n)
	for i := s.first; i != 0; i = h.at(i).next {
		if hole := h.at(i); hole.lo.Before(end) && seq.Before(hole.hi) {
			return false
		}
	}
	return true
}

// Add accounts for n octets of sequence space from seq on, SYN and FIN one each. A stream that has not started does
// so here. n beyond Horizon counts as Horizon: there is no such segment.
func (s *Stream) Add(h *Holes, seq tcp.Seq, n int) Result {
	// The common case, which touches no hole: n in [1, 2^16], and una not 2^31 behind.
	if seq == s.nxt && s.first == 0 && s.started && uint(n-1) < 1<<16 && seq-s.una < 1<<31-1<<16 {
		s.nxt = seq + tcp.Seq(n)
		s.unique += uint64(n)
		return Result{New: n, Class: InOrder}
	}
	return s.add(h, seq, n)
}

func (s *Stream) add(h *Holes, seq tcp.Seq, n int) Result {
	s.Start(seq)
	if n <= 0 {
		return Result{}
	}
	n = min(n, Horizon)
	s.una = s.Una() // within 2^30 of nxt, which moves by less than 3*2^30: no wrap
	r := Result{Class: InOrder}
	if gap := seq.Sub(s.nxt); gap > 0 {
		r.Class = Ahead
		if gap > Horizon && s.first != 0 { // all holes fall behind it; now, while 32 bits can still tell
			h.givenUp.Horizon += uint64(s.closeBelow(h, s.nxt))
		}
		s.open(h, s.nxt, seq)
		s.nxt = seq
	}

	// Three parts: before the start, up to nxt, from nxt on. Each may be empty.
	r.Old = min(s.before(seq), n)
	seq, n = seq.Add(r.Old), n-r.Old
	inside := min(max(s.nxt.Sub(seq), 0), n)
	if inside > 0 {
		r.New = s.fill(h, seq, seq.Add(inside))
		r.Repeat = inside - r.New
	}
	if beyond := n - inside; beyond > 0 {
		r.New += beyond
		s.nxt = s.nxt.Add(beyond)
	}
	s.unique += uint64(r.New)
	if s.first != 0 && s.nxt-h.at(s.first).lo > Horizon {
		h.givenUp.Horizon += uint64(s.closeBelow(h, s.nxt-Horizon))
	}

	switch {
	case r.New == 0 && r.Repeat == 0:
		r.Class = Old
	case r.New == 0:
		r.Class = Repeated
	case r.Repeat+r.Old > 0:
		r.Class = Overlap
	case inside > 0: // holes end below nxt, so nothing of it can lie beyond
		r.Class = OutOfOrder
	}
	return r
}

// Ack accounts for the peer's acknowledgement of everything before ack. Holes below it are missed, and if ack lies
// beyond Next so is the rest, and Next moves to ack: the caller decides first whether to believe that. An ack that is
// no news, or for a stream that has not started, changes nothing.
func (s *Stream) Ack(h *Holes, ack tcp.Seq) Acked {
	una := s.Una()
	if !s.started || !ack.After(una) {
		return Acked{}
	}
	a := Acked{New: ack.Sub(una)}
	s.una = ack
	if s.first != 0 {
		a.Missed = s.closeBelow(h, ack)
	}
	if rest := ack.Sub(s.nxt); rest > 0 {
		a.Missed += rest
		s.missed += uint64(rest)
		s.nxt = ack
	}
	return a
}

// Shorten takes an acknowledgement beyond all that was seen back: of the octets from to up to Next, which Ack counted as
// missed, there are none. Where octets were seen behind to, the caller must not ask for it.
func (s *Stream) Shorten(to tcp.Seq) {
	n := s.nxt.Sub(to)
	if n <= 0 || s.una != s.nxt || uint64(n) > s.missed {
		return
	}
	s.missed -= uint64(n)
	s.nxt, s.una = to, to
}

// Release gives the stream's holes back and makes it one that has not started.
func (s *Stream) Release(h *Holes) {
	for s.first != 0 {
		s.drop(h)
	}
	*s = Stream{}
}

// before returns how many octets seq lies before the start. The start needs no field: all octets since are counted.
// Once it is 2^31 or more behind, no segment can reach it.
func (s *Stream) before(seq tcp.Seq) int {
	length := s.unique + s.missed + uint64(s.missing)
	if length >= 1<<31 {
		return 0
	}
	return max((s.nxt - tcp.Seq(length)).Sub(seq), 0)
}
