package text

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// boardColumns are the columns of the frame.
var boardColumns = slices.Concat(columns[:serverState+1], []column{
	{"AGE", true, 1, func(r *row) string { return output.Span(r.conn.Now - r.conn.Start) }},
	{"IDLE", true, 3, func(r *row) string { return output.Span(r.conn.Now - r.conn.Last) }},
	{"BYTES/S", true, 2, func(r *row) string { return output.Size(r.rate) }},
	{"RETR", true, 4, func(r *row) string { return output.Size(r.conn.Client.Retransmissions + r.conn.Server.Retransmissions) }},
})

// v4Width is what an IPv4 address and a port take; longer addresses are shortened before a column is left out.
const v4Width = len("255.255.255.255:65535")

// maxCrowds bounds the findings about populations above the table.
const maxCrowds = 3

// Frame draws the latest look into at most height lines of at most width columns, and sets the width of the lines that
// scroll. What a finding says is cut short where there is no room for all of it: it has been told in whole when it
// came.
func (b *Board) Frame(width, height int) []string {
	b.table.style.Width = width
	style := Style{Width: width, Color: b.table.style.Color}
	lines := b.head(style)
	if room := height - len(lines) - 2; room > 0 && len(b.rows) > 0 { // without heads and what is not shown
		lines = append(lines, b.body(style, b.rows[:min(room, len(b.rows))], room)...)
	}
	if more := b.stats.Live - b.stats.HalfOpen - b.shown; more > 0 {
		rest := fmt.Sprintf("… %s not shown", output.Count(uint64(more), "more connection"))
		if len(b.bad) > b.shownBad {
			rest += fmt.Sprintf(", %d of them with findings", len(b.bad)-b.shownBad)
		}
		lines = append(lines, rest)
	}
	lines = lines[:min(len(lines), height)]
	for i := range lines {
		lines[i] = clip(lines[i], width)
	}
	return lines
}

// head is what the capture does, how many connections there are, and what is wrong with more than one of them.
func (b *Board) head(style Style) []string {
	b.shown, b.shownBad = 0, 0
	if len(b.gauges) == 0 {
		return nil
	}
	first, now := b.gauges[0], b.gauges[len(b.gauges)-1]
	perSecond := func(n uint64) string {
		return output.Size(n * 1e3 / uint64(max(now.Now-first.Now, 1e9)/1e6))
	}
	lost := strconv.FormatUint(now.Dropped, 10)
	if now.Freezes > 0 {
		lost += fmt.Sprintf(" (ring full %s)", output.Count(now.Freezes, "time"))
	}
	meters := fmt.Sprintf("── %s  %s  %s packets/s  dropped %s  %s new connections/s ", now.Source, output.Span(now.Now-now.Start),
		perSecond(now.Packets-first.Packets), lost, perSecond(now.begun-first.begun))
	meters += strings.Repeat("─", max(style.Width-utf8.RuneCountInString(meters), 0))
	color := ""
	if now.Dropped > 0 {
		color = colors[warning]
	}
	lines := []string{paint(style.Color, color, meters)}

	counts := output.Count(uint64(b.stats.Live), "connection")
	for _, c := range []struct {
		n    uint64
		what string
	}{{uint64(b.stats.HalfOpen), "half open"}, {b.table.hidden, "ended in health"}, {b.stats.Evicted, "evicted"}} {
		if c.n > 0 {
			counts += fmt.Sprintf(", %d %s", c.n, c.what)
		}
	}
	lines = append(lines, counts+"; "+b.openFindings())

	crowds := b.table.found.crowds()
	crowds = slices.DeleteFunc(slices.Clone(crowds), func(f finding) bool { return !troubles(f) })
	for i, f := range crowds {
		if i == maxCrowds {
			lines = append(lines, fmt.Sprintf("… %s about hosts and listeners", output.Count(uint64(len(crowds)-i), "more finding")))
			break
		}
		lines = append(lines, emphasise(style, &f, b.note(&f)))
	}
	return lines
}

// openFindings counts the findings that stand, by severity.
func (b *Board) openFindings() string {
	var n [anomaly.Critical + 1]uint64
	for _, s := range b.open {
		n[s]++
	}
	var parts []string
	for s := anomaly.Critical; s > anomaly.Info; s-- {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], s))
		}
	}
	if len(parts) == 0 {
		return "no open findings"
	}
	return "open findings: " + strings.Join(parts, ", ")
}

// body draws rows into the heads and at most room lines below them.
func (b *Board) body(style Style, rows []row, room int) []string {
	bad := 0
	cells := make([][]string, len(rows))
	for i := range rows {
		for _, c := range boardColumns {
			cells[i] = append(cells[i], c.cell(&rows[i]))
		}
		for _, end := range []int{clientColumn, serverColumn} {
			cells[i][end] = shorten(cells[i][end], max(v4Width, (style.Width-60)/2))
		}
		if rows[i].level > healthy {
			bad++
		}
	}
	widths := style.layout(boardColumns, cells)
	line := func(cells []string, l level) string {
		var buf bytes.Buffer
		style.line(&buf, boardColumns, cells, widths, l)
		return strings.TrimSuffix(buf.String(), "\n")
	}
	indent := strings.Repeat(" ", widths[0]+len(gap))
	whole := b.notes(style, rows[:bad], indent)
	if len(whole) > room-bad {
		whole = nil
	}
	lines := []string{line(heads(boardColumns), healthy)}
	for i := range rows {
		r := &rows[i]
		if len(lines) > room {
			break
		}
		lines = append(lines, line(cells[i], r.level))
		b.shown++
		if i >= bad {
			continue
		}
		b.shownBad++
		if whole == nil && len(lines) <= room {
			lines = append(lines, emphasise(style, &r.found[0], indent+b.note(&r.found[0])))
		} else if whole != nil {
			lines = append(lines, b.notes(style, rows[i:i+1], indent)...)
		}
	}
	return lines
}

// notes are the findings of rows in whole.
func (b *Board) notes(style Style, rows []row, indent string) (lines []string) {
	for i := range rows {
		for j := range rows[i].found {
			f := &rows[i].found[j]
			if !troubles(*f) {
				continue
			}
			var buf bytes.Buffer
			wrap(&buf, indent+b.note(f), style.Width, indent+"  ")
			text := strings.Split(strings.TrimSuffix(buf.String(), "\n"), "\n")
			text[0] = emphasise(style, f, text[0])
			lines = append(lines, text...)
		}
	}
	return lines
}

// note is a finding in a line, with for how long it has stood.
func (b *Board) note(f *finding) string {
	code := f.severity.String() + " " + f.code
	return code + " (" + output.Span(f.lasted(b.gauges[len(b.gauges)-1].Now)) + ")" + strings.TrimPrefix(f.note(), code)
}

// emphasise colours the severity and the code in a text.
func emphasise(style Style, f *finding, text string) string {
	head := f.severity.String() + " " + f.code
	return strings.Replace(text, head, paint(style.Color, colors[level(f.severity)], head), 1)
}

// clip cuts a line to width columns; colours take none.
func clip(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	var b strings.Builder
	column, escape, cut := 0, false, false
	over := visible(line) > width
	for _, r := range line {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		case cut:
			continue
		case over && column == width-1:
			b.WriteString("…")
			cut = true
			continue
		default:
			column++
		}
		b.WriteRune(r)
	}
	return b.String()
}

// visible counts the columns of a line.
func visible(line string) (n int) {
	escape := false
	for _, r := range line {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}
