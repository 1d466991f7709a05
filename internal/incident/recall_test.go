package incident

import (
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// A ring finds the latest packets of one flow among those of others, as far as it still holds them, and says what it does
// not hold any more.
func TestRecall(t *testing.T) {
	r := NewRing(MinRing)
	on := &capture.Interface{Name: "lo"}
	flow := func(port uint16) tcp.FlowKey {
		k, _ := tcp.MakeFlow(tcp.AddrFrom4(1), tcp.AddrFrom4(2), port, 80, false)
		return k
	}
	data := make([]byte, 100)
	number := uint64(0)
	keep := func(port uint16) {
		number++
		data[0] = byte(number)
		seg := tcp.Segment{Flow: flow(port)}
		r.Keep(&capture.Record{Number: number, Time: int64(number), Length: 100, Data: data, Interface: on}, &seg)
	}
	for range 60 {
		keep(1000)
		keep(2000)
	}
	r.Keep(&capture.Record{Number: 999, Data: data, Interface: on}, nil)
	numbers := func(list []uint64) (numbers []uint64) {
		for _, at := range list {
			var p capture.Record
			if r.Packet(at, &p) {
				numbers = append(numbers, p.Number)
				if p.Data[0] != byte(p.Number) || len(p.Data) != 100 {
					t.Errorf("packet %d has the data of another", p.Number)
				}
			}
		}
		return numbers
	}
	if got := numbers(r.Find(flow(1000), 0, 3)); !slices.Equal(got, []uint64{115, 117, 119}) {
		t.Errorf("the last three: %v", got)
	}
	old := r.Find(flow(2000), 100, 100)
	if got := numbers(old); len(got) != 11 || got[0] != 100 || got[10] != 120 {
		t.Errorf("from packet 100 on: %v", got)
	}
	if got := r.Find(flow(3000), 0, 100); len(got) != 0 {
		t.Errorf("a flow that was never seen: %v", got)
	}
	for range 1000 {
		keep(4000)
	}
	if got := numbers(old); len(got) != 0 {
		t.Errorf("what has gone is held: %v", got)
	}
	if got := numbers(r.Find(flow(2000), 0, 100)); len(got) != 0 {
		t.Errorf("what has gone is found: %v", got)
	}
}
