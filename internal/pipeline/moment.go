package pipeline

import (
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Moment is a point of the capture: behind the packet of that number, or, if that is 0, behind the last packet that is
// stamped Time or earlier. One that lies beyond the capture never comes.
type Moment struct {
	Packet uint64
	Time   int64 // capture nanoseconds since 1970 UTC
	Since  bool  // Time is since the capture's first packet
}

// moment is a Moment that has not come, with its place in Config.Moments.
type moment struct {
	Moment
	i int
}

func momentsOf(list []Moment) (all []moment) {
	for i, m := range list {
		all = append(all, moment{m, i})
	}
	return all
}

// observe tracks segments, and stops on the way at the moments that lie between them.
func (r *run) observe(segs []tcp.Segment) {
	for i := 0; len(r.moments) > 0 && i < len(segs); {
		s := &segs[i]
		k := slices.IndexFunc(r.moments, func(m moment) bool { return r.before(m, s) })
		if k < 0 {
			i++
			continue
		}
		r.tracker.Observe(segs[:i])
		segs, i = segs[i:], 0
		r.stop(k)
	}
	r.tracker.Observe(segs)
}

// before says that the moment lies before the segment.
func (r *run) before(m moment, s *tcp.Segment) bool {
	if m.Packet > 0 {
		return m.Packet < s.Number
	}
	return r.when(m) < s.Time
}

// when is the time of a moment that has one; the capture has begun.
func (r *run) when(m moment) int64 {
	if m.Since {
		return r.stats.First + m.Time
	}
	return m.Time
}

// stop lets look at a moment that has come.
func (r *run) stop(k int) {
	m := r.moments[k]
	r.moments = slices.Delete(r.moments, k, k+1)
	if m.Packet == 0 {
		r.tracker.Advance(r.when(m))
	}
	r.cfg.At(m.i, r.tracker.Living())
}

// lastMoments are those at the capture's very end.
func (r *run) lastMoments() {
	for k := 0; k < len(r.moments); {
		m := r.moments[k]
		if m.Packet > 0 && m.Packet <= r.stats.Packets || m.Packet == 0 && r.stats.Packets > 0 && r.when(m) <= r.stats.Last {
			r.stop(k)
		} else {
			k++
		}
	}
}
