package ladder

import (
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Bounds on what waits for the segments that it belongs to.
const (
	maxMoves    = 10_000
	maxMarks    = 100_000
	maxEvidence = 10_000
)

// Config sets up a Drawing.
type Config struct {
	Conn       uint64
	Head, Tail int // rows that are kept of the connection's beginning and of its end; at least 1 and 2
	Points     int // of the windows and flights; 0: none are kept
}

// Drawing is one connection to be drawn.
type Drawing struct {
	Config
	Client, Server tcp.Endpoint
	Start, Last    int64  // of the segments told so far; 0: there was none
	Segments       uint64 // told so far
	Lost           uint64 // events beyond a bound: some rows are not marked, some spans are not there

	moves    []move
	are      [2]Claim
	marks    map[uint64]Mark
	evidence map[uint64][]string
	rows     []Row
	over     int // rows left out between head and tail
	series   series
	spans    [2][]Span
	shut     [2][]Stretch
}

// Claim is what an end is taken to be.
type Claim struct {
	State    tracker.State
	Basis    tracker.Basis
	Possible tracker.StateSet
}

// String spells the state, with ? behind it if it is presumed or one of several; "" for none.
func (c Claim) String() string {
	switch {
	case c.State == tracker.Unknown:
		return ""
	case c.Basis == tracker.Presumed || c.Possible.Len() > 1:
		return c.State.String() + "?"
	}
	return c.State.String()
}

// move is a transition that waits for its packet.
type move struct {
	packet uint64
	time   int64
	side   tracker.Side
	to     Claim
	moved  bool // to another state
}

// New makes a Drawing of a connection of which nothing is known yet.
func New(cfg Config) *Drawing {
	cfg.Head, cfg.Tail = max(cfg.Head, 1), max(cfg.Tail, 2)
	return &Drawing{Config: cfg, marks: map[uint64]Mark{}, evidence: map[uint64][]string{}, series: newSeries(cfg.Points)}
}

// Between says who the ends are, where that is known before the first event, or better.
func (d *Drawing) Between(client, server tcp.Endpoint) { d.Client, d.Server = client, server }

// Transition keeps what either end is taken to be; those of other connections are left alone.
func (d *Drawing) Transition(t *tracker.Transition) {
	if t.Conn != d.Conn {
		return
	}
	d.Between(t.Client, t.Server)
	to := Claim{t.To, t.Basis, t.Possible}
	d.span(t, to)
	if n := len(d.rows); n > 0 && len(d.moves) == 0 && t.Packet == d.rows[n-1].Last && t.Time <= d.rows[n-1].End {
		d.are[t.Side], d.rows[n-1].Claims[t.Side] = to, to // told behind its packet, as at the end of a capture
		return
	}
	if len(d.moves) == maxMoves {
		d.Lost++
		return
	}
	d.moves = append(d.moves, move{t.Packet, t.Time, t.Side, to, t.From != t.To})
}

// Facts are the kinds of facts that a Drawing wants to be told.
const Facts = tracker.Shut | tracker.Opened | tracker.Probed | tracker.KeptAlive | tracker.Resent | tracker.SYNAgain | tracker.FINSent |
	tracker.Reset | tracker.Challenged | tracker.Damaged | tracker.Missed | tracker.Twice | tracker.Revived | tracker.Took

// Fact marks the packet that it comes from; those of other connections are left alone.
func (d *Drawing) Fact(f *tracker.Fact) {
	if f.Conn.Num() != d.Conn {
		return
	}
	switch f.Kind {
	case tracker.Shut:
		d.shuts(f.Side, f.Time)
	case tracker.Opened:
		d.opens(f.Side, f.Time)
	}
	d.Mark(f.Packet, MarkOf(f))
}

// Mark marks a packet of the connection, of which no segment was told yet: for who keeps marks and not facts.
func (d *Drawing) Mark(packet uint64, m Mark) {
	if m.text == "" {
		return
	}
	was, ok := d.marks[packet]
	switch {
	case ok && was.text != m.text:
		m.text, m.void = was.text+", "+m.text, m.void || was.void
	case !ok && len(d.marks) == maxMarks:
		d.Lost++
		return
	}
	d.marks[packet] = m
}

// Evidence says that a packet shows a finding of that code. It may come before the packet or after it.
func (d *Drawing) Evidence(packet uint64, code string) {
	for i := range d.rows {
		if r := &d.rows[i]; r.First <= packet && packet <= r.Last {
			r.shows(code)
			return
		}
	}
	switch {
	case slices.Contains(d.evidence[packet], code):
	case len(d.evidence) == maxEvidence:
		d.Lost++
	default:
		d.evidence[packet] = append(d.evidence[packet], code)
	}
}

// Segment takes a segment of the connection, of which all events were told before. It is not kept.
func (d *Drawing) Segment(s *tcp.Segment) {
	from := d.From(s)
	if d.Segments == 0 {
		d.Start = s.Time
	}
	d.Segments++
	d.Last = max(d.Last, s.Time)
	moved := d.move(s)
	m, marked := d.marks[s.Number]
	delete(d.marks, s.Number)
	codes := d.evidence[s.Number]
	delete(d.evidence, s.Number)
	if !m.void {
		d.series.take(s, from)
	}
	switch {
	case !marked && !moved && len(codes) == 0 && !s.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST):
		d.pass(s, from)
		return
	case m.again && !moved && d.fold(s, from, m.text):
	default:
		row := Row{Kind: Packet, First: s.Number, Last: s.Number, Time: s.Time, End: s.Time, From: from, Label: label(s, m.text), Window: d.series.window(s, from), Claims: d.are, begin: s.Time}
		if m.again && !moved {
			row.series = m.text
		}
		d.add(row)
	}
	for _, code := range codes {
		d.rows[len(d.rows)-1].shows(code)
	}
}

// From says which side sent a segment of the connection.
func (d *Drawing) From(s *tcp.Segment) tracker.Side {
	if src, _ := s.Ends(); src == d.Server && src != d.Client {
		return tracker.Server
	}
	return tracker.Client
}

// move brings the states up to a segment and says whether it changed one.
func (d *Drawing) move(s *tcp.Segment) (moved bool) {
	done := 0
	for ; done < len(d.moves); done++ {
		t := &d.moves[done]
		if t.packet > s.Number || t.packet == s.Number && t.time > s.Time {
			break
		}
		if t.packet == s.Number && t.moved {
			moved = true
		}
		d.are[t.side] = t.to
	}
	d.moves = d.moves[done:]
	return moved
}
