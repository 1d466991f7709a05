package anomaly

import (
	"container/heap"
	"math/rand/v2"
	"testing"
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
