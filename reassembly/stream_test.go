package reassembly

import (
	"math"
	"reflect"
	"testing"
	"unsafe"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// A step is a segment of n octets at seq, or an acknowledgement of seq; positions count from the ISN.
type step struct {
	ack    bool
	at, n  int
	want   Result
	acked  Acked
	contig int
}

// TestStories are short lives of a stream, each told at ISNs that wrap and ISNs that do not.
func TestStories(t *testing.T) {
	stories := []struct {
		name  string
		steps []step
	}{
		{"a segment is lost and repeated", []step{
			{at: 0, n: 100, want: Result{New: 100, Class: InOrder}, contig: 100},
			{at: 200, n: 100, want: Result{New: 100, Class: Ahead}, contig: 100},
			{at: 100, n: 100, want: Result{New: 100, Class: OutOfOrder}, contig: 300},
			{at: 300, n: 100, want: Result{New: 100, Class: InOrder}, contig: 400},
		}},
		{"a segment is repeated though it arrived", []step{
			{at: 0, n: 100, want: Result{New: 100, Class: InOrder}, contig: 100},
			{at: 0, n: 100, want: Result{Repeat: 100, Class: Repeated}, contig: 100},
		}},
		{"a repetition carries new data at its end", []step{
			{at: 0, n: 100, want: Result{New: 100, Class: InOrder}, contig: 100},
			{at: 50, n: 100, want: Result{New: 50, Repeat: 50, Class: Overlap}, contig: 150},
		}},
		{"one segment fills two holes and goes on", []step{
			{at: 10, n: 10, want: Result{New: 10, Class: Ahead}, contig: 0},
			{at: 30, n: 10, want: Result{New: 10, Class: Ahead}, contig: 0},
			{at: 0, n: 50, want: Result{New: 30, Repeat: 20, Class: Overlap}, contig: 50},
		}},
		{"a segment in the middle of a hole splits it", []step{
			{at: 90, n: 10, want: Result{New: 10, Class: Ahead}, contig: 0},
			{at: 40, n: 10, want: Result{New: 10, Class: OutOfOrder}, contig: 0},
			{at: 0, n: 40, want: Result{New: 40, Class: OutOfOrder}, contig: 50},
			{at: 50, n: 40, want: Result{New: 40, Class: OutOfOrder}, contig: 100},
		}},
		{"the capture lost what the peer has", []step{
			{at: 0, n: 100, want: Result{New: 100, Class: InOrder}, contig: 100},
			{at: 200, n: 100, want: Result{New: 100, Class: Ahead}, contig: 100},
			{ack: true, at: 150, acked: Acked{New: 150, Missed: 50}, contig: 150},
			{ack: true, at: 400, acked: Acked{New: 250, Missed: 150}, contig: 400},
			{at: 300, n: 100, want: Result{Repeat: 100, Class: Repeated}, contig: 400},
			{ack: true, at: 400, contig: 400},
			{ack: true, at: 10, contig: 400},
		}},
		{"mid-stream, the tail of something older", []step{
			{at: 0, n: 100, want: Result{New: 100, Class: InOrder}, contig: 100},
			{at: -50, n: 50, want: Result{Old: 50, Class: Old}, contig: 100},
			{at: -50, n: 70, want: Result{Old: 50, Repeat: 20, Class: Repeated}, contig: 100},
			{at: -50, n: 170, want: Result{Old: 50, New: 20, Repeat: 100, Class: Overlap}, contig: 120},
		}},
		{"a segment without octets is nobody's business", []step{
			{at: 100, n: 0, contig: 0},
			{at: 100, n: -1, contig: 0},
		}},
	}
	for _, story := range stories {
		for _, isn := range []tcp.Seq{0, 1 << 20, 1<<31 - 60, 1<<32 - 60, 1<<32 - 1} {
			t.Run(story.name, func(t *testing.T) {
				var h Holes
				var s Stream
				s.Start(isn)
				for i, st := range story.steps {
					if st.ack {
						if got := s.Ack(&h, isn.Add(st.at)); got != st.acked {
							t.Errorf("isn %d step %d: %+v, want %+v", isn, i, got, st.acked)
						}
					} else if got := s.Add(&h, isn.Add(st.at), st.n); got != st.want {
						t.Errorf("isn %d step %d: %+v, want %+v", isn, i, got, st.want)
					}
					if got := s.Contiguous(&h).Sub(isn); got != st.contig {
						t.Errorf("isn %d step %d: contiguous %d, want %d", isn, i, got, st.contig)
					}
				}
			})
		}
	}
}

func TestStart(t *testing.T) {
	var h Holes
	var s Stream
	if s.Started() || s.Ack(&h, 5) != (Acked{}) || s.Started() || s.Seen(&h, 0, 1) {
		t.Fatal("an acknowledgement started the stream")
	}
	s.Start(0)
	s.Start(77)
	if !s.Started() || s.Next() != 0 || s.Una() != 0 {
		t.Fatalf("a second Start moved it: %+v", s)
	}
	for _, isn := range []tcp.Seq{0, 9} {
		var u Stream
		if u.Add(&h, isn, 3); !u.Started() || u.Next() != isn+3 || u.Una() != isn {
			t.Fatalf("Add did not start the stream: %+v", u)
		}
	}
}

// TestHorizon: one hole, never filled or acknowledged, in a one-way capture of a transfer over 4 GiB. It would be
// taken for the future 2^31 later.
func TestHorizon(t *testing.T) {
	var h Holes
	var s Stream
	s.Start(0)
	s.Add(&h, 10, 1)
	const n = 1 << 16
	at := tcp.Seq(11)
	const segments = 3<<32/n + 99
	for range segments {
		if r := s.Add(&h, at, n); r != (Result{New: n, Class: InOrder}) {
			t.Fatalf("at %d: %+v", at, r)
		}
		at = at.Add(n)
	}
	if s.Missed() != 10 || s.Missing() != 0 || h.Len() != 0 || h.GivenUp() != (GivenUp{Horizon: 10}) {
		t.Errorf("missed %d, missing %d, %+v", s.Missed(), s.Missing(), h.GivenUp())
	}
	if s.Unique() != segments*n+1 || s.Next().Sub(s.Una()) != Horizon {
		t.Errorf("unique %d, una %d behind", s.Unique(), s.Next().Sub(s.Una()))
	}
	if a := s.Ack(&h, at.Add(-5)); a != (Acked{New: Horizon - 5}) || s.Una() != at.Add(-5) {
		t.Errorf("%+v, una %d", a, s.Una())
	}

	// The farthest that Next can get from the last acknowledgement.
	for range 1<<31/n - 2 {
		s.Add(&h, s.Next(), n)
	}
	s.Add(&h, s.Next().Add(1<<31-1), Horizon)
	if behind := s.Next() - s.Una(); behind != Horizon {
		t.Errorf("una %d behind", behind)
	}
}

// TestFarAway: distances that a caller should never send corrupt nothing.
func TestFarAway(t *testing.T) {
	var h Holes
	var s Stream
	s.Start(100)
	for _, d := range []int{1<<31 - 1, -1 << 31, 1 << 30, -1 << 30, 1<<31 - 1, 1<<30 + 1, 1<<31 - 1, 0} {
		for _, n := range []int{1, 1 << 30, math.MaxInt} {
			s.Add(&h, s.Next().Add(d), 5)
			s.Add(&h, s.Next().Add(7), 1)
			length := s.Unique() + s.Missed() + uint64(s.Missing())
			if r := s.Add(&h, s.Next().Add(d), n); r.New+r.Repeat+r.Old != min(n, Horizon) {
				t.Fatalf("%d octets at %d: %+v", n, d, r)
			}
			if got := s.Unique() + s.Missed() + uint64(s.Missing()); got < length || 100+tcp.Seq(got) != s.Next() {
				t.Fatalf("%d octets, next %d", got, s.Next())
			}
			if behind := s.Next() - s.Contiguous(&h); behind > Horizon || int(behind) < s.Missing() {
				t.Fatalf("contiguous %d behind, %d missing", behind, s.Missing())
			}
		}
	}
	if s.Release(&h); h.Len() != 0 {
		t.Errorf("%d holes left", h.Len())
	}
}

func TestStreamIsSmallAndWithoutPointers(t *testing.T) {
	if size := unsafe.Sizeof(Stream{}); size > 40 {
		t.Errorf("a Stream is %d bytes", size)
	}
	for _, v := range []any{Stream{}, hole{}} {
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			if k := typ.Field(i).Type.Kind(); k > reflect.Uint64 {
				t.Errorf("%s.%s is a %s", typ, typ.Field(i).Name, k)
			}
		}
	}
}
