package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// column is a column of connections; those of a higher rank go first where the terminal is narrow.
type column struct {
	head  string
	rank  int
	right bool
	order Order // that its head stands for; numOrders for none
	cell  func(*Row) string
}

var columns = []column{
	{"CONN", 1, true, ByNumber, func(r *Row) string { return strconv.FormatUint(r.Conn, 10) }},
	{"CLIENT", 2, false, numOrders, func(r *Row) string { return r.Ends[tracker.Client].String() }},
	{"SERVER", 5, false, numOrders, func(r *Row) string { return r.Ends[tracker.Server].String() }},
	{"CLIENT IS", 0, false, numOrders, func(r *Row) string { return r.Ends[tracker.Client].shown() }},
	{"SERVER IS", 0, false, numOrders, func(r *Row) string { return r.Ends[tracker.Server].shown() }},
	{"WINDOW", 3, false, numOrders, func(r *Row) string { return strip(r.Windows[:]) }},
	{"AGE", 4, true, ByAge, func(r *Row) string { return output.Span(r.Now - r.Start) }},
	{"BYTES/S", 6, true, ByRate, func(r *Row) string { return output.Size(r.Rate) }},
	{"IDLE", 7, true, ByIdle, func(r *Row) string { return output.Span(r.Now - r.Last) }},
	{"RETR", 8, true, ByRepeats, func(r *Row) string { return output.Size(r.Repeats) }},
}

// The widths of addresses, and the least of the last column.
const (
	v4Width    = len("255.255.255.255:65535")
	noteWidth  = 14 // beside the window
	fullNote   = 24 // beside what is of less use than a finding's code
	leastNote  = 2
	gap        = 1
	stateWidth = len("ESTABLISHED?")
)

// shown is the state, with a question mark where there is doubt.
func (e *End) shown() string {
	if e.Doubt() {
		return e.State.String() + "?"
	}
	return e.State.String()
}

// strip draws levels of a window: _ where it is shut, nothing where it is not known.
func strip(levels []uint8) string {
	var b strings.Builder
	for _, l := range levels {
		switch l {
		case 0:
			b.WriteByte(' ')
		case windowShut:
			b.WriteByte('_')
		default:
			b.WriteRune(bars[l-1])
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// note is what there is to say of a connection, and how it looks.
func (r *Row) note() (string, looks) {
	switch f := r.Worst; {
	case f != nil && f.Open && !r.Retired:
		text := mark[f.Severity] + " " + f.Code + " " + output.Span(f.lasted(r.Now))
		if r.More > 0 {
			text += fmt.Sprintf(" +%d", r.More)
		}
		return text, shade[f.Severity]
	case r.Retired && f != nil && f.Severity > anomaly.Info:
		return "ended; " + mark[f.Severity] + " " + f.Code, 0
	case r.Retired:
		return r.ended(), 0
	case f != nil && f.Severity > anomaly.Info:
		return "was " + mark[f.Severity] + " " + f.Code, 0
	}
	return "", 0
}

// ended is how it ended.
func (r *Row) ended() string {
	if r.How == tracker.HowOpen || r.How == tracker.HowTimeout {
		return "ended: " + r.How.String()
	}
	return "ended: " + r.How.String() + " by the " + r.By.String()
}

// layout says how wide the columns are; 0 leaves one out. Widths only grow, so that nothing jumps while rows come and go.
func (m *Model) layout(rows []Row, cells [][]string) (widths []int, note int) {
	widths = make([]int, len(columns))
	for i, c := range columns {
		w := max(m.widths[c.head], len(c.head))
		if strings.HasSuffix(c.head, " IS") {
			w = max(w, stateWidth)
		}
		if c.head == "WINDOW" {
			w = windowCells
		}
		if c.order != numOrders && c.order == m.ask.Order {
			w = max(w, len(c.head)+1)
		}
		for j := range rows {
			w = max(w, utf8.RuneCountInString(cells[j][i]))
		}
		m.widths[c.head] = w
		if c.head == "CLIENT" || c.head == "SERVER" {
			w = min(w, max(v4Width, (m.width-70)/2))
		}
		widths[i] = w
	}
	total := func() int {
		n := 2
		for _, w := range widths {
			if w > 0 {
				n += w + gap
			}
		}
		return n
	}
	for rank := 8; rank > 2; rank-- {
		least := fullNote
		if rank == 3 {
			least = noteWidth
		}
		for i, c := range columns {
			if c.rank == rank && total()+least > m.width {
				widths[i] = 0
			}
		}
	}
	if over := total() + leastNote - m.width; over > 0 {
		widths[1] = max(widths[1]-over, 8)
	}
	return widths, max(m.width-total(), leastNote)
}

// table draws the connections around the cursor.
func (m *Model) table(height int) []string {
	m.room = max(height-1, 0)
	if height < 2 {
		return nil
	}
	s, c := m.snap, &m.cursor[Connections]
	if len(s.Rows) == 0 {
		return []string{"", " " + m.nothing()}
	}
	more := ""
	if rest := s.Meant - len(s.Rows); rest > 0 || s.Partial {
		more = fmt.Sprintf(" … %d rows of %s", len(s.Rows), m.of())
		height--
		m.room--
	}
	c.scroll(m.room, len(s.Rows))
	rows := s.Rows[c.top:min(c.top+m.room, len(s.Rows))]
	cells := make([][]string, len(rows))
	for i := range rows {
		for _, col := range columns {
			cells[i] = append(cells[i], col.cell(&rows[i]))
		}
	}
	widths, note := m.layout(rows, cells)
	lines := []string{m.heads(widths, note)}
	for i := range rows {
		lines = append(lines, m.row(&rows[i], cells[i], widths, note, c.top+i == c.row))
	}
	if more != "" {
		for len(lines) < height {
			lines = append(lines, "")
		}
		lines = append(lines, m.line(m.width, 0, span{more, faint}))
	}
	return lines
}

// of is how many connections there are, in words.
func (m *Model) of() string {
	s := m.snap
	whole := uint64(s.Living)
	if m.where == "" {
		text := output.Count(whole, "connection")
		if s.Partial {
			text += ", which take turns; / narrows"
		}
		return text
	}
	if s.Partial {
		return fmt.Sprintf("those selected among %s, which take turns", output.Count(whole, "connection"))
	}
	return output.Count(uint64(s.Meant), "connection") + " selected"
}

// nothing says why there is no row.
func (m *Model) nothing() string {
	switch s := m.snap; {
	case m.where != "" && !m.ask.Retired && s.Retired > 0:
		return "Nothing that lives is selected; x shows what has ended, Esc all."
	case m.where != "":
		return "Nothing is selected; Esc shows all."
	case !m.ask.Retired && s.Retired > 0:
		return fmt.Sprintf("Nothing lives; x shows %s that ended.", output.Count(uint64(s.Retired), "connection"))
	case s.HalfOpen > 0:
		return fmt.Sprintf("Nothing but %s, of which one SYN was seen.", output.Count(uint64(s.HalfOpen), "connection"))
	case s.Live:
		return "No connection has been seen yet."
	}
	return "No connection at this time; ] goes on."
}

// scroll keeps the cursor on the screen.
func (c *cursor) scroll(room, rows int) {
	c.top = min(c.top, c.row)
	if c.row >= c.top+room {
		c.top = c.row - room + 1
	}
	c.top = max(min(c.top, rows-room), 0)
}

// heads draws the heads of the columns; an arrow stands at what they are sorted by.
func (m *Model) heads(widths []int, note int) string {
	arrow := "▼"
	if m.ask.Reverse {
		arrow = "▲"
	}
	text := "  "
	for i, c := range columns {
		if widths[i] == 0 {
			continue
		}
		head := c.head
		if c.order == m.ask.Order {
			head += arrow
		}
		text += pad(head, widths[i], c.right) + " "
	}
	head := "FINDING"
	if m.ask.Order == ByTrouble {
		head += arrow
	} else if i := slices.IndexFunc(columns, func(c column) bool { return c.order == m.ask.Order }); i < 0 || widths[i] == 0 {
		head += " (by " + orderNames[m.ask.Order] + arrow + ")"
	}
	return m.line(m.width, 0, span{text + pad(head, note, false), bold})
}

var orderNames = [numOrders]string{"trouble", "octets/s", "age", "idleness", "repeats", "number"}

// row draws a connection.
func (m *Model) row(r *Row, cells []string, widths []int, note int, chosen bool) string {
	spans := []span{{"  ", 0}}
	var fill looks
	if chosen {
		spans[0].text, fill = "▸ ", inverse
	}
	for i, c := range columns {
		if widths[i] == 0 {
			continue
		}
		text := cells[i]
		if c.head == "CLIENT" || c.head == "SERVER" {
			text = middle(text, widths[i])
		}
		spans = append(spans, span{pad(text, widths[i], c.right) + " ", 0})
	}
	text, look := r.note()
	return m.line(m.width, fill, append(spans, span{cut(text, note), look})...)
}
