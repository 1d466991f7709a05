package tracker

// alarmChunk is how many alarms lie together: 256 KiB; the collector looks at a pointer for each. Lists of alarms grow,
// shrink and are swept chunk by chunk and are never copied, so that no packet waits for ten million of them (copying a
// list that doubled: 290 to 730 ms).
const alarmChunk = 1 << 14

// maxSlab is how many chunks are asked for at once at most: 6 MiB, for which zeroed finds huge pages.
const maxSlab = 24

type chunk [alarmChunk]alarm

// chunks are those that no list uses.
type chunks struct {
	free []*chunk
	made int
}

func (f *chunks) take() *chunk {
	if len(f.free) == 0 {
		slab := zeroed[chunk](min(max(f.made/4, 1), maxSlab))
		f.made += len(slab)
		for i := range slab {
			f.free = append(f.free, &slab[len(slab)-1-i])
		}
	}
	last := len(f.free) - 1
	c := f.free[last]
	f.free = f.free[:last]
	return c
}

func (f *chunks) give(c *chunk) { f.free = append(f.free, c) }

// queue is a first-in, first-out list of alarms. One that was cancelled has n 0. An alarm's place is how many were
// pushed before it, modulo 1<<32.
type queue struct {
	chunks     []*chunk // the first has the head
	last       *chunk   // has the tail, unless that begins a chunk
	head, tail uint32   // places of the first alarm and behind the last

	// A sweep draws the alarms that still mean something together: those before to have been, and those from there up to
	// from mean nothing.
	sweeping bool
	to, from uint32
	enough   uint32 // alarms below which another is not worth it
}

func (q *queue) len() uint32 { return q.tail - q.head }

func (q *queue) at(place uint32) *alarm {
	return &q.chunks[(place-q.head&^(alarmChunk-1))/alarmChunk][place%alarmChunk]
}

// push appends an alarm, of the same time as the one before or a later; unless the tail begins a chunk: see extend.
func (q *queue) push(a alarm) {
	q.last[q.tail%alarmChunk] = a
	q.tail++
}

// extend makes room at the tail.
func (q *queue) extend(f *chunks) {
	n := int((q.tail - q.head&^(alarmChunk-1)) / alarmChunk)
	if n == len(q.chunks) {
		q.chunks = append(q.chunks, f.take())
	}
	q.last = q.chunks[n]
}

// pop takes out the first alarm; there is one.
func (q *queue) pop(f *chunks) {
	q.head++
	if q.head%alarmChunk == 0 {
		q.release(1, f)
	}
	q.skip(f)
}

// skip puts a head that has come to what a sweep has emptied behind it.
func (q *queue) skip(f *chunks) {
	if q.head == q.to && q.to != q.from {
		n := (q.from&^(alarmChunk-1) - q.head&^(alarmChunk-1)) / alarmChunk
		q.head, q.to = q.from, q.from
		q.release(int(n), f)
	}
}

// release gives the first chunks back.
func (q *queue) release(n int, f *chunks) {
	for _, c := range q.chunks[:n] {
		f.give(c)
	}
	q.chunks = q.chunks[:copy(q.chunks, q.chunks[n:])]
}

// earliest puts the head at the first alarm that is not cancelled, though at most at the next chunk, and returns its
// time, or never.
func (q *queue) earliest(f *chunks) int64 {
	for q.head != q.tail {
		a := q.at(q.head)
		if a.n != 0 {
			return a.at
		}
		q.pop(f)
		if q.head%alarmChunk == 0 && q.head != q.tail {
			return q.at(q.head).at
		}
	}
	return never
}

// swept ends a sweep that has come to the tail.
func (q *queue) swept(f *chunks) {
	q.tail, q.from = q.to, q.to
	q.sweeping, q.enough = false, 2*q.len()
	for n := int((q.tail - q.head&^(alarmChunk-1) + alarmChunk - 1) / alarmChunk); n < len(q.chunks); {
		last := len(q.chunks) - 1
		f.give(q.chunks[last])
		q.chunks = q.chunks[:last]
	}
}

// sweptChunks is how many chunks a sweep looks through for each that the list grows by: some milliseconds where each
// alarm is to wait for memory, and a list that is swept grows by no more than a third of itself.
const sweptChunks = 4

// heap is a binary heap of alarms, the earliest first; of equal ones that of the older connection.
type heap struct {
	chunks []*chunk
	len    int
	hand   int // a sweep has yet to look at those before; 0: there is none
	enough int // as in queue
}

func (h *heap) at(i int) *alarm { return &h.chunks[i/alarmChunk][i%alarmChunk] }

func (h *heap) push(a alarm, f *chunks) {
	if h.len == len(h.chunks)*alarmChunk {
		h.chunks = append(h.chunks, f.take())
	}
	h.len++
	h.rise(h.len-1, a)
}

// remove takes out the alarm at i.
func (h *heap) remove(i int, f *chunks) {
	h.len--
	a := *h.at(h.len)
	if i < h.len {
		h.sink(h.rise(i, a), a)
	}
	// One chunk stays, lest a heap at a chunk's edge take and give one for ever.
	if last := len(h.chunks) - 1; h.len < (last-1)*alarmChunk {
		f.give(h.chunks[last])
		h.chunks = h.chunks[:last]
	}
}

// rise puts an alarm at i or as far above as it belongs, and returns where.
func (h *heap) rise(i int, a alarm) int {
	for i > 0 {
		up := (i - 1) / 2
		if !a.before(*h.at(up)) {
			break
		}
		*h.at(i) = *h.at(up)
		i = up
	}
	*h.at(i) = a
	return i
}

// sink puts an alarm at i or as far below as it belongs.
func (h *heap) sink(i int, a alarm) {
	for {
		down := 2*i + 1
		if down+1 < h.len && h.at(down+1).before(*h.at(down)) {
			down++
		}
		if down >= h.len || !h.at(down).before(a) {
			break
		}
		*h.at(i) = *h.at(down)
		i = down
	}
	*h.at(i) = a
}

// sweep goes on to look for alarms that mean nothing any more, from the last to the first: what takes the place of one
// has been looked at. One that changes places with another may be missed until the next time.
func (h *heap) sweep(find func(alarm) *conn, f *chunks) {
	if h.hand == 0 {
		h.hand = h.len
	}
	for range 2 * sweptChunks {
		h.hand = min(h.hand, h.len)
		if h.hand == 0 {
			break
		}
		h.hand--
		if find(*h.at(h.hand)) == nil {
			h.remove(h.hand, f)
		}
	}
	if h.hand == 0 {
		h.enough = 2 * h.len
	}
}
