package tracker

// rtoMax is Linux' longest interval, where tcp_rto_max_ms sets no other; orphanRepeats is how long it repeats the octets of
// a socket without an owner: the time of eight repeats from 0.2 s on, each interval twice the one before.
const (
	rtoMax        = 120 * second
	orphanRepeats = (1<<9 - 1) * 200 * millisecond
)

// levels says where the intervals have levelled off: at the sender's RTO maximum, 120 s where nothing tells, or, if
// retries2 is not 0, at RTO*2^retries2, as far as its tcp_retries2 lets them grow (D6).
func (w *wait) levels() (longest int64, retries2 int) {
	if !w.grew || w.level < 2 || w.gap >= rtoMax*9/10 {
		return rtoMax, 0
	}
	g, r := w.first, 1
	for w.gap > g+g/8 {
		g, r = 2*g, r+1
	}
	if w.gap > g-g/8 {
		return rtoMax, r
	}
	return w.gap, 0
}

// orphanEnd is when an orphan dies, silently: when an interval has passed that can be no longer (with an RTO of 0.2 s after
// 10 probes, at about 333 s); with octets in flight also after eight repeats of them (at about 107 s) (D4). past says that
// the sender has asked on after that. 0: not known, or never.
func (w *wait) orphanEnd(e *end) (at int64, past bool) {
	longest, retries2 := w.levels()
	if w.gap <= 0 || retries2 != 0 || w.foreign || !w.grew && w.level >= 2 && w.gap < rtoMax*9/10 {
		return 0, false
	}
	begun := w.since
	if e.flight != 0 {
		begun = e.flight
	}
	given := func(at int64) bool { return w.repeats && at-begun-w.first/2 >= orphanRepeats } // counted from the first repeat on
	at = w.asked
	if w.gap > longest-longest/16 && 2*w.before > longest+longest/16 {
		return at - int64(max(w.level, 1)-1)*w.gap, true
	}
	if given(at) {
		for gap := w.gap; gap > w.first && given(at-gap); gap /= 2 {
			at -= gap
		}
		return at, true
	}
	for gap := 2 * w.gap; ; gap *= 2 {
		at += min(gap, longest)
		if gap >= longest || given(at) {
			return at, false
		}
	}
}

// lapsed says that the sender stopped asking when an orphan does, and an orphan is gone by now (D5).
func (w *wait) lapsed(e *end, now int64) bool {
	at, past := w.orphanEnd(e)
	return !past && at != 0 && at-w.asked <= 2*w.gap && now >= at
}
