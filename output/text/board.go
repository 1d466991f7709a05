package text

import (
	"cmp"
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

	rows  []row              // of the latest look, in order
	rates map[uint64]meter   // of the rows, by connection
	next  uint32             // where the survey goes on
	conn  tracker.Connection // reused
	want  func(*tracker.Connection) bool
	seen  map[uint64]bool // in this look; reused

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

// meter is what a connection had sent, both ends together, and how fast.
type meter struct {
	octets, rate uint64
	at           int64
}

const (
	// maxBoard bounds the rows that are kept: more than any terminal is high.
	maxBoard = 300
	// surveyed bounds the places looked at for one frame, which takes some milliseconds: with more connections the
	// healthy ones take turns; those with findings are known.
	surveyed = 4096
	// maxBad bounds the connections with findings that are looked at for each frame.
	maxBad = 4096
	// maxGauges is over how many looks a rate is told.
	maxGauges = 6
)

// NewBoard makes a Board that prints its lines to out at each Flush.
func NewBoard(out io.Writer, style Style) *Board {
	b := &Board{
		Lines: *NewLines(out, style), rates: map[uint64]meter{}, seen: map[uint64]bool{},
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
	before := b.rows
	b.rows = make([]row, 0, 2*maxBoard)
	clear(b.seen)
	again := func(h tracker.Hold) {
		if v, lives := h.View(); lives {
			b.consider(v)
		}
	}
	for _, h := range b.bad {
		again(h)
	}
	for i := range before {
		again(before[i].hold)
	}
	b.next = t.Survey(b.next, surveyed, b.consider)
	b.choose()
	clear(b.rates)
	for i := range b.rows {
		r := &b.rows[i]
		b.rates[r.conn.Conn] = meter{octets(&r.conn), r.rate, r.conn.Now}
	}
}

// consider keeps a connection if it is among the first.
func (b *Board) consider(v tracker.View) {
	if b.seen[v.Num()] {
		return
	}
	b.seen[v.Num()] = true
	v.Connection(&b.conn)
	if b.want != nil && !b.want(&b.conn) {
		return
	}
	r := row{conn: b.conn, hold: v.Hold()}
	r.conn.Streams = nil
	for _, f := range b.table.found.conns[r.conn.Conn] {
		if f.until == 0 {
			r.found = append(r.found, f)
			r.level = max(r.level, level(f.severity))
			r.stuck = max(r.stuck, f.lasted(r.conn.Now))
		}
	}
	bySeverity(r.found)
	r.rate = b.rate(&r.conn)
	if b.rows = append(b.rows, r); len(b.rows) == 2*maxBoard {
		b.choose()
	}
}

// rate is how fast a connection is, averaged over some looks; where it was not looked at before, over its life.
func (b *Board) rate(c *tracker.Connection) uint64 {
	n := octets(c)
	before, known := b.rates[c.Conn]
	if !known {
		return n * 1e3 / uint64(max(c.Now-c.Start, 1e9)/1e6)
	}
	if c.Now-before.at < 1e6 || n < before.octets {
		return before.rate
	}
	now := (n - before.octets) * 1e3 / uint64((c.Now-before.at)/1e6)
	if now == 0 && before.rate < 16 {
		return 0
	}
	return (before.rate*2 + now) / 3
}

func octets(c *tracker.Connection) uint64 { return c.Client.Bytes + c.Server.Bytes }

// choose sorts the rows and keeps the first.
func (b *Board) choose() {
	slices.SortFunc(b.rows, func(x, y row) int {
		return cmp.Or(cmp.Compare(y.level, x.level), cmp.Compare(y.stuck, x.stuck), cmp.Compare(y.rate, x.rate), cmp.Compare(x.conn.Conn, y.conn.Conn))
	})
	b.rows = b.rows[:min(len(b.rows), maxBoard)]
}
