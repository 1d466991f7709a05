package story

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// ladder is the packets that decide, in order: what belongs to a series is folded, what is ordinary is counted.
type ladder struct {
	most int // bound on rows
	rows []rung
	over int // rows beyond it
	of   [2]first
	done int // transitions applied
	are  [2]tracker.State
}

// rung is one row: a segment, a fold of segments like the one before, or a run of ordinary ones.
type rung struct {
	number uint64
	time   int64
	from   tracker.Side
	label  string
	are    [2]tracker.State // after it

	folded   int // segments like the row before
	ordinary [2]int
	octets   [2]int
	shut     [2]int // ordinary ones with window 0
	least    int64  // interval between folded ones
	most     int64
	series   string // what it repeats, "" for a row of its own
	begin    int64  // of the series
}

// take adds a segment from that side.
func (d *ladder) take(l *Life, s *tcp.Segment, from tracker.Side) {
	note(&d.of[from], s)
	moved := d.move(l, s)
	m, marked := l.marks[s.Number]
	if !marked && !moved && !s.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST) {
		d.pass(s, from)
		return
	}
	series := ""
	if m.again && !moved {
		series = m.text
	}
	if series != "" && d.fold(s, from, series) {
		return
	}
	d.add(rung{number: s.Number, time: s.Time, from: from, label: label(s, m.text), are: d.are, series: series, begin: s.Time})
}

// note keeps the first packets of an end with a flag.
func note(f *first, s *tcp.Segment) {
	for _, x := range []struct {
		flag tcp.Flags
		at   *uint64
	}{{tcp.SYN, &f.syn}, {tcp.FIN, &f.fin}, {tcp.RST, &f.rst}} {
		if s.Flags.Has(x.flag) && *x.at == 0 {
			*x.at = s.Number
		}
	}
}

// move brings the states up to a segment and says whether it changed one.
func (d *ladder) move(l *Life, s *tcp.Segment) (moved bool) {
	for d.done < len(l.history) {
		t := &l.history[d.done]
		if t.Packet > s.Number || t.Packet == s.Number && t.Time > s.Time {
			break
		}
		if t.Packet == s.Number && t.From != t.To {
			moved = true
		}
		d.are[t.Side] = t.To
		d.done++
	}
	return moved
}

func (d *ladder) add(r rung) {
	if len(d.rows) >= d.most {
		d.over++
		return
	}
	d.rows = append(d.rows, r)
}

// pass counts an ordinary segment.
func (d *ladder) pass(s *tcp.Segment, from tracker.Side) {
	n := len(d.rows)
	if n == 0 || d.rows[n-1].label != "" || d.rows[n-1].folded > 0 {
		d.add(rung{number: s.Number, time: s.Time, are: d.are})
		if n = len(d.rows); d.over > 0 {
			return
		}
	}
	r := &d.rows[n-1]
	r.ordinary[from]++
	r.octets[from] += s.Len
	if s.Window == 0 {
		r.shut[from]++
	}
}

// fold adds a segment of a series to its fold, if only bare answers lie between.
func (d *ladder) fold(s *tcp.Segment, from tracker.Side, series string) bool {
	n := len(d.rows)
	if n > 0 && d.rows[n-1].label == "" && d.rows[n-1].folded == 0 {
		between := &d.rows[n-1]
		if between.ordinary[from] > 0 || between.octets[from.Other()] > 0 {
			return false
		}
		n--
	}
	if n == 0 || d.rows[n-1].series != series || d.rows[n-1].from != from || d.over > 0 {
		return false
	}
	last := &d.rows[n-1]
	gap := s.Time - last.time
	if last.folded == 0 {
		// The first of the series keeps its row, and the answers to it theirs.
		d.rows = append(d.rows, rung{number: s.Number, time: s.Time, from: from, are: d.are, folded: 1, least: gap, most: gap, series: series, begin: last.begin})
		return true
	}
	d.rows = d.rows[:n]
	last.number, last.time, last.are = s.Number, s.Time, d.are
	last.folded++
	last.least, last.most = min(last.least, gap), max(last.most, gap)
	return true
}

// label says what a segment is.
func label(s *tcp.Segment, mark string) string {
	var parts []string
	for _, x := range []struct {
		flag tcp.Flags
		name string
	}{{tcp.SYN, "SYN"}, {tcp.FIN, "FIN"}, {tcp.RST, "RST"}} {
		if s.Flags.Has(x.flag) {
			parts = append(parts, x.name)
		}
	}
	if s.Flags.Has(tcp.SYN | tcp.ACK) {
		parts[0] = "SYN-ACK"
	}
	if s.Len > 0 {
		parts = append(parts, output.Count(uint64(s.Len), "octet"))
	}
	if len(parts) == 0 && mark != "probe" && mark != "keepalive" {
		parts = append(parts, "ACK")
	}
	if mark != "" {
		parts = append(parts, mark)
	}
	if s.Window == 0 && !s.Flags.Has(tcp.RST) && !strings.Contains(mark, "window") {
		parts = append(parts, "window 0")
	}
	return strings.Join(parts, ", ")
}

// The widths of the columns before the arrow and of each state.
const (
	numberWidth = 7
	timeWidth   = 10
	stateWidth  = 11
)

// print writes the rows.
func (d *ladder) print(p *page, l *Life) {
	arrow := max(p.width-numberWidth-timeWidth-2*stateWidth-5, 24)
	indent := strings.Repeat(" ", numberWidth+timeWidth+2)
	fmt.Fprintf(p, "%*s%*s  %-*s %-*s %s\n", numberWidth, "packet", timeWidth, "time", stateWidth, "client", arrow, "", "server")
	for i := range d.rows {
		r := &d.rows[i]
		switch {
		case r.folded > 0:
			p.indented(r.foldText(), indent+"⋮ ", indent+"  ")
		case r.label == "":
			p.indented(r.runText(), indent+"· ", indent+"  ")
		default:
			p.row("%*d%*s  %-*s %s %s", numberWidth, r.number, timeWidth, l.since(r.time), stateWidth, known(r.are[tracker.Client]), drawArrow(r.label, r.from, arrow), known(r.are[tracker.Server]))
		}
	}
	if d.over > 0 {
		p.line(fmt.Sprintf("… %s not shown (--all)", output.Count(uint64(d.over), "more row")))
	}
}

// row writes a line without blanks at its end.
func (p *page) row(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// known spells a state, nothing while there is none.
func known(s tracker.State) string {
	if s == tracker.Unknown {
		return ""
	}
	return s.String()
}

// foldText says how often a series went on.
func (r *rung) foldText() string {
	noun := map[string]string{"probe": "probe", "keepalive": "keepalive", "again": "repeat"}[r.series]
	if noun == "" {
		noun = "segment"
	}
	text := fmt.Sprintf("x %s in %s, up to packet %d", output.Count(uint64(r.folded), "more "+noun), output.Span(r.time-r.begin), r.number)
	if r.folded > 1 {
		text += fmt.Sprintf(", %s to %s apart", output.Span(r.least), output.Span(r.most))
	}
	return text
}

// runText counts ordinary segments.
func (r *rung) runText() string {
	var parts []string
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		if n := r.ordinary[side]; n > 0 {
			text := output.Count(uint64(n), "segment") + " from the " + side.String()
			if r.octets[side] > 0 {
				text += ", " + output.Count(uint64(r.octets[side]), "octet")
			}
			if r.shut[side] == n {
				text += ", window 0"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

// drawArrow draws an arrow of the given width with its label in it.
func drawArrow(label string, from tracker.Side, width int) string {
	runes := []rune(label)
	if room := width - 6; len(runes) > room {
		runes = append(runes[:room-1], '…')
	}
	label = string(runes)
	line := strings.Repeat("─", width-utf8.RuneCountInString(label)-5)
	if from == tracker.Client {
		return "── " + label + " " + line + "▶"
	}
	return "◀─ " + label + " " + line + "─"
}
