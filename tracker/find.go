package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// aim is where a segment's connection lies.
type aim struct {
	hash   uint32
	likely uint32 // number of the connection or stub that look found; another's, one that has gone since, or 0
	ends   bool   // a FIN or RST
}

// find returns the number of the flow's connection, with stubBit if it is a stub; 0 for none.
func (t *Tracker) find(at aim, k *tcp.FlowKey) uint32 {
	if t.belongs(at.likely, k) {
		return at.likely
	}
	if n := t.among(t.index.slots, at.hash, k); n != 0 || t.index.old == nil {
		return n
	}
	return t.among(t.index.old, at.hash, k)
}

// among is find in some of the slots.
func (t *Tracker) among(slots []uint64, h uint32, k *tcp.FlowKey) uint32 {
	for i := h; ; {
		var n uint32
		if n, i = search(slots, h, i); n == 0 || t.belongs(n, k) {
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
