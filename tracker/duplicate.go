package tracker

import (
	"math/bits"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// A capture may hold a frame twice: a mirror port copies it as it comes in and as it goes out, or the capture runs on a
// bridge and on its port. Such a frame is one segment. The network's own duplicates look the same when both copies pass
// the tap within a millisecond, and are taken for the capture's: neither kind tells anything new.

// Copies remembers the latest frames of a capture by what they hold, at most one a place. The zero value has seen none.
type Copies struct {
	recent [recentFrames]frame

	// How many frames came twice, of the latest few thousand that take up sequence numbers: dup ACKs come as like twins by
	// right.
	again, seen uint32
}

// frame is one of them in half a hash and a clock that wraps after an hour: the table must leave room in the nearest
// cache.
type frame struct {
	holds uint32
	at    uint32 // ticks
}

// tick is what frames count time in: about a microsecond.
const tick = 10

const (
	// recentFrames holds what a saturated gigabit link shows in a millisecond.
	recentFrames = 1 << 11
	// together is how long after its first copy a frame's second comes at the most: a switch's queue.
	together = uint32(millisecond >> tick)
	// frameWindow is how many frames tell whether the capture holds most of them twice.
	frameWindow = 1 << 12
	// leastFrames is how many it takes to say so.
	leastFrames = 32
)

// Note takes in the next frame of the capture, whose time is then now, and says whether it looks like one before it.
func (f *Copies) Note(s *tcp.Segment, now int64) tcp.Copy {
	holds, at := holds(s), uint32(now>>tick)
	place := &f.recent[holds>>(64-11)]
	alike := place.holds == uint32(holds) && at-place.at <= together
	*place = frame{uint32(holds), at}
	if s.SegLen() > 0 {
		f.count(alike)
	}
	switch {
	case !alike:
		return tcp.CopyOfNone
	case f.doubled():
		return tcp.CopyAmongMany
	}
	return tcp.CopyAlone
}

// twice says that the capture holds the frame a second time: everything in it is the same, its IP ID too, and it comes
// within a millisecond. Where the sender's IDs do not tell segments apart (IPv6, 0, or always the same), it takes a
// capture in which more than a fifth of all frames come twice.
func (t *Tracker) twice(c *conn, snd *end, s *tcp.Segment) bool {
	if t.replays {
		return false
	}
	copied := s.Copy
	if t.cfg.Parts == 0 {
		copied = t.copies.Note(s, t.now)
	}
	if copied == tcp.CopyOfNone || snd.packets <= 1 {
		if s.IPID != 0 && s.IPID == snd.ipID {
			snd.flags |= fixedID
		}
		return false
	}
	return s.Flow.V6 == 0 && s.IPID != 0 && !snd.has(fixedID) || copied == tcp.CopyAmongMany
}

// holds mixes what tells a frame from others: TTL and VLAN do not, a router between the two places changes those. It has
// no seed, so that every run counts the same; who aims at one place hides only copies.
func holds(s *tcp.Segment) uint64 {
	const k, l = 0x9e3779b97f4a7c15, 0xe7037ed1a0b428db
	o := &s.Options
	hi, lo := bits.Mul64(k^(uint64(s.Seq)<<32|uint64(s.Ack)), l^(uint64(o.TSVal)<<32|uint64(s.Window)<<16|uint64(s.IPID)))
	v := uint64(o.TSEcr)<<32 | uint64(s.Len)&0xffff<<16 | uint64(o.NSACK)<<12 | uint64(s.Flags)<<1 | uint64(s.Dir)
	if o.NSACK > 0 {
		v += l * (uint64(o.SACK[0].Lo)<<32 | uint64(o.SACK[0].Hi) ^ uint64(o.SACK[1].Hi)<<16)
	}
	flow := s.Flow.A.Lo ^ s.Flow.B.Lo<<16 ^ uint64(s.Flow.PortA)<<48 ^ uint64(s.Flow.PortB)<<32
	hi, lo = bits.Mul64(l^hi^lo^flow, k^v)
	return hi ^ lo
}

func (f *Copies) count(again bool) {
	if f.seen == frameWindow {
		f.seen, f.again = f.seen/2, f.again/2
	}
	f.seen++
	if again {
		f.again++
	}
}

// doubled says that most frames come twice, or enough of them to believe it of any.
func (f *Copies) doubled() bool { return f.seen >= leastFrames && f.again*5 > f.seen }
