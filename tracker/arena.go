package tracker

import "iter"

// arena keeps entries of one kind in chunks, so that growing never copies and an entry never moves. Entries without
// pointers make chunks that the collector does not look into. Numbers start at 2: 0 is none and 1 is taken (see index).
type arena[T any] struct {
	chunks []*[arenaChunk]T
	free   stack  // numbers given back
	next   uint32 // the first number never given out, less 2
	few    bool   // mostly there are few: they get no huge page before the second chunk
}

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
	var n uint32
	if a.free.len > 0 {
		n = a.free.pop()
		e := a.at(n)
		*e = *new(T)
		return n, e
	}
	n = a.next + 2
	if int(a.next)/arenaChunk == len(a.chunks) {
		if a.few && n == 2 {
			a.chunks = append(a.chunks, new([arenaChunk]T))
		} else {
			a.chunks = append(a.chunks, (*[arenaChunk]T)(zeroed[T](arenaChunk)))
		}
	}
	a.next++
	return n, a.at(n)
}

// give takes entry n back.
func (a *arena[T]) give(n uint32) { a.free.push(n) }

// len returns the number of entries given out.
func (a *arena[T]) len() int { return int(a.next) - a.free.len }

// all yields every number that was ever given out.
func (a *arena[T]) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for n := uint32(2); n < a.next+2 && yield(n); n++ {
		}
	}
}

// column is entries without pointers beside those of an arena: they lie under its numbers, and are made as they are asked
// for.
type column[T any] struct{ chunks []*[arenaChunk]T }

// has says that there is an entry under n.
func (c *column[T]) has(n uint32) bool { return int(n/arenaChunk) < len(c.chunks) }

// at returns the entry under n, zero at first, which stays where it is.
func (c *column[T]) at(n uint32) *T {
	for !c.has(n) {
		c.chunks = append(c.chunks, (*[arenaChunk]T)(zeroed[T](arenaChunk)))
	}
	return &c.chunks[n/arenaChunk][n%arenaChunk]
}

// stack is numbers in chunks, so that growing never copies: when a flood of ten million connections ends, a list that
// doubled would hold up the packets for 90 ms.
type stack struct {
	chunks []*[stackChunk]uint32
	len    int
}

const stackChunk = 1 << 14

func (s *stack) push(n uint32) {
	i := s.len / stackChunk
	if i == len(s.chunks) {
		s.chunks = append(s.chunks, new([stackChunk]uint32))
	}
	s.chunks[i][s.len%stackChunk] = n
	s.len++
}

// pop takes out the latest; there is one.
func (s *stack) pop() uint32 {
	s.len--
	return s.chunks[s.len/stackChunk][s.len%stackChunk]
}
