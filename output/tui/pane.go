package tui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// wide is how wide the pane is, at least, for plot and reasons to stand beside the ladder.
	wide = 110
	// plotHeight is how high the plot is where it stands below other things, plotLeast how high the pane is then at least.
	plotHeight = 6
	plotLeast  = 16
)

// pane draws the connection in focus closely.
func (m *Model) pane(height int) []string {
	x, c := m.snap.Detail, m.chosen()
	if c == nil {
		return nil
	}
	if x == nil || x.Conn != c.Conn {
		return []string{m.rule(fmt.Sprintf(" %d … ", c.Conn))}
	}
	head := fmt.Sprintf(" %d  %s > %s ", x.Conn, x.Ends[tracker.Client].Endpoint, x.Ends[tracker.Server].Endpoint)
	lines := []string{m.rule(head)}
	if m.width >= wide {
		return append(lines, m.beside(x, height-1)...)
	}
	why := m.why(x, m.width)
	rest := height - 1
	plot := 0
	if rest >= plotLeast {
		plot = plotHeight
	}
	// The ladder has a third of the room at least; of the reasons, the first come first.
	most := max(rest-plot-max(rest/3, 4), 2)
	if len(why) > most {
		why = append(why[:most-1:most-1], " …")
	}
	lines = append(lines, why...)
	rest -= len(why)
	if plot > 0 {
		drawn := m.ladder.plot(m, x, m.width-1, plot)
		lines = append(lines, drawn...)
		rest -= len(drawn)
	}
	return append(lines, m.ladder.draw(m, x, m.width, rest)...)
}

// beside draws the ladder at the left, plot and reasons at the right.
func (m *Model) beside(x *Detail, height int) []string {
	left := m.width * 6 / 10
	right := m.width - left - 3
	plot := min(max(height/2, plotHeight), 10)
	if height < plot+4 {
		plot = 0
	}
	a := m.ladder.draw(m, x, left, height)
	b := m.why(x, right)
	if room := height - plot; len(b) > room {
		b = append(b[:max(room-1, 0):max(room-1, 0)], " …")
	}
	if plot > 0 {
		b = append(b, m.ladder.plot(m, x, right, plot)...)
	}
	lines := make([]string, height)
	for i := range lines {
		var l, r string
		if i < len(a) {
			l = a[i]
		}
		if i < len(b) {
			r = b[i]
		}
		lines[i] = strings.TrimRight(l+strings.Repeat(" ", max(left-visible(l), 0))+" │ "+r, " ")
	}
	return lines
}

// visible counts the columns of a painted line.
func visible(s string) (n int) {
	for {
		before, rest, found := strings.Cut(s, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !found {
			return n
		}
		_, s, _ = strings.Cut(rest, "m")
	}
}

// why is what was found, then what is claimed of both ends.
func (m *Model) why(x *Detail, width int) (lines []string) {
	for i := range x.Found {
		f := &x.Found[i]
		text := f.said()
		if f.stands() == 0 {
			text += "; over after " + output.Span(f.lasted(x.Now))
		} else {
			text += "; stands for " + output.Span(f.lasted(x.Now))
		}
		if e := f.evidence(); e != "" {
			text += " (* " + e + ")"
		}
		lines = append(lines, m.wrapped(width, " "+mark[f.Severity]+" ", text)...)
	}
	if len(x.Found) == 0 {
		lines = append(lines, m.wrapped(width, " ", "Nothing was found on it.")...)
	}
	for side, e := range [...]*tracker.End{&x.Line.Client, &x.Line.Server} {
		lines = append(lines, m.wrapped(width, " "+tracker.Side(side).String()+" ", claim(e))...)
	}
	return append(lines, m.wrapped(width, " ", counts(&x.Line))...)
}

// claim is what is claimed of an end, and what else it may be.
func claim(e *tracker.End) string {
	text := e.State.String() + ", " + e.Basis.String()
	if others := e.Possible.Without(e.State); others != 0 {
		text += "; it may be " + strings.ReplaceAll(others.String(), "|", " or ")
	}
	if e.ShutSince != 0 {
		text += "; its window is shut"
	}
	return text
}

// counts is what both ends have sent.
func counts(c *tracker.Connection) string {
	var parts []string
	for side, e := range [...]*tracker.End{&c.Client, &c.Server} {
		text := fmt.Sprintf("%s sent %s, %s octets", tracker.Side(side), output.Count(e.Packets, "segment"), output.Size(e.PayloadBytes))
		if e.Retransmissions > 0 {
			text += fmt.Sprintf(", %d again", e.Retransmissions)
		}
		if e.Probes > 0 {
			text += ", " + output.Count(e.Probes, "probe")
		}
		if e.RTT.N > 0 {
			text += ", RTT " + trip(e.RTT.Mean)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// trip spells a round trip, to a tenth of a millisecond where that matters.
func trip(ns int64) string {
	if ns < 10e6 {
		return fmt.Sprintf("%.1f ms", float64(ns)/1e6)
	}
	return output.Span(ns)
}
