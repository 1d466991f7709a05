package reassembly

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// TestStreamBound: every other octet arrives; the hole that is one too many costs the oldest.
func TestStreamBound(t *testing.T) {
	var h Holes
	var s Stream
	s.Start(0)
	for i := range MaxStreamHoles + 3 {
		s.Add(&h, tcp.Seq(2*i+1), 1)
	}
	if h.Len() != MaxStreamHoles || s.Missed() != 3 || h.GivenUp() != (GivenUp{Stream: 3}) {
		t.Errorf("%d holes, %d missed, %+v", h.Len(), s.Missed(), h.GivenUp())
	}
	if s.Contiguous(&h) != 6 {
		t.Errorf("contiguous %d, want the oldest hole that is left", s.Contiguous(&h))
	}
}

// TestTotalBound: one stream has all holes; another's are given up at once, and its own oldest when it has some.
func TestTotalBound(t *testing.T) {
	h := NewHoles(3)
	var a, b Stream
	a.Start(0)
	b.Start(0)
	for i := range 3 {
		a.Add(h, tcp.Seq(20*i+10), 10)
	}
	if r := b.Add(h, 7, 1); r != (Result{New: 1, Class: Ahead}) {
		t.Errorf("%+v", r)
	}
	if b.Missed() != 7 || b.Missing() != 0 || b.Contiguous(h) != 8 {
		t.Errorf("missed %d, missing %d", b.Missed(), b.Missing())
	}
	a.Add(h, 5, 1) // splits the oldest: its lower half goes
	if a.Missed() != 5 || a.Contiguous(h) != 6 || h.Len() != 3 {
		t.Errorf("missed %d, contiguous %d", a.Missed(), a.Contiguous(h))
	}
	a.Add(h, 25, 1) // splits another: the oldest goes
	if a.Missed() != 9 || a.Contiguous(h) != 20 || h.Len() != 3 {
		t.Errorf("missed %d, contiguous %d", a.Missed(), a.Contiguous(h))
	}
	if h.GivenUp() != (GivenUp{Total: 16}) {
		t.Errorf("%+v", h.GivenUp())
	}
	a.Release(h)
	if b.Add(h, 10, 1); b.Missing() != 2 {
		t.Errorf("no room after Release: %+v", b)
	}
}

// TestGrowth: nodes stay where they are while the arena grows, and are used again.
func TestGrowth(t *testing.T) {
	var h Holes
	streams := make([]Stream, 5*chunkSize)
	for i := range streams {
		streams[i].Start(tcp.Seq(i))
		streams[i].Add(&h, tcp.Seq(i+i%7+1), 1)
	}
	for round := range 3 {
		for i := range streams {
			s := &streams[i]
			if s.Contiguous(&h) != tcp.Seq(i) || s.Missing() != i%7+1 {
				t.Fatalf("round %d stream %d: contiguous %d, missing %d", round, i, s.Contiguous(&h), s.Missing())
			}
			s.Release(&h)
		}
		for i := range streams {
			s := &streams[i]
			s.Start(tcp.Seq(i))
			s.Add(&h, tcp.Seq(i+i%7+1), 1)
		}
	}
	if len(h.chunks) != 5 || h.Len() != len(streams) {
		t.Errorf("%d chunks, %d holes", len(h.chunks), h.Len())
	}
}

func TestNoAllocation(t *testing.T) {
	var h Holes
	var s Stream
	s.Start(1<<32 - 5000)
	at := s.Next()
	lossy := func() {
		s.Add(&h, at, 100)
		s.Add(&h, at.Add(300), 100)
		s.Add(&h, at.Add(200), 50)
		s.Add(&h, at.Add(100), 200)
		s.Add(&h, at.Add(600), 100)
		s.Ack(&h, at.Add(700))
		at = at.Add(700)
	}
	lossy() // the first hole makes the first chunk
	if n := testing.AllocsPerRun(1000, lossy); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAdd counts segments. Those of one stream wait for each other through its nxt; thousand streams do not.
func BenchmarkAdd(b *testing.B) {
	one := func(seg func(s *Stream, h *Holes)) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			var h Holes
			var s Stream
			s.Start(0)
			for range b.N {
				seg(&s, &h)
			}
		}
	}
	b.Run("in-order", func(b *testing.B) {
		b.ReportAllocs()
		var h Holes
		streams := make([]Stream, 1024)
		for i := range streams {
			streams[i].Start(0)
		}
		for i := range b.N {
			s := &streams[i%len(streams)]
			s.Add(&h, s.Next(), 1448)
		}
	})
	b.Run("elephant", one(func(s *Stream, h *Holes) { s.Add(h, s.Next(), 1448) }))
	b.Run("acknowledged", one(func(s *Stream, h *Holes) { // and an Ack
		s.Add(h, s.Next(), 1448)
		s.Ack(h, s.Next())
	}))
	b.Run("hole-and-fill", one(func(s *Stream, h *Holes) { // two Adds and an Ack
		at := s.Next()
		s.Add(h, at.Add(1448), 1448)
		s.Add(h, at, 1448)
		s.Ack(h, s.Next())
	}))
	b.Run("most-holes", one(func(s *Stream, h *Holes) { // the walk at the bound
		s.Add(h, s.Next().Add(1), 1)
	}))
}
