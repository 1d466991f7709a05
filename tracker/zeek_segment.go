package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// What Zeek does with a segment, by Zeek's own rules and in its order (tcp/TCPSessionAdapter.cc, TCP_Endpoint.cc,
// TCP_Reassembler.cc of Zeek 6 to 8): it verifies neither windows nor the numbers of a RST, and takes a FIN for a close.

const (
	zeekJump   = 1 << 20 // TOO_LARGE_SEQ_DELTA: a SYN, a RST or an ACK of 0 so far off is not believed
	zeekWindow = 16384   // tcp_max_initial_window, tcp_max_above_hole_without_any_acks
	zeekExcess = 10 << 20
)

// begin makes a zeroed record that of the connection that a segment begins.
func (z *zeek) begin(s *tcp.Segment, now int64, servers *Ports) {
	z.start, z.last, z.orig = now, now, s.Dir
	if s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN {
		return
	}
	src, dst := s.Ends()
	if servers.Has(src.Port) && (s.Flags&tcp.SYN != 0 || !servers.Has(dst.Port) || src.Port < dst.Port) {
		z.flip()
	}
}

// flip changes who is taken for the originator.
func (z *zeek) flip() {
	z.orig = z.orig.Other()
	z.partial = false
	z.history.Add('^')
}

// segment takes in one segment.
func (z *zeek) segment(s *tcp.Segment, now int64, damaged bool, h *reassembly.Holes) {
	e, p := &z.ends[s.Dir], &z.ends[s.Dir.Other()]
	if s.Sum == tcp.SumNever {
		return // a header of impossible length
	}
	if damaged {
		z.scaled(&e.damaged, 'C', s.Dir)
		return
	}
	e.packets++
	e.ipBytes += uint64(s.IPLen)
	z.judgePartial(s, e)

	fin, rst := s.Flags&tcp.FIN != 0, s.Flags&tcp.RST != 0
	length := s.SegLen()
	if rst {
		length -= s.Len
	}
	e.begin(s, length, h)
	at := e.position(s.Seq, e.last)
	z.letters(s, e, at)
	if s.Window == 0 && !rst && p.state != zeekClosed && e.state != zeekReset {
		z.scaled(&e.zeroes, 'W', s.Dir)
	}
	if (e.flags&p.flags)&zeekDone == 0 {
		z.last = now
	}
	if fin {
		e.flags |= zeekFIN
		e.fin = at + int64(length)
	}
	ack := z.acknowledges(s, p)
	z.sent(s, e, at+int64(length))
	closes := z.moves(s, e, p, now)
	if s.Flags&tcp.ACK != 0 {
		// Only now: gaps that show at the very end of a connection do not count.
		z.delivered(p, e, s.Dir.Other(), ack, h)
	}
	e.flags |= zeekSpoke
	if s.Len > 0 && !rst && at >= 0 && !s.Snap {
		e.keep(p, at, s, h)
	}
	z.checkEOF(e, p, h)
	if closes {
		z.closes(e, p, h)
	}
	if z.dies == 0 && (e.flags|p.flags)&zeekDone != 0 && (e.state == zeekReset || p.state == zeekReset || e.flags&p.flags&zeekDone != 0 ||
		e.state == zeekInactive || p.state == zeekInactive) {
		z.dies = z.last + zeekLinger
	}
}

// quick takes in a segment of the kind that most are, octets in sequence or an acknowledgement of some, in the middle of a
// connection in order. It does what segment would do and says no, having done nothing, to every other; worth half the time.
func (z *zeek) quick(s *tcp.Segment, now int64, h *reassembly.Holes) bool {
	e, p := &z.ends[s.Dir], &z.ends[s.Dir.Other()]
	kind := seenACK
	if s.Len > 0 {
		kind = seenData
	}
	if s.Flags&^tcp.PSH != tcp.ACK || s.Window == 0 || s.Sum == tcp.SumNever || z.partial ||
		e.state != zeekEstablished || p.state != zeekEstablished || (e.flags|p.flags)&^zeekSpoke != 0 || e.seen&kind == 0 ||
		s.Seq != e.start+tcp.Seq(e.last) {
		return false
	}
	further := s.Ack.Sub(p.start + tcp.Seq(p.ack))
	if further < 0 || further > 0 && (!p.data.Started() || p.data.Missing() != 0) {
		return false
	}
	if s.Len > 0 && !s.Snap {
		if !e.data.Started() || s.Seq != e.data.Next() || e.data.Missing() != 0 || s.Seq.Sub(e.data.Una())+s.Len > zeekExcess {
			return false
		}
		e.data.Add(h, s.Seq, s.Len)
	}
	e.last += int64(s.Len)
	if further > 0 {
		if a := p.data.Ack(h, s.Ack); a.Missed > 0 {
			z.scaled(&p.holes, 'G', s.Dir.Other())
			p.missed += uint64(a.Missed)
		}
		p.ack += int64(further)
	}
	e.packets++
	e.ipBytes += uint64(s.IPLen)
	z.last = now
	return true
}

// judgePartial notes whether the beginning of the connection is missing.
func (z *zeek) judgePartial(s *tcp.Segment, e *zeekEnd) {
	if e.flags&zeekSpoke != 0 {
		return
	}
	if s.Dir == z.orig {
		z.partial = s.Flags&(tcp.SYN|tcp.ACK) != tcp.SYN
	} else if !z.partial {
		z.partial = s.Flags&tcp.SYN == 0
	}
}

// position counts a sequence number from the end's start, next to another that is near.
func (e *zeekEnd) position(q tcp.Seq, near int64) int64 {
	return near + int64(q.Sub(e.start+tcp.Seq(near)))
}

// begin sets, or sets anew, where the end's numbers start.
func (e *zeekEnd) begin(s *tcp.Segment, length int, h *reassembly.Holes) {
	syn := s.Flags&tcp.SYN != 0
	switch {
	case e.state == zeekInactive && !syn:
		e.startAt(s.Seq.Add(-1), 1, h)
	case e.state == zeekInactive, syn && e.state != zeekClosed && (e.state == zeekReset && e.before == zeekInactive ||
		(e.state == zeekSynSent || e.state == zeekSynAckSent) && s.Seq != e.start || e.state == zeekEstablished || e.state == zeekPartial):
		e.startAt(s.Seq, int64(length), h)
	}
}

func (e *zeekEnd) startAt(q tcp.Seq, last int64, h *reassembly.Holes) {
	if e.data.Started() && e.start != q {
		e.data.Release(h)
	}
	e.start, e.last, e.ack = q, last, 0
}

// scaled counts what is in the history when it has come once, ten times, a hundred times.
func (z *zeek) scaled(count *uint32, letter byte, by tcp.Dir) {
	*count++
	if scaleMark(*count) {
		z.write(letter, by)
	}
}

// scaleMark says that n is a power of ten.
func scaleMark(n uint32) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

func (z *zeek) write(letter byte, by tcp.Dir) {
	if by != z.orig {
		letter |= 'a' - 'A'
	}
	z.history.Add(letter)
}

// letters writes what the segment's flags add to the history.
func (z *zeek) letters(s *tcp.Segment, e *zeekEnd, at int64) {
	once := func(kind zeekSeen, letter byte) bool {
		if e.seen&kind != 0 {
			return false
		}
		e.seen |= kind
		z.write(letter, s.Dir)
		return true
	}
	again := func(kind zeekSeen, letter byte, last *uint32, at int64) {
		if !once(kind, letter) && *last != uint32(at) {
			z.write(letter, s.Dir)
		}
		*last = uint32(at)
	}
	switch f := s.Flags & (tcp.SYN | tcp.FIN | tcp.RST); {
	case f == 0 && s.Len > 0:
		once(seenData, 'D')
	case f == 0 && s.Flags&tcp.ACK != 0:
		once(seenACK, 'A')
	case f == tcp.SYN && s.Flags&tcp.ACK != 0:
		again(seenSYN, 'H', &e.lastSYN, at)
	case f == tcp.SYN:
		again(seenSYN, 'S', &e.lastSYN, at)
	case f == tcp.FIN:
		again(seenFIN, 'F', &e.lastFIN, at+int64(s.Len))
	case f == tcp.RST:
		again(seenRST, 'R', &e.lastRST, at)
	case f&(tcp.FIN|tcp.RST) == tcp.FIN|tcp.RST:
		once(seenFINRST, 'I')
	case f != 0:
		once(seenMulti, 'Q')
	}
}

// acknowledges takes in the acknowledgement and returns its position among the peer's octets.
func (z *zeek) acknowledges(s *tcp.Segment, p *zeekEnd) int64 {
	switch {
	case s.Flags&tcp.ACK == 0:
		return 0
	case p.state == zeekInactive:
		p.start, p.ack, p.last = s.Ack.Add(-1), 0, 0
		return 1
	}
	ack := p.position(s.Ack, p.ack)
	if ack < 0 {
		return 0
	}
	if s.Flags&tcp.RST == 0 && !(s.Ack == 0 && ack-p.ack > zeekJump) {
		p.ack = max(p.ack, ack)
	}
	return ack
}

// sent takes in how far the segment reaches; one that brings octets and reaches no further is a retransmission.
func (z *zeek) sent(s *tcp.Segment, e *zeekEnd, end int64) {
	further := end - e.last
	switch {
	case s.Flags&(tcp.SYN|tcp.RST) != 0 && (further > zeekJump || further < -zeekJump):
	case s.Flags&tcp.FIN != 0 && e.last == 1:
		e.last = end
	case e.state == zeekReset:
	case further > 0:
		e.last = end
	case s.Len > 0:
		z.scaled(&e.repeats, 'T', s.Dir)
	}
}
