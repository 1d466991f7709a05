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
func (a *Answer) Table(w io.Writer, width int) error {
	var b strings.Builder
	rows, ports, connections := a.listed()
	if len(rows) > 0 {
		table(&b, a.columns(), rows, width)
	}
	if ports > 0 {
		fmt.Fprintf(&b, "%s more: --all lists them (%s)\n", output.Count(uint64(ports), "port"), output.Count(connections, "connection"))
	}
	if pairs := a.Matrix.Pairs(); len(pairs) > 0 {
		b.WriteByte('\n')
		a.Matrix.table(&b, pairs, width)
	}
	if peers := a.Tally.Busiest(a.Busiest); len(peers) > 0 {
		b.WriteByte('\n')
		table(&b, peerColumns(a.peerWord()), peers, width)
	}
	b.Write(output.Wrap(nil, a.account(), width, "  "))
	_, err := io.WriteString(w, b.String())
	return err
}

// table prints the matrix, a row for each state of the client, or a list where it is too wide.
func (m *Matrix) table(b *strings.Builder, pairs []Pair, width int) {
	var clients [tcp.NumStates]bool
	wide := 0
	columns := []column[tracker.State]{{"CLIENT \\ SERVER", false, 0, func(c *tracker.State) string { return c.String() }}}
	for s := range tcp.State(tcp.NumStates) {
		used := false
		for _, p := range pairs {
			used = used || p.Server == s
			clients[p.Client] = true
		}
		if used {
			columns = append(columns, column[tracker.State]{s.String(), true, 0, func(c *tracker.State) string { return some(m[*c][s]) }})
			wide += len(gap) + len(s.String())
		}
	}
	if wide+len(columns[0].head) > width {
		table(b, pairColumns, pairs, width)
		return
	}
	var rows []tracker.State
	for c, used := range clients {
		if used {
			rows = append(rows, tracker.State(c))
		}
	}
	table(b, columns, rows, width)
}

// column is one column of a table; those of a higher drop go first where the terminal is narrow.
type column[T any] struct {
	head  string
	right bool // numbers stand to the right
	drop  int
	cell  func(*T) string
}

// columns are those that the source can fill.
func (a *Answer) columns() []column[Row] {
	if a.Source == "capture" {
		return wireColumns
	}
	return kernelColumns
}

var kernelColumns = []column[Row]{
	{"PORT", true, 0, portOf},
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

var wireColumns = []column[Row]{
	{"PORT", true, 0, portOf},
	{"SIDE", false, 0, func(r *Row) string { return r.Side.String() }},
	{"STATE", false, 0, stateOf},
	{"CONNS", true, 0, func(r *Row) string { return number(r.Connections) }},
	{"CLIENTS", true, 0, func(r *Row) string { return number(r.Peers) }},
	{"BUSIEST CLIENT", false, 1, busiestOf},
	{"ILL", true, 2, func(r *Row) string { return some(r.Ill) }},
	{"WHICH MEANS", false, 3, meaning},
}

func peerColumns(head string) []column[Peer] {
	return []column[Peer]{
		{strings.ToUpper(head), false, 0, func(p *Peer) string { return p.Addr.String() }},
		{"CONNS", true, 0, func(p *Peer) string { return number(p.Connections) }},
		{"IN STATE", false, 1, func(p *Peer) string { return states(&p.States) }},
	}
}

var pairColumns = []column[Pair]{
	{"CLIENT", false, 0, func(p *Pair) string { return p.Client.String() }},
	{"SERVER", false, 0, func(p *Pair) string { return p.Server.String() }},
	{"CONNS", true, 0, func(p *Pair) string { return number(p.Connections) }},
}

func portOf(r *Row) string { return strconv.Itoa(int(r.Port)) }

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
	if r.Sum {
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
