package tui

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// drawing is the connection in focus as a ladder, of its latest packets, as far as they are in memory.
type drawing struct {
	conn   uint64
	packet uint64 // the latest when it was made
	*ladder.Drawing
}

// Bounds on a ladder: more rows than any screen is high, more points than it is wide.
const (
	ladderRows   = 200
	ladderPoints = 300
)

// learn makes the ladder anew if there is anything new.
func (l *drawing) learn(x *Detail) {
	if l.Drawing == nil || l.conn != x.Conn || l.packet != x.Packet || l.packet == 0 {
		l.conn, l.packet = x.Conn, x.Packet
		l.Drawing = climb(x)
	}
	for i := range x.Found {
		for _, n := range x.Found[i].Evidence {
			l.Evidence(n, x.Found[i].Code)
		}
	}
}

// climb makes a ladder.
func climb(x *Detail) *ladder.Drawing {
	d := ladder.New(ladder.Config{Conn: x.Conn, Head: 1, Tail: ladderRows, Points: ladderPoints})
	d.Between(x.Ends[tracker.Client].Endpoint, x.Ends[tracker.Server].Endpoint)
	move := func(e *Event) {
		d.Transition(&tracker.Transition{
			Conn: x.Conn, Packet: e.Packet, Time: e.Time, Side: e.Side, Client: d.Client, Server: d.Server, From: e.From, To: e.To.State, Basis: e.To.Basis, Possible: e.To.Possible,
		})
	}
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		first := Event{Side: side, From: x.Ends[side].State} // it has not moved as far as is remembered
		if i := slices.IndexFunc(x.Events, func(e Event) bool { return e.Side == side && e.Mark == ladder.Mark{} }); i >= 0 {
			first.From = x.Events[i].From
		}
		first.To = ladder.Claim{State: first.From, Basis: tracker.Proven, Possible: tcp.Set(first.From)}
		move(&first)
	}
	for i := range x.Events {
		if e := &x.Events[i]; e.Mark == (ladder.Mark{}) {
			move(e)
		} else {
			d.Mark(e.Packet, e.Mark)
		}
	}
	if x.Segments != nil {
		segs := x.Segments()
		for i := range segs {
			d.Segment(&segs[i])
		}
	}
	return d
}

// The columns of the ladder.
const (
	numberWidth = 8
	timeWidth   = 10
	leastArrow  = 18
)

// draw draws the last rows that fit.
func (l *drawing) draw(m *Model, x *Detail, width, height int) []string {
	if height < 2 {
		return nil
	}
	states := width >= numberWidth+timeWidth+2*stateWidth+leastArrow+4
	arrow := width - numberWidth - timeWidth - 3
	head := pad("packet", numberWidth, true) + pad("time", timeWidth, true) + "  "
	if states {
		arrow -= 2 * (stateWidth + 1)
		head += pad("client", stateWidth+1+arrow, false) + " server"
	} else {
		head += pad("client", arrow-6, false) + "server"
	}
	lines := []string{m.line(width, 0, span{head, bold})}
	var rows []ladder.Row
	if l.Drawing != nil {
		rows, _ = l.Rows()
	}
	if len(rows) == 0 {
		return append(lines, m.line(width, 0, span{" No packet of it is in memory.", 0}))
	}
	for i := range rows[max(len(rows)-height+1, 0):] {
		r := &rows[max(len(rows)-height+1, 0)+i]
		number, star, look := "", "", looks(0)
		if r.Kind == ladder.Packet {
			number = fmt.Sprint(r.Last)
		}
		if len(r.Evidence) > 0 {
			star, look = "*", bold
		}
		text := pad(star+number, numberWidth, true) + pad(output.Span(r.End-x.Start), timeWidth, true) + "  "
		switch {
		case r.Kind == ladder.Fold:
			text += "⋮ " + r.Text()
		case r.Kind != ladder.Packet:
			text += "· " + r.Text()
		case states:
			text += pad(r.Claims[tracker.Client].String(), stateWidth+1, false) + arrowOf(r.Label, r.From, arrow) + " " + r.Claims[tracker.Server].String()
		default:
			text += arrowOf(r.Label, r.From, arrow)
		}
		lines = append(lines, m.line(width, 0, span{text, look}))
	}
	return lines
}

// arrowOf draws an arrow with a label in it.
func arrowOf(label string, from tracker.Side, width int) string {
	label = cut(label, width-6)
	line := strings.Repeat("─", max(width-utf8.RuneCountInString(label)-5, 0))
	if from == tracker.Client {
		return "── " + label + " " + line + "▶"
	}
	return "◀─ " + label + " " + line + "─"
}

// plot draws the reader's window and what the other end has in flight, each so many lines high, up to now.
func (l *drawing) plot(m *Model, x *Detail, width, height int) []string {
	const label = 8
	if l.Drawing == nil || len(l.Points()) == 0 || height < 4 || width < label+10 {
		return nil
	}
	end := max(x.Now, l.Last)
	if x.Retired {
		end = l.Last
	}
	windows, flights := columnsOf(l.Points(), l.Start, end, width-label, x.Reader)
	unit := ""
	if !l.Scaled() {
		unit = ", unscaled" // its SYN is not in memory
	}
	lines := []string{m.line(width, 0, span{fmt.Sprintf("%s's window%s, %s up to now", x.Reader, unit, output.Span(end-l.Start)), bold})}
	lines = append(lines, chart(m, windows, width, label, (height-2)/2, true)...)
	lines = append(lines, m.line(width, 0, span{fmt.Sprintf("%s's octets in flight", x.Reader.Other()), bold}))
	return append(lines, chart(m, flights, width, label, (height-2)/2, false)...)
}

// columnsOf are the windows of the reader and the flights of the other end in columns of equal time; -1 is not known. Where
// nothing came it is as before.
func columnsOf(points []ladder.Point, start, end int64, columns int, reader tracker.Side) (windows, flights []int) {
	writer := reader.Other()
	window, flight, next := -1, -1, 0
	for i := range columns {
		until := start + int64(float64(end-start)*float64(i+1)/float64(columns))
		least, most := window, flight
		for first := true; next < len(points) && (points[next].Time <= until || i == columns-1); next++ {
			p := &points[next]
			switch {
			case i == 0:
				least = max(least, p.Window[reader]) // so that a window that shuts soon is seen to have been open
			case first || p.Least[reader] < least:
				least = p.Least[reader]
			}
			window, flight, first = p.Window[reader], p.Flight[writer], false
			most = max(most, flight)
		}
		windows, flights = append(windows, least), append(flights, most)
	}
	return windows, flights
}

// chart draws values as bars, the largest named; where zero is marked, it shows as _. Below 0 is not known.
func chart(m *Model, values []int, width, label, height int, markZero bool) []string {
	top := max(slices.Max(values), 1)
	lines := make([]string, height)
	for row := range height {
		name := ""
		if row == 0 {
			name = output.Size(uint64(top))
		}
		if row == height-1 && height > 1 {
			name = "0"
		}
		var b strings.Builder
		b.WriteString(pad(name, label-2, true) + "┤ ")
		for _, v := range values {
			eighths := v*height*8/top - (height-1-row)*8
			if v > 0 && row == height-1 {
				eighths = max(eighths, 1)
			}
			switch {
			case v == 0 && row == height-1 && markZero:
				b.WriteByte('_')
			case v <= 0 || eighths <= 0:
				b.WriteByte(' ')
			default:
				b.WriteRune(bars[min(eighths, 8)])
			}
		}
		lines[row] = m.line(width, 0, span{b.String(), 0})
	}
	return lines
}
