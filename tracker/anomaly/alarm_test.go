package anomaly

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
)

// The alarms ring in the order of container/heap, those of one moment too.
func TestAlarmsRingAsAHeap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var have alarms
	var want boxed
	for n := range uint64(20_000) {
		if r.IntN(2) == 0 || len(have) == 0 {
			a := alarm{Alarm{At: int64(r.IntN(20)), Conn: n}, 0}
			have.push(a)
			heap.Push(&want, a)
			continue
		}
		if at := have.next(); at != have[0].At {
			t.Fatalf("next is %d, the first is at %d", at, have[0].At)
		}
		if h, w := have.pop(), heap.Pop(&want).(alarm); h != w {
			t.Fatalf("%d: %v rings, want %v", n, h, w)
		}
	}
}

type boxed []alarm

func (h boxed) Len() int           { return len(h) }
func (h boxed) Less(i, j int) bool { return h[i].At < h[j].At }
func (h boxed) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *boxed) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *boxed) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// TestPollSkipsSilence: what is asked for again and again costs nothing while decades pass, and comes in its step then.
func TestPollSkipsSilence(t *testing.T) {
	var woken []int64
	rule := &Rule{Code: "patient", New: func(Limits) Judge { return patient{&woken} }}
	bench := NewBench([]*Rule{rule}, nil, nil)
	bench.WakeAt(Alarm{At: 7})
	for _, now := range []int64{6, 7, 16, 17, 18, 1e18, 1e18 + 10} {
		bench.Advance(now, 1)
	}
	if fmt.Sprint(woken) != "[7 17 27 1000000000000000007]" {
		t.Errorf("woken at %v", woken)
	}
}

// patient is a judge that waits for ever, ten nanoseconds at a time.
type patient struct{ woken *[]int64 }

func (patient) Fact(*Bench, *tracker.Fact) {}

func (p patient) Wake(b *Bench, a Alarm) {
	*p.woken = append(*p.woken, b.Now())
	b.poll(a, 10)
}
