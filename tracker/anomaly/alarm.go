package anomaly

import (
	"math"

	"github.com/tcptrack/tcptrack/tracker"
)

// Alarm is a moment that a judge asked to be woken at. The states may have moved on since: judges that ask for one
// keep what they need.
type Alarm struct {
	At   int64
	Conn uint64
	Side tracker.Side
	What uint8 // the judge's own
}

// alarm is an Alarm and whom it wakes.
type alarm struct {
	Alarm
	seat uint8
}

// alarms is a heap by time: that of container/heap, without its boxes.
type alarms []alarm

// never is a time that does not come.
const never = math.MaxInt64

// next is when the first rings, or never.
func (h alarms) next() int64 {
	if len(h) == 0 {
		return never
	}
	return h[0].At
}

func (h *alarms) push(a alarm) {
	*h = append(*h, a)
	s := *h
	i := len(s) - 1
	for i > 0 {
		up := (i - 1) / 2
		if a.At >= s[up].At {
			break
		}
		s[i] = s[up]
		i = up
	}
	s[i] = a
}

// pop takes out the first; there must be one.
func (h *alarms) pop() alarm {
	s := *h
	first, a := s[0], s[len(s)-1]
	s = s[:len(s)-1]
	*h = s
	i := 0
	for {
		down := 2*i + 1
		if down >= len(s) {
			break
		}
		if right := down + 1; right < len(s) && s[right].At < s[down].At {
			down = right
		}
		if s[down].At >= a.At {
			break
		}
		s[i] = s[down]
		i = down
	}
	if len(s) > 0 {
		s[i] = a
	}
	return first
}
