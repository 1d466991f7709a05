package ladder

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// Kind is what a Row is about.
type Kind uint8

const (
	Packet Kind = iota // one packet
	Fold               // packets that repeat the one of the row before it
	Run                // ordinary packets, only counted
	Gap                // rows that were left out
)

// Row is one row of the ladder.
type Row struct {
	Kind        Kind
	First, Last uint64 // packets that it is about
	Time, End   int64  // of the first and the last of them
	From        tracker.Side
	Label       string   // of a Packet: what it is
	Window      int      // of a Packet: what it announces, -1 where that is not known
	Claims      [2]Claim // what either end is taken to be after it, client first
	Evidence    []string // codes of the findings that it shows

	Times       int    // of a Fold: packets
	Least, Most int64  // of a Fold: intervals between them
	Segments    [2]int // of a Run, by side
	Octets      [2]int // of a Run: their payload
	Left        int    // of a Gap: rows

	shut   [2]int // of Segments, with window 0
	series string // what it repeats, "" for a row of its own
	begin  int64  // of the series
}

// maxCodes bounds the codes of one row.
const maxCodes = 8

func (r *Row) shows(code string) {
	if len(r.Evidence) < maxCodes && !slices.Contains(r.Evidence, code) {
		r.Evidence = append(r.Evidence, code)
		slices.Sort(r.Evidence)
	}
}

// Rows are the rows in order, a copy; where some were left out a Gap stands, and over says how many they are.
func (d *Drawing) Rows() (rows []Row, over int) {
	rows, over = slices.Clone(d.rows), d.over
	if extra := len(rows) - d.Head - d.Tail; extra > 0 {
		rows, over = slices.Delete(rows, d.Head, d.Head+extra), over+extra
	}
	if over == 0 {
		return rows, 0
	}
	before, after := &rows[d.Head-1], &rows[d.Head]
	return slices.Insert(rows, d.Head, Row{Kind: Gap, First: before.Last, Last: after.First, Time: before.End, End: after.Time, Claims: before.Claims, Window: -1, Left: over}), over
}

// add adds a row; of those between head and tail the oldest make room, many at a time.
func (d *Drawing) add(r Row) {
	if len(d.rows) >= d.Head+2*d.Tail {
		extra := len(d.rows) - d.Head - d.Tail
		d.rows, d.over = slices.Delete(d.rows, d.Head, d.Head+extra), d.over+extra
	}
	d.rows = append(d.rows, r)
}

// pass counts an ordinary segment.
func (d *Drawing) pass(s *tcp.Segment, from tracker.Side) {
	if n := len(d.rows); n == 0 || d.rows[n-1].Kind != Run {
		d.add(Row{Kind: Run, First: s.Number, Time: s.Time, Claims: d.are, Window: -1})
	}
	r := &d.rows[len(d.rows)-1]
	r.Last, r.End = s.Number, s.Time
	r.Claims = d.are
	r.Segments[from]++
	r.Octets[from] += s.Len
	if s.Window == 0 {
		r.shut[from]++
	}
}

// fold adds a segment of a series to its fold, if only bare answers lie between.
func (d *Drawing) fold(s *tcp.Segment, from tracker.Side, series string) bool {
	n := len(d.rows)
	if n > 0 && d.rows[n-1].Kind == Run {
		between := &d.rows[n-1]
		if between.Segments[from] > 0 || between.Octets[from.Other()] > 0 || len(between.Evidence) > 0 {
			return false
		}
		n--
	}
	if n == 0 || d.rows[n-1].series != series || d.rows[n-1].From != from {
		return false
	}
	last := &d.rows[n-1]
	gap := s.Time - last.End
	if last.Kind == Packet {
		// The first of the series keeps its row, and the answers to it theirs.
		d.add(Row{Kind: Fold, First: s.Number, Last: s.Number, Time: s.Time, End: s.Time, From: from, Claims: d.are, Window: -1, Times: 1, Least: gap, Most: gap, series: series, begin: last.begin})
		return true
	}
	d.rows = d.rows[:n]
	last.Last, last.End, last.Claims = s.Number, s.Time, d.are
	last.Times++
	last.Least, last.Most = min(last.Least, gap), max(last.Most, gap)
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

// Text says in words what a row is that is not about one packet; of a Packet it is the label.
func (r *Row) Text() string {
	switch r.Kind {
	case Fold:
		return r.foldText()
	case Run:
		return r.runText()
	case Gap:
		return output.Count(uint64(r.Left), "row") + " left out"
	}
	return r.Label
}

// foldText says how often a series went on.
func (r *Row) foldText() string {
	noun := map[string]string{"probe": "probe", "keepalive": "keepalive", "again": "repeat"}[r.series]
	if noun == "" {
		noun = "segment"
	}
	text := fmt.Sprintf("x %s in %s, up to packet %d", output.Count(uint64(r.Times), "more "+noun), output.Span(r.End-r.begin), r.Last)
	if r.Times > 1 {
		text += fmt.Sprintf(", %s to %s apart", output.Span(r.Least), output.Span(r.Most))
	}
	return text
}

// runText counts ordinary segments.
func (r *Row) runText() string {
	var parts []string
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		if n := r.Segments[side]; n > 0 {
			text := output.Count(uint64(n), "segment") + " from the " + side.String()
			if r.Octets[side] > 0 {
				text += ", " + output.Count(uint64(r.Octets[side]), "octet")
			}
			if r.shut[side] == n {
				text += ", window 0"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}
