package tracker

import (
	"iter"
	"unsafe"
)

// arena keeps entries of one kind in chunks, so that growing never copies and an entry never moves. Entries without
// pointers make chunks that the collector does not look into. Numbers start at 2: 0 is none and 1 is taken (see index).
//
// While the second half of a huge page is taken into use, but for the first, the kernel makes the next ready beside
// (populate).
//
// What was given back last is taken first: it is in the processor's cache. While less than half is in use, as after a
// flood, what lies in the lowest chunk is, so that others become empty, and their memory is the system's again.
type arena[T any] struct {
	chunks []*[arenaChunk]T
	rooms  []room // of the chunks
	open   int    // the chunk that is taken from
	low    int    // no chunk before it has room
	used   int    // entries given out
	kept   int    // chunks that take memory
	empty  bool   // a chunk became empty, at which trim has not looked yet
	few    bool   // mostly there are few: they get no huge page before the second chunk
}

// room is what can be taken of a chunk.
type room struct {
	free  []uint16 // places given back, the latest last
	fresh uint32   // the first place never given out; 0: the chunk takes no memory
}

func (r *room) any() bool { return len(r.free) > 0 || r.fresh < arenaChunk }

// arenaChunk is how many entries a chunk has: enough for huge pages under small ones. What of it is not used takes no
// memory.
const arenaChunk = 1 << 15

// at returns entry n, which stays valid and in place until give.
func (a *arena[T]) at(n uint32) *T {
	n -= 2
	return &a.chunks[n/arenaChunk][n%arenaChunk]
}

// take returns a zeroed entry and its number.
func (a *arena[T]) take() (uint32, *T) {
	if a.open == len(a.rooms) || !a.rooms[a.open].any() {
		a.seek()
	}
	r := &a.rooms[a.open]
	a.used++
	n := uint32(a.open)*arenaChunk + 2
	if k := len(r.free) - 1; k >= 0 {
		n += uint32(r.free[k])
		r.free = r.free[:k]
		e := a.at(n)
		*e = *new(T)
		return n, e
	}
	if r.fresh == 0 {
		a.kept++
	}
	n += r.fresh
	r.fresh++
	e := a.at(n)
	if page := uint32(hugePage / unsafe.Sizeof(*e)); n > page && halfway(e) {
		from := min(r.fresh+page/2, arenaChunk)
		populate(a.chunks[a.open][from:min(from+page-2, arenaChunk)])
	}
	return n, e
}

// halfway says that an entry is the first in the second half of a huge page: the next is wanted soon.
func halfway[T any](e *T) bool {
	return (uintptr(unsafe.Pointer(e))-hugePage/2)%hugePage < unsafe.Sizeof(*e)
}

// seek opens the lowest chunk that has room, one that takes memory before one that does not.
func (a *arena[T]) seek() {
	for a.low < len(a.rooms) && !a.rooms[a.low].any() {
		a.low++
	}
	a.open = a.low
	for i := a.low; i < len(a.rooms); i++ {
		if r := &a.rooms[i]; r.fresh > 0 && r.any() {
			a.open = i
			return
		}
	}
	if a.open < len(a.rooms) {
		return
	}
	if a.few && a.open == 0 {
		a.chunks = append(a.chunks, new([arenaChunk]T))
	} else {
		a.chunks = append(a.chunks, (*[arenaChunk]T)(zeroed[T](arenaChunk)))
	}
	a.rooms = append(a.rooms, room{})
}

// give takes entry n back. What it holds stays until the next take or trim.
func (a *arena[T]) give(n uint32) {
	i := int(n-2) / arenaChunk
	r := &a.rooms[i]
	r.free = append(r.free, uint16((n-2)%arenaChunk))
	a.used--
	a.low = min(a.low, i)
	if i < a.open || !a.sparse() {
		a.open = i
	}
	if i > 0 && len(r.free) == int(r.fresh) {
		a.empty = true
	}
}

// sparse says that less than half of the memory is in use.
func (a *arena[T]) sparse() bool { return 2*a.used < a.kept*arenaChunk }

// trim hands the memory of empty chunks back to the system while less than half of all is in use. The first chunk stays,
// and room for as many more as a chunk holds: what was handed back is not asked for again at once.
func (a *arena[T]) trim() {
	if !a.empty {
		return
	}
	a.empty = false
	for i := len(a.rooms) - 1; i > 0 && a.sparse() && a.used <= (a.kept-2)*arenaChunk; i-- {
		if r := &a.rooms[i]; r.fresh > 0 && len(r.free) == int(r.fresh) && discard(a.chunks[i][:r.fresh]) {
			*r = room{}
			a.kept--
		}
	}
	a.seek()
}

// len returns the number of entries given out.
func (a *arena[T]) len() int { return a.used }

// place returns the first place from p on that was ever given out, which is the number of its entry less 2; false for
// none.
func (a *arena[T]) place(p uint32) (uint32, bool) {
	for ; int(p/arenaChunk) < len(a.rooms); p = (p/arenaChunk + 1) * arenaChunk {
		if p%arenaChunk < a.rooms[p/arenaChunk].fresh {
			return p, true
		}
	}
	return 0, false
}

// all yields the number of every entry that was ever given out.
func (a *arena[T]) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for p, ok := a.place(0); ok && yield(p+2); p, ok = a.place(p + 1) {
		}
	}
}

// column is entries without pointers beside those of an arena: they lie under its numbers, and are made as they are asked
// for.
type column[T any] struct{ chunks []*[arenaChunk]T }

// has says that there is an entry under n.
func (c *column[T]) has(n uint32) bool { return int(n/arenaChunk) < len(c.chunks) }

// at returns the entry under n, which is there and stays where it is. It is inlined, as made cannot be: 90 instructions a
// packet of -o json on S.
func (c *column[T]) at(n uint32) *T { return &c.chunks[n/arenaChunk][n%arenaChunk] }

// made is at for an entry that may not be there yet, and then is zero.
func (c *column[T]) made(n uint32) *T {
	for !c.has(n) {
		c.chunks = append(c.chunks, (*[arenaChunk]T)(zeroed[T](arenaChunk)))
		if last := len(c.chunks) - 1; last > 0 {
			populate(c.chunks[last][:])
		}
	}
	return c.at(n)
}
