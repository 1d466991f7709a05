package draw

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// Timeline appends what each end was taken to be, then its window and what it has in flight, over time from left to right.
func Timeline(b *bytes.Buffer, d *ladder.Drawing, style Style) {
	style.Width = max(style.Width, MinWidth)
	const margin = 8
	t := &timeline{Style: style, glyphs: style.glyphs(), d: d, cols: style.Width - margin}
	b.Write(output.Wrap(nil, fmt.Sprintf("%s s from left to right; a column is %s", seconds(d.Last-d.Start), output.Span((d.Last-d.Start)/int64(t.cols))), style.Width, "  "))
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		fmt.Fprintf(b, "%-*s%s\n", margin, side, strings.TrimRight(t.states(side), " "))
	}
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		windows, most := t.columns(func(p *ladder.Point) (int, bool) { return p.Least[side], false })
		text := fmt.Sprintf("window of the %s, at most %s", side, output.Count(uint64(most), "octet"))
		if shut, still := ShutFor(d, side); shut > 0 {
			text += "; SHUT (0 below) for " + output.Span(shut)
			if still {
				text += " at the end"
			}
		}
		b.Write(output.Wrap(nil, text, style.Width, "  "))
		fmt.Fprintf(b, "%*s%s\n", margin, "", strings.TrimRight(t.heights(windows, most, t.shutIn(side)), " "))
		flights, most := t.columns(func(p *ladder.Point) (int, bool) { return p.Flight[side.Other()], true })
		b.Write(output.Wrap(nil, fmt.Sprintf("what the %s has in flight to it, at most %s", side.Other(), output.Count(uint64(most), "octet")), style.Width, "  "))
		fmt.Fprintf(b, "%*s%s\n", margin, "", strings.TrimRight(t.heights(flights, most, nil), " "))
	}
}

// ShutFor is for how long a side's window was shut in all, and whether it is when the connection was heard last.
func ShutFor(d *ladder.Drawing, side tracker.Side) (ns int64, still bool) {
	for _, s := range d.Shut(side) {
		until := s.Until
		if until == 0 {
			until, still = d.Last, true
		}
		ns += max(until-s.Since, 0)
	}
	return ns, still
}

// timeline is one under way.
type timeline struct {
	Style
	glyphs
	d    *ladder.Drawing
	cols int
}

// at is the column of a moment.
func (t *timeline) at(ns int64) int {
	life := max(t.d.Last-t.d.Start, 1)
	return min(max(int(float64(ns-t.d.Start)/float64(life)*float64(t.cols)), 0), t.cols-1)
}

// states draws what an end was taken to be: a bar for each state with its name, if that fits.
func (t *timeline) states(side tracker.Side) string {
	line := []rune(strings.Repeat(" ", t.cols))
	spans := t.d.States(side)
	for i := range spans {
		from, until := t.at(spans[i].From), t.cols
		if i+1 < len(spans) {
			until = t.at(spans[i+1].From)
		}
		if until <= from {
			continue
		}
		for k := from; k < until; k++ {
			line[k] = []rune(t.line)[0]
		}
		line[from] = '|'
		for k, letter := range []rune(cut(Wording(spans[i].Claim), until-from-1, t.cut)) {
			if from+1+k < until {
				line[from+1+k] = letter
			}
		}
	}
	return string(line)
}

// Wording spells a claim with what else is possible: ESTABLISHED or FIN_WAIT1.
func Wording(c ladder.Claim) string {
	rest := c.Possible.Without(c.State)
	if rest.Len() == 0 || rest.Len() > 2 || c.State == tracker.Unknown {
		return c.String()
	}
	text := c.State.String()
	for s := range rest.All() {
		text += " or " + s.String()
	}
	return text
}

// columns are a value for each column: the largest or the smallest of the points in it, or what the one before ended with;
// -1 where nothing is known.
func (t *timeline) columns(of func(*ladder.Point) (value int, largest bool)) (values []int, most int) {
	values = make([]int, t.cols)
	for i := range values {
		values[i] = math.MinInt
	}
	points := t.d.Points()
	for i := range points {
		v, largest := of(&points[i])
		most = max(most, v)
		at := &values[t.at(points[i].Time)]
		if *at == math.MinInt || largest && v > *at || !largest && v >= 0 && v < *at {
			*at = v
		}
	}
	before := -1
	for i, v := range values {
		if v == math.MinInt {
			values[i] = before
		} else {
			before = v
		}
	}
	return values, most
}

// shutIn are the columns in which a side's window was shut.
func (t *timeline) shutIn(side tracker.Side) []bool {
	in := make([]bool, t.cols)
	for _, s := range t.d.Shut(side) {
		until := s.Until
		if until == 0 {
			until = t.d.Last
		}
		for i := t.at(s.Since); i <= t.at(until); i++ {
			in[i] = true
		}
	}
	return in
}

// heights draws values as columns of eight heights, 0 where the window is shut.
func (t *timeline) heights(values []int, most int, shut []bool) string {
	steps := []rune(t.open)
	var line strings.Builder
	for i, v := range values {
		switch {
		case shut != nil && shut[i]:
			line.WriteString(t.shut)
		case v <= 0 || most == 0:
			line.WriteRune(' ')
		default:
			line.WriteRune(steps[1+min(v*(len(steps)-1)/(most+1), len(steps)-2)])
		}
	}
	text := line.String()
	if !t.Color || !strings.Contains(text, t.shut) {
		return text
	}
	first, last := strings.Index(text, t.shut), strings.LastIndex(text, t.shut)
	if strings.Count(text, t.shut) == utf8.RuneCountInString(text[first:last+1]) {
		return text[:first] + t.red(text[first:last+1]) + text[last+1:]
	}
	return strings.ReplaceAll(text, t.shut, t.red(t.shut))
}
