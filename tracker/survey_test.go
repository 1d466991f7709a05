package tracker

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// All that live are seen once on the way round, however few at a time, and no others.
func TestSurvey(t *testing.T) {
	tr := New(Config{})
	tr.asking = fewAsking // as where many wait: the SYNs are folded
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

// Those that are half open are seen once on a way of their own, with the states that Living shows of them.
func TestSurveyHalfOpen(t *testing.T) {
	tr := New(Config{})
	tr.asking = fewAsking
	const flows = 300
	server := tcp.Endpoint{Addr: tcp.Addr{Lo: 5}, Port: 80}
	number := uint64(0)
	for i := range flows {
		client := tcp.Endpoint{Addr: tcp.Addr{Lo: uint64(i%10 + i%2*10)}, Port: uint16(1000 + i)} // to either side of the server's in the key
		for _, flags := range []tcp.Flags{tcp.SYN, tcp.RST | tcp.ACK}[:1+btoi(i%3 == 0)] {
			number++
			s := tcp.Segment{Time: int64(number), Number: number, Flags: flags, Seq: 1, IPLen: 40}
			from, to := client, server
			if flags != tcp.SYN { // refused: whole, and soon gone
				from, to, s.Ack = server, client, 2
			}
			s.Flow, s.Dir = tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
			tr.Observe([]tcp.Segment{s})
		}
	}
	want := map[tcp.Endpoint]bool{}
	for v := range tr.Living() {
		if c, s := v.Endpoints(); v.n == 0 {
			want[c] = true
			if s != server || v.End(Client).State() != SynSent || v.End(Server).State() != Closed {
				t.Fatalf("%v to %v: %v %v", c, s, v.End(Client).State(), v.End(Server).State())
			}
		}
	}
	if len(want) != flows*2/3 {
		t.Fatalf("%d are half open", len(want))
	}
	for _, step := range []int{1, 7, 1 << 20} {
		seen := map[tcp.Endpoint]int{}
		for from, calls := uint32(0), 0; calls == 0 || from != 0 && calls < 2*flows; calls++ {
			from = tr.SurveyHalfOpen(from, step, func(c, s tcp.Endpoint) {
				if seen[c]++; s != server || !want[c] || seen[c] > 1 {
					t.Fatalf("%d at a time: %v to %v", step, c, s)
				}
			})
		}
		if len(seen) != len(want) {
			t.Errorf("%d at a time: %d seen of %d", step, len(seen), len(want))
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
