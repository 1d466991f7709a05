package tracker

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/reassembly"
)

// Zeek is one row of Zeek's conn.log: a connection as Zeek would have it, which knows no states of RFC 9293.
type Zeek struct {
	Orig     Side // whom Zeek takes for the originator
	Start    int64
	Duration int64 // nanoseconds, what comes after both ends have closed left out
	State    string
	History  History
	OrigEnd  ZeekEnd
	RespEnd  ZeekEnd
	Missed   uint64 // octets in content gaps, of both ends
}

// ZeekEnd is what a row says of one end.
type ZeekEnd struct {
	Bytes   uint64 // of payload, by sequence numbers
	Packets uint64 // but for those with a wrong checksum
	IPBytes uint64
}

// maxHistory bounds the letters of a history: four of each kind and end come to less.
const maxHistory = 46

// History is Zeek's record of what a connection saw, a letter each: upper case for what the originator did. Where it is
// full, x stands last.
type History struct {
	letters [maxHistory]byte
	n       uint8
}

func (h *History) String() string { return string(h.letters[:h.n]) }

// Append appends the letters.
func (h *History) Append(b []byte) []byte { return append(b, h.letters[:h.n]...) }

// Add adds a letter.
func (h *History) Add(letter byte) {
	if h.n == maxHistory-1 {
		letter = 'x'
	}
	if h.n < maxHistory {
		h.letters[h.n] = letter
		h.n++
	}
}

// zeek is what Zeek would remember of a connection, beside the arena of connections and without pointers.
type zeek struct {
	ends    [2]zeekEnd // in the key's order
	start   int64
	last    int64  // its latest packet that counts for the duration
	dies    int64  // when Zeek forgets it unless something comes, 0 for not yet
	older   uint32 // the row before of the same incarnation, 0 for none
	rows    uint16 // how many of those there are
	orig    tcp.Dir
	partial bool // its handshake was not seen
	pending bool // a close waits for octets to be delivered
	history History
}

// zeekEnd is one end as Zeek has it. Positions count from its SYN, or from one before the first octet seen.
type zeekEnd struct {
	packets, ipBytes uint64
	missed           uint64
	last             int64 // one past the highest that it sent
	ack              int64 // the highest that its peer acknowledged
	fin              int64 // one past its latest FIN
	start            tcp.Seq
	data             reassembly.Stream

	lastSYN, lastFIN, lastRST       uint32 // where the latest of each lay
	damaged, repeats, zeroes, holes uint32
	state, before                   zeekState
	seen                            zeekSeen
	flags                           zeekFlags
}

// zeekState is what Zeek knows of an end.
type zeekState uint8

const (
	zeekInactive zeekState = iota
	zeekSynSent
	zeekSynAckSent
	zeekPartial // octets, and no SYN
	zeekEstablished
	zeekClosed // it sent a FIN
	zeekReset
)

// zeekSeen are the kinds of segments that are in the history once.
type zeekSeen uint8

const (
	seenSYN zeekSeen = 1 << iota
	seenFIN
	seenRST
	seenFINRST
	seenMulti
	seenData
	seenACK
)

type zeekFlags uint8

const (
	zeekSpoke zeekFlags = 1 << iota // its first segment was seen
	zeekFIN                         // it sent a FIN, in whatever state
	zeekDone                        // its close is complete
	zeekEOF                         // and all of its octets delivered
	zeekSkips                       // its octets are not put together any more
)

// Bounds on what is kept for Zeek's rows.
const (
	maxZeekRows  = 16      // of one incarnation; what comes later is in the last of them
	maxZeekOlder = 1 << 16 // of all, but for the latest of each
	maxZeekHoles = 1 << 18 // 3 MiB
)

// zeeks are all of them.
type zeeks struct {
	arena   arena[zeek]
	holes   *reassembly.Holes
	older   int // rows before the latest
	servers *Ports
	once    zeek // of a connection of which only a SYN is kept
}

func newZeeks(cfg *Config) zeeks {
	z := zeeks{holes: reassembly.NewHoles(maxZeekHoles), servers: cfg.LikelyServers}
	if z.servers == nil {
		z.servers = &zeekServers
	}
	return z
}

// zeeked lets Zeek's record see a segment; damaged says that its checksum is wrong. A stub has no record: its SYN makes
// one when it unfolds.
func (t *Tracker) zeeked(c *conn, s *tcp.Segment, damaged bool) {
	x := &t.zeeks
	var z *zeek
	if c.zeek == 0 {
		c.zeek, z = x.arena.take()
		z.begin(s, t.now, x.servers)
	} else if z = x.arena.at(c.zeek); z.over(s, t.now) && z.rows+1 < maxZeekRows && x.older < maxZeekOlder {
		z.release(x.holes)
		older, rows := c.zeek, z.rows+1
		c.zeek, z = x.arena.take()
		z.older, z.rows = older, rows
		x.older++
		z.begin(s, t.now, x.servers)
	}
	if damaged || t.plain || !z.quick(s, t.now, x.holes) {
		z.segment(s, t.now, damaged, x.holes)
	}
}

// unzeek forgets a connection's rows.
func (t *Tracker) unzeek(c *conn) {
	for n := c.zeek; n != 0; {
		z := t.zeeks.arena.at(n)
		z.release(t.zeeks.holes)
		older := z.older
		t.zeeks.arena.give(n)
		if n = older; n != 0 {
			t.zeeks.older--
		}
	}
	c.zeek = 0
}

func (z *zeek) release(h *reassembly.Holes) {
	for d := range z.ends {
		z.ends[d].data.Release(h)
	}
}

// zeekRows appends the rows of a connection, in order.
func (t *Tracker) zeekRows(to []Zeek, n uint32, c *conn) []Zeek {
	if !t.cfg.Zeek {
		return to
	}
	if b := t.briefs.of(n); b != nil {
		z := &t.zeeks.once
		*z = zeek{}
		b.zeek(t, z, c)
		z.release(t.zeeks.holes)
		return append(to, z.row(c))
	}
	if c.zeek == 0 {
		if t.opened.Number != c.first {
			return to // nothing of it has acted yet
		}
		z := &t.zeeks.once
		*z = zeek{}
		z.begin(&t.opened, c.start, t.zeeks.servers)
		z.segment(&t.opened, c.start, t.aside(&c.ends[t.opened.Dir]).badSums > 0, t.zeeks.holes)
		z.release(t.zeeks.holes)
		return append(to, z.row(c))
	}
	z := t.zeeks.arena.at(c.zeek)
	rows := int(z.rows) + 1
	for range rows {
		to = append(to, Zeek{})
	}
	for at := len(to) - 1; ; at-- {
		to[at] = z.row(c)
		if z.older == 0 {
			return to
		}
		z = t.zeeks.arena.at(z.older)
	}
}

func (z *zeek) row(c *conn) Zeek {
	o, r := &z.ends[z.orig], &z.ends[z.orig.Other()]
	return Zeek{
		Orig: c.side(z.orig), Start: z.start, Duration: max(z.last-z.start, 0), State: z.state(), History: z.history,
		OrigEnd: o.report(r), RespEnd: r.report(o), Missed: o.missed + r.missed,
	}
}

func (e *zeekEnd) report(peer *zeekEnd) ZeekEnd {
	return ZeekEnd{Bytes: uint64(e.size(peer)), Packets: e.packets, IPBytes: e.ipBytes}
}

// size is the octets that the end sent, by its sequence numbers and its peer's acknowledgements.
func (e *zeekEnd) size(peer *zeekEnd) int64 {
	if e.before == zeekSynSent && e.state == zeekReset && peer.state == zeekInactive && !e.unacked() {
		return 0 // a half-open connection was found and aborted: its numbers are those of another
	}
	n := max(e.last, e.ack)
	if n > 0 {
		n-- // the SYN
	}
	if n > 0 && e.flags&zeekFIN != 0 {
		n--
	}
	return max(n, 0)
}

// unacked says that nothing of it was acknowledged but its SYN.
func (e *zeekEnd) unacked() bool { return e.ack == 0 || e.ack == 1 }

// ZeekStates are the values of Zeek.State.
var ZeekStates = []string{"S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"}

// state is the conn_state.
func (z *zeek) state() string {
	o, r := &z.ends[z.orig], &z.ends[z.orig.Other()]
	idle := func(e *zeekEnd) bool { return e.state == zeekInactive || e.state == zeekPartial }
	or := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	switch {
	case r.state == zeekReset:
		if o.state == zeekSynSent || o.state == zeekSynAckSent || o.state == zeekReset && o.size(r) == 0 && r.size(o) == 0 {
			return "REJ"
		}
		return or(idle(o), "RSTRH", "RSTR")
	case o.state == zeekReset:
		if !idle(r) {
			return "RSTO"
		}
		return or(z.history.resetUnanswered(), "RSTOS0", "OTH")
	case o.state == zeekClosed && r.state == zeekClosed:
		return "SF"
	case o.state == zeekClosed:
		return or(idle(r), "SH", "S2")
	case r.state == zeekClosed:
		return or(idle(o), "SHR", "S3")
	case o.state == zeekSynSent && r.state == zeekInactive:
		return "S0"
	case o.state == zeekEstablished && r.state == zeekEstablished:
		return "S1"
	}
	return "OTH"
}

// resetUnanswered says that the originator sent a SYN, and then a RST, and between them nothing of what a connection is
// made of.
func (h *History) resetUnanswered() bool {
	letters := h.letters[:h.n]
	if len(letters) > 0 && letters[0] == '^' {
		letters = letters[1:]
	}
	if len(letters) == 0 || letters[0] != 'S' {
		return false
	}
	for _, l := range letters[1:] {
		switch l {
		case 'R':
			return true
		case 'H', 'A', 'F', 'G', 'I', 'Q':
			return false
		}
	}
	return false
}

// zeekOpened lets a connection's record begin with the SYN that was kept of it.
func (t *Tracker) zeekOpened(n uint32, c *conn) {
	now := t.now
	t.now = t.opened.Time
	t.beside(n, c, &t.opened, t.aside(&c.ends[t.opened.Dir]).badSums > 0)
	t.now = now
}
