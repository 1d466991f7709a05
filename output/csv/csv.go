// Package csv shows connections as comma-separated values: a header, then one row for each connection, in the order in
// which they end. The columns carry the names and the units of the JSON Lines, prefixed by their side; what is not
// known is an empty cell. It is an output.Writer and keeps nothing.
package csv

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Writer writes one row for each connection.
type Writer struct {
	csv   *csv.Writer
	cells []string
}

// New makes a Writer to out and writes the header.
func New(out io.Writer) *Writer {
	w := &Writer{csv: csv.NewWriter(out)}
	w.head(columns, endColumns)
	w.head(laterColumns, laterEndColumns)
	w.head(latestColumns, nil)
	w.head(nil, analysisColumns)
	w.csv.Write(w.cells) // an error shows at Flush
	return w
}

func (w *Writer) head(of []column[tracker.Connection], ends []column[tracker.End]) {
	for _, c := range of {
		w.cells = append(w.cells, c.name)
	}
	for _, side := range []string{"client_", "server_"} {
		for _, c := range ends {
			w.cells = append(w.cells, side+c.name)
		}
	}
}

type column[T any] struct {
	name string
	cell func(*T) string
}

var columns = []column[tracker.Connection]{
	{"conn", func(c *tracker.Connection) string { return number(c.Conn) }},
	{"streams", func(c *tracker.Connection) string { return streams(c.Streams) }},
	{"start", func(c *tracker.Connection) string { return stamp(c.Start) }},
	{"end", func(c *tracker.Connection) string { return stamp(c.Last) }},
	{"duration_s", func(c *tracker.Connection) string { return decimal(c.Last-c.Start, 1e9) }},
	{"continued", func(c *tracker.Connection) string { return strconv.FormatBool(c.Continued) }},
	{"evicted", func(c *tracker.Connection) string { return strconv.FormatBool(c.Evicted) }},
	{"guessed", func(c *tracker.Connection) string { return strconv.FormatBool(c.Guessed) }},
	{"closed_by", closedBy},
	{"how", func(c *tracker.Connection) string { return c.How.String() }},
	{"findings", func(c *tracker.Connection) string { return strings.Join(c.Findings, " ") }},
}

var endColumns = []column[tracker.End]{
	{"ip", func(e *tracker.End) string { return e.Endpoint.IP().String() }},
	{"port", func(e *tracker.End) string { return number(uint64(e.Endpoint.Port)) }},
	{"state", func(e *tracker.End) string { return e.State.String() }},
	{"basis", func(e *tracker.End) string { return e.Basis.String() }},
	{"possible", func(e *tracker.End) string { return e.Possible.String() }},
	{"packets", func(e *tracker.End) string { return number(e.Packets) }},
	{"bytes", func(e *tracker.End) string { return number(e.Bytes) }},
	{"payload_bytes", func(e *tracker.End) string { return number(e.PayloadBytes) }},
	{"stream_bytes", func(e *tracker.End) string { return number(e.StreamBytes) }},
	{"missed_bytes", func(e *tracker.End) string { return number(e.MissedBytes) }},
	{"retransmissions", func(e *tracker.End) string { return number(e.Retransmissions) }},
	{"zero_windows", func(e *tracker.End) string { return number(e.ZeroWindows) }},
	{"zero_window_s", func(e *tracker.End) string { return decimal(e.ShutTotal, 1e9) }},
	{"probes", func(e *tracker.End) string { return number(e.Probes) }},
	{"keepalives", func(e *tracker.End) string { return number(e.Keepalives) }},
	{"bad_checksums", func(e *tracker.End) string { return number(e.BadChecksums) }},
	{"rtt_min_ms", func(e *tracker.End) string { return trip(e, e.RTT.Min) }},
	{"rtt_mean_ms", func(e *tracker.End) string { return trip(e, e.RTT.Mean) }},
	{"rtt_max_ms", func(e *tracker.End) string { return trip(e, e.RTT.Max) }},
}

// What came later stands behind: a column keeps its place.
var laterColumns = []column[tracker.Connection]{
	{"life_ms", func(c *tracker.Connection) string { return known(c.Blamed, c.Life) }},
	{"half_closed_ms", func(c *tracker.Connection) string { return known(c.Half, c.HalfClosed) }},
}

// And what came later still, behind both.
var latestColumns = []column[tracker.Connection]{
	{"community_id", func(c *tracker.Connection) string {
		return string(tcp.AppendCommunityID(nil, c.Client.Endpoint, c.Server.Endpoint))
	}},
}

var laterEndColumns = []column[tracker.End]{
	{"unacked_bytes", unacked},
	{"blame_flowing_ms", blame(tracker.BlameFlowing)},
	{"blame_handshake_ms", blame(tracker.BlameHandshake)},
	{"blame_window_shut_ms", blame(tracker.BlameWindowShut)},
	{"blame_peer_silent_ms", blame(tracker.BlamePeerSilent)},
	{"blame_loss_recovery_ms", blame(tracker.BlameLoss)},
	{"blame_closing_ms", blame(tracker.BlameClosing)},
	{"blame_capture_gap_ms", blame(tracker.BlameGap)},
}

// analysisColumns count what Wireshark would mark.
var analysisColumns = func() (list []column[tracker.End]) {
	for f := range tracker.AnalysisFlag(tracker.NumAnalysisFlags) {
		list = append(list, column[tracker.End]{"analysis_" + f.String(), func(e *tracker.End) string { return number(uint64(e.Analysis[f])) }})
	}
	return list
}()

// Finding does nothing: a connection's line names its findings.
func (*Writer) Finding(*anomaly.Finding) {}

// Transition is not shown.
func (w *Writer) Transition(*tracker.Transition) {}

// Connection writes a row.
func (w *Writer) Connection(c *tracker.Connection) {
	w.cells = w.cells[:0]
	w.row(c, columns, endColumns)
	w.row(c, laterColumns, laterEndColumns)
	w.row(c, latestColumns, nil)
	w.row(c, nil, analysisColumns)
	w.csv.Write(w.cells)
}

func (w *Writer) row(c *tracker.Connection, of []column[tracker.Connection], ends []column[tracker.End]) {
	for _, col := range of {
		w.cells = append(w.cells, col.cell(c))
	}
	for _, e := range []*tracker.End{&c.Client, &c.Server} {
		for _, col := range ends {
			w.cells = append(w.cells, col.cell(e))
		}
	}
}

// Summary is not shown: every row is a connection.
func (w *Writer) Summary(*output.Summary) {}

// Flush writes what is buffered and returns the first error of any write.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}

func number(v uint64) string { return strconv.FormatUint(v, 10) }

// decimal writes v/unit without trailing zeros.
func decimal(v int64, unit float64) string {
	return strconv.FormatFloat(float64(v)/unit, 'f', -1, 64)
}

func stamp(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func trip(e *tracker.End, ns int64) string {
	if e.RTT.N == 0 {
		return ""
	}
	return decimal(ns, 1e6)
}

// known writes nanoseconds as milliseconds, if they are known.
func known(is bool, ns int64) string {
	if !is {
		return ""
	}
	return decimal(ns, 1e6)
}

func blame(class tracker.BlameClass) func(*tracker.End) string {
	return func(e *tracker.End) string { return decimal(e.Blame[class], 1e6) }
}

func unacked(e *tracker.End) string {
	if !e.Acked {
		return ""
	}
	return number(e.UnackedBytes)
}

func closedBy(c *tracker.Connection) string {
	if !c.Closed {
		return ""
	}
	return c.ClosedBy.String()
}

// streams joins Wireshark's stream numbers by blanks.
func streams(list []uint32) string {
	var b strings.Builder
	for i, s := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(number(uint64(s)))
	}
	return b.String()
}
