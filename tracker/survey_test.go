package tracker

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// All that live are seen once on the way round, however few at a time, and no others.
func TestSurvey(t *testing.T) {
	tr := New(Config{})
	const flows = 2500
	syn := func(i int, flags tcp.Flags, number uint64) tcp.Segment {
		a, b := tcp.Addr{Lo: 1 + uint64(i)}, tcp.Addr{Lo: 1 << 40}
		s := tcp.Segment{Time: int64(number), Number: number, Flags: flags, Seq: 1, IPLen: 40}
		if flags&tcp.ACK != 0 {
			a, b, s.Ack = b, a, 2
			s.Flow, s.Dir = tcp.MakeFlow(a, b, 80, 1000, false)
			return s
		}
		s.Flow, s.Dir = tcp.MakeFlow(a, b, 1000, 80, false)
		return s
	}
	number := uint64(0)
	for i := range flows {
		number++
		tr.Observe([]tcp.Segment{syn(i, tcp.SYN, number)})
		if i%5 > 0 { // a fifth stays half open
			number++
			tr.Observe([]tcp.Segment{syn(i, tcp.SYN|tcp.ACK, number)})
		}
	}
	for _, step := range []int{1, 7, 1000, 1 << 20} {
		seen := map[uint64]int{}
		from, calls := uint32(0), 0
		for {
			from = tr.Survey(from, step, func(v View) { seen[v.Num()]++ })
			if calls++; from == 0 || calls > 2*flows {
				break
			}
		}
		if got := tr.Stats(); len(seen) != flows*4/5 || got.Live != flows || got.HalfOpen != flows/5 {
			t.Errorf("%d at a time: %d seen, %d live, %d half open", step, len(seen), got.Live, got.HalfOpen)
		}
		for n, times := range seen {
			if times != 1 || n%5 == 0 {
				t.Fatalf("%d at a time: connection %d seen %d times", step, n, times)
			}
		}
	}
}
