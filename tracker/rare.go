package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// rare keeps what few connections have, beside the arena.
type rare struct {
	syns map[uint32]keptSYN   // the latest SYN with another ISN than the connection's, by arena number
	odd  map[uint64]oddACK    // an acknowledgement of octets that were not seen, by connection number and direction
	gone map[uint64]supposed  // octets that two of those say were lost by the capture, likewise
	dead map[uint64]lastWords // ends in whose name a RST passed, by arena number and direction
	dug  [Parts]uint16        // how many of those each part of the flows has: after a flood of RSTs they are full, whoever tracks the part
	most int                  // bound on each of the other maps
	full bool                 // it was reached
}

// maxRare is the bound for all connections.
const maxRare = 1 << 16

// room says that a map of so many has room for one more.
func (r *rare) room(n int) bool {
	if n < r.most {
		return true
	}
	r.full = true
	return false
}

type keptSYN struct {
	tcp.Segment
	silence int64 // of the connection before it first came
}

func (r *rare) keep(n uint32, c *conn, s *tcp.Segment, now int64) {
	if r.syns == nil {
		r.syns = make(map[uint32]keptSYN)
	}
	was, ok := r.syns[n]
	if !ok && !r.room(len(r.syns)) {
		return
	}
	silence := now - max(c.ends[0].sentAt, c.ends[1].sentAt)
	if ok && was.Seq == s.Seq && was.Dir == s.Dir {
		silence = was.silence
	}
	r.syns[n] = keptSYN{*s, silence}
}

// kept returns the SYN kept that a SYN-ACK may answer.
func (r *rare) kept(n uint32, s *tcp.Segment) (keptSYN, bool) {
	syn, ok := r.syns[n]
	return syn, ok && syn.Dir != s.Dir
}

// oddACK is an acknowledgement of octets that were not seen.
type oddACK struct {
	ack   tcp.Seq
	tsVal uint32
	ipID  uint16
}

// supposed are octets that were acknowledged and never seen.
type supposed struct {
	from tcp.Seq // what had been seen ends here
	to   tcp.Seq
	at   int64
}

// lost says that an acknowledgement of octets never seen is the second: the capture has lost them. The same segment
// twice is one.
func (r *rare) lost(c *conn, s *tcp.Segment) bool {
	k := c.num<<1 | uint64(s.Dir)
	if was, ok := r.odd[k]; ok {
		if was == (oddACK{s.Ack, s.Options.TSVal, s.IPID}) {
			return false
		}
		delete(r.odd, k)
		c.ends[s.Dir.Other()].flags &^= oddlyACKed
		if d := s.Ack.Sub(was.ack); d >= 0 && d < 1<<24 {
			return true
		}
	}
	if r.odd == nil || !r.room(len(r.odd)) {
		r.odd = make(map[uint64]oddACK)
	}
	r.odd[k] = oddACK{s.Ack, s.Options.TSVal, s.IPID}
	c.ends[s.Dir.Other()].flags |= oddlyACKed
	return false
}

// suppose notes which octets the capture is believed to have lost.
func (r *rare) suppose(c *conn, e *end, s *tcp.Segment, now int64) {
	if r.gone == nil || !r.room(len(r.gone)) {
		r.gone = make(map[uint64]supposed)
	}
	k := c.num<<1 | uint64(s.Dir)
	from := e.snd.Next()
	if was, ok := r.gone[k]; ok && was.to == from {
		from = was.from // nothing was seen between
	}
	r.gone[k] = supposed{from, s.Ack, now}
	e.flags |= oddlyACKed
}

// restore takes a loss back when the sender goes on exactly where it was seen to be: it had never sent more, and the
// acknowledgements were somebody else's.
func (t *Tracker) restore(n uint32, c *conn, snd, rcv *end, s *tcp.Segment) {
	k := c.num<<1 | uint64(s.Dir.Other())
	g, ok := t.rare.gone[k]
	if !ok {
		return
	}
	if s.Seq.After(g.to.Add(-1)) || t.now-g.at > 60*second {
		delete(t.rare.gone, k)
		return
	}
	if s.Seq != g.from || snd.snd.Next() != g.to || t.now-g.at <= t.delay(c, snd) || !snd.fresh(s) {
		return
	}
	delete(t.rare.gone, k)
	snd.snd.Shorten(g.from)
	if rcv.ack.After(g.from) {
		rcv.ack, rcv.edge = g.from, g.from.Add(rcv.edge.Sub(rcv.ack))
	}
	t.see(Unmissed, n, c, snd, s)
}

// refute forgets an acknowledgement of octets that were not seen when their sender goes on below it.
func (r *rare) refute(c *conn, s *tcp.Segment) {
	if !c.ends[s.Dir].has(oddlyACKed) {
		return
	}
	k := c.num<<1 | uint64(s.Dir.Other())
	if was, ok := r.odd[k]; !ok || s.Seq.Before(was.ack) {
		delete(r.odd, k)
		if _, ok := r.gone[k]; !ok {
			c.ends[s.Dir].flags &^= oddlyACKed
		}
	}
}

// bury keeps an end in whose name a RST passed, and says whether there was room.
func (r *rare) bury(n uint32, c *conn, d tcp.Dir, w lastWords) bool {
	if r.dead == nil {
		r.dead = make(map[uint64]lastWords)
	}
	if _, was := r.buried(n, d); !was {
		dug := &r.dug[Part(&c.key)]
		if *dug == maxRare/Parts {
			return false
		}
		*dug++
	}
	r.dead[uint64(n)<<1|uint64(d)] = w
	return true
}

func (r *rare) buried(n uint32, d tcp.Dir) (lastWords, bool) {
	w, ok := r.dead[uint64(n)<<1|uint64(d)]
	return w, ok
}

func (r *rare) exhume(n uint32, c *conn, d tcp.Dir) {
	if _, was := r.buried(n, d); was {
		delete(r.dead, uint64(n)<<1|uint64(d))
		r.dug[Part(&c.key)]--
	}
}

func (r *rare) forget(n uint32, c *conn) {
	r.exhume(n, c, tcp.FromA)
	r.exhume(n, c, tcp.FromB)
	delete(r.syns, n)
}
