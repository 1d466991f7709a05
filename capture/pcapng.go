package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Block types of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockOldPacket  = 2
	blockSimple     = 3
	blockStatistics = 5
	blockPacket     = 6
	blockJournal    = 9     // a systemd journal entry; Wireshark numbers it as a packet
	blockSysdig     = 0x204 // and sysdig's events
	blockSysdigFlag = 0x208

	byteOrderMagic = 0x1a2b3c4d
	maxInterfaces  = 1 << 16 // in a section
)

// pcapng reads the block format. Unknown blocks are passed over.
type pcapng struct {
	w       *window
	swapped bool // the section is big-endian
	section bool // one has begun
	ifaces  []iface
	last    int64  // time of the last packet, for blocks without one
	lost    uint64 // dropped in the sections before
	names   bool   // somebody wants the interfaces' names
}

// iface is what an interface description block says, and the latest count of its drops.
type iface struct {
	link    uint32
	snap    uint32
	scale   scale
	offset  int64 // seconds
	dropped uint64
	shown   *Interface // nil unless names are wanted
}

// scale turns ticks into nanoseconds: num/den of them.
type scale struct{ num, den uint64 }

func isPcapng(b []byte) bool { return len(b) >= 4 && binary.LittleEndian.Uint32(b) == blockSection }

func newPcapng(w *window) *pcapng { return &pcapng{w: w} }

func (g *pcapng) u16(b []byte) uint32 {
	if g.swapped {
		return uint32(binary.BigEndian.Uint16(b))
	}
	return uint32(binary.LittleEndian.Uint16(b))
}

func (g *pcapng) u32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if g.swapped {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (g *pcapng) u64(b []byte) uint64 {
	if g.swapped {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

func (g *pcapng) next(rec *record) error {
	for {
		w := g.w
		b := w.buf[w.lo:w.hi]
		if len(b) < 12 {
			return w.need(12)
		}
		kind := g.u32(b)
		if kind == blockSection {
			switch magic := binary.LittleEndian.Uint32(b[8:]); magic {
			case byteOrderMagic:
				g.swapped = false
			case bits.ReverseBytes32(byteOrderMagic):
				g.swapped = true
			default:
				return damaged("the section header's byte order is unreadable")
			}
		}
		n := g.u32(b[4:])
		if n < 12 || n > maxBlock {
			return damaged(fmt.Sprintf("a block has an impossible length (%d octets)", n))
		}
		end := (int(n) + 3) &^ 3 // some writers leave the padding out of the length
		if len(b) < end {
			return w.need(end)
		}
		if g.u32(b[end-4:]) != n {
			return damaged("a block's two lengths differ")
		}
		w.lo += end
		if err := g.block(kind, b[8:end-4:end-4], rec); err != errNone {
			return err
		}
	}
}

// errNone says that a block holds no record.
var errNone = errors.New("no record")

// block reads a block's body, and the record in it if it is of a kind that holds one.
func (g *pcapng) block(kind uint32, b []byte, rec *record) error {
	if !g.section && kind != blockSection {
		return damaged("a block stands before the section header")
	}
	switch kind {
	case blockPacket, blockOldPacket:
		if len(b) < 20 {
			return damaged("a packet block is too short")
		}
		id := g.u32(b)
		if kind == blockOldPacket {
			id = g.u16(b)
		}
		ticks := uint64(g.u32(b[4:]))<<32 | uint64(g.u32(b[8:]))
		return g.packet(id, ticks, b[20:], g.u32(b[12:]), g.u32(b[16:]), rec)
	case blockSimple:
		return g.simple(b, rec)
	case blockSection:
		return g.begin(b)
	case blockInterface:
		return g.describe(b)
	case blockStatistics:
		g.statistics(b)
	case blockJournal, blockSysdig, blockSysdigFlag:
		*rec = record{time: g.last, other: true}
		return nil
	}
	return errNone
}

func (g *pcapng) packet(id uint32, ticks uint64, b []byte, have, orig uint32, rec *record) error {
	if uint64(id) >= uint64(len(g.ifaces)) {
		return damaged(fmt.Sprintf("it names interface %d, which is not described", id))
	}
	if have > maxRecord || int(have) > len(b) {
		return damaged("its length is impossible")
	}
	f := &g.ifaces[id]
	g.last = f.scale.nanoseconds(ticks, f.offset)
	rec.time = g.last
	rec.frame = b[:have:have]
	rec.orig = int(orig)
	rec.link = f.link
	rec.id = id
	rec.other = false
	return nil
}

// simple reads a simple packet block: of interface 0, and without a time.
func (g *pcapng) simple(b []byte, rec *record) error {
	if len(b) < 4 || len(g.ifaces) == 0 {
		return damaged("a simple packet block without an interface")
	}
	orig := g.u32(b)
	have := min(orig, uint32(len(b)-4))
	if f := &g.ifaces[0]; f.snap > 0 {
		have = min(have, f.snap)
	}
	if have > maxRecord {
		return damaged("its length is impossible (over 256 KiB)")
	}
	*rec = record{time: g.last, frame: b[4 : 4+have : 4+have], orig: int(orig), link: g.ifaces[0].link}
	return nil
}

// begin starts a section: its interfaces are its own.
func (g *pcapng) begin(b []byte) error {
	if len(b) < 16 {
		return damaged("a section header is too short")
	}
	if major := g.u16(b[4:]); major != 1 {
		return damaged(fmt.Sprintf("pcapng version %d is not known", major))
	}
	g.lost = g.dropped()
	g.ifaces = g.ifaces[:0]
	g.section = true
	return errNone
}

func (g *pcapng) describe(b []byte) error {
	if len(b) < 8 {
		return damaged("an interface description is too short")
	}
	if len(g.ifaces) == maxInterfaces {
		return damaged("more than 65536 interfaces")
	}
	f := iface{link: g.u16(b), snap: g.u32(b[4:]), scale: scale{1000, 1}}
	g.options(b[8:], func(code uint32, v []byte) {
		switch {
		case code == 9 && len(v) >= 1: // if_tsresol
			f.scale = newScale(v[0])
		case code == 14 && len(v) >= 8: // if_tsoffset
			f.offset = int64(g.u64(v))
		}
	})
	if g.names {
		g.named(&f, len(g.ifaces), b[8:])
	}
	g.ifaces = append(g.ifaces, f)
	return errNone
}

// statistics keeps the latest count of an interface's drops, which only grows.
func (g *pcapng) statistics(b []byte) {
	if len(b) < 12 {
		return
	}
	id := g.u32(b)
	if uint64(id) >= uint64(len(g.ifaces)) {
		return
	}
	var lost uint64
	g.options(b[12:], func(code uint32, v []byte) {
		if (code == 5 || code == 7) && len(v) >= 8 { // isb_ifdrop, isb_osdrop
			lost += g.u64(v)
		}
	})
	g.ifaces[id].dropped = max(g.ifaces[id].dropped, lost)
}

// dropped is what the capturing system lost in all.
func (g *pcapng) dropped() uint64 {
	if g == nil {
		return 0
	}
	n := g.lost
	for i := range g.ifaces {
		n += g.ifaces[i].dropped
	}
	return n
}

// options calls f for each option, until the first that does not fit.
func (g *pcapng) options(b []byte, f func(code uint32, v []byte)) {
	for len(b) >= 4 {
		code, n := g.u16(b), int(g.u16(b[2:]))
		if code == 0 || n > len(b)-4 {
			return
		}
		f(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// newScale reads if_tsresol: ticks of 10^-n seconds, or, with the upper bit, of 2^-n.
func newScale(resol uint8) scale {
	n := resol & 0x7f
	if resol&0x80 != 0 {
		if n > 63 {
			return scale{0, 1} // finer than any time can be told
		}
		return scale{1e9, 1 << n}
	}
	s := scale{1e9, 1}
	for ; n > 0 && s.num > 1; n-- {
		s.num /= 10
	}
	for ; n > 0; n-- {
		if s.den > math.MaxUint64/10 {
			return scale{0, 1}
		}
		s.den *= 10
	}
	return s
}

// nanoseconds converts ticks and an offset in seconds; what no int64 can hold becomes the nearest that can.
func (s scale) nanoseconds(ticks uint64, offset int64) int64 {
	hi, lo := bits.Mul64(ticks, s.num)
	if hi >= s.den {
		return math.MaxInt64
	}
	ns := lo
	if s.den > 1 {
		ns, _ = bits.Div64(hi, lo, s.den)
	} else if hi > 0 {
		return math.MaxInt64
	}
	if ns > math.MaxInt64 {
		return math.MaxInt64
	}
	if offset == 0 {
		return int64(ns)
	}
	const most = math.MaxInt64 / 1_000_000_000
	offset = max(min(offset, most), -most)
	sum := int64(ns) + offset*1e9
	if offset > 0 && sum < 0 {
		return math.MaxInt64
	}
	return sum
}
