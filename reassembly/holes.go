package reassembly

import "github.com/tcptrack/tcptrack/internal/tcp"

// Bounds on holes. At each of them the stream's oldest hole is given up as missed, and counted in GivenUp.
const (
	// MaxStreamHoles is the most holes of one stream. A sender whose segments are lost one in two has more after 128
	// segments in flight; by then nobody asks which.
	MaxStreamHoles = 64

	// MaxHoles is the most holes of all streams unless NewHoles says otherwise: 12 MiB of them.
	MaxHoles = 1 << 20
)

// Holes is where streams keep what they have not seen. It grows by chunks that never move, holds no pointers but
// those to the chunks, and is never larger than its limit. The zero value is empty and has the limit MaxHoles.
type Holes struct {
	chunks  []*[chunkSize]hole
	free    uint32 // first of the nodes given back, 0 for none
	fresh   uint32 // nodes ever handed out; node numbers begin at 1
	used    int
	limit   int // 0 for MaxHoles
	givenUp GivenUp
}

// GivenUp counts the octets of holes that were closed because a bound was reached, by bound. They are in their
// streams' Missed too.
type GivenUp struct {
	Stream  uint64 // a stream had MaxStreamHoles
	Total   uint64 // all streams together had their limit
	Horizon uint64 // more than Horizon behind Next
}

// hole is [lo, hi), never empty, and the next higher hole of its stream (or the next free node). Holes of a stream
// ascend, do not touch, and end below its nxt.
type hole struct {
	lo, hi tcp.Seq
	next   uint32
}

const chunkSize = 1 << 10

// NewHoles returns an empty Holes for at most limit holes of all streams together; 0 stands for MaxHoles.
func NewHoles(limit int) *Holes { return &Holes{limit: limit} }

// Len returns the number of holes now.
func (h *Holes) Len() int { return h.used }

// GivenUp returns what the bounds have cost so far.
func (h *Holes) GivenUp() GivenUp { return h.givenUp }

// at returns the node with number i, not 0.
func (h *Holes) at(i uint32) *hole { return &h.chunks[(i-1)/chunkSize][(i-1)%chunkSize] }

func (h *Holes) full() bool {
	if h.limit == 0 {
		return h.used >= MaxHoles
	}
	return h.used >= h.limit
}

func (h *Holes) take(lo, hi tcp.Seq, next uint32) uint32 {
	h.used++
	i := h.free
	if i != 0 {
		h.free = h.at(i).next
	} else {
		if h.fresh%chunkSize == 0 {
			h.chunks = append(h.chunks, new([chunkSize]hole))
		}
		h.fresh++
		i = h.fresh
	}
	*h.at(i) = hole{lo, hi, next}
	return i
}

func (h *Holes) give(i uint32) {
	h.used--
	h.at(i).next = h.free
	h.free = i
}

// room says which bound, if any, keeps the stream from one more hole.
func (s *Stream) room(h *Holes) (bound *uint64) {
	switch {
	case s.holes >= MaxStreamHoles:
		return &h.givenUp.Stream
	case h.full():
		return &h.givenUp.Total
	}
	return nil
}

// open appends the hole [lo, hi), which lies above all others.
func (s *Stream) open(h *Holes, lo, hi tcp.Seq) {
	n := uint64(hi - lo)
	if bound := s.room(h); bound != nil {
		if s.first == 0 { // others have them all
			s.missed += n
			*bound += n
			return
		}
		*bound += uint64(s.closeBelow(h, h.at(s.first).hi))
	}
	s.missing += uint32(n)
	i := h.take(lo, hi, 0)
	s.holes++
	if s.first == 0 {
		s.first = i
		return
	}
	last := h.at(s.first)
	for last.next != 0 {
		last = h.at(last.next)
	}
	last.next = i
}

// fill takes [lo, hi), which ends at nxt or before, out of the holes and returns how many octets of it lay in them.
func (s *Stream) fill(h *Holes, lo, hi tcp.Seq) (filled int) {
	link := &s.first
	for *link != 0 {
		i := *link
		hole := h.at(i)
		if !hole.lo.Before(hi) {
			break
		}
		if !lo.Before(hole.hi) {
			link = &hole.next
			continue
		}
		a, b := hole.lo.Max(lo), hole.hi.Min(hi)
		filled += b.Sub(a)
		s.missing -= uint32(b - a)
		switch {
		case a == hole.lo && b == hole.hi:
			*link = hole.next
			h.give(i)
			s.holes--
			continue
		case a == hole.lo:
			hole.lo = b
		case b == hole.hi:
			hole.hi = a
		default:
			s.split(h, i, a, b)
			return filled
		}
		link = &hole.next
	}
	return filled
}

// split makes two holes of hole i: what lies below a and what lies from b on.
func (s *Stream) split(h *Holes, i uint32, a, b tcp.Seq) {
	hole := h.at(i)
	if bound := s.room(h); bound != nil {
		if s.first == i { // the oldest is the lower half
			n := uint32(a - hole.lo)
			s.missing -= n
			s.missed += uint64(n)
			*bound += uint64(n)
			hole.lo = b
			return
		}
		*bound += uint64(s.closeBelow(h, h.at(s.first).hi))
	}
	hole.next = h.take(b, hole.hi, hole.next)
	hole.hi = a
	s.holes++
}

// closeBelow counts what lies in holes below end as missed and returns how many octets that is. There is a hole.
func (s *Stream) closeBelow(h *Holes, end tcp.Seq) int {
	var n uint32
	for s.first != 0 {
		hole := h.at(s.first)
		if !hole.lo.Before(end) {
			break
		}
		if end.Before(hole.hi) {
			n += uint32(end - hole.lo)
			hole.lo = end
			break
		}
		n += uint32(hole.hi - hole.lo)
		s.drop(h)
	}
	s.missing -= n
	s.missed += uint64(n)
	return int(n)
}

// drop takes the lowest hole off the list.
func (s *Stream) drop(h *Holes) {
	i := s.first
	s.first = h.at(i).next
	h.give(i)
	s.holes--
}
