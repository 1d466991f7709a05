package text

import (
	"io"
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Board shows what lives on a terminal that a capture runs on: Frame is a table of the connections, the worst first, then
// the busiest, which stands below the lines of what was found and what ended badly. It is an output.Writer of those
// lines; somebody else puts the frame below them.
type Board struct {
	Lines
	gauges []Gauge // of the latest looks
	stats  tracker.Stats

	rows   []row            // of the latest look, in order
	meters map[uint64]meter // of the rows, by connection
	next   uint32           // where the survey goes on
	want   func(*tracker.Connection) bool

	places []place         // of the look under way; reused
	seen   map[uint64]bool // likewise
	conn   tracker.Connection

	shown, shownBad int // rows of the latest frame

	bad  map[uint64]tracker.Hold     // connections with an open finding
	open map[string]anomaly.Severity // the open findings, by ID
}

// Gauge is what the meters of a live capture show.
type Gauge struct {
	Source  string // the interfaces' names
	Start   int64  // of the capture, nanoseconds since 1970 UTC
	Now     int64
	Packets uint64 // captured
	Dropped uint64 // by the kernel
	Freezes uint64 // how often its ring was full
	begun   uint64 // connections
}

const (
	// maxBoard bounds the rows that are kept: more than any terminal is high.
	maxBoard = 300
	// surveyed bounds the connections looked at for one frame: with more of them the healthy ones take turns; those
	// with findings are known.
	surveyed = 2048
	// maxBad bounds the connections with findings that are looked at for each frame.
	maxBad = 2048
	// maxGauges is over how many looks a rate is told.
	maxGauges = 6
)

// NewBoard makes a Board that prints its lines to out at each Flush.
func NewBoard(out io.Writer, style Style) *Board {
	b := &Board{
		Lines: *NewLines(out, style), seen: map[uint64]bool{},
		bad: map[uint64]tracker.Hold{}, open: map[string]anomaly.Severity{},
	}
	b.Lines.quiet = true
	return b
}

// Choose leaves out of the frame the connections that want does not want.
func (b *Board) Choose(want func(*tracker.Connection) bool) { b.want = want }

// Finding prints what is new of the finding and remembers its connection.
func (b *Board) Finding(f *anomaly.Finding) {
	b.Lines.Finding(f)
	if f.Status != anomaly.Open {
		delete(b.open, f.ID)
	} else if _, known := b.open[f.ID]; known || len(b.open) < maxFound {
		b.open[f.ID] = f.Severity
	}
	if f.Population {
		return
	}
	if !slices.ContainsFunc(b.table.found.conns[f.Conn], troubles) {
		delete(b.bad, f.Conn)
	} else if v, lives := f.View(); lives && len(b.bad) < maxBad {
		b.bad[f.Conn] = v.Hold()
	}
}

// troubles says of a finding that it is open and bad enough for a place of its own.
func troubles(f finding) bool { return f.until == 0 && level(f.severity) > healthy }

// Connection prints the connection if it ended badly, and forgets it.
func (b *Board) Connection(c *tracker.Connection) {
	for _, f := range b.table.found.conns[c.Conn] {
		delete(b.open, f.id)
	}
	delete(b.bad, c.Conn)
	b.Lines.Connection(c)
}

// Look takes the meters, and chooses the connections for the next frames.
func (b *Board) Look(g Gauge, t *tracker.Tracker) {
	b.stats = t.Stats()
	g.begun = b.stats.Connections
	if b.gauges = append(b.gauges, g); len(b.gauges) > maxGauges {
		b.gauges = slices.Delete(b.gauges, 0, 1)
	}
	b.rank(t)
}
