package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// pair is how many connections are in a pair of states.
type pair struct {
	client, server tracker.State
	n              uint64
}

// pairs lists those that there are, the most frequent first.
func (s *Snapshot) pairs() (list []pair) {
	if s == nil || s.Matrix == nil {
		return nil
	}
	for c := range s.Matrix {
		for e, n := range s.Matrix[c] {
			if n > 0 {
				list = append(list, pair{tcp.State(c), tcp.State(e), n})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return cmp.Compare(b.n, a.n) })
	return list
}

// statesTab draws the matrix where there is room for it, and the pairs below it.
func (m *Model) statesTab(height int) []string {
	s, list := m.snap, m.snap.pairs()
	if s.Matrix == nil {
		return []string{"", " Counting: all connections have not been looked at yet."}
	}
	if len(list) == 0 {
		return []string{"", " " + m.nothing()}
	}
	lines := m.matrix(s.Matrix)
	if len(lines) > 0 && height-len(lines) < min(len(list), 3)+2 {
		lines = nil
	}
	c := &m.cursor[States]
	m.room = height - len(lines) - 1
	c.scroll(m.room, len(list))
	lines = append(lines, m.line(m.width, 0, span{pad("  CLIENT IS", 16, false) + pad("SERVER IS", 14, false) + "  CONNECTIONS", bold}))
	bar := max(m.width-46, 4)
	for i := c.top; i < min(c.top+m.room, len(list)); i++ {
		p := list[i]
		spans := []span{{"  ", 0}, {pad(p.client.String(), 14, false) + pad(p.server.String(), 14, false) + pad(fmt.Sprint(p.n), 10, true) + "  ", 0},
			{strings.Repeat("▇", max(int(p.n*uint64(bar)/list[0].n), 1)), 0}}
		var fill looks
		if i == c.row {
			spans[0].text, fill = "▸ ", inverse
		}
		lines = append(lines, m.line(m.width, fill, spans...))
	}
	return lines
}

// matrix draws how many connections have their client in the state of a row and their server in that of a column; nothing
// if that is too wide.
func (m *Model) matrix(n *matrix) []string {
	const label, cell = 14, 12
	var rows, cols []int
	for i := range n {
		var across, down uint64
		for j := range n {
			across += n[i][j]
			down += n[j][i]
		}
		if across > 0 {
			rows = append(rows, i)
		}
		if down > 0 {
			cols = append(cols, i)
		}
	}
	if label+1+len(cols)*cell > m.width {
		return nil
	}
	head := pad("  CLIENT╲SERVER", label+1, false)
	for _, c := range cols {
		head += pad(tcp.State(c).String(), cell, true)
	}
	lines := []string{m.line(m.width, 0, span{head, bold})}
	for _, r := range rows {
		text := pad("  "+tcp.State(r).String(), label+1, false)
		for _, c := range cols {
			count := "·"
			if n[r][c] > 0 {
				count = fmt.Sprint(n[r][c])
			}
			text += pad(count, cell, true)
		}
		lines = append(lines, m.line(m.width, 0, span{text, 0}))
	}
	return append(lines, "")
}

// talkersTab draws the clients with most connections.
func (m *Model) talkersTab(height int) []string {
	s, c := m.snap, &m.cursor[Talkers]
	switch {
	case s.Matrix == nil:
		return []string{"", " Counting: all connections have not been looked at yet."}
	case len(s.Talkers) == 0:
		return []string{"", " " + m.nothing()}
	}
	m.room = height - 1
	wide := 15
	for i := range s.Talkers {
		wide = max(wide, len(s.Talkers[i].Client.IP().String()))
	}
	wide = min(wide, m.width-45)
	c.scroll(m.room, len(s.Talkers))
	lines := []string{m.line(m.width, 0, span{"  " + pad("CLIENT", wide, false) + pad("CONNS", 8, true) + pad("OCTETS", 8, true) + pad("TROUBLED", 10, true) + "  SERVERS ARE", bold})}
	for i := c.top; i < min(c.top+m.room, len(s.Talkers)); i++ {
		t := &s.Talkers[i]
		troubled, look := "", looks(0)
		if t.Troubled > 0 {
			troubled, look = fmt.Sprintf("! %d", t.Troubled), yellow
		}
		spans := []span{{"  ", 0}, {pad(middle(t.Client.IP().String(), wide), wide, false) + pad(fmt.Sprint(t.Connections), 8, true) + pad(output.Size(t.Octets), 8, true), 0},
			{pad(troubled, 10, true), look}, {"  " + stateCounts(&t.States), 0}}
		var fill looks
		if i == c.row {
			spans[0].text, fill = "▸ ", inverse
		}
		lines = append(lines, m.line(m.width, fill, spans...))
	}
	return lines
}

// stateCounts lists states, the most frequent first.
func stateCounts(counts *[tcp.NumStates]uint64) string {
	var list []pair
	for s, n := range counts {
		if n > 0 {
			list = append(list, pair{server: tcp.State(s), n: n})
		}
	}
	slices.SortStableFunc(list, func(a, b pair) int { return cmp.Compare(b.n, a.n) })
	var words []string
	for _, p := range list {
		words = append(words, fmt.Sprintf("%s %d", p.server, p.n))
	}
	return strings.Join(words, ", ")
}

// findingsTab draws the findings, and below them that under the cursor in full.
func (m *Model) findingsTab(height int) []string {
	s, c := m.snap, &m.cursor[Findings]
	if len(s.Findings) == 0 {
		text := "Nothing was found so far."
		if m.where != "" {
			text = "Nothing was found on what is selected; Esc shows all."
		}
		return []string{"", " " + text}
	}
	var below []string
	if c.row < len(s.Findings) {
		below = m.fullFinding(&s.Findings[c.row])
		below = below[:min(len(below), max(height/2, height-len(s.Findings)-2))]
	}
	m.room = max(height-1-len(below)-1, 1)
	c.scroll(m.room, len(s.Findings))
	lines := []string{m.line(m.width, 0, span{"  " + pad("FINDING", 26, false) + pad("STANDS", 12, true) + "  ABOUT", bold})}
	for i := c.top; i < min(c.top+m.room, len(s.Findings)); i++ {
		f := &s.Findings[i]
		stands := output.Span(f.lasted(s.Now))
		if f.stands() == 0 {
			stands = "over"
		}
		spans := []span{{"  ", 0}, {pad(mark[f.Severity]+" "+f.Code, 26, false), shade[f.Severity]}, {pad(stands, 12, true) + "  " + f.about(), 0}}
		var fill looks
		if i == c.row {
			spans[0].text, fill = "▸ ", inverse
		}
		if f.stands() == 0 {
			spans[1].look = 0
		}
		lines = append(lines, m.line(m.width, fill, spans...))
	}
	for len(lines) < height-len(below) {
		lines = append(lines, "")
	}
	return append(lines, below...)
}

// about is whom a finding is about.
func (f *Found) about() string {
	if !f.Population {
		return fmt.Sprintf("%d  %s > %s", f.Conn, f.Client, f.Server)
	}
	text := ""
	if f.Client.Addr != (tcp.Addr{}) {
		text = f.Client.IP().String() + " > "
	}
	switch {
	case f.Server.Port != 0 && f.Server.Addr != (tcp.Addr{}):
		return text + f.Server.String()
	case f.Server.Addr != (tcp.Addr{}):
		return text + f.Server.IP().String()
	case text == "":
		return "the capture"
	}
	return strings.TrimSuffix(text, " > ")
}

// said is a finding's sentence with all that belongs to it.
func (f *Found) said() string {
	text := f.Severity.String() + " " + f.Code + ": " + f.Summary
	if f.Earlier {
		text += "; it may have begun earlier"
	}
	if f.Hidden != tracker.HiddenNone {
		text += "; a close hidden behind it: " + f.Hidden.String()
	}
	if f.Kernel != "" {
		text += "; " + f.Kernel
	}
	if f.Inconclusive {
		text += "; the capture lost packets meanwhile, so it may be otherwise"
	}
	return text
}

// evidence names the packets that show it.
func (f *Found) evidence() string {
	if len(f.Evidence) == 0 {
		return ""
	}
	var words []string
	for _, n := range f.Evidence {
		words = append(words, fmt.Sprint(n))
	}
	noun := "packets "
	if len(words) == 1 {
		noun = "packet "
	}
	return noun + strings.Join(words, ", ")
}

// fullFinding is everything about a finding.
func (m *Model) fullFinding(f *Found) []string {
	lines := []string{m.rule(" " + f.about() + " ")}
	add := func(head, text string) {
		if text == "" {
			return
		}
		lines = append(lines, m.wrapped(m.width, " "+pad(head, 9, false), text)...)
	}
	add("Seen", f.said())
	add("Evidence", f.evidence())
	if f.Culprit != anomaly.Nobody {
		add("Fault", f.Culprit.String())
	}
	add("Means", f.Rule.Cause)
	add("Do", f.Rule.Remedy)
	return lines
}

// rule is a line across, with a text in it.
func (m *Model) rule(text string) string {
	text = cut("──"+text, m.width)
	return m.line(m.width, 0, span{text + strings.Repeat("─", max(m.width-len([]rune(text)), 0)), 0})
}

// wrapped breaks a text into lines of a width, the first behind a head and the others below it.
func (m *Model) wrapped(width int, head, text string) (lines []string) {
	indent := strings.Repeat(" ", len([]rune(head)))
	for line := range strings.Lines(string(output.Wrap(nil, head+text, width, indent))) {
		lines = append(lines, cut(strings.TrimSuffix(line, "\n"), width))
	}
	return lines
}
