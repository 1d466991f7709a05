package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// When Zeek forgets a connection.
const (
	zeekLinger    = 5 * second   // tcp_close_delay: after it has closed
	zeekAttempt   = 5 * second   // tcp_attempt_delay: after a SYN without an answer
	zeekUnopened  = 60 * second  // udp_inactivity_timeout, which counts until the handshake is over
	zeekInactives = 300 * second // tcp_inactivity_timeout
)

// over says that a segment begins another connection for Zeek: this one was forgotten, or the segment is a SYN that
// cannot be of it.
func (z *zeek) over(s *tcp.Segment, now int64) bool {
	o, r := &z.ends[z.orig], &z.ends[z.orig.Other()]
	opening := func(e *zeekEnd) bool { return e.state <= zeekSynAckSent }
	trying := (o.state == zeekSynSent || o.state == zeekSynAckSent) && r.state == zeekInactive
	quiet := zeekInactives
	if opening(o) && opening(r) {
		quiet = zeekUnopened
	}
	if z.dies != 0 && now >= z.dies || trying && now >= z.start+zeekAttempt || now-z.last >= quiet {
		return true
	}
	if s.Flags&tcp.SYN == 0 {
		return false
	}
	first := o
	if s.Flags&tcp.ACK != 0 {
		if o.state != zeekInactive {
			return false
		}
		first = r
	}
	switch {
	case (o.flags|r.flags)&zeekDone != 0:
		return true
	case s.Seq == first.start:
		return false
	}
	// A SYN-ACK and its SYN in the wrong order are one connection.
	return s.Flags&tcp.ACK != 0 || o.state != zeekSynAckSent || r.state != zeekInactive || s.Seq != r.start
}

func (e *zeekEnd) become(s zeekState) {
	if s != e.state {
		e.before, e.state = e.state, s
	}
}

// moves lets the segment move its sender, and says whether that closes the connection on its side.
func (z *zeek) moves(s *tcp.Segment, e, p *zeekEnd, now int64) (closes bool) {
	syn, fin, rst := s.Flags&tcp.SYN != 0, s.Flags&tcp.FIN != 0, s.Flags&tcp.RST != 0
	switch e.state {
	case zeekInactive:
		return z.wakes(s, e, p)
	case zeekSynSent, zeekSynAckSent:
		if fin {
			e.become(zeekClosed)
		}
		if rst {
			e.become(zeekReset)
		}
		return fin || rst
	case zeekEstablished, zeekPartial:
		if syn && s.Flags&tcp.ACK == 0 && e.state == zeekPartial && p.state == zeekInactive {
			e.become(zeekSynSent)
		}
		if fin && !rst {
			e.become(zeekClosed)
			if p.state == zeekReset && p.before == zeekClosed {
				p.become(zeekClosed) // a FIN, then a RST, was a normal end
			}
		}
		if rst {
			e.become(zeekReset)
		}
		return fin || rst
	case zeekClosed:
		if rst && p.state != zeekClosed {
			e.become(zeekReset)
			if z.dies == 0 {
				z.dies = now + zeekLinger // tcp_reset_delay
			}
			return e.flags&zeekDone == 0
		}
	}
	return false
}

// wakes lets the first segments of an end move it.
func (z *zeek) wakes(s *tcp.Segment, e, p *zeekEnd) (closes bool) {
	syn, fin, rst, ack := s.Flags&tcp.SYN != 0, s.Flags&tcp.FIN != 0, s.Flags&tcp.RST != 0, s.Flags&tcp.ACK != 0
	switch {
	case syn && s.Dir == z.orig && ack:
		e.become(zeekSynAckSent)
	case syn && s.Dir == z.orig:
		e.become(zeekSynSent)
	case syn:
		if !ack && p.state == zeekSynAckSent && s.Seq == e.start {
			// The SYN of the SYN-ACK that came before it: its sender is the originator after all.
			z.flip()
			p.become(zeekEstablished)
		} else if p.state == zeekSynSent {
			p.become(zeekEstablished)
		}
		e.become(zeekEstablished)
	}
	if fin {
		e.become(zeekClosed)
	}
	if rst {
		e.become(zeekReset)
	}
	if e.state != zeekInactive {
		return fin || rst
	}
	switch {
	case s.Dir != z.orig && s.Len == 0 && p.state == zeekSynSent:
		// Some acknowledge a SYN before they answer it.
	case ack && p.state == zeekEstablished:
		e.become(zeekEstablished) // the SYN was missed
		z.partial = false
	default:
		e.become(zeekPartial)
	}
	return false
}

// keep takes in octets. Where none of many is ever acknowledged, Zeek gives up to put them together.
func (e *zeekEnd) keep(p *zeekEnd, at int64, s *tcp.Segment, h *reassembly.Holes) {
	if e.flags&zeekSkips != 0 {
		return
	}
	if s.Flags&tcp.SYN != 0 {
		at++
	}
	e.data.Start(e.start.Add(1))
	e.data.Add(h, e.start+tcp.Seq(at), s.Len)
	waiting := e.data.Next().Sub(e.data.Contiguous(h))
	if e.unacked() && waiting > zeekWindow || e.data.Next().Sub(e.data.Una()) > zeekExcess {
		e.data.Release(h)
		e.flags |= zeekSkips
	}
}

// upTo is the position up to which all octets were delivered.
func (e *zeekEnd) upTo(h *reassembly.Holes) int64 {
	if !e.data.Started() {
		return 1
	}
	return e.position(e.data.Contiguous(h), e.last)
}

// delivered takes in that the octets of e up to a position were acknowledged: those that were not seen are a gap.
func (z *zeek) delivered(e, p *zeekEnd, by tcp.Dir, ack int64, h *reassembly.Holes) {
	if e.flags&zeekFIN != 0 && ack >= e.fin {
		ack = e.fin - 1
	}
	if ack <= 1 || e.data.Started() && ack <= e.position(e.data.Una(), e.ack) || e.flags&zeekSkips != 0 {
		return
	}
	if !(ack <= 2 && z.partial) { // of a keepalive, perhaps, that was the first to be seen
		e.data.Start(e.start.Add(1))
		if a := e.data.Ack(h, e.start+tcp.Seq(ack)); a.Missed > 0 && e.clean() && p.clean() {
			z.scaled(&e.holes, 'G', by)
			e.missed += uint64(a.Missed)
		}
	}
	z.checkEOF(e, p, h)
}

// clean says that the end is in the middle of a whole connection, or at its orderly end.
func (e *zeekEnd) clean() bool {
	return e.state == zeekEstablished || e.state == zeekClosed && e.before == zeekEstablished
}

// waits says that octets of an end that closes are still to be delivered, or its peer's to be acknowledged.
func (e *zeekEnd) waits(p *zeekEnd, h *reassembly.Holes) bool {
	if e.flags&zeekSkips != 0 {
		return false
	}
	upTo := e.upTo(h)
	switch {
	case e.last < upTo:
		return false
	case upTo != e.last-1 && upTo != e.last:
		return true
	}
	held := p.data.Started() && p.data.Next().After(p.data.Una()) && !(p.unacked() && p.size(e) > zeekWindow)
	return e.state != zeekReset && held
}

// checkEOF finishes a close that waited for octets.
func (z *zeek) checkEOF(e, p *zeekEnd, h *reassembly.Holes) {
	ended := e.flags&zeekFIN != 0 || e.state == zeekClosed || e.state == zeekReset
	if e.flags&zeekEOF != 0 || !ended || e.waits(p, h) {
		return
	}
	e.flags |= zeekEOF
	if z.pending {
		z.closes(e, p, h)
		z.pending = false
	}
}

// closes takes in the close of one end.
func (z *zeek) closes(e, p *zeekEnd, h *reassembly.Holes) {
	if z.pending = e.waits(p, h); !z.pending {
		e.flags |= zeekDone
	}
}
