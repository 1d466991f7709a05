package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Moment is a point of the capture: behind the packet of that number, or, if that is 0, behind the last packet that is
// stamped Time or earlier. One that lies beyond the capture never comes.
type Moment struct {
	End    bool // behind the capture's last packet, wherever that is; the rest means nothing
	Packet uint64
	Time   int64 // capture nanoseconds since 1970 UTC
	Since  bool  // Time is since the capture's first packet
	Every  int64 // of one with a Time, nanoseconds after which it comes again; 0: it comes once
}

// Silence is how many moments in a row a Moment that comes again comes to while no packet does; where there would be more,
// only the last of them comes. Times of packets can lie decades apart.
const Silence = 1000

// MomentForms says how a moment is written.
const MomentForms = `a time since the first packet, as 8.0s; a packet, as "#902"; a time, as 2026-11-22T06:43:29Z`

// ParseMoment reads a moment: 8.0s, #902 or 2026-11-22T06:43:29Z.
func ParseMoment(text string) (Moment, error) {
	if number, ok := strings.CutPrefix(text, "#"); ok {
		if packet, err := strconv.ParseUint(number, 10, 64); err == nil && packet > 0 {
			return Moment{Packet: packet}, nil
		}
	}
	if d, err := time.ParseDuration(strings.ReplaceAll(text, " ", "")); err == nil && d >= 0 {
		return Moment{Time: int64(d), Since: true}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return Moment{Time: at.UnixNano()}, nil
	}
	return Moment{}, fmt.Errorf("%q is no moment", text)
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
		r.stop(k, s.Time)
	}
	r.tracker.Observe(segs)
}

// before says that the moment lies before the segment.
func (r *run) before(m moment, s *tcp.Segment) bool {
	if m.End {
		return false
	}
	if m.Packet > 0 {
		return m.Packet < s.Number
	}
	return r.when(m) < s.Time
}

// timed says that it has a time.
func (m *Moment) timed() bool { return m.Packet == 0 && !m.End }

// when is the time of a moment that has one; the capture has begun.
func (r *run) when(m moment) int64 {
	if m.Since {
		return r.stats.First + m.Time
	}
	return m.Time
}

// stop lets look at a moment that has come; nothing more is captured until the time that is told.
func (r *run) stop(k int, until int64) {
	m := r.moments[k]
	switch {
	case m.End:
		r.tracker.Advance(r.stats.Last)
	case m.timed():
		r.tracker.Advance(r.when(m))
	}
	if m.Every > 0 && m.timed() && r.when(m) <= math.MaxInt64-m.Every {
		next := &r.moments[k]
		next.Time += m.Every
		if silent := (until - r.when(*next)) / m.Every; silent > Silence {
			next.Time += silent * m.Every
		}
	} else {
		r.moments = slices.Delete(r.moments, k, k+1)
	}
	r.cfg.At(m.i, r.tracker.Now(), r.tracker.Living())
}

// pass stops at the moments that have come by now, at which a live source has nothing.
func (r *run) pass(now int64) {
	for k := 0; k < len(r.moments); {
		if m := r.moments[k]; m.timed() && (!m.Since || r.stats.Packets > 0) && r.when(m) <= now {
			r.stop(k, now)
			k = 0 // it may be gone, or to come again
		} else {
			k++
		}
	}
}

// lastMoments are those at the capture's very end.
func (r *run) lastMoments() {
	if r.stats.Packets == 0 {
		return
	}
	r.pass(r.stats.Last)
	for k := 0; k < len(r.moments); {
		if m := r.moments[k]; m.End || m.Packet > 0 && m.Packet <= r.stats.Packets {
			r.stop(k, r.stats.Last)
		} else {
			k++
		}
	}
}
