package story

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Rung is one row of the ladder, for who draws it: a packet that decides, or, without Label, a Text about several.
type Rung struct {
	Packet         uint64
	Time           int64 // nanoseconds since 1970 UTC
	From           tracker.Side
	Label          string
	Text           string
	Client, Server tracker.State // after it
}

// Rungs are the rows of the ladder in order, and how many more there would be.
func (l *Life) Rungs() (rows []Rung, more int) {
	for i := range l.ladder.rows {
		r := &l.ladder.rows[i]
		x := Rung{Packet: r.number, Time: r.time, From: r.from, Client: r.are[tracker.Client], Server: r.are[tracker.Server]}
		switch {
		case r.folded > 0:
			x.Text = r.foldText()
		case r.label == "":
			x.Text = r.runText()
		default:
			x.Label = r.label
		}
		rows = append(rows, x)
	}
	return rows, l.ladder.over
}

// Points are over how many spans of a connection's life its windows and flights are told: more than a screen is wide.
const Points = 800

// Point is what was announced and in flight at the end of a span in which anything came: the smallest window and the
// largest flight of it, by side, in octets; -1 where that is not known.
type Point struct {
	Time   int64 // nanoseconds since 1970 UTC, of the span's last packet
	Window [2]int
	Flight [2]int
}

// series follows windows and flights.
type series struct {
	points []Point
	span   int // of the last of them
	win    [2]int
	ends   [2]struct {
		scale     uint8
		scales    bool // its SYN offered to
		next, una tcp.Seq
		sent      bool // next is known
		acked     bool // una is
	}
	begun bool
}

// Series are the windows and flights over the connection's life.
func (l *Life) Series() []Point { return l.series.points }

// take adds a segment of the connection from that side.
func (x *series) take(l *Life, s *tcp.Segment, from tracker.Side) {
	if !x.begun {
		x.begun, x.win = true, [2]int{-1, -1}
	}
	e, peer := &x.ends[from], &x.ends[from.Other()]
	if s.Flags.Has(tcp.SYN) {
		e.scales, e.scale = s.Options.Has&tcp.HasWScale != 0, min(s.Options.WScale, 14)
		e.next, e.sent, e.acked = s.End(), true, false
	}
	if !e.sent || s.End().After(e.next) {
		e.next, e.sent = s.End(), true
	}
	if s.Flags.Has(tcp.ACK) && (!peer.acked || s.Ack.After(peer.una)) {
		peer.una, peer.acked = s.Ack, true
	}
	if !s.Flags.Has(tcp.RST) {
		x.win[from] = int(s.Window)
		if e.scales && peer.scales && !s.Flags.Has(tcp.SYN) {
			x.win[from] <<= e.scale
		}
	}
	now := Point{Time: s.Time, Window: x.win, Flight: [2]int{x.flight(0), x.flight(1)}}
	span := int(float64(s.Time-l.ends.Start) / float64(max(l.ends.Last-l.ends.Start, 1)) * (Points - 1))
	if n := len(x.points); n > 0 && span <= x.span {
		last := &x.points[n-1]
		for i := range now.Window {
			if last.Window[i] >= 0 {
				now.Window[i] = min(now.Window[i], last.Window[i])
			}
			now.Flight[i] = max(now.Flight[i], last.Flight[i])
		}
		*last = now
		return
	}
	x.points, x.span = append(x.points, now), span
}

// flight is what an end has sent and its peer has not acknowledged.
func (x *series) flight(i int) int {
	e := &x.ends[i]
	if !e.sent || !e.acked {
		return -1
	}
	return max(e.next.Sub(e.una), 0)
}
