package anomaly

import (
	"fmt"
	"math/bits"

	"github.com/tcptrack/tcptrack/tracker"
)

// OneWayCapture finds captures that hold one direction only.
var OneWayCapture = Rule{
	Code:      "one-way-capture",
	Title:     "only one direction of many connections is captured",
	Severity:  Info,
	Culprits:  "the capture",
	Evidence:  "connections of which one side only was captured, and whose packets show that the other had answered: acknowledgements that advance, or the end of a handshake",
	Threshold: "5 connections: one alone may be odd by itself",
	Cause:     "the answers take another way (asymmetric routing, a load balancer with direct server return), the mirror port copies one direction, or the filter names one ('src host')",
	Remedy:    "capture where both directions pass, or at the host itself; mirror both directions; filter by 'host' and 'port'. States of the silent side are presumed, from its peer's acknowledgements alone",
	NotWhen:   "a host that does not answer (syn-unanswered, keepalive-timeout)",
	RFC:       "9293 3.4",
	Absence:   true,
	Limits:    []Limit{{"connections", 5, "", "of which one side only was captured"}},
	Wakes:     tracker.Missed | tracker.Unheard | tracker.Ended,
	New: func(l Limits) Judge {
		return &oneWayCapture{limit: l.Count("connections"), known: map[uint64]*silent{}}
	},
}

// silent is a connection of which one side was not captured so far.
type silent struct {
	conn    tracker.Hold
	side    tracker.Side
	packet  uint64
	counted bool
}

type oneWayCapture struct {
	limit, n int
	known    map[uint64]*silent
}

func (j *oneWayCapture) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	s := j.known[num]
	switch {
	case f.Kind == tracker.Ended:
		if s != nil && !s.counted && !f.Conn.End(s.side).Seen() {
			j.count(b, s, num)
		}
		delete(j.known, num)
	case s == nil && !f.Conn.End(f.Side).Seen() && len(j.known) < maxKept:
		j.known[num] = &silent{conn: f.Conn.Hold(), side: f.Side, packet: f.Packet}
		b.Follow(f.Conn)
		b.WakeAt(Alarm{At: f.Time + nsPerSecond, Conn: num})
	}
}

// Wake looks again when the silent side would have been captured, had the capture only begun late.
func (j *oneWayCapture) Wake(b *Bench, a Alarm) {
	s := j.known[a.Conn]
	if s == nil || s.counted {
		return
	}
	if v, ok := s.conn.View(); !ok || v.End(s.side).Seen() {
		delete(j.known, a.Conn)
		return
	}
	j.count(b, s, a.Conn)
}

func (j *oneWayCapture) count(b *Bench, s *silent, num uint64) {
	s.counted = true
	j.n++
	if j.n < j.limit {
		return
	}
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(s.packet)
	if j.n == j.limit || bits.OnesCount(uint(j.n)) == 1 {
		x.Summary = fmt.Sprintf("of %d connections so far only one side is captured, though the other has answered", j.n)
		b.Tell(x)
	}
}
