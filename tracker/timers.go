package tracker

import "math"

// timer is one kind of timer. Those of one kind last equally long, so that the queue of each is in order by itself:
// time only moves forward.
type timer uint8

const (
	flightTimer timer = iota // octets in flight for so long that a close may wait behind them
	goneTimer                // both ends closed
	finWait2Timer
	timeWaitTimer
	lingerTimer // an endpoint that has its peer's FIN and has not sent its own
	synTimer    // counts from the connection's first packet
	lateTimer   // the same, where others that began later wait already: its alarms come in any order

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
	lateTimer:     127 * second,
}

// alarm is a timer that runs for a connection. Most are not taken back: they find out when they fire whether they still
// mean anything.
type alarm struct {
	at  int64
	n   uint32 // arena number, 0 of one that was taken back
	num uint32 // low half of the connection's number, to tell it from a later tenant of the entry
}

func (a alarm) before(b alarm) bool { return a.at < b.at || a.at == b.at && int32(a.num-b.num) < 0 }

// timers are all alarms, a queue a kind.
type timers struct {
	queues [lateTimer]queue
	late   heap
	chunks chunks
	due    [numTimers]int64 // the earliest alarm of each kind, or never
	next   int64            // and of all

	find func(alarm) *conn // the connection that an alarm is for; nil if that is gone, or the alarm was taken back
	live func() int        // how many connections there are
}

func newTimers(find func(alarm) *conn, live func() int) timers {
	w := timers{next: never, find: find, live: live}
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
	q := &w.queues[k]
	if k == synTimer {
		a.at = c.start + lasts[k]
		if q.head != q.tail && a.before(*q.at(q.tail - 1)) {
			w.setLate(a)
			return
		}
	}
	if q.tail%alarmChunk == 0 {
		w.extend(k)
	}
	q.push(a)
	if w.due[k] == never {
		w.due[k] = a.at
		w.next = min(w.next, a.at)
	}
}

// setLate lets the timer of a SYN run, behind whose time others already wait.
func (w *timers) setLate(a alarm) {
	if w.late.hand != 0 || w.crowd(w.late.len, w.late.enough) {
		w.late.sweep(w.find, &w.chunks)
	}
	w.late.push(a, &w.chunks)
	w.again(lateTimer)
}

// extend makes room for one more alarm in a queue whose last chunk is full.
func (w *timers) extend(k timer) {
	q := &w.queues[k]
	sweeps := q.sweeping || w.crowd(int(q.len()), int(q.enough))
	if sweeps {
		w.sweep(k)
	}
	q.extend(&w.chunks)
	if sweeps {
		w.again(k)
	}
}

// sweep goes on to look through some chunks of a queue for alarms that mean something.
func (w *timers) sweep(k timer) {
	q := &w.queues[k]
	if !q.sweeping || int32(q.from-q.head) < 0 {
		q.to, q.from = q.head, q.head
	}
	q.sweeping = true
	for end := q.from + min(q.tail-q.from, sweptChunks*alarmChunk); q.from != end; q.from++ {
		a := *q.at(q.from)
		c := w.find(a)
		if c == nil {
			continue
		}
		if k == flightTimer {
			c.alarm = q.to
		}
		*q.at(q.to) = a
		q.to++
	}
	if q.from == q.tail {
		q.swept(&w.chunks)
	} else {
		q.skip(&w.chunks)
	}
}

// crowded is how many alarms a list may hold beyond two for each connection before it looks for those that mean nothing
// any more: to ask each is to wait for memory, and most are at the head in a moment. So it is bounded by what lives.
const crowded = 1 << 13

// crowd says that many of so many alarms must mean nothing: were it fewer than half, the list would grow.
func (w *timers) crowd(n, enough int) bool { return n > max(2*w.live()+crowded, enough) }

// nearby is how far back cancel looks: most of what it cancels was set a moment ago.
const nearby = 16

// cancel takes back an alarm of connection n that was set lately; one that is not found fires and means nothing.
func (w *timers) cancel(k timer, n uint32) {
	q := &w.queues[k]
	for back := uint32(1); back <= min(q.len(), nearby); back++ {
		if a := q.at(q.tail - back); a.n == n {
			a.n = 0
			return
		}
	}
}

// place is where the latest alarm of a kind lies, for cancelAt.
func (w *timers) place(k timer) uint32 { return w.queues[k].tail - 1 }

// cancelAt takes back the alarm of a connection that lies at that place.
func (w *timers) cancelAt(k timer, place uint32, c *conn) {
	q := &w.queues[k]
	if place-q.head < q.len() {
		if a := q.at(place); a.num == uint32(c.num) {
			a.n = 0
		}
	}
}

// take takes out the earliest alarm, whose n is 0 if it was cancelled; there is one.
func (w *timers) take() (k timer, a alarm) {
	k, a = w.peek()
	w.drop(k)
	return min(k, synTimer), a
}

// peek returns the earliest alarm, which may have been cancelled; there is one.
func (w *timers) peek() (k timer, a alarm) {
	for w.due[k] != w.next {
		k++
	}
	if k >= synTimer {
		return w.oldest()
	}
	return k, *w.queues[k].at(w.queues[k].head)
}

// oldest returns the earliest alarm of a SYN; there is one.
func (w *timers) oldest() (k timer, a alarm) {
	q := &w.queues[synTimer]
	if w.due[lateTimer] == never || w.due[synTimer] != never && !w.late.at(0).before(*q.at(q.head)) {
		return synTimer, *q.at(q.head)
	}
	return lateTimer, *w.late.at(0)
}

// drop takes out the earliest alarm of one kind.
func (w *timers) drop(k timer) {
	if k == lateTimer {
		w.late.remove(0, &w.chunks)
	} else {
		w.queues[k].pop(&w.chunks)
	}
	w.again(k)
}

// again finds the earliest alarm of one kind anew.
func (w *timers) again(k timer) {
	w.due[k] = never
	if k != lateTimer {
		w.due[k] = w.queues[k].earliest(&w.chunks)
	} else if w.late.len > 0 {
		w.due[k] = w.late.at(0).at
	}
	d := &w.due // all of them, without a loop: that took four times the instructions
	w.next = min(d[flightTimer], d[goneTimer], d[finWait2Timer], d[timeWaitTimer], d[lingerTimer], d[synTimer], d[lateTimer])
}
