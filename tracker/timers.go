package tracker

// timer is one kind of timer. Those of one kind last equally long, so that the queue of each is in order by itself:
// time only moves forward.
type timer uint8

const (
	flightTimer timer = iota // octets in flight for so long that a close may wait behind them
	goneTimer                // both ends closed
	finWait2Timer
	timeWaitTimer
	synTimer

	numTimers = iota
)

const (
	millisecond = int64(1e6)
	second      = int64(1e9)
)

// lasts says how long each timer runs, in capture nanoseconds.
var lasts = [numTimers]int64{
	flightTimer:   45 * millisecond, // a stall shorter than that is a path's round trip or a delayed ACK
	goneTimer:     2 * second,       // DESIGN 5
	finWait2Timer: 60 * second,      // Linux' tcp_fin_timeout
	timeWaitTimer: 60 * second,      // Linux' TCP_TIMEWAIT_LEN
	synTimer:      127 * second,     // Linux' tcp_syn_retries 6: 1+2+4+8+16+32+64 s
}

// alarm is a timer that runs for a connection.
type alarm struct {
	at  int64
	n   uint32 // arena number
	num uint32 // low half of the connection's number, to tell it from a later tenant of the entry
}

// queue is a first-in, first-out list of alarms.
type queue struct {
	alarms []alarm
	head   int
}

func (q *queue) push(a alarm) {
	// The room in front is used again before the slice grows.
	if q.head > 1024 && q.head > len(q.alarms)/2 {
		q.alarms = q.alarms[:copy(q.alarms, q.alarms[q.head:])]
		q.head = 0
	}
	q.alarms = append(q.alarms, a)
}

// timers are all alarms, a queue a kind.
type timers struct {
	queues [numTimers]queue
	next   int64 // the earliest alarm of all; meaningful iff any
	any    bool
}

func (w *timers) set(k timer, now int64, n uint32, c *conn) {
	a := alarm{now + lasts[k], n, uint32(c.num)}
	w.queues[k].push(a)
	if !w.any || a.at < w.next {
		w.next, w.any = a.at, true
	}
}

// due takes out the earliest alarm not after now.
func (w *timers) due(now int64) (k timer, a alarm, ok bool) {
	if !w.any || w.next > now {
		return 0, alarm{}, false
	}
	found := false
	for i := range w.queues {
		q := &w.queues[i]
		if q.head < len(q.alarms) && (!found || q.alarms[q.head].at < a.at) {
			k, a, found = timer(i), q.alarms[q.head], true
		}
	}
	w.queues[k].head++
	w.any = false
	for i := range w.queues {
		q := &w.queues[i]
		if q.head < len(q.alarms) && (!w.any || q.alarms[q.head].at < w.next) {
			w.next, w.any = q.alarms[q.head].at, true
		}
	}
	return k, a, found
}
