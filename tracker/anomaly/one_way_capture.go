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
	note    Note
	counted bool
}

type oneWayCapture struct {
	limit, n int
	known    map[uint64]*silent
}

func (j *oneWayCapture) Fact(b *Bench, f *tracker.Fact) {
	conn := f.Conn.First()
	s := j.known[conn]
	switch {
	case f.Kind == tracker.Ended:
		if s != nil && !s.counted && !f.Conn.End(s.note.side).Seen() {
			j.count(b, s, f.Time, f.Packet)
		}
		delete(j.known, conn)
	case s == nil && !f.Conn.End(f.Side).Seen() && b.room(len(j.known), maxKept):
		j.known[conn] = &silent{conn: f.Conn.Hold(), note: b.note(f, 0)}
		b.Follow(f.Conn)
		b.WakeAt(Alarm{At: f.Time + nsPerSecond, Conn: conn})
	}
}

// Wake looks again when the silent side would have been captured, had the capture only begun late.
func (j *oneWayCapture) Wake(b *Bench, a Alarm) {
	s := j.known[a.Conn]
	if s == nil || s.counted {
		return
	}
	if v, ok := s.conn.View(); !ok || v.End(s.note.side).Seen() {
		delete(j.known, a.Conn)
		return
	}
	j.count(b, s, b.Now(), b.packet)
}

func (j *oneWayCapture) count(b *Bench, s *silent, now int64, packet uint64) {
	s.counted = true
	n := s.note
	n.evidence, n.at, n.packet = n.packet, now, packet
	b.send(&n)
}

func (j *oneWayCapture) Note(b *Bench, n *Note) {
	j.n++
	if j.n < j.limit {
		return
	}
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(n.evidence)
	if j.n == j.limit || bits.OnesCount(uint(j.n)) == 1 {
		x.Summary = fmt.Sprintf("of %d connections so far only one side is captured, though the other has answered", j.n)
		b.Tell(x)
	}
}
