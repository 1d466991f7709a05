package tracker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// byConn keeps what is told, with the connection that it is of.
type byConn struct {
	recorder
	of []uint64
}

func (b *byConn) Transition(x *Transition) {
	b.recorder.Transition(x)
	b.of = append(b.of, x.Conn)
}

func (b *byConn) Connection(c *Connection) {
	b.recorder.Connection(c)
	b.of = append(b.of, c.Conn)
}

func (b *byConn) Fact(f *Fact) {
	b.recorder.Fact(f)
	b.of = append(b.of, f.Conn.Num())
}

// A filter that lets whole connections through changes nothing that is told of them: not their numbers, nor those of
// their streams, nor any state or time.
func TestFilteredTellsTheSame(t *testing.T) {
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 9))
		now := int64(1e18)
		segs := make([]tcp.Segment, 400)
		for i := range segs {
			segs[i] = chaotic(r, i, &now)
		}
		passes := func(s *tcp.Segment) bool { return s.Flow.PortA%2 == 0 && s.Flow.PortB%2 == 1 || s.Flow.PortB%2 == 0 }
		mine := map[uint64]bool{} // connections that pass, by their numbers in the whole
		run := func(filtered bool) *byConn {
			var some []tcp.Segment
			var told byConn
			tr := New(Config{Sink: &told, Transitions: true, Connections: true, Witness: &told, Facts: ^FactKind(0), Filtered: filtered})
			for i := range segs {
				s := segs[i]
				if s.Filtered = filtered && !passes(&s); filtered {
					if some = append(some, s); len(some) == 50 {
						tr.Observe(some)
						some = some[:0]
					}
					continue
				}
				tr.Observe([]tcp.Segment{s})
				if passes(&s) {
					conn, _ := tr.numbersOf(aim{hash: tr.index.hash(&s.Flow)}, &s)
					mine[conn] = true
				}
			}
			tr.Close()
			return &told
		}
		whole, part := run(false), run(true)
		at := 0
		for i, text := range whole.recorder {
			if !mine[whole.of[i]] {
				continue
			}
			if at == len(part.recorder) || part.recorder[at] != text {
				t.Fatalf("seed %d: told without a filter\n%s\nand with\n%s", seed, text, at0(part.recorder, at))
			}
			at++
		}
		if at < len(part.recorder) {
			t.Fatalf("seed %d: told with a filter alone\n%s", seed, part.recorder[at])
		}
	}
}

func at0(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}

// Of connections of which a part alone passes, every segment finds the numbers that it has in the whole.
func TestFilteredParts(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 10))
		now := int64(1e18)
		whole := New(Config{})
		part := New(Config{Filtered: true, MaxConnections: int(seed % 4)})
		whole.cfg.MaxConnections = part.cfg.MaxConnections
		passed := 0
		for i := range 400 {
			s := chaotic(r, i, &now)
			whole.Observe([]tcp.Segment{s})
			conn, stream := whole.numbersOf(aim{hash: whole.index.hash(&s.Flow)}, &s)
			if s.Filtered = r.IntN(3) == 0; !s.Filtered {
				passed++
			}
			part.Observe([]tcp.Segment{s})
			if s.Filtered {
				continue
			}
			have, is := part.numbersOf(aim{hash: part.index.hash(&s.Flow)}, &s)
			// An incarnation goes on here where its end was left out, with the number that it began with.
			if is != stream || have > conn {
				t.Fatalf("seed %d, packet %d: connection %d, stream %d; in the whole %d, %d", seed, s.Number, have, is, conn, stream)
			}
		}
		if n := part.Stats().Segments; n != uint64(passed) {
			t.Fatalf("seed %d: %d segments are tracked, %d passed", seed, n, passed)
		}
		part.Close()
		if fmt.Sprint(part.Stats().Live) != "0" {
			t.Fatal("connections are left")
		}
	}
}

func BenchmarkFiltered(b *testing.B) {
	for _, some := range []struct {
		name  string
		every int
	}{{"all pass", 1}, {"one of ten", 10}} {
		b.Run(some.name, func(b *testing.B) {
			t := newTraffic(1000, 8)
			tr := New(Config{Filtered: true})
			segs := make([]tcp.Segment, 64)
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(segs) {
				b.StopTimer()
				for j := range segs {
					t.next(&segs[j])
					segs[j].Filtered = int(segs[j].Flow.PortA+segs[j].Flow.PortB)%some.every != 0
				}
				b.StartTimer()
				tr.Observe(segs)
			}
		})
	}
}
