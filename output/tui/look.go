package tui

import (
	"cmp"
	"iter"
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// MaxRows bounds the rows of a Snapshot: more than anybody scrolls through.
	MaxRows = 500
	// maxJudgedLooked bounds the connections with findings that are looked at each time.
	maxJudgedLooked = 2048
	// maxShownFindings bounds the findings of a Snapshot.
	maxShownFindings = 500
	// maxRates is over how many looks the meters tell how fast it went.
	maxRates = 8
	// rateLooks is over how many looks a rate is averaged.
	rateLooks = 4
	// maxStreams bounds the stream numbers of a row.
	maxStreams = 4
	// maxRecalled bounds the packets of a Detail.
	maxRecalled = 400
)

// place is where a connection may stand in the table.
type place struct {
	conn  uint64
	level int
	stuck int64
	rate  uint64
	start int64
	last  int64
	again uint64 // retransmissions
	over  bool   // both ends are CLOSED or in TIME_WAIT
	hold  tracker.Hold
	ended *retired
}

// before says how two places are ordered.
func (o Order) before(x, y *place) int {
	trouble := func() int {
		if x.over != y.over && x.level == y.level {
			if x.over {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(y.level, x.level), cmp.Compare(y.stuck, x.stuck), cmp.Compare(y.rate, x.rate))
	}
	var by int
	switch o {
	case ByRate:
		by = cmp.Compare(y.rate, x.rate)
	case ByAge:
		by = cmp.Compare(x.start, y.start)
	case ByIdle:
		by = cmp.Compare(x.last, y.last)
	case ByRepeats:
		by = cmp.Compare(y.again, x.again)
	case ByNumber:
		return cmp.Compare(y.conn, x.conn)
	default:
		by = trouble()
	}
	return cmp.Or(by, cmp.Compare(x.conn, y.conn))
}

// Look makes a Snapshot of what the screen asks for: of a tracker that runs on, whose connections it looks at in turns, a
// bounded part each time; or of one that stands still, all of what lives, and t is nil.
func (d *Desk) Look(a *Ask, g Gauge, t *tracker.Tracker, all iter.Seq[tracker.View]) *Snapshot {
	s := &Snapshot{Gauge: g, Asked: a, Open: d.open, Lost: d.lost, Retired: len(d.retired)}
	d.rate(s)
	l := look{desk: d, ask: a, now: g.Now, still: all != nil}
	if a.Where != d.where {
		d.where, d.next, d.told = a.Where, 0, round{}
		d.begin()
	}
	if l.still {
		d.begin()
		s.Living = 0
		for v := range all {
			s.Living++
			if l.consider(v) {
				d.add(v, d.conns[v.Num()], g.Now)
			}
		}
		d.finish()
	} else {
		l.part(t)
	}
	l.old()
	slices.SortFunc(l.places, func(x, y place) int {
		if a.Reverse {
			x, y = y, x
		}
		return a.Order.before(&x, &y)
	})
	s.Meant = len(l.places)
	l.places = l.places[:min(len(l.places), MaxRows)]
	if l.still {
		l.all(s, all)
	} else {
		l.held(s)
		s.Partial = s.Living-s.HalfOpen > surveyed
	}
	d.tell(s)
	if a.Tab == Findings {
		s.Findings = l.listed()
	}
	return s
}

// rate reads the meters against those of some looks before.
func (d *Desk) rate(s *Snapshot) {
	if n := len(d.gauges); n > 0 && s.Now <= d.gauges[n-1].Now {
		d.gauges = d.gauges[:0] // time was set back
	}
	d.gauges = append(d.gauges, s.Gauge)
	if len(d.gauges) > rateLooks {
		d.gauges = slices.Delete(d.gauges, 0, 1)
	}
	first := d.gauges[0]
	ms := uint64(max(s.Now-first.Now, 1e9) / 1e6)
	s.Rate = (s.Packets - first.Packets) * 1e3 / ms
	s.Begun = (s.Connections - first.Connections) * 1e3 / ms
	d.rates = append(d.rates, s.Rate)
	if len(d.rates) > maxRates {
		d.rates = slices.Delete(d.rates, 0, 1)
	}
	s.Rates = slices.Clone(d.rates)
}

// look is one look under way.
type look struct {
	desk   *Desk
	ask    *Ask
	now    int64
	places []place
	seen   map[uint64]bool
	still  bool
}

// part looks at the connections with findings, those of the look before, that in focus, and some of the others in turn.
func (l *look) part(t *tracker.Tracker) {
	d := l.desk
	l.seen = map[uint64]bool{}
	take := func(h tracker.Hold) {
		if v, lives := h.View(); lives && !l.seen[v.Num()] {
			l.seen[v.Num()] = true
			l.consider(v)
		}
	}
	for _, h := range d.shown {
		take(h)
	}
	n := 0
	for _, h := range d.holds {
		if n++; n > maxJudgedLooked {
			break
		}
		take(h)
	}
	if l.ask.HasFocus {
		take(d.focus)
		take(d.holds[l.ask.Focus])
	}
	d.next = t.Survey(d.next, surveyed, func(v tracker.View) {
		if l.seen[v.Num()] && l.means(v) || !l.seen[v.Num()] && l.consider(v) {
			d.add(v, d.conns[v.Num()], l.now)
		}
		l.seen[v.Num()] = true
	})
	if d.next == 0 {
		d.finish()
		d.begin()
	}
}

// consider finds a place for a connection that lives, if it is asked for.
func (l *look) consider(v tracker.View) bool {
	d := l.desk
	if l.ask.HasFocus && l.ask.Focus == v.Num() {
		d.focus = v.Hold()
	}
	if !l.means(v) {
		return false
	}
	p := place{conn: v.Num(), start: v.Start(), last: v.Last(), hold: v.Hold(), rate: l.meter(v).rate}
	p.again = v.End(tracker.Client).Retransmissions() + v.End(tracker.Server).Retransmissions()
	p.level, p.stuck, _ = worst(d.conns[p.conn], l.now)
	p.over = over(v.End(tracker.Client).State()) && over(v.End(tracker.Server).State())
	l.places = append(l.places, p)
	return true
}

func over(s tracker.State) bool { return s == tracker.Closed || s == tracker.TimeWait }

// meter is what a connection had sent, both ends together, and how fast it was then.
type meter struct {
	octets, rate uint64
	at           int64
}

// meter reads how fast a connection is, averaged over some looks; over its life where it was not looked at before, and
// where time stands still.
func (l *look) meter(v tracker.View) meter {
	m := meter{octets: v.End(tracker.Client).Bytes() + v.End(tracker.Server).Bytes(), at: l.now}
	before, known := l.desk.meters[v.Num()]
	switch {
	case l.still || !known || m.octets < before.octets:
		m.rate = m.octets * 1e3 / uint64(max(l.now-v.Start(), 1e9)/1e6)
	case l.now-before.at < 1e6:
		return before
	case m.octets > before.octets || before.rate >= 16: // an average of whole numbers never comes to rest
		m.rate = (before.rate*2 + (m.octets-before.octets)*1e3/uint64((l.now-before.at)/1e6)) / 3
	}
	return m
}

// means says that a connection is asked for.
func (l *look) means(v tracker.View) bool {
	if l.ask.Where == nil {
		return true
	}
	d := l.desk
	v.Connection(&d.line)
	s := d.asked.Subject(&d.line)
	return l.ask.Where.Match(&s)
}

// old finds places for those that have ended, if they are asked for; that in focus keeps its own, so that it does not
// vanish under the eyes of who reads it.
func (l *look) old() {
	for i := range l.desk.retired {
		r := &l.desk.retired[i]
		if !l.ask.Retired && !(l.ask.HasFocus && l.ask.Focus == r.conn.Conn) {
			continue
		}
		if w := l.ask.Where; w != nil {
			s := r.subject()
			if !w.Match(&s) {
				continue
			}
		}
		p := place{conn: r.conn.Conn, start: r.conn.Start, last: r.conn.Last, ended: r, over: true}
		p.again = r.conn.Client.Retransmissions + r.conn.Server.Retransmissions
		p.level, p.stuck, _ = worst(r.found, l.now)
		l.places = append(l.places, p)
	}
}

// held makes rows of the places of a tracker that runs on.
func (l *look) held(s *Snapshot) {
	d := l.desk
	d.shown = d.shown[:0]
	meters := make(map[uint64]meter, len(l.places))
	for i := range l.places {
		p := &l.places[i]
		if p.ended != nil {
			s.Rows = append(s.Rows, l.endedRow(p))
			continue
		}
		v, lives := p.hold.View()
		if !lives {
			continue
		}
		d.shown = append(d.shown, p.hold)
		meters[p.conn] = l.meter(v)
		s.Rows = append(s.Rows, l.row(v, p))
	}
	d.meters = meters
	if v, lives := d.focus.View(); lives && l.ask.HasFocus && v.Num() == l.ask.Focus {
		l.closely(s, v)
	}
	l.endedDetail(s)
}

// all makes rows of the places of a tracker that stands still.
func (l *look) all(s *Snapshot, all iter.Seq[tracker.View]) {
	at := make(map[uint64]int, len(l.places))
	rows := make([]Row, len(l.places))
	for i := range l.places {
		if p := &l.places[i]; p.ended != nil {
			rows[i] = l.endedRow(p)
		} else {
			at[p.conn] = i
		}
	}
	for v := range all {
		if i, chosen := at[v.Num()]; chosen {
			rows[i] = l.row(v, &l.places[i])
		}
		if l.ask.HasFocus && v.Num() == l.ask.Focus {
			l.closely(s, v)
		}
	}
	s.Rows = rows
	l.endedDetail(s)
}
