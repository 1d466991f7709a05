package text

import (
	"bytes"
	"fmt"
	"io"
	"slices"
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

// print writes the table: a line for each connection and below it, indented, what there is to say.
func (t *Table) print(b *bytes.Buffer) {
	cells := make([][]string, len(t.rows))
	for i := range t.rows {
		for _, c := range columns {
			cells[i] = append(cells[i], c.cell(&t.rows[i]))
		}
	}
	widths := t.style.layout(columns, cells)
	t.style.line(b, columns, heads(columns), widths, healthy)
	indent := strings.Repeat(" ", widths[0]+len(gap))
	bad := 0
	for i := range t.rows {
		if t.rows[i].level > healthy {
			bad++
		}
	}
	for i := range t.rows {
		r := &t.rows[i]
		t.style.line(b, columns, cells[i], widths, r.level)
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

// wrap writes text broken at blanks into lines of at most width columns, those after the first indented.
func wrap(b *bytes.Buffer, text string, width int, indent string) {
	b.Write(output.Wrap(b.AvailableBuffer(), text, width, indent))
}
