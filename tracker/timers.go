package tracker

import (
	"math"
	"slices"
)

// timer is one kind of timer. Those of one kind last equally long, so that the queue of each is in order by itself:
// time only moves forward.
type timer uint8

const (
	flightTimer timer = iota // octets in flight for so long that a close may wait behind them
	goneTimer                // both ends closed
	finWait2Timer
	timeWaitTimer
	lingerTimer // an endpoint that has its peer's FIN and has not sent its own
	synTimer    // counts from the connection's first packet, so its alarms come in any order: a heap

	numTimers = iota
)

const (
	millisecond = int64(1e6)
	second      = int64(1e9)
)

// never is a time that does not come.
const never = math.MaxInt64

// lasts says how long each timer runs, in capture nanoseconds.
var lasts = [numTimers]int64{
	flightTimer:   45 * millisecond,  // a stall shorter than that is a path's round trip or a delayed ACK
	goneTimer:     2 * second,        // DESIGN 5
	finWait2Timer: 60 * second,       // Linux' tcp_fin_timeout
	timeWaitTimer: 60 * second,       // Linux' TCP_TIMEWAIT_LEN
	lingerTimer:   100 * millisecond, // an application that has met the end of its input closes at once, or works on an answer
	synTimer:      127 * second,      // Linux' tcp_syn_retries 6: 1+2+4+8+16+32+64 s
}

// alarm is a timer that runs for a connection. It is not taken back: it finds out when it fires whether it still means
// anything.
type alarm struct {
	at  int64
	n   uint32 // arena number
	num uint32 // low half of the connection's number, to tell it from a later tenant of the entry
}

func (a alarm) before(b alarm) bool { return a.at < b.at || a.at == b.at && int32(a.num-b.num) < 0 }

// timers are all alarms, a queue a kind.
type timers struct {
	queues [synTimer]queue
	syns   heap
	due    [numTimers]int64 // the earliest alarm of each kind, or never
	next   int64            // and of all

	alive func(alarm) bool // says that an alarm's connection is still there
	live  func() int       // how many connections there are
}

func newTimers(alive func(alarm) bool, live func() int) timers {
	w := timers{next: never, alive: alive, live: live}
	for k := range w.due {
		w.due[k] = never
	}
	return w
}

// set lets a timer run for connection n. One that is not in the arena has none.
func (w *timers) set(k timer, now int64, n uint32, c *conn) {
	if n == 0 {
		return
	}
	a := alarm{now + lasts[k], n, uint32(c.num)}
	if k == synTimer {
		a.at = c.start + lasts[k]
		if len(w.syns) == cap(w.syns) {
			before := len(w.syns)
			if w.syns = w.room(w.syns); len(w.syns) < before {
				w.syns.order()
			}
		}
		w.syns.push(a)
		w.again(k)
		return
	}
	q := &w.queues[k]
	if len(q.alarms) == cap(q.alarms) {
		q.forward()
		if len(q.alarms) > cap(q.alarms)/2 {
			q.alarms = w.room(q.alarms)
		}
		w.again(k)
	}
	q.push(a)
	if w.due[k] == never {
		w.due[k] = a.at
		w.next = min(w.next, a.at)
	}
}

// nearby is how far back cancel looks: most of what it cancels was set a moment ago.
const nearby = 16

// cancel takes back an alarm of connection n that was set lately; one that is not found fires and means nothing.
func (w *timers) cancel(k timer, n uint32) {
	q := &w.queues[k]
	for i := len(q.alarms) - 1; i >= max(q.head, len(q.alarms)-nearby); i-- {
		if q.alarms[i].n == n {
			q.alarms[i].n = 0
			return
		}
	}
}

// place is where the latest alarm of a kind lies, for cancelAt.
func (w *timers) place(k timer) uint32 { return w.queues[k].past + uint32(len(w.queues[k].alarms)) - 1 }

// cancelAt takes back the alarm of a connection that lies at that place; one that has moved fires and means nothing.
func (w *timers) cancelAt(k timer, place uint32, c *conn) {
	q := &w.queues[k]
	if i := int(place - q.past); i >= q.head && i < len(q.alarms) && q.alarms[i].num == uint32(c.num) {
		q.alarms[i].n = 0
	}
}

// take takes out the earliest alarm, whose n is 0 if it was cancelled; there is one.
func (w *timers) take() (k timer, a alarm) {
	k, a = w.peek()
	w.drop(k)
	return k, a
}

// peek returns the earliest alarm, which may have been cancelled; there is one.
func (w *timers) peek() (k timer, a alarm) {
	for w.due[k] != w.next {
		k++
	}
	if k == synTimer {
		return k, w.syns[0]
	}
	q := &w.queues[k]
	return k, q.alarms[q.head]
}

// drop takes out the earliest alarm of one kind.
func (w *timers) drop(k timer) {
	if k == synTimer {
		w.syns.pop()
	} else {
		w.queues[k].head++
	}
	w.again(k)
}

// again finds the earliest alarm of one kind anew.
func (w *timers) again(k timer) {
	w.due[k] = never
	if k == synTimer {
		if len(w.syns) > 0 {
			w.due[k] = w.syns[0].at
		}
	} else {
		w.due[k] = w.queues[k].earliest()
	}
	w.next = never
	for _, at := range w.due {
		w.next = min(w.next, at)
	}
}

// crowded is how many alarms a list may hold beyond two for each connection before it looks for those that mean nothing
// any more, instead of growing: to ask each is to wait for memory.
const crowded = 1 << 10

// room makes room for one more alarm in a full list: that of those cancelled, and in a crowd of those whose connections
// are gone, is used again, and only where less than half is found does the list grow. So it is bounded by what lives.
func (w *timers) room(alarms []alarm) []alarm {
	crowd := len(alarms) > 2*w.live()+crowded
	kept := alarms[:0]
	for _, a := range alarms {
		if a.n != 0 && (!crowd || w.alive(a)) {
			kept = append(kept, a)
		}
	}
	if len(kept) > cap(kept)/2 {
		kept = slices.Grow(kept, cap(kept))
	}
	return kept
}

// queue is a first-in, first-out list of alarms. One that was cancelled has n 0.
type queue struct {
	alarms []alarm
	head   int
	past   uint32 // alarms that lay before the first of the slice: a place counts them too
}

// earliest puts the head at the first alarm that is not cancelled and returns its time, or never.
func (q *queue) earliest() int64 {
	for ; q.head < len(q.alarms); q.head++ {
		if a := &q.alarms[q.head]; a.n != 0 {
			return a.at
		}
	}
	return never
}

// forward moves the alarms to the front of a full list.
func (q *queue) forward() {
	q.past += uint32(q.head)
	q.alarms, q.head = q.alarms[:copy(q.alarms, q.alarms[q.head:])], 0
}

// push appends an alarm; there is room.
func (q *queue) push(a alarm) {
	if last := len(q.alarms) - 1; last >= q.head {
		a.at = max(a.at, q.alarms[last].at)
	}
	q.alarms = append(q.alarms, a)
}

// heap is a binary heap of alarms, the earliest first; of equal ones that of the older connection.
type heap []alarm

// order makes a heap of any list.
func (h heap) order() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}

// push appends an alarm; there is room.
func (h *heap) push(a alarm) {
	*h = append(*h, a)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s[i].before(s[up]) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *heap) pop() {
	s := *h
	s[0] = s[len(s)-1]
	*h = s[:len(s)-1]
	h.sink(0)
}

func (h *heap) sink(i int) {
	s := *h
	for {
		down := 2*i + 1
		if down+1 < len(s) && s[down+1].before(s[down]) {
			down++
		}
		if down >= len(s) || !s[down].before(s[i]) {
			return
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
}
