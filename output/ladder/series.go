package ladder

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Point is what was announced and in flight in a span of time in which something came; by side, client first, in octets,
// -1 where that is not known.
type Point struct {
	Time   int64  // of the span's last packet
	Window [2]int // announced last
	Least  [2]int // the smallest of the span
	Flight [2]int // the largest of the span: sent by that side, not acknowledged by the other
}

// series follows windows and flights. It holds up to twice as many points as asked for, then halves them: neighbours become
// one, that keeps the extremes of both.
type series struct {
	points []Point
	most   int
	span   int64 // nanoseconds that are one point
	win    [2]int
	ends   [2]halfway
}

// halfway is what one side has sent, as far as numbers and windows go.
type halfway struct {
	scale     uint8
	scales    bool // its SYN offered to
	next, una tcp.Seq
	sent      bool // next is known
	acked     bool // una is
	opened    bool // its SYN was seen
}

func newSeries(most int) series { return series{most: most, win: [2]int{-1, -1}} }

// Points are windows and flights over the time told so far: at most twice Config.Points. They are valid until the next
// Segment.
func (d *Drawing) Points() []Point { return d.series.points }

// Scaled says that the windows are told as their ends mean them: the handshake, which says how they are scaled, was seen.
func (d *Drawing) Scaled() bool { return d.series.ends[0].opened && d.series.ends[1].opened }

// take adds a segment from that side.
func (x *series) take(s *tcp.Segment, from tracker.Side) {
	e, peer := &x.ends[from], &x.ends[from.Other()]
	if s.Flags.Has(tcp.SYN) {
		*e = halfway{opened: true, scales: s.Options.Has&tcp.HasWScale != 0, scale: min(s.Options.WScale, 14), next: s.End(), sent: true}
	}
	if !e.sent || s.End().After(e.next) {
		e.next, e.sent = s.End(), true
	}
	if s.Flags.Has(tcp.ACK) && (!peer.acked || s.Ack.After(peer.una)) {
		peer.una, peer.acked = s.Ack, true
	}
	if win := x.window(s, from); win >= 0 {
		x.win[from] = win
	}
	if x.most > 0 {
		x.add(Point{Time: s.Time, Window: x.win, Least: x.win, Flight: [2]int{x.ends[0].flight(), x.ends[1].flight()}})
	}
}

// window is what a segment announces, scaled where both SYNs offered to (RFC 7323 2.2); a RST announces nothing.
func (x *series) window(s *tcp.Segment, from tracker.Side) int {
	switch {
	case s.Flags.Has(tcp.RST):
		return -1
	case x.ends[0].scales && x.ends[1].scales && !s.Flags.Has(tcp.SYN):
		return int(s.Window) << x.ends[from].scale
	}
	return int(s.Window)
}

// flight is what an end has sent and its peer has not acknowledged.
func (e *halfway) flight() int {
	if !e.sent || !e.acked {
		return -1
	}
	return max(e.next.Sub(e.una), 0)
}

// add adds a point, to the last one if that is of the same span.
func (x *series) add(p Point) {
	if n := len(x.points); n > 0 && x.span > 0 && p.Time/x.span == x.points[n-1].Time/x.span {
		x.points[n-1].join(&p)
		return
	}
	if x.points = append(x.points, p); len(x.points) >= 2*x.most {
		x.halve()
	}
}

// halve lengthens the spans until there are at most half as many points.
func (x *series) halve() {
	life := x.points[len(x.points)-1].Time - x.points[0].Time
	x.span = max(2*x.span, life/int64(x.most)+1)
	kept := x.points[:1]
	for _, p := range x.points[1:] {
		if last := &kept[len(kept)-1]; p.Time/x.span == last.Time/x.span {
			last.join(&p)
		} else {
			kept = append(kept, p)
		}
	}
	x.points = kept
}

// join takes in a later point.
func (p *Point) join(later *Point) {
	p.Time, p.Window = max(p.Time, later.Time), later.Window
	for i := range p.Least {
		if p.Least[i] < 0 || later.Least[i] >= 0 && later.Least[i] < p.Least[i] {
			p.Least[i] = later.Least[i]
		}
		p.Flight[i] = max(p.Flight[i], later.Flight[i])
	}
}

// Span is a time for which an end was taken to be the same.
type Span struct {
	From int64
	Claim
	Why string
}

// maxSpans bounds what is kept of each end.
const maxSpans = 1000

// States are what an end was taken to be, in order, each until the next; the last until the end of what was told.
func (d *Drawing) States(side tracker.Side) []Span { return d.spans[side] }

func (d *Drawing) span(t *tracker.Transition, to Claim) {
	list := &d.spans[t.Side]
	if n := len(*list); n > 0 && (*list)[n-1].Claim == to {
		return
	}
	if len(*list) == maxSpans {
		d.Lost++
		return
	}
	*list = append(*list, Span{t.Time, to, t.Why})
}

// Stretch is a time for which a window was shut, or too small to send into; Until is 0 while it is.
type Stretch struct{ Since, Until int64 }

// Shut are the times for which the window of a side was shut, in order.
func (d *Drawing) Shut(side tracker.Side) []Stretch { return d.shut[side] }

func (d *Drawing) shuts(side tracker.Side, at int64) {
	list := &d.shut[side]
	if n := len(*list); n > 0 && (*list)[n-1].Until == 0 {
		return
	}
	if len(*list) == maxSpans {
		d.Lost++
		return
	}
	*list = append(*list, Stretch{Since: at})
}

func (d *Drawing) opens(side tracker.Side, at int64) {
	if n := len(d.shut[side]); n > 0 && d.shut[side][n-1].Until == 0 {
		d.shut[side][n-1].Until = at
	}
}
