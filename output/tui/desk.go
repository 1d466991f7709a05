package tui

import (
	"slices"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Bounds on what a Desk remembers.
const (
	maxFound   = 1 << 12 // findings, for their tab
	maxJudged  = 1 << 16 // connections that live and of which something was found
	maxEvents  = 1 << 16 // moves and marks, for the connection that is looked at closely
	maxRetired = 1000    // connections that have ended
)

// Desk keeps of the events of a run what a screen may want to be shown. It is a pipeline.Sink; all its methods are called
// on the goroutine that tracks.
type Desk struct {
	// Recall gives the packets of a flow that are still in memory, from that number on, at most so many of the latest, as a
	// function to be called on any goroutine; nil: nobody keeps any.
	Recall func(flow tcp.FlowKey, from uint64, most int) func() []tcp.Segment

	asked   query.Findings // what a selection can ask of the findings
	all     []*Found       // in order of first telling
	conns   map[uint64][]*Found
	serial  uint64
	open    [anomaly.Critical + 1]int
	lost    uint64 // findings that a bound left out, or told of again
	events  []Event
	at      int // in events, once they are full
	retired []retired
	oldest  int // in retired, once they are full
	windows *windows
	line    tracker.Connection // reused

	holds  map[uint64]tracker.Hold // of conns
	shown  []tracker.Hold          // the rows of the latest look
	focus  tracker.Hold
	where  *query.Selection // of the latest look
	meters map[uint64]meter // of the rows of the latest look
	survey
	gauges []Gauge // of the latest looks
	rates  []uint64
}

// retired is a connection that has ended.
type retired struct {
	conn    tracker.Connection
	found   []*Found
	asked   []query.Found
	windows [2][windowCells]uint8
}

// NewDesk makes an empty Desk.
func NewDesk() *Desk {
	return &Desk{conns: map[uint64][]*Found{}, holds: map[uint64]tracker.Hold{}, windows: newWindows(), survey: newSurvey()}
}

// Facts are the kinds that Fact wants to see.
const Facts = ladder.Facts

// Segments follows the windows.
func (d *Desk) Segments(segs []tcp.Segment) {
	for i := range segs {
		d.windows.see(&segs[i])
	}
}

// Transition remembers the move of an end.
func (d *Desk) Transition(t *tracker.Transition) {
	d.remember(Event{Conn: t.Conn, Packet: t.Packet, Time: t.Time, Side: t.Side, From: t.From, To: ladder.Claim{State: t.To, Basis: t.Basis, Possible: t.Possible}})
}

// Fact remembers what a packet was.
func (d *Desk) Fact(f *tracker.Fact) {
	if f.Kind&Facts != 0 {
		d.remember(Event{Conn: f.Conn.Num(), Packet: f.Packet, Time: f.Time, Side: f.Side, Mark: ladder.MarkOf(f)})
	}
}

func (d *Desk) remember(e Event) {
	if len(d.events) < maxEvents {
		d.events = append(d.events, e)
		return
	}
	d.events[d.at] = e
	d.at = (d.at + 1) % maxEvents
}

// eventsOf lists what is remembered of a connection, in order.
func (d *Desk) eventsOf(conn uint64) (list []Event) {
	for _, part := range [][]Event{d.events[d.at:], d.events[:d.at]} {
		for i := range part {
			if part[i].Conn == conn {
				list = append(list, part[i])
			}
		}
	}
	return list
}

// Finding keeps a finding, or what became of one.
func (d *Desk) Finding(f *anomaly.Finding) {
	d.asked.Take(f)
	of, known := d.conns[f.Conn]
	switch {
	case f.Population:
		of = d.all
	case !known && len(d.conns) >= maxJudged:
		d.lost++
		return
	}
	i := slices.IndexFunc(of, func(g *Found) bool { return g.ID == f.ID })
	if i >= 0 {
		was := of[i]
		d.count(was, -1)
		if f.Status == anomaly.Withdrawn {
			d.drop(was)
			return
		}
		*was = *d.count(foundOf(f, was.serial), 1) // snapshots hold copies
		return
	}
	if f.Status == anomaly.Withdrawn {
		return
	}
	d.serial++
	now := d.count(foundOf(f, d.serial), 1)
	d.makeRoom()
	d.all = append(d.all, now)
	if !f.Population {
		d.conns[f.Conn] = append(d.conns[f.Conn], now)
		if v, lives := f.View(); lives {
			d.holds[f.Conn] = v.Hold()
		}
	}
}

// count counts a finding that stands, or no longer.
func (d *Desk) count(f *Found, n int) *Found {
	if f.stands() > 0 {
		d.open[f.Severity] += n
	}
	return f
}

// drop forgets a finding that was withdrawn.
func (d *Desk) drop(f *Found) {
	is := func(g *Found) bool { return g == f }
	d.all = slices.DeleteFunc(d.all, is)
	if f.Population {
		return
	}
	if list := slices.DeleteFunc(d.conns[f.Conn], is); len(list) > 0 {
		d.conns[f.Conn] = list
	} else {
		delete(d.conns, f.Conn)
		delete(d.holds, f.Conn)
	}
}

// makeRoom drops a quarter of the findings when there are too many: those that are over first, the oldest first.
func (d *Desk) makeRoom() {
	if len(d.all) < maxFound {
		return
	}
	room := maxFound / 4
	d.all = slices.DeleteFunc(d.all, func(f *Found) bool {
		if room > 0 && (!f.Open || f.Over) {
			room--
			d.lost++
			return true
		}
		return false
	})
	for len(d.all) >= maxFound {
		if d.all[0].Population {
			d.count(d.all[0], -1) // it is known here alone
		}
		d.lost++
		d.all = slices.Delete(d.all, 0, 1)
	}
}

func foundOf(f *anomaly.Finding, serial uint64) *Found {
	text := ""
	if f.Kernel != nil {
		text = "the " + f.KernelSide.String() + "'s kernel: " + output.KernelSays(f.Kernel)
	}
	return &Found{
		ID: f.ID, Code: f.Rule.Code, Summary: f.Summary, Severity: f.Severity, Culprit: f.Culprit, Open: f.Status == anomaly.Open,
		Population: f.Population, Conn: f.Conn, Client: f.Client, Server: f.Server, Since: f.Since, Until: f.Until, Earlier: f.Earlier,
		Inconclusive: f.Inconclusive, Hidden: f.Hidden, Kernel: text, Evidence: slices.Clone(f.Evidence), Rule: f.Rule, Wireshark: f.Wireshark(), serial: serial,
	}
}

// lasted is for how long a finding has stood by now.
func (f *Found) lasted(now int64) int64 {
	if f.Until != 0 {
		now = f.Until
	}
	return max(now-f.Since, 0)
}

// Connection keeps a connection that has retired; what was found on it is over.
func (d *Desk) Connection(c *tracker.Connection) {
	r := retired{conn: *c, found: d.conns[c.Conn]}
	s := d.asked.Subject(c)
	r.asked = slices.Clone(s.Found)
	r.conn.Streams, r.conn.Findings, r.conn.Zeek = slices.Clone(c.Streams), slices.Clone(c.Findings), slices.Clone(c.Zeek)
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		r.windows[side] = d.windows.of(c, side, c.Last)
	}
	for _, f := range r.found {
		d.count(f, -1)
		f.Over = true
		if f.Until == 0 {
			f.Until = c.Now
		}
	}
	delete(d.conns, c.Conn)
	delete(d.holds, c.Conn)
	d.asked.Forget(c.Conn)
	if len(d.retired) < maxRetired {
		d.retired = append(d.retired, r)
		return
	}
	d.retired[d.oldest] = r
	d.oldest = (d.oldest + 1) % maxRetired
}

// subject is what a selection looks at.
func (r *retired) subject() query.Subject { return query.Subject{Conn: &r.conn, Found: r.asked} }

// Flush has nothing to hand on.
func (d *Desk) Flush() error { return nil }
