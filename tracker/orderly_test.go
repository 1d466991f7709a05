package tracker

import (
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// TestShortcutsDoNotShowInOrder runs connections that are in order but for a segment here and there, each of which must
// end what is kept of one in order at just that point.
func TestShortcutsDoNotShowInOrder(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		o := orderly{r: r, now: 1e18, odds: 3 + r.IntN(60)}
		segs := make([]tcp.Segment, 300)
		for i := range segs {
			segs[i] = o.next(i)
		}
		run := func(tr *Tracker) { tr.Observe(segs) }
		if d := differ(run); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

// orderly makes the segments of a few connections.
type orderly struct {
	r     *rand.Rand
	flows [4]courteous
	now   int64
	begun uint32
	odds  int // one segment in so many is odd
}

// courteous is a connection, by its next segments.
type courteous struct {
	id     uint32
	again  bool // its four-tuple is that of the one before
	step   int
	seq    [2]tcp.Seq // client first
	acked  [2]tcp.Seq
	window [2]uint16
	snaps  int // one data segment in so many is captured in part
	scale  tcp.OptionSet
	closed [2]bool
	last   tcp.Segment
}

func (o *orderly) next(i int) tcp.Segment {
	r := o.r
	f := &o.flows[r.IntN(len(o.flows))]
	o.now += []int64{0, 1000, 1000, millisecond, 30 * millisecond}[r.IntN(5)]
	odd := -1
	if r.IntN(o.odds) == 0 {
		odd = r.IntN(21)
	}
	if f.step == 0 && !f.again {
		o.begun++
		f.id = o.begun
	}
	k, client := key(f.id)
	s := tcp.Segment{Time: o.now, Number: uint64(i + 1), Flow: k, Dir: client, TTL: 64, IPID: uint16(i), Flags: tcp.ACK, Sum: tcp.SumUnknown}
	from := 0
	switch f.step {
	case 0:
		*f = courteous{id: f.id, window: [2]uint16{uint16(1 + r.IntN(2000)), uint16(1 + r.IntN(2000))}, snaps: 1 + r.IntN(3), scale: tcp.OptionSet(r.IntN(2)) * tcp.HasWScale}
		for d := range f.seq {
			f.seq[d] = tcp.Seq(r.Uint32())
			if r.IntN(4) == 0 {
				f.seq[d] = -tcp.Seq(r.IntN(300)) // its numbers pass 0
			}
		}
		s.Flags, s.Options.Has, s.Options.WScale = tcp.SYN, f.scale, 3
	case 1:
		from = 1
		s.Flags, s.Options.Has, s.Options.WScale = tcp.SYN|tcp.ACK, tcp.OptionSet(min(r.IntN(5), 1))*tcp.HasWScale, 1
	case 2:
		if r.IntN(6) == 0 {
			from, s.Len = 1, r.IntN(300)
		}
	default:
		from = r.IntN(2)
		if silent := f.closed[from] && f.acked[from] == f.seq[1-from]; silent && r.IntN(8) > 0 {
			from = 1 - from
		}
		s.Len = r.IntN(3) * r.IntN(200)
		if f.acked[from] == f.seq[1-from] && r.IntN(8) > 0 {
			s.Len++ // nothing to acknowledge
		}
		s.Snap = s.Len > 0 && r.IntN(f.snaps) > 0
		if f.window[from] += uint16(r.IntN(2)); f.window[from] == 0 {
			f.window[from] = 1
		}
		if f.closed[0] && f.closed[1] && r.IntN(2) == 0 {
			o.now += 5 * second
			s.Time = o.now
		}
		if f.closed[from] && r.IntN(8) > 0 {
			s.Len, s.Snap = 0, false
		} else if r.IntN(10) == 0 {
			s.Flags |= tcp.FIN
			f.closed[from] = true
		}
	}
	if from == 1 {
		s.Dir = client.Other()
	}
	s.Window, s.Seq = f.window[from], f.seq[from]
	if s.Flags&tcp.ACK != 0 {
		s.Ack = f.seq[1-from]
		if lag := s.Ack.Sub(f.acked[from]); f.step > 3 && lag > 1 && r.IntN(2) == 0 {
			s.Ack = s.Ack.Add(-r.IntN(lag))
		}
	}
	switch odd {
	case 0: // the same again
		if f.last.Number != 0 {
			was := f.last
			was.Time, was.Number = o.now, s.Number
			return was
		}
	case 1: // not captured
		f.seq[from] = f.seq[from].Add(r.IntN(300))
	case 2:
		s.Window = 0
	case 3:
		o.now += 6 * second
	case 4:
		o.now += 301 * second
	case 5:
		s.Time -= millisecond
	case 6:
		s.Sum = tcp.Sum(r.IntN(int(tcp.SumNever) + 1))
	case 7:
		s.Flags |= tcp.RST
		f.step = -1
	case 8:
		s.Flags |= tcp.FIN
	case 9:
		s.Options.Has |= tcp.HasWScale
	case 10:
		s.Beyond = uint16(min(s.Len, 5))
	case 11:
		s.Ack = s.Ack.Add(r.IntN(5) - 2)
	case 12:
		s.Seq = s.Seq.Add(r.IntN(5) - 2)
	case 13: // into the whole of the window
		s.Flags |= tcp.FIN * tcp.Flags(r.IntN(2))
		s.Len = min(3000, max(0, f.acked[1-from].Add(int(f.window[1-from])<<(r.IntN(2)*3)).Sub(s.Seq)))
	case 14:
		s.Len = 1
	case 15:
		s.Flags |= tcp.SYN
	case 16:
		s.Options.Has |= tcp.HasFastOpen
		s.Options.Cookie = 8
	case 17:
		s.Flags &^= tcp.ACK
	case 18: // the port again
		f.step, f.again = -1, true
	case 19:
		s.Dir = s.Dir.Other()
	case 20:
		s.Ack++
	}
	s.IPLen = 40 + s.Len
	f.seq[from] = s.End()
	f.acked[from] = s.Ack
	f.last = s
	if f.step++; f.step > 3 && r.IntN(60) == 0 {
		f.step = 0
	}
	return s
}
