package anomaly

// history is what happened in the last minute, by the second: those seconds of capture time in which anything did, in
// their order. Most listeners have few of them, and there are many listeners.
type history[T any] []second[T]

type second[T any] struct {
	at int64 // whole seconds
	it T
}

// memory is how many seconds a history goes back.
const memory = 60

// known returns what happened in second s, nil for nothing.
func (h history[T]) known(s int64) *T {
	for i := len(h) - 1; i >= 0 && h[i].at >= s; i-- {
		if h[i].at == s {
			return &h[i].it
		}
	}
	return nil
}

// at returns what happened in second s, before which it must have been asked for none that is later.
func (h *history[T]) at(s int64) *T {
	if x := h.known(s); x != nil {
		return x
	}
	*h = append(*h, second[T]{at: s})
	return &(*h)[len(*h)-1].it
}

// old is how many of the seconds are to be forgotten as of second now: the first of them.
func (h history[T]) old(now int64) int {
	n := 0
	for n < len(h) && h[n].at <= now-memory {
		n++
	}
	return n
}

// forget takes out the first n seconds.
func (h *history[T]) forget(n int) {
	*h = (*h)[:copy(*h, (*h)[n:])]
}
