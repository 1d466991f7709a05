package tracker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTimersInOrder sets timers of all kinds as time goes on; they come back in order of time, each once, also those of
// connections begun long ago, which wait apart.
func TestTimersInOrder(t *testing.T) {
	w := newTimers(func(alarm) *conn { return &conn{} }, func() int { return 0 })
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
		k := timer(r.IntN(int(lateTimer)))
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
	const live = 50_000
	newest := uint32(0)
	w := newTimers(func(a alarm) *conn {
		if newest-a.num >= live {
			return nil
		}
		return &conn{}
	}, func() int { return live })
	for i := range uint32(2_000_000) {
		newest = i
		w.set(timeWaitTimer, int64(i), 2+i%live, &conn{num: uint64(i)})
		w.set(synTimer, int64(i), 2+i%live, &conn{num: uint64(i), start: int64(i)})
		w.set(synTimer, int64(i), 2+i%live, &conn{num: uint64(i), start: int64(i) - 1})
	}
	if w.late.len < live {
		t.Errorf("the heap has %d alarms of %d connections", w.late.len, live)
	}
	if n := w.chunks.made * alarmChunk; n > 3*4*live {
		t.Errorf("three lists have room for %d alarms of %d connections", n, live)
	}
}

// TestTimersGrowStepByStep: no single alarm waits until a list has been looked through, however long that is.
func TestTimersGrowStepByStep(t *testing.T) {
	const most = sweptChunks * alarmChunk
	for _, k := range []timer{flightTimer, lateTimer} {
		asked, all := 0, 0
		fourth := &conn{}
		w := newTimers(func(a alarm) *conn {
			if asked++; a.num%4 != 0 {
				return nil
			}
			return fourth
		}, func() int { return 1000 })
		for i := range uint32(1_000_000) {
			asked = 0
			if k == lateTimer {
				w.setLate(alarm{at: -int64(i), n: 2 + i, num: i})
			} else {
				w.set(k, int64(i), 2+i, &conn{num: uint64(i)})
			}
			if all += asked; asked > most {
				t.Fatalf("alarm %d of kind %d waits for %d others", i, k, asked)
			}
		}
		if all < 500_000 {
			t.Errorf("of a million alarms of kind %d only %d were looked at again", k, all)
		}
	}
}

// TestQueueAgainstList sets, cancels, fires and sweeps at random, and compares with a list: what was not cancelled and
// whose connection is not gone fires, once and in order, wherever a sweep has put it, and nothing else.
func TestQueueAgainstList(t *testing.T) {
	const flows = 100_000
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 5))
		conns := make([]conn, flows)
		find := func(a alarm) *conn {
			if a.n == 0 || a.num%8 < uint32(seed) {
				return nil
			}
			return &conns[a.num]
		}
		live := r.IntN(flows / 10)
		w := newTimers(find, func() int { return live })
		q := &w.queues[flightTimer]
		q.head = -uint32(r.IntN(8)) * alarmChunk // places come to the end of their numbers
		q.tail = q.head
		want, have := []uint32{}, []uint32{}
		fire := func() {
			if _, a := w.take(); find(a) != nil {
				have = append(have, a.num)
				conns[a.num].flags = 0
			}
		}
		for i := range uint32(flows) {
			c := &conns[i]
			c.num = uint64(i)
			w.set(flightTimer, int64(i), i+2, c)
			c.flags, c.alarm = armed, w.place(flightTimer)
			want = append(want, i)
			switch k := r.IntN(4); {
			case k == 0:
				num := i - uint32(r.IntN(int(min(i, flows/8)+1)))
				if c := &conns[num]; c.flags&armed != 0 && num%8 >= uint32(seed) {
					w.cancelAt(flightTimer, c.alarm, c)
					c.flags, c.retire = 0, 1
				}
			case k == 1 && seed < 4 && w.next != never:
				fire()
			case i%(flows/4) == 0:
				for n := r.IntN(flows / 3); n > 0 && w.next != never; n-- {
					fire()
				}
			}
		}
		for w.next != never {
			fire()
		}
		want = slices.DeleteFunc(want, func(num uint32) bool { return num%8 < uint32(seed) || conns[num].retire != 0 })
		if !slices.Equal(want, have) {
			t.Errorf("seed %d: %d fired, not %d, or others", seed, len(have), len(want))
		}
		if q.len() != 0 || len(q.chunks) > 1 || len(q.chunks)+len(w.chunks.free) != w.chunks.made {
			t.Errorf("seed %d: %d alarms left, %d of %d chunks in use, %d free", seed, q.len(), len(q.chunks), w.chunks.made, len(w.chunks.free))
		}
	}
}

// TestNoTimerOutsideTheArena: what stands for a stub is no entry that an alarm could find again.
func TestNoTimerOutsideTheArena(t *testing.T) {
	w := newTimers(func(alarm) *conn { return &conn{} }, func() int { return 0 })
	w.set(synTimer, 0, 0, &conn{})
	if w.next != never {
		t.Error("an alarm is set")
	}
}
