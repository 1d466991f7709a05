package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// aim is where a segment's connection lies.
type aim struct {
	hash   uint32
	likely uint32 // number of the connection or stub that touch found; another's, one that has gone since, or 0
}

// touch reads a word of every slot, and then of the lines that an ordinary segment needs of the entries that the hashes
// lead to, so that the processor fetches them all at once instead of one after the other.
func (t *Tracker) touch(aims []aim) {
	slots := t.index.slots
	mask := uint32(len(slots) - 1)
	for i := range aims {
		a := &aims[i]
		a.likely = 0
		// Most lie within a line of slots from their own.
		for at := a.hash; at < a.hash+8; at++ {
			s := slots[at&mask]
			if uint32(s>>32) == a.hash {
				a.likely = uint32(s)
				break
			}
			if s == 0 {
				break
			}
		}
	}
	var sum uint64
	for i := range aims {
		switch n := aims[i].likely; {
		case n&stubBit != 0:
			sum += t.stubs.at(n).num
		case n > gone:
			c := t.conns.at(n)
			a, b := &c.ends[0], &c.ends[1]
			sum += c.latest + uint64(a.ack+b.ack) + uint64(a.sentAt+b.sentAt)
		}
	}
	if t.briefs.on {
		sum += t.briefs.touch(t, aims)
	}
	t.touched = sum
}

// find returns the number of the flow's connection, with stubBit if it is a stub; 0 for none.
func (t *Tracker) find(at aim, k *tcp.FlowKey) uint32 {
	if t.belongs(at.likely, k) {
		return at.likely
	}
	for q := t.index.search(at.hash); ; {
		if n := q.next(); n == 0 || t.belongs(n, k) {
			return n
		}
	}
}

// belongs says that n is a connection or stub of that flow; n may be of one that has gone, or none.
func (t *Tracker) belongs(n uint32, k *tcp.FlowKey) bool {
	if n > gone && n&stubBit != 0 {
		return t.stubs.at(n).is(k)
	}
	return t.known(n, k) != nil
}

// known returns connection n if it is one, and of that flow.
func (t *Tracker) known(n uint32, k *tcp.FlowKey) *conn {
	if n > gone && n&stubBit == 0 {
		if c := t.conns.at(n); c.latest != 0 && same(&c.key, k) {
			return c
		}
	}
	return nil
}

// same compares without a call, and with one branch: nearly always they are the same.
func same(k, l *tcp.FlowKey) bool {
	return k.A.Lo^l.A.Lo|k.B.Lo^l.B.Lo|k.A.Hi^l.A.Hi|k.B.Hi^l.B.Hi|uint64(k.PortA^l.PortA|k.PortB^l.PortB|uint16(k.V6^l.V6)) == 0
}
