package text

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// column is one column of the table; those of a higher drop go first where the terminal is narrow. The finding goes
// first of all: it stands below the line as well, with its sentence.
type column struct {
	head  string
	right bool // numbers stand to the right
	drop  int
	cell  func(*row) string
}

var columns = []column{
	{"CONN", true, 0, func(r *row) string { return strconv.FormatUint(r.conn.Conn, 10) }},
	{"CLIENT", false, 0, func(r *row) string { return r.conn.Client.Endpoint.String() }},
	{"SERVER", false, 0, func(r *row) string { return r.conn.Server.Endpoint.String() }},
	{"CLIENT IS", false, 0, func(r *row) string { return stateCell(&r.conn.Client) }},
	{"SERVER IS", false, 0, func(r *row) string { return stateCell(&r.conn.Server) }},
	{"FINDING", false, 5, func(r *row) string { return r.worst() }},
	{"AGE", true, 1, func(r *row) string { return output.Span(r.conn.Last - r.conn.Start) }},
	{"PKTS", true, 3, func(r *row) string { return output.Size(r.conn.Client.Packets + r.conn.Server.Packets) }},
	{"BYTES", true, 4, func(r *row) string { return output.Size(r.conn.Client.Bytes + r.conn.Server.Bytes) }},
	{"RETR", true, 2, func(r *row) string { return output.Size(r.conn.Client.Retransmissions + r.conn.Server.Retransmissions) }},
}

// stateCell is the state, with a question mark behind a presumption and behind one of several possible states.
func stateCell(e *tracker.End) string {
	if e.Basis == tracker.Presumed || e.Possible.Without(e.State) != 0 {
		return e.State.String() + "?"
	}
	return e.State.String()
}

// The columns that hold addresses, which may be shortened, and states, which are coloured.
const clientColumn, serverColumn, clientState, serverState = 1, 2, 3, 4

const gap = "  "

// layout chooses of the columns those that fit, and their widths; a width of 0 leaves a column out.
func (s Style) layout(columns []column, cells [][]string) []int {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = len(c.head)
		for _, line := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]))
		}
	}
	total := func() int {
		n := -len(gap)
		for _, w := range widths {
			if w > 0 {
				n += w + len(gap)
			}
		}
		return n
	}
	for i, c := range columns {
		if widths[i] == len(c.head) && c.drop == 5 && !slices.ContainsFunc(cells, func(line []string) bool { return line[i] != "" }) {
			widths[i] = 0 // nothing was found
		}
	}
	for drop := 5; drop > 0 && total() > s.Width; drop-- {
		for i, c := range columns {
			if c.drop == drop {
				widths[i] = 0
			}
		}
	}
	// Two long IPv6 addresses: both lose their middle.
	if over := total() - s.Width; over > 0 {
		widest := max(widths[clientColumn], widths[serverColumn])
		for over > 0 && widest > 8 {
			widest--
			over = 0
			for _, i := range []int{clientColumn, serverColumn} {
				widths[i] = min(widths[i], widest)
			}
			over = total() - s.Width
		}
	}
	return widths
}

// heads are the names above the columns.
func heads(columns []column) []string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.head
	}
	return list
}

// line writes one line of cells, the state words in the colour of l.
func (s Style) line(b *bytes.Buffer, columns []column, cells []string, widths []int, l level) {
	var plain int // columns written so far, trailing blanks held back
	var blank int
	put := func(text string, width int, color string) {
		b.WriteString(strings.Repeat(" ", blank))
		b.WriteString(paint(s.Color, color, text))
		plain += blank + width
	}
	first := true
	for i, cell := range cells {
		w := widths[i]
		if w == 0 {
			continue
		}
		if !first {
			blank += len(gap)
		}
		first = false
		cell = shorten(cell, w)
		n := utf8.RuneCountInString(cell)
		color := ""
		if i == clientState || i == serverState {
			color = colors[l]
		}
		if columns[i].right {
			blank += w - n
			put(cell, n, color)
			blank = 0
			continue
		}
		put(cell, n, color)
		blank = w - n
	}
	b.WriteByte('\n')
}

// colors of the state words, by level.
var colors = [...]string{healthy: "", notice: "33", warning: "31", critical: "1;31"}

func paint(on bool, color, s string) string {
	if !on || color == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}
