package text

import (
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
)

// place is where a connection that lives may stand in the table.
type place struct {
	level      level
	stuck      int64 // as in row
	rate, conn uint64
	hold       tracker.Hold
}

// meter is what a connection had sent, both ends together, and how fast.
type meter struct {
	octets, rate uint64
	at           int64
}

// rank finds the connections that come first: those with findings, those of the latest look, and some of the others.
// With 200,000 connections a look takes 3 ms, with as many bad ones as are looked at 11 ms.
func (b *Board) rank(t *tracker.Tracker) {
	now := t.Now()
	b.places = b.places[:0]
	clear(b.seen)
	for conn, h := range b.bad {
		b.seen[conn] = true
		b.places = append(b.places, b.trouble(place{conn: conn, hold: h}, now))
	}
	for i := range b.rows {
		if v, lives := b.rows[i].hold.View(); lives {
			b.consider(v, now)
		}
	}
	b.next = t.Survey(b.next, surveyed, func(v tracker.View) { b.consider(v, now) })
	slices.SortFunc(b.places, func(x, y place) int {
		return cmp.Or(cmp.Compare(y.level, x.level), cmp.Compare(y.stuck, x.stuck), cmp.Compare(y.rate, x.rate), cmp.Compare(x.conn, y.conn))
	})
	b.choose(now)
}

// trouble judges a connection by its open findings alone: states pass, and what stays becomes one.
func (b *Board) trouble(p place, now int64) place {
	for _, f := range b.table.found.conns[p.conn] {
		if f.until == 0 {
			p.level = max(p.level, level(f.severity))
			p.stuck = max(p.stuck, f.lasted(now))
		}
	}
	return p
}

// consider finds a place for a connection.
func (b *Board) consider(v tracker.View, now int64) {
	if b.seen[v.Num()] {
		return
	}
	b.seen[v.Num()] = true
	if b.want != nil {
		if v.Connection(&b.conn); !b.want(&b.conn) {
			return
		}
	}
	p := place{conn: v.Num(), rate: b.meter(v, now).rate, hold: v.Hold()}
	b.places = append(b.places, b.trouble(p, now))
}

// meter reads how fast a connection is, averaged over some looks; where it was not looked at before, over its life.
func (b *Board) meter(v tracker.View, now int64) meter {
	m := meter{octets: v.End(tracker.Client).Bytes() + v.End(tracker.Server).Bytes(), at: now}
	before, known := b.meters[v.Num()]
	switch {
	case !known:
		m.rate = m.octets * 1e3 / uint64(max(now-v.Start(), 1e9)/1e6)
	case now-before.at < 1e6 || m.octets < before.octets:
		return before
	case m.octets > before.octets || before.rate >= 16: // an average of whole numbers never comes to rest
		m.rate = (before.rate*2 + (m.octets-before.octets)*1e3/uint64((now-before.at)/1e6)) / 3
	}
	return m
}

// choose makes rows of the first places.
func (b *Board) choose(now int64) {
	b.rows = b.rows[:0]
	meters := make(map[uint64]meter, maxBoard)
	for _, p := range b.places[:min(len(b.places), maxBoard)] {
		v, lives := p.hold.View()
		if !lives {
			continue
		}
		v.Connection(&b.conn)
		r := row{conn: b.conn, hold: p.hold, level: p.level, stuck: p.stuck}
		r.conn.Streams = nil
		for _, f := range b.table.found.conns[p.conn] {
			if f.until == 0 {
				r.found = append(r.found, f)
			}
		}
		bySeverity(r.found)
		m := b.meter(v, now)
		r.rate, meters[p.conn] = m.rate, m
		b.rows = append(b.rows, r)
	}
	b.meters = meters
}
