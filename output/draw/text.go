package draw

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// Style says how a terminal is drawn on.
type Style struct {
	Width int // columns, at least MinWidth
	ASCII bool
	Color bool
}

// MinWidth is the narrowest terminal that is drawn on; roomy is from where the states stand down the sides.
const (
	MinWidth = 40
	roomy    = 70
)

// The widths of the columns before the arrow and of each state.
const (
	numberWidth = 8
	timeWidth   = 10
	stateWidth  = 12
)

// glyphs are what lines are made of.
type glyphs struct{ line, right, left, fold, run, gap, cut, shut, open string }

var (
	plainGlyphs = glyphs{"-", ">", "<", ":", ".", "~", "~", "0", " .:-=+*#@"}
	fineGlyphs  = glyphs{"─", "▶", "◀", "⋮", "·", "…", "…", "0", " ▁▂▃▄▅▆▇█"}
)

func (s Style) glyphs() glyphs {
	if s.ASCII {
		return plainGlyphs
	}
	return fineGlyphs
}

// red marks what a zero window is told by, on terminals with colours.
func (s Style) red(text string) string {
	if s.Color {
		return "\x1b[1;31m" + text + "\x1b[0m"
	}
	return text
}

// Ladder appends the rows, both states down the sides.
func Ladder(b *bytes.Buffer, d *ladder.Drawing, style Style) {
	style.Width = max(style.Width, MinWidth)
	p := &ladderText{Buffer: b, d: d, Style: style, glyphs: style.glyphs(), arrow: style.Width - numberWidth - timeWidth - 2}
	if p.wide = style.Width >= roomy; p.wide {
		p.arrow -= 2*stateWidth + 3
		p.line(fmt.Sprintf("%*s%*s  %-*s %-*s %s", numberWidth, "packet", timeWidth, "time", stateWidth, "client", p.arrow, "", "server"))
	} else {
		p.line(fmt.Sprintf("%*s%*s  client%*s", numberWidth, "packet", timeWidth, "time", p.arrow-6, "server"))
	}
	rows, _ := d.Rows()
	var codes []string
	for i := range rows {
		p.row(&rows[i])
		for _, c := range rows[i].Evidence {
			if !slices.Contains(codes, c) {
				codes = append(codes, c)
			}
		}
	}
	if len(codes) > 0 {
		b.Write(output.Wrap(nil, "* shows a finding: "+strings.Join(codes, ", "), style.Width, "  "))
	}
	if !d.Scaled() {
		b.Write(output.Wrap(nil, "The handshake was not captured: windows are as the packets have them, and may mean up to 16384 times as much.", style.Width, "  "))
	}
	if d.Lost > 0 {
		b.Write(output.Wrap(nil, fmt.Sprintf("%s beyond a bound: some packets are not marked.", output.Count(d.Lost, "event")), style.Width, "  "))
	}
}

// ladderText is a ladder under way.
type ladderText struct {
	*bytes.Buffer
	Style
	glyphs
	d     *ladder.Drawing
	wide  bool // states stand down the sides
	arrow int  // columns of an arrow
	are   [2]string
}

func (p *ladderText) line(text string) { p.WriteString(strings.TrimRight(text, " ") + "\n") }

func (p *ladderText) row(r *ladder.Row) {
	mark := ""
	if len(r.Evidence) > 0 {
		mark = "*"
	}
	if r.Kind != ladder.Packet {
		indent := strings.Repeat(" ", numberWidth+timeWidth+2)
		glyph := map[ladder.Kind]string{ladder.Fold: p.fold, ladder.Run: p.run, ladder.Gap: p.gap}[r.Kind]
		text := r.Text()
		if r.Kind == ladder.Gap {
			text += " (--all)"
		}
		p.Write(output.Wrap(nil, fmt.Sprintf("%*s%*s%s %s", numberWidth, mark, timeWidth+2, "", glyph, text), p.Width, indent+"  "))
		p.states(r)
		return
	}
	front := fmt.Sprintf("%*s%*s  ", numberWidth, mark+fmt.Sprint(r.First), timeWidth, p.since(r.Time))
	arrow := p.arrowOf(r)
	if p.wide {
		p.are = [2]string{r.Claims[0].String(), r.Claims[1].String()}
		p.line(front + fmt.Sprintf("%-*s ", stateWidth, p.are[0]) + arrow + " " + p.are[1])
		return
	}
	p.line(front + arrow)
	p.states(r)
}

// states tells the states that have changed, where they do not stand down the sides.
func (p *ladderText) states(r *ladder.Row) {
	for side, claim := range r.Claims {
		if is := claim.String(); !p.wide && is != p.are[side] {
			p.are[side] = is
			p.line(fmt.Sprintf("%*s  %s is %s", numberWidth, "", tracker.Side(side), is))
		}
	}
}

// since spells a moment as seconds after the connection's beginning.
func (p *ladderText) since(ns int64) string { return seconds(ns - p.d.Start) }

func seconds(ns int64) string { return fmt.Sprintf("%.3f", float64(ns)/1e9) }

// Announced is a packet's label, with the window that it announces if both fit into so many letters.
func Announced(r *ladder.Row, room int) string {
	with := fmt.Sprintf("%s, win %d", r.Label, r.Window)
	if r.Window < 0 || strings.Contains(r.Label, "window 0") || utf8.RuneCountInString(with) > room {
		return r.Label
	}
	return with
}

// arrowOf draws an arrow with its label in it; that of a shut window is red where there are colours.
func (p *ladderText) arrowOf(r *ladder.Row) string {
	text := cut(Announced(r, p.arrow-6), p.arrow-6, p.cut)
	rest := strings.Repeat(p.glyphs.line, p.arrow-utf8.RuneCountInString(text)-5)
	if r.Window == 0 || strings.Contains(r.Label, "window shuts") {
		text = p.red(text)
	}
	l := p.glyphs.line
	if r.From == tracker.Client {
		return l + l + " " + text + " " + rest + p.right
	}
	return p.left + l + " " + text + " " + rest + l
}

// cut shortens a text to so many letters.
func cut(text string, room int, with string) string {
	if letters := []rune(text); len(letters) > max(room, 1) {
		return string(letters[:max(room, 1)-1]) + with
	}
	return text
}
