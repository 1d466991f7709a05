package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// aside is what few endpoints have anything of. Times are capture nanoseconds.
type aside struct {
	packets, bytes, payload                  uint64  // taken over from the endpoint, which counts on from there
	shutAt                                   int64   // since when its window has been shut; iff windowShut
	shutSum                                  int64   // for how long it was shut before
	sackHi                                   tcp.Seq // right edge of the highest SACK block it sent above ack
	zeroWindows, probes, keepalives, badSums uint32
	synData                                  uint16 // octets that rode on its SYN and are not acknowledged
	synRTX                                   uint16
	finAgain                                 uint8 // times that its FIN was repeated
}

// aside returns what is kept aside of an endpoint, to read.
func (t *Tracker) aside(e *end) aside {
	if e.aside == 0 {
		return aside{}
	}
	return *t.asides.at(e.aside)
}

// asideOf returns what is kept aside of an endpoint, to write.
func (t *Tracker) asideOf(e *end) *aside {
	if e.aside != 0 {
		return t.asides.at(e.aside)
	}
	var a *aside
	e.aside, a = t.asides.take()
	return a
}

// endAside forgets what is kept aside of an endpoint.
func (t *Tracker) endAside(e *end) {
	if e.aside != 0 {
		t.asides.give(e.aside)
		e.aside = 0
	}
}

// full is how far an endpoint counts by itself. What one segment adds has room above it.
const full = 1 << 30

// counts counts a segment.
func (t *Tracker) counts(e *end, s *tcp.Segment) {
	e.packets++
	if uint(s.IPLen)|uint(s.Len) < full {
		e.bytes += uint32(s.IPLen)
		e.payload += uint32(s.Len)
	} else { // the file claims so, of a packet whose own header tells no length
		a := t.asideOf(e)
		a.bytes += uint64(s.IPLen)
		a.payload += uint64(s.Len)
	}
	if e.packets|e.bytes|e.payload >= full {
		t.spill(e)
	}
}

// spill takes over what an endpoint has counted, but for some packets: that there were any shows there.
func (t *Tracker) spill(e *end) {
	a := t.asideOf(e)
	a.bytes += uint64(e.bytes)
	a.payload += uint64(e.payload)
	e.bytes, e.payload = 0, 0
	if e.packets >= full {
		a.packets += full / 2
		e.packets -= full / 2
	}
}

func (t *Tracker) packetsOf(e *end) uint64 { return t.aside(e).packets + uint64(e.packets) }

func (t *Tracker) bytesOf(e *end) uint64 { return t.aside(e).bytes + uint64(e.bytes) }

// synData is how many octets rode on the endpoint's SYN and are not acknowledged.
func (t *Tracker) synData(e *end) int { return int(t.aside(e).synData) }

// repeatsSYN counts a SYN or SYN-ACK sent again.
func (t *Tracker) repeatsSYN(e *end) {
	a := t.asideOf(e)
	a.synRTX = min(a.synRTX, 1<<16-2) + 1
}

// sacked says that the endpoint holds octets above its acknowledgement, up to sackHi.
func (t *Tracker) sacked(e *end) bool {
	hi := t.aside(e).sackHi
	return e.has(hasACK) && hi != 0 && hi.After(e.ack)
}
