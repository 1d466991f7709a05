package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// What a brief stands for.

// unfoldBrief makes of a brief what it stands for; s is the segment that it could not take in, and counted in the
// connection already.
func (t *Tracker) unfoldBrief(n uint32, c *conn, b *brief, s *tcp.Segment) {
	if t.cfg.Zeek {
		var z *zeek
		c.zeek, z = t.zeeks.arena.take()
		b.zeek(t, z, c)
		z.ends[s.Dir].packets--
		z.ends[s.Dir].ipBytes -= uint64(s.IPLen)
	}
	d := b.dialogue()
	b.over()
	if t.analyses.on {
		*t.analyses.of(b) = d
	}
}

// over ends the brief, in whose place there is no dialogue yet.
func (b *brief) over() { b.stage, b.link = briefOver, 0 }

// unbrief forgets the brief of a connection that retires, whose dialogue may go on.
func (t *Tracker) unbrief(n uint32) {
	if !t.briefs.has(n) {
		return
	}
	b := t.briefs.at(n)
	if t.analyses.on {
		t.analyses.retire(b)
	}
	b.stage = noBrief
}

// zeek fills in a zeroed record: what it would be, had it seen all of the connection's segments.
func (b *brief) zeek(t *Tracker, z *zeek, c *conn) {
	z.start, z.last, z.orig = b.start, max(b.ends[0].ackAt, b.ends[1].ackAt), b.orig
	for d := range b.ends {
		if b.stage == briefOpen || tcp.Dir(d) == b.orig {
			b.ends[d].zeek(&z.ends[d], &b.ends[1-d], t.zeeks.holes)
		}
		z.ends[d].packets, z.ends[d].ipBytes = t.packetsOf(&c.ends[d]), t.bytesOf(&c.ends[d])
	}
	o, r := &z.ends[b.orig], &z.ends[b.orig.Other()]
	o.become(zeekSynSent)
	z.history.Add('S')
	if b.stage == briefAsked {
		o.ack = 0
		return
	}
	o.become(zeekEstablished)
	r.become(zeekEstablished)
	z.history.Add('h')
	for i := range b.count {
		code := b.letters >> (4 * i) & 0xf
		by := b.orig
		if code&1 != 0 {
			by = b.orig.Other()
		}
		z.write(briefSaid(code>>1).letter(), by)
	}
	for d := range b.ends {
		if b.ends[d].said&briefFIN != 0 {
			z.ends[d].closed()
		}
	}
	if b.ends[0].said&b.ends[1].said&briefFIN != 0 {
		z.last = b.closedAt()
		z.dies = z.last + zeekLinger
	}
}

// closed makes the record of an end in sequence that of one that has sent a FIN, its latest segment with a length.
func (z *zeekEnd) closed() {
	z.become(zeekClosed)
	z.flags |= zeekFIN | zeekDone | zeekEOF
	z.seen |= seenFIN
	z.fin, z.lastFIN = z.last, uint32(z.last-1)
}

// letter is that of Zeek's history.
func (k briefSaid) letter() byte {
	switch k {
	case briefData:
		return 'D'
	case briefACK:
		return 'A'
	case briefClose:
		return 'F'
	}
	return 'G'
}

// zeek fills in the record of an end that has sent its SYN.
func (e *briefEnd) zeek(z *zeekEnd, p *briefEnd, h *reassembly.Holes) {
	z.start, z.last, z.ack = e.start, int64(uint32(e.next-e.start)), int64(uint32(p.ack-e.start))
	z.flags, z.seen = zeekSpoke, seenSYN
	if e.said&briefData != 0 {
		z.seen |= seenData
	}
	if e.said&briefACK != 0 {
		z.seen |= seenACK
	}
	z.holes, z.missed = e.gaps, uint64(e.missed)
	if first := e.start.Add(1); e.kept != first {
		z.data.Start(first)
		z.data.Ack(h, first.Add(int(e.missed)))
		z.data.Add(h, z.data.Next(), e.kept.Sub(z.data.Next()))
		ack := p.ack
		if ack.After(e.kept) {
			ack = e.kept // with the FIN
		}
		z.data.Ack(h, ack)
	}
}

// dialogue is what Wireshark would know.
func (b *brief) dialogue() dialogue {
	d := newDialogue(b.link)
	d.syn = b.start
	if b.took != 0 {
		d.syn, d.timed = b.took, true
	}
	for i := range b.ends {
		e, u := &b.ends[i], &d.said[i]
		u.scale = e.scale
		if b.stage == briefAsked && tcp.Dir(i) != b.orig {
			continue
		}
		d.base[i], d.known = e.start, d.known|1<<i
		u.next, u.ackable, u.nextAt, u.ackAt, u.window, u.ack = e.next, e.next, e.nextAt, e.ackAt, int32(e.window), e.ack
		u.unshifted = e.said&briefSpoke == 0
		if tcp.Dir(i) != b.orig {
			u.answered, u.asFirst, u.synACK = true, true, e.start
		} else if u.unshifted {
			u.ack = 0 // a SYN's
		}
	}
	return d
}
