package tracker

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// twins sends a connection's segments, each captured again after, and says how many were taken for second copies of
// frames.
func twins(segs []tcp.Segment, again int64, change func(first, second *tcp.Segment)) uint64 {
	tr := New(Config{Seed: 1})
	for i, s := range segs {
		second := s
		second.Time += again
		if change != nil {
			change(&s, &second)
		}
		s.Number, second.Number = uint64(2*i+1), uint64(2*i+2)
		tr.Observe([]tcp.Segment{s, second})
	}
	return tr.Stats().Duplicates
}

func TestTwice(t *testing.T) {
	p := newPlay(Config{Seed: 1})
	var segs []tcp.Segment
	for i, letter := range "SsADaDaDaDadAdAdAdADaDaDaDaDaDadAdAdADaDaDaDaDaDadAdAdADaDaDaDaDaFfA" {
		s := p.segment(1, byte(letter))
		s.IPID = uint16(7000 + i)
		s.Time += int64(i) * 10 * millisecond
		if s.Flags == tcp.SYN|tcp.ACK {
			s.IPID = 0 // as Linux does
		}
		segs = append(segs, s)
	}
	n := uint64(len(segs))
	six := func(s *tcp.Segment) {
		s.Flow.V6, s.IPID = 1, 0
	}
	for _, c := range []struct {
		name        string
		again       int64
		change      func(first, second *tcp.Segment)
		least, most uint64
	}{
		{"at once", 20_000, nil, n - 1, n - 1},
		{"behind a router", 300_000, func(_, second *tcp.Segment) { second.TTL--; second.VLAN[0] = 7 }, n - 1, n - 1},
		{"after two milliseconds", 2 * millisecond, nil, 0, 0},
		{"sent again, with the next IP ID", 20_000, func(_, second *tcp.Segment) { second.IPID += 300 }, 0, 1},
		{"with another window", 20_000, func(_, second *tcp.Segment) { second.Window++ }, 0, 0},
		{"IPv6, all of them", 20_000, func(first, second *tcp.Segment) { six(first); six(second) }, n - 40, n - 16},
		{"a constant IP ID, all of them", 20_000, func(first, second *tcp.Segment) { first.IPID, second.IPID = 9, 9 }, n - 40, n - 10},
		{"IPv6, one in nine", 20_000, func(first, second *tcp.Segment) {
			six(first)
			six(second)
			if first.Seq%9 != 0 {
				second.Window++
			}
		}, 0, 0},
	} {
		if have := twins(segs, c.again, c.change); have < c.least || have > c.most {
			t.Errorf("%s: %d of %d frames were taken for second copies, want %d to %d", c.name, have, n, c.least, c.most)
		}
	}
}
