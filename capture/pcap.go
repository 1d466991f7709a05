package capture

import (
	"encoding/binary"
	"math/bits"
)

// record is one captured frame. It is valid until the next record of the same input.
type record struct {
	time  int64 // nanoseconds since 1970 UTC
	frame []byte
	orig  int    // octets on the wire
	link  uint32 // LINKTYPE number; more than 16 bits are not in use but kept
	id    uint32 // number of its interface in a pcapng section
	other bool   // no packet at all
}

// damaged is an error that says what in the file is damaged.
type damaged string

func (d damaged) Error() string { return string(d) }

// Magic numbers of classic pcap, as read in the byte order of the file.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // Kuznetzov's patch: eight more octets in each record header
)

const pcapHeader = 24 // octets of the file header

// pcap reads the classic format (draft-ietf-opsawg-pcap).
type pcap struct {
	w       *window
	swapped bool  // the file is big-endian
	unit    int64 // nanoseconds of the fraction's unit
	head    int   // octets of a record header
	link    uint32
	snap    uint32
	old     bool // before version 2.4: the two lengths may stand in either order
}

// isPcap says whether the magic is one of classic pcap.
func isPcap(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	m := binary.LittleEndian.Uint32(b)
	r := bits.ReverseBytes32(m)
	return m == magicMicro || m == magicNano || m == magicModified || r == magicMicro || r == magicNano || r == magicModified
}

// newPcap reads the file header, which the window holds.
func newPcap(w *window) (*pcap, error) {
	b := w.buf[w.lo:w.hi]
	p := &pcap{w: w, unit: 1000, head: 16}
	var order binary.ByteOrder = binary.LittleEndian
	magic := order.Uint32(b)
	switch magic {
	case magicMicro, magicNano, magicModified:
	default:
		p.swapped, order = true, binary.BigEndian
		magic = order.Uint32(b)
	}
	switch magic {
	case magicNano:
		p.unit = 1
	case magicModified:
		p.head = 24
	}
	if major := order.Uint16(b[4:]); major != 2 {
		return nil, damaged("not a pcap version that anything writes (the file header is damaged)")
	}
	p.old = order.Uint16(b[6:]) < 4
	// The upper six bits tell of a frame check sequence, which lies behind what the IP length covers.
	p.link = order.Uint32(b[20:]) & 0x03ffffff
	p.snap = order.Uint32(b[16:])
	w.lo += pcapHeader
	return p, nil
}

// next reads the record at the front of the window into rec; errMore if it is not there whole.
func (p *pcap) next(rec *record) error {
	w := p.w
	b := w.buf[w.lo:w.hi]
	if len(b) < p.head {
		return w.need(p.head)
	}
	h := (*[16]byte)(b)
	sec, frac := binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:])
	have, orig := binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
	if p.swapped {
		sec, frac = bits.ReverseBytes32(sec), bits.ReverseBytes32(frac)
		have, orig = bits.ReverseBytes32(have), bits.ReverseBytes32(orig)
	}
	if p.old && have > orig {
		have, orig = orig, have
	}
	if have > maxRecord {
		return damaged("its length is impossible (over 256 KiB)")
	}
	end := p.head + int(have)
	if len(b) < end {
		return w.need(end)
	}
	// At most 2^32 s and 2^32 us: 4.3e18 fits.
	rec.time = int64(sec)*1e9 + int64(frac)*p.unit
	rec.frame = b[p.head:end:end]
	rec.orig = int(orig)
	rec.link = p.link
	rec.other = false
	w.lo += end
	return nil
}
