package tracker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTimersInOrder sets timers of all kinds as time goes on; they come back in order of time, each once, also those of
// connections begun long ago, which the heap has.
func TestTimersInOrder(t *testing.T) {
	w := newTimers(func(alarm) bool { return true }, func() int { return 0 })
	r := rand.New(rand.NewPCG(3, 4))
	now := int64(1000) * second
	var want, have []int64
	last := int64(0)
	fire := func(until int64) {
		for w.next <= until {
			at := w.next
			_, a := w.take()
			if a.at != at || a.at < last {
				t.Fatalf("alarm at %d after one at %d, announced for %d", a.at, last, at)
			}
			last = a.at
			have = append(have, a.at)
		}
	}
	for i := range 50_000 {
		now += r.Int64N(20 * millisecond)
		fire(now)
		last = now
		k := timer(r.IntN(numTimers))
		c := conn{num: uint64(i), start: now - r.Int64N(lasts[synTimer])}
		w.set(k, now, uint32(i)+2, &c)
		if k == synTimer {
			want = append(want, c.start+lasts[k])
		} else {
			want = append(want, now+lasts[k])
		}
	}
	fire(never - 1)
	slices.Sort(want)
	if !slices.Equal(want, have) {
		t.Errorf("%d alarms set, %d fired, or others", len(want), len(have))
	}
	if w.next != never {
		t.Errorf("next is %d with nothing set", w.next)
	}
}

// TestTimersStayBounded: alarms of connections that are gone do not pile up for as long as they would have run.
func TestTimersStayBounded(t *testing.T) {
	const live = 2000
	newest := uint32(0)
	w := newTimers(func(a alarm) bool { return newest-a.num < live }, func() int { return live })
	for i := range uint32(500_000) {
		newest = i
		c := conn{num: uint64(i), start: int64(i)}
		w.set(timeWaitTimer, int64(i), 2+i%live, &c)
		w.set(synTimer, int64(i), 2+i%live, &c)
	}
	for what, n := range map[string]int{"queue": cap(w.queues[timeWaitTimer].alarms), "heap": cap(w.syns)} {
		if n > 6*live {
			t.Errorf("the %s has room for %d alarms of %d connections", what, n, live)
		}
	}
}

// TestNoTimerOutsideTheArena: what stands for a stub is no entry that an alarm could find again.
func TestNoTimerOutsideTheArena(t *testing.T) {
	w := newTimers(func(alarm) bool { return true }, func() int { return 0 })
	w.set(synTimer, 0, 0, &conn{})
	if w.next != never {
		t.Error("an alarm is set")
	}
}
