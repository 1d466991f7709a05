package filter

import (
	"encoding/binary"

	"golang.org/x/net/bpf"
)

// instruction gives the steps of the machine names.
type instruction bpf.RawInstruction

// load is the value that a load instruction brings; not ok where the frame does not hold it.
func (i *instruction) load(frame []byte, length int, x uint32, m *[16]uint32) (v uint32, ok bool) {
	at := uint64(i.K)
	switch i.Op & 0xe0 {
	case modeAbs:
	case modeInd:
		at = uint64(i.K + x)
	case modeMem:
		return m[i.K&15], true
	case modeLen:
		return uint32(length), true
	case modeShift:
		if at >= uint64(len(frame)) {
			return 0, false
		}
		return uint32(frame[at]&15) * 4, true
	default:
		return i.K, true
	}
	switch i.Op & 0x18 {
	case sizeByte:
		if at >= uint64(len(frame)) {
			return 0, false
		}
		return uint32(frame[at]), true
	case sizeHalf:
		if at+2 > uint64(len(frame)) {
			return 0, false
		}
		return uint32(binary.BigEndian.Uint16(frame[at:])), true
	}
	if at+4 > uint64(len(frame)) {
		return 0, false
	}
	return binary.BigEndian.Uint32(frame[at:]), true
}

// calculate is an arithmetic instruction; not ok for a division by zero.
func calculate(op uint16, a, v uint32) (uint32, bool) {
	switch op {
	case 0x00:
		a += v
	case 0x10:
		a -= v
	case 0x20:
		a *= v
	case 0x30, 0x90:
		if v == 0 {
			return 0, false
		}
		if op == 0x30 {
			a /= v
		} else {
			a %= v
		}
	case 0x40:
		a |= v
	case 0x50:
		a &= v
	case 0x60:
		a <<= v
	case 0x70:
		a >>= v
	case 0x80:
		a = -a
	case 0xa0:
		a ^= v
	}
	return a, true
}

// jump is how many instructions are skipped.
func (i *instruction) jump(a, x uint32) int {
	v := i.K
	if i.Op&withX != 0 {
		v = x
	}
	var holds bool
	switch i.Op & 0xf0 {
	case 0x00:
		return int(i.K)
	case 0x10:
		holds = a == v
	case 0x20:
		holds = a > v
	case 0x30:
		holds = a >= v
	case 0x40:
		holds = a&v != 0
	}
	if holds {
		return int(i.Jt)
	}
	return int(i.Jf)
}
