package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// numbered is a four-tuple's place in Wireshark's numbering of streams, which knows no states: tcp.stream counts
// conversations in order of their first packet, a four-tuple's conversation lasts for ever, and only a SYN without ACK
// whose sequence number is not the conversation's begins another. That is Wireshark 4.0; from 4.2 on, a SYN with the
// same number behind a FIN or RST begins one too.
//
// One incarnation may so own several streams (a client that tries again with another ISN), and several incarnations one
// (what comes after the connection's line was written).
type numbered struct {
	stream uint32     // tcp.stream of the latest segment
	base   [2]tcp.Seq // the conversation's initial sequence numbers, in the key's order; meaningful iff known
	known  uint8      // a bit for each of base, and hasStream
}

const (
	hasStream uint8 = 4
	allKnown        = hasStream | 1<<tcp.FromA | 1<<tcp.FromB
)

// number finds the stream that a segment belongs to. Damaged segments and frames captured twice count: Wireshark looks
// neither at checksums nor at what was before.
func (t *Tracker) number(n uint32, c *conn, s *tcp.Segment) {
	t.streams.reused = false
	if c.known == allKnown && s.Flags&tcp.SYN == 0 {
		return
	}
	if t.numbers != nil && !t.replays {
		t.numbers.give(t, n, c, s)
		return
	}
	first := c.known == 0
	if t.cfg.Unnumbered {
		c.known = allKnown
		if first && s.Flags&tcp.SYN != 0 {
			c.known = hasStream // what a stub holds
		}
		return
	}
	if first {
		t.streams.join(&c.key, &c.numbered)
	}
	if c.begins(s) {
		t.streams.reused = true
		if !first {
			t.streams.leave(n, c)
		}
		t.streams.next(&c.numbered)
	}
	c.learn(s)
}

// numbered is the stub's: s is its SYN.
func (u *stub) numbered(s *tcp.Segment) numbered {
	w := numbered{stream: u.stream, known: hasStream}
	w.learn(s)
	return w
}

// begins says that the segment begins another conversation.
func (w *numbered) begins(s *tcp.Segment) bool {
	return s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN && w.known&(1<<s.Dir) != 0 && w.base[s.Dir] != s.Seq
}

// learn takes from a segment what the conversation does not know yet. A SYN-ACK is believed over what was before.
func (w *numbered) learn(s *tcp.Segment) {
	snd, rcv := s.Dir, s.Dir.Other()
	if s.Flags&(tcp.SYN|tcp.ACK) == tcp.SYN|tcp.ACK || w.known&(1<<snd) == 0 {
		w.base[snd] = s.Seq
		if s.Flags&tcp.SYN == 0 {
			w.base[snd] = s.Seq.Add(-1)
		}
		w.known |= 1 << snd
	}
	if s.Flags&tcp.ACK != 0 && w.known&(1<<rcv) == 0 {
		w.base[rcv] = s.Ack.Add(-1)
		w.known |= 1 << rcv
	}
}

// streams numbers the conversations and remembers those of connections that have retired.
type streams struct {
	begun     uint32
	reused    bool // the segment numbered last began another conversation of its four-tuple
	over      bool // the input has ended: nothing can come late
	forgotten uint64

	more map[uint32][]uint32 // numbers that a connection had before its latest, by arena number
	held int                 // in more

	// Four-tuples without a connection. What comes late of one that is forgotten begins a stream of its own, and from
	// there on the numbers are not Wireshark's.
	past past
}

// maxMoreStreams bounds what more holds: 1 MiB of numbers.
const maxMoreStreams = 1 << 18

// next begins a conversation.
func (x *streams) next(w *numbered) {
	w.stream, w.known = x.begun, hasStream
	clear(w.base[:])
	x.begun++
}

// join finds the conversation of a four-tuple that has no connection, or begins one.
func (x *streams) join(k *tcp.FlowKey, w *numbered) {
	if !x.past.take(k, w) {
		x.next(w)
	}
}

// leave notes the stream that a connection has no more.
func (x *streams) leave(n uint32, c *conn) {
	if x.held == maxMoreStreams {
		x.forgotten++
		return
	}
	if x.more == nil {
		x.more = make(map[uint32][]uint32)
	}
	x.more[n] = append(x.more[n], c.stream)
	x.held++
}

// list appends the connection's streams, in the order in which they began.
func (x *streams) list(to []uint32, n uint32, c *conn) []uint32 {
	return append(append(to, x.more[n]...), c.stream)
}

// retire remembers the conversation of a connection that retires.
func (x *streams) retire(n uint32, c *conn) {
	if had, ok := x.more[n]; ok {
		x.held -= len(had)
		delete(x.more, n)
	}
	x.remember(&c.key, c.numbered)
}

func (x *streams) remember(k *tcp.FlowKey, w numbered) {
	if !x.over {
		x.forgotten += uint64(x.past.put(k, w))
	}
}
