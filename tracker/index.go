package tracker

import (
	"math/bits"
	"math/rand/v2"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// index finds connections by flow: open addressing over 8-byte slots, 32 bits of hash and 32 of arena number. It grows
// step by step, so that no packet waits for ten million slots to move.
type index struct {
	slots []uint64 // 0: empty
	old   []uint64 // being emptied into slots, from the front; nil if none is
	moved int      // slots of old already emptied
	fresh []uint64 // the next slots, being made ready from the front; nil if none are
	ready int      // slots of fresh already touched
	used  int      // entries in slots and old
	seed  [2]uint64
}

// gone marks a slot of old whose entry has moved on: a search goes past it.
const gone = 1

const firstSlots = 1 << 10

// movesAtOnce is how many slots of the old are emptied for each new entry: a search that ends in the old waits for memory
// twice, so it is to be over soon, and no packet is to wait for it long.
const movesAtOnce = 32

func newIndex(seed uint64) index {
	if seed == 0 {
		seed = rand.Uint64()
	}
	return index{slots: make([]uint64, firstSlots), seed: seeds(seed)}
}

func seeds(from uint64) [2]uint64 { return [2]uint64{mix(from), mix(from + 1)} }

// mix makes of any number, however small, one with bits everywhere (MurmurHash3's finaliser).
func mix(v uint64) uint64 {
	v = (v ^ v>>33) * 0xff51afd7ed558ccd
	v = (v ^ v>>33) * 0xc4ceb9fe1a85ec53
	return v ^ v>>33 | 1
}

// hash mixes a flow with the seed, which is the process's own, so that nobody can aim packets at one slot.
func (x *index) hash(k *tcp.FlowKey) uint32 {
	ports := uint64(k.PortA)<<48 | uint64(k.PortB)<<32 | uint64(k.V6)
	hi, lo := bits.Mul64(k.A.Lo^x.seed[0], k.B.Lo^ports^x.seed[1])
	if k.V6 != 0 {
		h2, l2 := bits.Mul64(k.A.Hi^x.seed[1], k.B.Hi^x.seed[0])
		hi, lo = hi^l2, lo^h2
	}
	// A second round: without it neighbouring addresses land in neighbouring slots.
	hi, lo = bits.Mul64(hi^lo^ports, x.seed[1])
	return uint32(hi ^ lo)
}

// search returns the number of the next entry of a hash in slots from place i on, and the place behind it; 0 for none.
func search(slots []uint64, h, i uint32) (n, next uint32) {
	for {
		s := slots[i&uint32(len(slots)-1)]
		i++
		if s == 0 || uint32(s>>32) == h && s != gone {
			return uint32(s), i
		}
	}
}

// add enters n, which is at least 2 and not yet there.
func (x *index) add(h, n uint32) {
	if x.used >= len(x.slots)/16*11 && x.old == nil {
		x.grow()
	}
	x.used++
	place(x.slots, h, n)
	if x.old != nil {
		x.move()
	}
}

// grow makes the next slots ready, a few for each entry from eleven sixteenths full to twelve, and takes them into use.
// Entries go to any place of them: were that the first touch, the kernel would clear a huge page for nearly each, all of
// them within a hundred packets (104 ms at six million connections).
func (x *index) grow() {
	if x.fresh == nil {
		x.fresh, x.ready = zeroed[uint64](2*len(x.slots)), 0
	}
	begin := len(x.slots) / 16 * 11
	for to := min((x.used-begin+1)*32, len(x.fresh)); x.ready < to; x.ready += 8 {
		x.fresh[x.ready] = 0
	}
	if x.ready == len(x.fresh) {
		x.old, x.moved = x.slots, 0
		x.slots, x.fresh = x.fresh, nil
	}
}

func place(slots []uint64, h, n uint32) {
	mask := uint32(len(slots) - 1)
	i := h & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = uint64(h)<<32 | uint64(n)
}

// move takes a few entries over from the slots before.
func (x *index) move() {
	for to := min(x.moved+movesAtOnce, len(x.old)); x.moved < to; x.moved++ {
		if s := x.old[x.moved]; s != 0 && s != gone {
			place(x.slots, uint32(s>>32), uint32(s))
			x.old[x.moved] = gone
		}
	}
	if x.moved == len(x.old) {
		x.old = nil
	}
}

// slot returns the slot of n, and whether it is one of the old. n is there.
func (x *index) slot(h, n uint32) (i uint32, old bool) {
	want := uint64(h)<<32 | uint64(n)
	if x.old != nil {
		mask := uint32(len(x.old) - 1)
		for i = h & mask; x.old[i] != 0; i = (i + 1) & mask {
			if x.old[i] == want {
				return i, true
			}
		}
	}
	mask := uint32(len(x.slots) - 1)
	for i = h & mask; x.slots[i] != want; i = (i + 1) & mask {
	}
	return i, false
}

// remove takes n out, which is there.
func (x *index) remove(h, n uint32) {
	i, old := x.slot(h, n)
	x.used--
	if old {
		x.old[i] = gone
		return
	}
	x.close(i)
}

// renumber gives the entry n another number.
func (x *index) renumber(h, n, to uint32) {
	i, old := x.slot(h, n)
	if old {
		x.old[i] = uint64(h)<<32 | uint64(to)
		return
	}
	x.slots[i] = uint64(h)<<32 | uint64(to)
}

// close empties slot i and draws the entries behind it forward, so that no search stops short.
func (x *index) close(i uint32) {
	mask := uint32(len(x.slots) - 1)
	for j := (i + 1) & mask; x.slots[j] != 0; j = (j + 1) & mask {
		home := uint32(x.slots[j]>>32) & mask
		// The entry at j may move to i unless its home lies between, cyclically, i (exclusive) and j.
		if (j-home)&mask >= (j-i)&mask {
			x.slots[i] = x.slots[j]
			i = j
		}
	}
	x.slots[i] = 0
}
