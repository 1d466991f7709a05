package reassembly

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// model is the obviously right stream: one cell for every unit of sequence space since the start. A unit is one octet,
// or many, so that transfers of gigabytes fit in a bitmap.
type model struct {
	unit  int
	isn   tcp.Seq
	bound int // most holes
	cells []cell
	una   int
}

type cell uint8

const (
	unseen cell = iota
	seen
	missed
)

func (m *model) seq(at int) tcp.Seq { return m.isn + tcp.Seq(uint64(at)*uint64(m.unit)) }

// add marks n cells from at on, which may be negative.
func (m *model) add(at, n int) Result {
	var r Result
	ahead, inside := at > len(m.cells), at < len(m.cells)
	for i := at; i < at+n; i++ {
		for i >= len(m.cells) {
			m.cells = append(m.cells, unseen)
		}
		switch {
		case i < 0:
			r.Old += m.unit
		case m.cells[i] == unseen:
			m.cells[i] = seen
			r.New += m.unit
		default:
			r.Repeat += m.unit
		}
	}
	switch {
	case n == 0:
		r.Class = Empty
	case r.Old == n*m.unit:
		r.Class = Old
	case r.New == 0:
		r.Class = Repeated
	case r.New < n*m.unit:
		r.Class = Overlap
	case ahead:
		r.Class = Ahead
	case inside:
		r.Class = OutOfOrder
	default:
		r.Class = InOrder
	}
	if _, runs, lowest := m.tally(); runs > m.bound {
		for ; m.cells[lowest] == unseen; lowest++ {
			m.cells[lowest] = missed
		}
	}
	// Horizon: what lies further back is given up.
	if floor := len(m.cells) - Horizon/m.unit; floor > 0 {
		m.close(floor)
		m.una = max(m.una, floor)
	}
	return r
}

func (m *model) ack(at int) Acked {
	if at <= m.una {
		return Acked{}
	}
	a := Acked{New: (at - m.una) * m.unit}
	for len(m.cells) < at {
		m.cells = append(m.cells, unseen)
	}
	a.Missed = m.close(at) * m.unit
	m.una = at
	return a
}

// shorten takes back up to n of the last cells, as far as they are missed.
func (m *model) shorten(n int) (at int) {
	at = len(m.cells)
	for ; n > 0 && at > 0 && m.cells[at-1] == missed && m.una == len(m.cells); n-- {
		at--
	}
	m.cells = m.cells[:at]
	m.una = min(m.una, at)
	return at
}

func (m *model) close(below int) (n int) {
	for i := range below {
		if m.cells[i] == unseen {
			m.cells[i] = missed
			n++
		}
	}
	return n
}

// tally counts cells by kind and runs of unseen ones, and finds the first of these.
func (m *model) tally() (count [3]int, runs, contiguous int) {
	contiguous = len(m.cells)
	before := seen
	for i, c := range m.cells {
		count[c]++
		if c == unseen && before != unseen {
			if runs++; runs == 1 {
				contiguous = i
			}
		}
		before = c
	}
	return count, runs, contiguous
}

func (m *model) seenAll(at, n int) bool {
	for i := at; i < at+n; i++ {
		if i < 0 || i >= len(m.cells) || m.cells[i] == unseen {
			return false
		}
	}
	return true
}

// pair is a stream and its model, which must agree after every step.
type pair struct {
	s Stream
	h *Holes
	m model
}

func newPair(isn tcp.Seq, unit, bound int) *pair {
	p := &pair{h: NewHoles(bound), m: model{unit: unit, isn: isn, bound: min(bound, MaxStreamHoles)}}
	p.s.Start(isn)
	return p
}

func (p *pair) add(at, n int) error {
	got, want := p.s.Add(p.h, p.m.seq(at), n*p.m.unit), p.m.add(at, n)
	if got != want {
		return fmt.Errorf("Add(%d, %d) = %+v, want %+v", at, n, got, want)
	}
	return p.agree()
}

func (p *pair) ack(at int) error {
	got, want := p.s.Ack(p.h, p.m.seq(at)), p.m.ack(at)
	if got != want {
		return fmt.Errorf("Ack(%d) = %+v, want %+v", at, got, want)
	}
	return p.agree()
}

func (p *pair) shorten(n int) error {
	p.s.Shorten(p.m.seq(p.m.shorten(n)))
	if err := p.agree(); err != nil {
		return fmt.Errorf("Shorten by %d: %w", n, err)
	}
	return nil
}

func (p *pair) see(at, n int) error {
	if got, want := p.s.Seen(p.h, p.m.seq(at), n*p.m.unit), p.m.seenAll(at, n); got != want {
		return fmt.Errorf("Seen(%d, %d) = %v, want %v", at, n, got, want)
	}
	return nil
}

func (p *pair) agree() error {
	s, h, m := &p.s, p.h, &p.m
	type view struct {
		next, una, contiguous   tcp.Seq
		unique, missed, missing int
		holes, used             int
	}
	got := view{s.Next(), s.Una(), s.Contiguous(h), int(s.Unique()), int(s.Missed()), s.Missing(), int(s.holes), h.Len()}
	count, runs, contiguous := m.tally()
	want := view{
		m.seq(len(m.cells)), m.seq(m.una), m.seq(contiguous),
		count[seen] * m.unit, count[missed] * m.unit, count[unseen] * m.unit, runs, runs,
	}
	if got != want {
		return fmt.Errorf("stream %+v, model %+v", got, want)
	}
	return nil
}

// TestAgainstBitmap sends random segments and acknowledgements: the first ISNs make the sequence wrap early, the
// units make transfers of many times 4 GiB, the bounds are reached.
func TestAgainstBitmap(t *testing.T) {
	for _, isn := range []tcp.Seq{0, 1, 1<<31 - 100, 1 << 31, 1<<32 - 300, 1<<32 - 1} {
		for _, unit := range []int{1, 1448, 1 << 20, 1 << 25} {
			for _, bound := range []int{1, 3, 1000} {
				t.Run(fmt.Sprintf("isn=%d/unit=%d/bound=%d", isn, unit, bound), func(t *testing.T) {
					for seed := range uint64(3) {
						randomWalk(t, rand.New(rand.NewPCG(seed, uint64(isn))), newPair(isn, unit, bound))
					}
				})
			}
		}
	}
}

func randomWalk(t *testing.T, r *rand.Rand, p *pair) {
	reach := min((1<<31-1)/p.m.unit, 80) // how far from Next: less than 2^31 octets
	longest := min(Horizon/p.m.unit, 9)
	for step := range 300 {
		next := len(p.m.cells)
		var err error
		switch r.IntN(11) {
		case 0, 1: // in order
			err = p.add(next, r.IntN(longest+1))
		case 2, 3: // a little ahead
			err = p.add(next+r.IntN(min(reach, 4)+1), 1+r.IntN(longest))
		case 4, 5, 6: // a little behind
			err = p.add(next-r.IntN(min(reach, 30)), 1+r.IntN(longest))
		case 7: // anywhere, the start's other side included
			err = p.add(next-reach+r.IntN(2*reach), 1+r.IntN(longest))
		case 8: // what is in flight, and at times more
			err = p.ack(p.m.una + r.IntN(max(next-p.m.una, 1)+r.IntN(4)))
		case 9:
			err = p.see(next-reach+r.IntN(reach+10), r.IntN(longest+1))
		case 10:
			err = p.shorten(r.IntN(longest + 1))
		}
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
	if p.s.Release(p.h); p.h.Len() != 0 || p.s != (Stream{}) {
		t.Fatalf("%d holes left, stream %+v", p.h.Len(), p.s)
	}
}

// FuzzStream reads ISN, unit and bound, then steps of three bytes each: what, how far from Next, how long.
func FuzzStream(f *testing.F) {
	f.Add([]byte{0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 1, 0, 5, 1, 1, 0x83, 3, 2, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 20, 2, 0, 0, 9, 0, 100, 9, 0, 100, 9, 1, 200, 9, 2, 0, 0})
	f.Add([]byte{0x80, 0, 0, 0, 25, 9, 0, 60, 9, 0, 60, 9, 0, 60, 9, 1, 60, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 6 || len(data) > 6+3*150 { // more steps would only be slow
			return
		}
		isn := tcp.Seq(data[0])<<24 | tcp.Seq(data[1])<<16 | tcp.Seq(data[2])<<8 | tcp.Seq(data[3])
		unit := 1 << (data[4] % 26)
		p := newPair(isn, unit, 1+int(data[5]))
		for data = data[6:]; len(data) >= 3; data = data[3:] {
			next := len(p.m.cells)
			far := min(int(data[1]%64), (1<<31-1)/unit)
			long := min(int(data[2]%32), Horizon/unit)
			var err error
			switch data[0] % 4 {
			case 0:
				err = p.add(next+far, long)
			case 1:
				err = p.add(next-far, long)
			case 2: // una + 2^31 or more is behind una
				if at := next - far + long/4; (at-p.m.una)*unit <= 1<<31-1 {
					err = p.ack(at)
				}
			case 3:
				err = p.see(next-far, long)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}
