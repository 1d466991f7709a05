package tui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Frame draws the screen: as many lines as it is high, none wider than it is.
func (m *Model) Frame() []string {
	if m.width == 0 {
		return nil // its size is not known yet
	}
	if m.width < minWidth || m.height < minHeight {
		return m.whole([]string{
			m.line(m.width, 0, span{fmt.Sprintf("%dx%d is too small: top needs %dx%d.", m.width, m.height, minWidth, minHeight), 0}),
			m.line(m.width, 0, span{"Make the window larger; q quits.", 0}),
		})
	}
	if m.help {
		return m.whole(m.helpLines())
	}
	foot := m.foot()
	lines := []string{m.header(), m.tabs()}
	lines = append(lines, m.body(m.height-len(lines)-len(foot))...)
	for len(lines) < m.height-len(foot) {
		lines = append(lines, "")
	}
	return m.whole(append(lines[:m.height-len(foot)], foot...))
}

// whole makes as many lines as the screen is high.
func (m *Model) whole(lines []string) []string {
	for len(lines) < m.height {
		lines = append(lines, "")
	}
	return lines[:m.height]
}

// header is what the capture does, and how bad things are: what matters least goes first where there is no room.
func (m *Model) header() string {
	s := m.snap
	if s == nil {
		text := " tcptrack top"
		if busy := m.link.Busy(); busy != "" {
			text += "  " + busy
		}
		return m.line(m.width, inverse, span{text, 0})
	}
	type part struct {
		rank int // goes when there is no room, the highest first
		span
	}
	lost := span{fmt.Sprintf("drops %s", output.Size(s.Dropped)), 0}
	if s.Dropped > 0 {
		lost = span{"! " + lost.text, bold | yellow}
	}
	if s.Freezes > 0 {
		lost.text += " (ring full)"
	}
	parts := []part{{0, span{middle(s.Source, max(m.width/4, 12)), bold}}}
	if s.Live {
		parts = append(parts, part{2, span{output.Count(uint64(s.Living), "conn"), 0}},
			part{1, span{output.Size(s.Rate) + " pkt/s", 0}}, part{4, span{rateBars(s.Rates), 0}})
	} else {
		parts = append(parts, part{1, span{m.clock(), 0}}, part{5, span{m.slider(), 0}}, part{2, span{output.Count(uint64(s.Living), "conn"), 0}},
			part{4, span{output.Count(s.Packets, "packet"), 0}})
	}
	parts = append(parts, part{0, lost})
	if s.HalfOpen > 0 {
		parts = append(parts, part{6, span{fmt.Sprintf("%d half open", s.HalfOpen), 0}})
	}
	if s.Begun > 0 && s.Live {
		parts = append(parts, part{7, span{output.Size(s.Begun) + " new/s", 0}})
	}
	if s.Evicted > 0 {
		parts = append(parts, part{3, span{fmt.Sprintf("! %s evicted", output.Size(s.Evicted)), bold | yellow}})
	}
	found := false
	for sev := anomaly.Critical; sev > anomaly.Info; sev-- {
		if n := s.Open[sev]; n > 0 {
			found = true
			parts = append(parts, part{0, span{mark[sev] + fmt.Sprint(n), bold | shade[sev]}})
		}
	}
	if !found {
		parts = append(parts, part{1, span{"no findings", 0}})
	}
	if state := m.state(); state != "" {
		parts = append(parts, part{0, span{state, bold}})
	}
	parts = append(parts, part{3, span{output.Clock(s.Now)[:8] + "Z", 0}})
	for {
		width, worst := 1, -1
		for i := range parts {
			width += utf8.RuneCountInString(parts[i].text) + 2
			if parts[i].rank > 0 && (worst < 0 || parts[i].rank > parts[worst].rank) {
				worst = i
			}
		}
		if width <= m.width+1 || worst < 0 {
			break
		}
		parts = append(parts[:worst], parts[worst+1:]...)
	}
	spans := []span{{" ", 0}}
	for i, p := range parts {
		if i > 0 {
			spans = append(spans, span{"  ", 0})
		}
		spans = append(spans, p.span)
	}
	return m.line(m.width, inverse, spans...)
}

// state is why the screen does not move, or moves by itself.
func (m *Model) state() string {
	switch {
	case m.held:
		return "HELD"
	case m.link.Busy() != "":
		return m.link.Busy()
	case m.play:
		return "PLAYS"
	case m.follow:
		return "FOLLOWS"
	}
	return ""
}

// clock is the moment of a file that is shown.
func (m *Model) clock() string {
	s := m.snap
	if s.Now >= s.End {
		return "at the end, +" + output.Span(s.End-s.Start)
	}
	return "at +" + output.Span(s.Now-s.Start) + " of " + output.Span(s.End-s.Start)
}

// slider shows where that is.
func (m *Model) slider() string {
	const cells = 16
	s := m.snap
	at := cells - 1
	if s.End > s.Start && s.Now < s.End {
		at = int(float64(s.Now-s.Start) / float64(s.End-s.Start) * (cells - 1))
	}
	return strings.Repeat("─", at) + "●" + strings.Repeat("─", cells-1-at)
}

// bars are eighths of a character, from the foot.
var bars = []rune(" ▁▂▃▄▅▆▇█")

// rateBars shows how fast it went of late.
func rateBars(rates []uint64) string {
	var most uint64
	for _, r := range rates {
		most = max(most, r)
	}
	var b strings.Builder
	for _, r := range rates {
		at := uint64(1)
		if most > 0 {
			at = max(r*8/most, 1)
		}
		b.WriteRune(bars[at])
	}
	return b.String()
}

// tabs names the screens, and what is selected.
func (m *Model) tabs() string {
	var spans []span
	for t, name := range []string{"Connections", "States", "Talkers", "Findings"} {
		if Tab(t) == m.ask.Tab {
			spans = append(spans, span{fmt.Sprintf("[%d %s]", t+1, name), bold})
		} else {
			spans = append(spans, span{fmt.Sprintf(" %d %s ", t+1, name), 0})
		}
	}
	if m.where != "" {
		spans = append(spans, span{"  / " + printable(m.where), bold})
	}
	return m.line(m.width, 0, spans...)
}

// body draws the tab.
func (m *Model) body(height int) []string {
	if m.snap == nil {
		return []string{"", " Nothing is known yet."}
	}
	switch m.ask.Tab {
	case States:
		return m.statesTab(height)
	case Talkers:
		return m.talkersTab(height)
	case Findings:
		return m.findingsTab(height)
	}
	if !m.open {
		return m.table(height)
	}
	pane := height
	if height >= minSplit {
		pane = max(height*6/10, height-len(m.snap.Rows)-2) // the table needs no more than its rows
	}
	lines := m.table(height - pane)
	for len(lines) < height-pane {
		lines = append(lines, "")
	}
	return append(lines, m.pane(pane)...)
}

// minSplit is how high the table and the pane are together, at least; where there is less room, the pane has all.
const minSplit = 16

// foot is the prompt, what was done last, or the keys.
func (m *Model) foot() []string {
	switch {
	case m.prompt != nil && m.prompt.err != nil:
		text, caret, _ := strings.Cut(m.prompt.err.Caret(), "\n")
		why := m.prompt.err.What
		if m.prompt.err.Next != "" {
			why += "; " + m.prompt.err.Next
		}
		return []string{
			m.line(m.width, 0, span{"/" + text, bold}),
			m.line(m.width, 0, span{" " + caret, bold | yellow}, span{" " + oneLine(why), 0}),
		}
	case m.prompt != nil:
		return []string{m.line(m.width, 0, span{"/" + printable(m.prompt.text) + "▏", bold}, span{m.promptHint(), faint})}
	case m.note != "":
		return []string{m.line(m.width, 0, span{" " + m.note, bold})}
	}
	return []string{m.line(m.width, 0, span{m.hints(), faint})}
}

func (m *Model) promptHint() string {
	if m.prompt.text == "" {
		return "   port:443  state:fin_wait1  finding:zero-window-*  idle:>30s"
	}
	return "   Enter keeps, Esc takes back"
}

// hints are the keys that are of use here, as many as there is room for.
func (m *Model) hints() string {
	var list []string
	switch {
	case m.ask.Tab == Connections && m.open:
		list = []string{"? keys", "Esc close", "j k next", "w save", "y Y copy", "q quit", "/ select"}
	case m.ask.Tab == Connections:
		list = []string{"? keys", "Enter open", "/ select", "s sort", "q quit", "w save", "y Y copy", "x ended"}
	default:
		list = []string{"? keys", "Enter its connections", "/ select", "1-4 screens", "q quit"}
	}
	if m.link.Scrub != nil {
		list = append(list, "[ ] time", "Space play")
	} else {
		list = append(list, "Space hold", "f follow")
	}
	text := ""
	for _, h := range list {
		if utf8.RuneCountInString(text)+2+utf8.RuneCountInString(h) > m.width {
			break
		}
		text += "  " + h
	}
	return text[1:]
}

// helpLines are the keys.
func (m *Model) helpLines() []string {
	var rows []string
	for _, b := range bindings {
		if b.files && m.link.Scrub == nil {
			continue
		}
		text := output.Wrap(nil, pad(b.shown, 11, false)+b.what, m.width-2, strings.Repeat(" ", 11))
		for line := range strings.Lines(string(text)) {
			rows = append(rows, " "+strings.TrimSuffix(line, "\n"))
		}
	}
	rows = append(rows, "", " ✗ critical   ! warning   · notice   i info     ? behind a state: presumed, or one of several")
	for i := range rows {
		rows[i] = m.line(m.width, 0, span{rows[i], 0})
	}
	room := m.height - 2
	m.helpAt = min(m.helpAt, max(len(rows)-room, 0))
	head, foot := " Keys", " any other key goes back"
	if len(rows) > room {
		foot = fmt.Sprintf(" j k scroll, %d lines of %d; any other key goes back", min(room, len(rows)), len(rows))
	}
	lines := append([]string{m.line(m.width, inverse, span{head, bold})}, rows[m.helpAt:min(m.helpAt+room, len(rows))]...)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return append(lines, m.line(m.width, 0, span{foot, faint}))
}
