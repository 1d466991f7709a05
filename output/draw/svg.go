package draw

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// CSS is how a picture looks, light and dark; a page that holds pictures has it once.
const CSS = `.tt{--tt-ground:#fff;--tt-text:#1c1c1a;--tt-faint:#65655f;--tt-line:#d5d5cf;--tt-client:#0b63b0;--tt-server:#a0410d;--tt-shut:#b3161d;--tt-shade:#fbe4e4}
@media (prefers-color-scheme:dark){.tt{--tt-ground:#16181b;--tt-text:#e6e6e3;--tt-faint:#9b9ea4;--tt-line:#3a3e44;--tt-client:#6cb2f2;--tt-server:#f09a63;--tt-shut:#ff7a78;--tt-shade:#4a2023}}
.tt text{font:12px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--tt-text)}
.tt .b{font-weight:700}.tt .f{fill:var(--tt-faint)}.tt .g{fill:var(--tt-ground)}
.tt .l{stroke:var(--tt-line);fill:none}.tt .c{stroke:var(--tt-client);fill:none;stroke-width:1.5}.tt .s{stroke:var(--tt-server);fill:none;stroke-width:1.5}
.tt .ct{fill:var(--tt-client)}.tt .st{fill:var(--tt-server)}.tt .ca{fill:var(--tt-client);opacity:.22}.tt .sa{fill:var(--tt-server);opacity:.22}
.tt .z{fill:var(--tt-shade);stroke:var(--tt-shut)}.tt .zt{fill:var(--tt-shut);font-weight:700}.tt .zl{stroke:var(--tt-shut);stroke-width:4}
`

// Picture says what of a connection is in a picture, and how.
type Picture struct {
	Width    int    // pixels, at least MinPicture
	Title    string // over it; "" for none
	Ladder   bool
	Timeline bool
	Bare     bool // without CSS, for a page that has it
}

// MinPicture is the narrowest picture.
const MinPicture = 360

// letter is how many pixels a letter is wide.
const letter = 7.25

// SVG appends a picture of the connection.
func SVG(b *bytes.Buffer, d *ladder.Drawing, p Picture) {
	s := &svg{Picture: p, d: d}
	s.Width = max(s.Width, MinPicture)
	if p.Title != "" {
		s.y = 8
		for line := range strings.Lines(string(output.Wrap(nil, p.Title, int(float64(s.Width-16)/letter), ""))) {
			s.y += 16
			s.text(8, s.y, "b", strings.TrimSuffix(line, "\n"))
		}
		s.y += 10
	}
	if p.Timeline {
		s.timeline()
	}
	if p.Ladder {
		s.ladder()
	}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" class="tt" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		s.Width, s.y+8, s.Width, s.y+8, escape(fmt.Sprintf("connection %d, client %s, server %s", d.Conn, d.Client, d.Server)))
	if !p.Bare {
		fmt.Fprintf(b, "\n<style>%s</style>\n<rect class=\"g\" width=\"100%%\" height=\"100%%\"/>", CSS)
	}
	b.WriteString("\n")
	b.Write(s.Bytes())
	b.WriteString("</svg>\n")
}

// svg is a picture under way; y is down to where it is drawn.
type svg struct {
	bytes.Buffer
	Picture
	d *ladder.Drawing
	y int
}

// escape makes text fit for XML, where control characters cannot stand at all.
func escape(text string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			return '�'
		}
		return r
	}, text))
}

func (s *svg) text(x, y int, class, text string) { s.anchored(x, y, class, "", text) }

// anchored writes a text that ends (end) or has its middle (middle) at x.
func (s *svg) anchored(x, y int, class, anchor, text string) {
	fmt.Fprintf(s, `<text x="%d" y="%d"`, x, y)
	if class != "" {
		fmt.Fprintf(s, ` class="%s"`, class)
	}
	if anchor != "" {
		fmt.Fprintf(s, ` text-anchor="%s"`, anchor)
	}
	fmt.Fprintf(s, ">%s</text>\n", escape(text))
}

// fits cuts a text to so many pixels.
func fits(text string, pixels int) string { return cut(text, int(float64(pixels)/letter), "…") }

// plotLeft is where plots begin, plotRight how far before the edge they end.
const (
	plotLeft  = 76
	plotRight = 12
)

// x is where a moment is drawn.
func (s *svg) x(ns int64) float64 {
	life := float64(max(s.d.Last-s.d.Start, 1))
	share := min(max(float64(ns-s.d.Start)/life, 0), 1)
	return plotLeft + share*float64(s.Width-plotLeft-plotRight)
}

// timeline draws the states of both ends, then the window of each with what the other has in flight to it.
func (s *svg) timeline() {
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		s.states(side)
	}
	s.y += 8
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		s.plot(side)
	}
	s.text(plotLeft, s.y+4, "f", "0 s")
	s.anchored(s.Width-plotRight, s.y+4, "f", "end", seconds(s.d.Last-s.d.Start)+" s")
	s.y += 24
}

// states draws a bar for each state of an end; dashed: presumed or one of several.
func (s *svg) states(side tracker.Side) {
	const height = 22
	s.text(8, s.y+15, string(side.String()[0])+"t b", side.String())
	spans := s.d.States(side)
	for i := range spans {
		from, until := s.x(spans[i].From), float64(s.Width-plotRight)
		if i+1 < len(spans) {
			until = s.x(spans[i+1].From)
		}
		if until-from < 0.5 || spans[i].State == tracker.Unknown {
			continue
		}
		words, dashes := Wording(spans[i].Claim), ""
		if strings.HasSuffix(spans[i].String(), "?") {
			dashes = ` stroke-dasharray="4 3"`
		}
		fmt.Fprintf(s, `<rect x="%.1f" y="%d" width="%.1f" height="%d" class="%c"%s><title>%s from %s s: %s</title></rect>`+"\n",
			from, s.y, until-from, height, side.String()[0], dashes, escape(words), seconds(spans[i].From-s.d.Start), escape(spans[i].Why))
		if room := int(until - from - 8); room > 4*letter {
			s.text(int(from)+5, s.y+15, "", fits(words, room))
		}
	}
	s.y += height + 6
}

// plot draws the window of a side as a line, what the other has in flight to it as an area, and marks when it was shut.
func (s *svg) plot(side tracker.Side) {
	const height = 84
	other := side.Other()
	points := s.d.Points()
	most := 1
	for i := range points {
		most = max(most, points[i].Window[side], points[i].Least[side], points[i].Flight[other])
	}
	top, foot := s.y+18, s.y+18+height
	y := func(v int) float64 { return float64(foot) - float64(max(v, 0))/float64(most)*height }
	s.text(plotLeft, s.y+12, string(side.String()[0])+"t", fits(side.String()+"'s window", s.Width/2))
	s.text(plotLeft+130, s.y+12, string(other.String()[0])+"t", fits(other.String()+"'s octets in flight (shaded)", s.Width-plotLeft-130))
	shut, _ := ShutFor(s.d, side)
	s.shutBands(side, top, height, shut)
	fmt.Fprintf(s, `<path class="l" d="M%d %d V%d H%d"/>`+"\n", plotLeft, top, foot, s.Width-plotRight)
	s.anchored(plotLeft-6, top+8, "f", "end", output.Size(uint64(most)))
	s.anchored(plotLeft-6, foot, "f", "end", "0")
	s.area(points, other, foot, y)
	s.line(points, side, y)
	s.y = foot + 12
}

// shutBands marks the times for which a window was shut, the longest with words.
func (s *svg) shutBands(side tracker.Side, top, height int, all int64) {
	widest, at := 0.0, 0.0
	for _, z := range s.d.Shut(side) {
		until := z.Until
		if until == 0 {
			until = s.d.Last
		}
		x, w := s.x(z.Since), max(s.x(until)-s.x(z.Since), 2)
		fmt.Fprintf(s, `<rect class="z" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", x, top, w, height)
		if w > widest {
			widest, at = w, x+w/2
		}
	}
	words := "window shut for " + output.Span(all)
	for i := range s.d.Points() {
		if s.d.Points()[i].Least[side] == 0 {
			words = "zero window for " + output.Span(all)
			break
		}
	}
	if half := len(words) * 4; widest > 0 {
		at = min(max(at, float64(plotLeft+half)), float64(s.Width-plotRight-half))
		s.anchored(int(at), top+height/2, "zt", "middle", words)
	}
}

// line draws a window: it holds until another is announced; what was less within a point shows as a dip.
func (s *svg) line(points []ladder.Point, side tracker.Side, y func(int) float64) {
	var path strings.Builder
	for i := range points {
		p := &points[i]
		if p.Window[side] < 0 {
			continue
		}
		verb := "L"
		if path.Len() == 0 {
			verb = "M"
		} else {
			fmt.Fprintf(&path, "H%.1f", s.x(p.Time))
		}
		if p.Least[side] >= 0 && p.Least[side] < p.Window[side] {
			fmt.Fprintf(&path, "%s%.1f %.1f", verb, s.x(p.Time), y(p.Least[side]))
			verb = "L"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", verb, s.x(p.Time), y(p.Window[side]))
	}
	if path.Len() > 0 {
		fmt.Fprintf(s, `<path class="%c" d="%sH%d"/>`+"\n", side.String()[0], path.String(), s.Width-plotRight)
	}
}

// area draws what a side has in flight.
func (s *svg) area(points []ladder.Point, side tracker.Side, foot int, y func(int) float64) {
	var path strings.Builder
	for i := range points {
		p := &points[i]
		if p.Flight[side] < 0 {
			continue
		}
		if path.Len() == 0 {
			fmt.Fprintf(&path, "M%.1f %d", s.x(p.Time), foot)
		}
		fmt.Fprintf(&path, "H%.1fV%.1f", s.x(p.Time), y(p.Flight[side]))
	}
	if path.Len() > 0 {
		fmt.Fprintf(s, `<path class="%ca" d="%sH%dV%dZ"/>`+"\n", side.String()[0], path.String(), s.Width-plotRight, foot)
	}
}
