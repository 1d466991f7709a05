package stats

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// Table prints the counts for people, at most width columns wide: columns that do not fit are left out, the least
// important first.
func Table(w io.Writer, t *Tally, busiest, width int) error {
	var b strings.Builder
	if rows := t.Rows(); len(rows) > 0 {
		table(&b, columns, rows, width)
	}
	if peers := t.Busiest(busiest); len(peers) > 0 {
		b.WriteByte('\n')
		table(&b, peerColumns, peers, width)
	}
	sum := t.Total()
	text := output.Count(sum.Connections, "connection") + " with " + output.Count(sum.Peers, "peer")
	if sum.Orphans > 0 {
		text += fmt.Sprintf("; %d that no process owns any more", sum.Orphans)
	}
	if sum.Unaccepted > 0 {
		text += fmt.Sprintf("; %d that wait for accept()", sum.Unaccepted)
	}
	if sum.Memory > 0 {
		text += "; " + output.Size(sum.Memory) + " octets of kernel memory"
	}
	if t.Unnamed > 0 {
		text += fmt.Sprintf("; the addresses of %d were one too many to be told apart", t.Unnamed)
	}
	b.Write(output.Wrap(nil, text, width, "  "))
	_, err := io.WriteString(w, b.String())
	return err
}

// column is one column of a table; those of a higher drop go first where the terminal is narrow.
type column[T any] struct {
	head  string
	right bool // numbers stand to the right
	drop  int
	cell  func(*T) string
}

var columns = []column[Row]{
	{"PORT", true, 0, func(r *Row) string { return strconv.Itoa(int(r.Port)) }},
	{"SIDE", false, 0, func(r *Row) string { return r.Side.String() }},
	{"STATE", false, 0, stateOf},
	{"CONNS", true, 0, func(r *Row) string { return number(r.Connections) }},
	{"PEERS", true, 0, func(r *Row) string { return numberOf(r, r.Peers) }},
	{"BUSIEST PEER", false, 1, busiestOf},
	{"ORPHANS", true, 2, func(r *Row) string { return some(r.Orphans) }},
	{"RECV-Q", true, 3, func(r *Row) string { return size(r.RecvQueue) }},
	{"SEND-Q", true, 4, func(r *Row) string { return size(r.SendQueue) }},
	{"MEMORY", true, 5, func(r *Row) string { return size(r.Memory) }},
}

var peerColumns = []column[Peer]{
	{"PEER", false, 0, func(p *Peer) string { return p.Addr.String() }},
	{"CONNS", true, 0, func(p *Peer) string { return number(p.Connections) }},
	{"IN STATE", false, 1, func(p *Peer) string { return p.inStates() }},
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

func some(n uint64) string {
	if n == 0 {
		return ""
	}
	return number(n)
}

func size(n uint64) string {
	if n == 0 {
		return ""
	}
	return output.Size(n)
}

// stateOf is the row's state, and "all" of a sum.
func stateOf(r *Row) string {
	if r.State == tracker.Unknown {
		return "all"
	}
	return r.State.String()
}

func numberOf(r *Row, n uint64) string {
	if r.State == tracker.Listen {
		return ""
	}
	return number(n)
}

func busiestOf(r *Row) string {
	if r.Most == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%d)", r.Busiest, r.Most)
}

// inStates lists the states with their counts: ESTABLISHED 12, FIN_WAIT1 300.
func (p *Peer) inStates() string {
	var list []string
	for s, n := range p.States {
		if n > 0 {
			list = append(list, tcp.State(s).String()+" "+number(n))
		}
	}
	return strings.Join(list, ", ")
}

const gap = "  "

// table prints the rows under their heads.
func table[T any](b *strings.Builder, columns []column[T], rows []T, width int) {
	cells := make([][]string, len(rows)+1)
	widths := make([]int, len(columns))
	used := make([]bool, len(columns))
	for i, c := range columns {
		cells[0] = append(cells[0], c.head)
		widths[i] = len(c.head)
		for n := range rows {
			cell := c.cell(&rows[n])
			cells[n+1] = append(cells[n+1], cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			used[i] = used[i] || cell != ""
		}
	}
	total := func() (n int) {
		for i, w := range widths {
			if used[i] {
				n += w + len(gap)
			}
		}
		return n - len(gap)
	}
	for drop := 5; drop > 0 && total() > width; drop-- {
		for i, c := range columns {
			used[i] = used[i] && c.drop != drop
		}
	}
	for _, line := range cells {
		var text string
		for i, cell := range line {
			if !used[i] {
				continue
			}
			blank := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if columns[i].right {
				text += blank + cell + gap
			} else {
				text += cell + blank + gap
			}
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}
