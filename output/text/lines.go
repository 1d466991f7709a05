package text

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Lines prints a line for each connection that has ended and for each finding as it is raised, grows or ends; it is an
// output.Writer. The columns are as wide as what has come so far needs.
type Lines struct {
	table   Table
	buf     bytes.Buffer
	quiet   bool     // healthy connections that end are counted, not printed
	longest []string // of each column, the longest cell so far
	widths  []int    // under the heads printed last
	out     io.Writer
	err     error
}

// NewLines makes Lines that print to out at each Flush.
func NewLines(out io.Writer, style Style) *Lines {
	return &Lines{table: Table{style: style}, out: out, longest: make([]string, len(columns))}
}

// Transition is not shown.
func (l *Lines) Transition(*tracker.Transition) {}

// Finding prints what is new of the finding: that it stands, that it is graver, what became of it.
func (l *Lines) Finding(f *anomaly.Finding) {
	before, known := l.table.found.find(f)
	l.table.found.take(f)
	now := finding{f.ID, f.Rule.Code, f.Summary, f.Severity, f.Hidden, f.Since, f.Until, kernelOf(f)}
	mark := ""
	switch {
	case f.Status == anomaly.Withdrawn:
		mark = "withdrawn: "
	case f.Status == anomaly.Closed && f.Until > f.Since && known && before.until == 0: // it did not end as it began
		mark = "over: "
	case known && before.severity == now.severity && before.hidden == now.hidden:
		return
	}
	text := mark + now.note()
	switch {
	case !f.Population:
		text += fmt.Sprintf("; %s > %s (%d)", f.Client, f.Server, f.Conn)
	case f.Server.Addr != (tcp.Addr{}):
		text += "; " + f.Server.String()
	}
	if l.table.style.Color {
		head, _, _ := strings.Cut(text, ":")
		var b bytes.Buffer
		wrap(&b, text, l.table.style.Width, "  ")
		painted := b.String()
		if strings.HasPrefix(painted, head) { // not broken in the middle
			painted = paint(true, colors[level(f.Severity)], head) + painted[len(head):]
		}
		l.buf.WriteString(painted)
		return
	}
	wrap(&l.buf, text, l.table.style.Width, "  ")
}

// Socket prints what the kernel says of an end that a finding is about, or of which it says otherwise than the wire.
func (l *Lines) Socket(s *output.Socket) {
	text := fmt.Sprintf("kernel: the %s is %s; %s > %s (%d)", s.Side, output.KernelSays(&s.Word), s.Client, s.Server, s.Conn)
	if s.Differs {
		text = fmt.Sprintf("kernel: the %s is %s, and we took it for %s: our error; %s > %s (%d)", s.Side, output.KernelSays(&s.Word), s.Wire, s.Client, s.Server, s.Conn)
	}
	wrap(&l.buf, text, l.table.style.Width, "  ")
}

// Connection prints the connection, unless it is healthy and has not ended.
func (l *Lines) Connection(c *tracker.Connection) {
	r := newRow(c, l.table.found.of(c))
	if r.level == healthy && (l.quiet || c.How == tracker.HowOpen) && !l.table.style.All {
		l.table.hidden++
		return
	}
	cells := make([]string, len(columns))
	for i, col := range columns {
		cells[i] = col.cell(&r)
		if utf8.RuneCountInString(cells[i]) > utf8.RuneCountInString(l.longest[i]) {
			l.longest[i] = cells[i]
		}
	}
	if widths := l.table.style.layout(columns, [][]string{l.longest}); !slices.Equal(widths, l.widths) {
		l.widths = widths
		l.table.style.line(&l.buf, columns, heads(columns), widths, healthy)
	}
	l.table.style.line(&l.buf, columns, cells, l.widths, r.level)
	if indent := strings.Repeat(" ", l.widths[0]+len(gap)); len(r.notes) > 0 {
		wrap(&l.buf, indent+r.note(), l.table.style.Width, indent+"  ")
	}
}

// Flush prints what has come since the last.
func (l *Lines) Flush() error {
	if l.err == nil && l.buf.Len() > 0 {
		_, l.err = l.out.Write(l.buf.Bytes())
	}
	l.buf.Reset()
	return l.err
}

// Summary prints what was left out, and the account of the run.
func (l *Lines) Summary(s *output.Summary) {
	if l.table.hidden > 0 {
		what := "healthy open connection"
		if l.quiet {
			what = "healthy connection"
		}
		fmt.Fprintf(&l.buf, "… %s not shown (--all)\n", output.Count(l.table.hidden, what))
	}
	selected(&l.buf, s, l.table.style.Width)
	wrap(&l.buf, s.Account(), l.table.style.Width, "  ")
	l.Flush()
}
