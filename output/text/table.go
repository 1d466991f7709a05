package text

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// MaxRows bounds the connections that a table keeps until it is printed; the least bad beyond it are only counted.
const MaxRows = 100_000

// Style says how a table is drawn.
type Style struct {
	Width int  // columns of the terminal
	Color bool // mark state words with ANSI colours
	All   bool // healthy connections too
}

// Table prints connections, the worst first; it is an output.Writer.
type Table struct {
	out     io.Writer
	style   Style
	rows    []row
	hidden  uint64 // healthy ones left out
	bound   int    // on rows
	dropped uint64 // rows beyond the bound
	found   found
	err     error
}

// NewTable makes a Table that prints to out once the Summary comes.
func NewTable(out io.Writer, style Style) *Table {
	return &Table{out: out, style: style, bound: MaxRows}
}

// Finding keeps the finding until its connection's line comes.
func (t *Table) Finding(f *anomaly.Finding) { t.found.take(f) }

// Transition is not shown.
func (t *Table) Transition(*tracker.Transition) {}

// Connection keeps the connection for the table, or counts it.
func (t *Table) Connection(c *tracker.Connection) {
	r := newRow(c, t.found.of(c))
	if r.level == healthy && !t.style.All {
		t.hidden++
		return
	}
	if t.rows = append(t.rows, r); len(t.rows) == 2*t.bound {
		t.trim()
	}
}

// trim sorts the rows and drops those beyond the bound.
func (t *Table) trim() {
	slices.SortFunc(t.rows, worse)
	if n := len(t.rows); n > t.bound {
		t.dropped += uint64(n - t.bound)
		t.rows = t.rows[:t.bound]
	}
}

// Flush returns the error of the writing, if any; a table is printed in one piece.
func (t *Table) Flush() error { return t.err }

// Summary prints the table, what it leaves out, and the account of the run.
func (t *Table) Summary(s *output.Summary) {
	t.trim()
	var b bytes.Buffer
	for _, f := range t.found.crowds() {
		wrap(&b, f.note(), t.style.Width, "  ")
	}
	if len(t.rows) > 0 {
		t.print(&b)
	}
	if t.dropped > 0 {
		fmt.Fprintf(&b, "… %s not shown: a table ends at %d (-o csv and -o json have all)\n", output.Count(t.dropped, "more connection"), t.bound)
	}
	if t.hidden > 0 {
		fmt.Fprintf(&b, "… %s not shown (--all)\n", output.Count(t.hidden, "healthy connection"))
	}
	selected(&b, s, t.style.Width)
	wrap(&b, s.Account(), t.style.Width, "  ")
	_, t.err = t.out.Write(b.Bytes())
}

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
	{"PKTS", true, 3, func(r *row) string { return size(r.conn.Client.Packets + r.conn.Server.Packets) }},
	{"BYTES", true, 4, func(r *row) string { return size(r.conn.Client.Bytes + r.conn.Server.Bytes) }},
	{"RETR", true, 2, func(r *row) string { return size(r.conn.Client.Retransmissions + r.conn.Server.Retransmissions) }},
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

// layout chooses the columns that fit and their widths; a width of 0 leaves a column out.
func (t *Table) layout(cells [][]string) []int {
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
	for drop := 5; drop > 0 && total() > t.style.Width; drop-- {
		for i, c := range columns {
			if c.drop == drop {
				widths[i] = 0
			}
		}
	}
	// Two long IPv6 addresses: both lose their middle.
	if over := total() - t.style.Width; over > 0 {
		widest := max(widths[clientColumn], widths[serverColumn])
		for over > 0 && widest > 8 {
			widest--
			over = 0
			for _, i := range []int{clientColumn, serverColumn} {
				widths[i] = min(widths[i], widest)
			}
			over = total() - t.style.Width
		}
	}
	return widths
}

// print writes the table: a line for each connection and below it, indented, what there is to say.
func (t *Table) print(b *bytes.Buffer) {
	cells := make([][]string, len(t.rows))
	for i := range t.rows {
		for _, c := range columns {
			cells[i] = append(cells[i], c.cell(&t.rows[i]))
		}
	}
	widths := t.layout(cells)
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = c.head
	}
	t.line(b, heads, widths, healthy)
	indent := strings.Repeat(" ", widths[0]+len(gap))
	bad := 0
	for i := range t.rows {
		if t.rows[i].level > healthy {
			bad++
		}
	}
	for i := range t.rows {
		r := &t.rows[i]
		t.line(b, cells[i], widths, r.level)
		if bad == 1 && r.level > healthy {
			for _, s := range answer(r) {
				s.print(b, indent, t.style.Width)
			}
			continue
		}
		for i := range r.found {
			wrap(b, indent+r.found[i].note(), t.style.Width, indent+"  ")
		}
		if len(r.notes) > 0 {
			wrap(b, indent+r.note(), t.style.Width, indent+"  ")
		}
	}
}

// print writes the sentence, on two lines where it does not fit on one.
func (s sentence) print(b *bytes.Buffer, indent string, width int) {
	whole := strings.TrimRight(s.statement+" "+s.reason, " ")
	if s.reason == "" || utf8.RuneCountInString(indent+whole) <= width {
		wrap(b, indent+whole, width, indent+"  ")
		return
	}
	wrap(b, indent+s.statement, width, indent+"  ")
	wrap(b, indent+"  "+s.reason, width, indent+"  ")
}

// line writes one line of cells.
func (t *Table) line(b *bytes.Buffer, cells []string, widths []int, l level) {
	var plain int // columns written so far, trailing blanks held back
	var blank int
	put := func(s string, width int, color string) {
		b.WriteString(strings.Repeat(" ", blank))
		b.WriteString(paint(t.style.Color, color, s))
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

// wrap writes text broken at blanks into lines of at most width columns, those after the first indented.
func wrap(b *bytes.Buffer, text string, width int, indent string) {
	b.Write(output.Wrap(b.AvailableBuffer(), text, width, indent))
}
