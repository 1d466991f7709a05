package tui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// span is a piece of a line in one look.
type span struct {
	text string
	look looks
}

// looks is how a piece of text looks: bits.
type looks uint8

const (
	bold looks = 1 << iota
	inverse
	faint
	red
	yellow
	cyan
)

// sgr are the parameters of ECMA-48's select graphic rendition.
var sgr = []struct {
	look   looks
	code   string
	colour bool
}{{bold, "1", false}, {inverse, "7", false}, {faint, "2", false}, {red, "31", true}, {yellow, "33", true}, {cyan, "36", true}}

// line joins pieces into a line of at most width columns; with fill it has that width.
func (m *Model) line(width int, fill looks, spans ...span) string {
	var b strings.Builder
	column := 0
	write := func(s span) {
		n := utf8.RuneCountInString(s.text)
		if column+n > width {
			s.text = cut(s.text, width-column)
			n = utf8.RuneCountInString(s.text)
		}
		column += n
		m.paint(&b, s.text, s.look|fill)
	}
	for _, s := range spans {
		write(s)
	}
	if fill != 0 {
		write(span{strings.Repeat(" ", max(width-column, 0)), 0})
		return b.String()
	}
	return strings.TrimRight(b.String(), " ")
}

func (m *Model) paint(b *strings.Builder, text string, look looks) {
	var codes []string
	for _, s := range sgr {
		if look&s.look != 0 && !m.style.Plain && (!s.colour || m.style.Color) {
			codes = append(codes, s.code)
		}
	}
	if len(codes) == 0 || text == "" {
		b.WriteString(text)
		return
	}
	b.WriteString("\x1b[" + strings.Join(codes, ";") + "m" + text + "\x1b[0m")
}

// cut shortens a text to so many columns.
func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	if width < 1 {
		return ""
	}
	return string([]rune(s)[:width-1]) + "…"
}

// middle cuts the middle out of a text, so that an address keeps its port and a path its file.
func middle(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	if width < 3 {
		return cut(s, width)
	}
	tail := width * 2 / 3
	return string(r[:width-1-tail]) + "…" + string(r[len(r)-tail:])
}

// pad fills a text up to so many columns, cut to them.
func pad(s string, width int, right bool) string {
	s = cut(s, width)
	blanks := strings.Repeat(" ", width-utf8.RuneCountInString(s))
	if right {
		return blanks + s
	}
	return s + blanks
}

// printable makes a text of printable characters in one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}

// oneLine joins the lines of a message.
func oneLine(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// mark is the sign of a severity, the same with colours as without.
var mark = [...]string{anomaly.Info: "i", anomaly.Notice: "·", anomaly.Warning: "!", anomaly.Critical: "✗"}

// shade is the colour beside it.
var shade = [...]looks{anomaly.Info: 0, anomaly.Notice: cyan, anomaly.Warning: yellow, anomaly.Critical: red}
