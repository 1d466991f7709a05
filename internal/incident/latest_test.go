package incident

import (
	"sync"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Who asks gets the packets of one flow, whole and in order, while others come and push the oldest out.
func TestLatest(t *testing.T) {
	l := NewLatest(MinRing)
	on := &capture.Interface{Link: 1}
	flow := func(port uint16) tcp.FlowKey {
		key, _ := tcp.MakeFlow(tcp.Addr{Lo: 1}, tcp.Addr{Lo: 2}, port, 80, false)
		return key
	}
	push := func(from, to int) {
		for i := from; i < to; i++ {
			data := make([]byte, 100)
			for j := range data {
				data[j] = byte(i)
			}
			l.Record(&capture.Record{Number: uint64(i), Time: int64(i), Length: 100, Data: data, Interface: on}, &tcp.Segment{Flow: flow(uint16(1000 + i%4))})
		}
	}
	look := func(from, to int64, slow func()) (numbers []uint64, short bool) {
		short, err := l.Of(flow(1001), from, to, func(r *capture.Record) error {
			for _, b := range r.Data {
				if b != byte(r.Number) {
					t.Fatalf("packet %d holds %d", r.Number, b)
				}
			}
			if n := len(numbers); r.Number%4 != 1 || n > 0 && numbers[n-1] >= r.Number {
				t.Fatalf("packet %d behind %v", r.Number, numbers)
			}
			numbers = append(numbers, r.Number)
			slow()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return numbers, short
	}
	nothing := func() {}
	push(1, 101)
	if got, short := look(0, 1e9, nothing); len(got) != 25 || short {
		t.Errorf("%d packets, short %v", len(got), short)
	}
	if got, _ := look(10, 50, nothing); len(got) != 10 || got[0] != 13 || got[9] != 49 {
		t.Errorf("of a time: %v", got)
	}
	push(101, 1000)
	if got, short := look(0, 1e9, nothing); len(got) < 50 || !short {
		t.Errorf("%d packets of a ring that is full, short %v", len(got), short)
	}
	var wait sync.WaitGroup
	wait.Go(func() { push(1000, 20_000) })
	look(0, 1e9, nothing)
	wait.Wait()
	once := sync.OnceFunc(func() { push(20_000, 21_000) })
	if got, short := look(0, 1e9, once); len(got) > lookedAt || !short {
		t.Errorf("%d packets where all are pushed out meanwhile, short %v", len(got), short)
	}
}
