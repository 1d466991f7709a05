package tui

import (
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// row describes a connection that lives.
func (l *look) row(v tracker.View, p *place) Row {
	d := l.desk
	v.Connection(&d.line)
	r := rowOf(&d.line, d.conns[p.conn], l.now)
	r.Rate = p.rate
	r.Reader = reader(&d.line)
	r.Windows = d.windows.of(&d.line, r.Reader, l.now)
	return r
}

func (l *look) endedRow(p *place) Row {
	r := rowOf(&p.ended.conn, p.ended.found, p.ended.conn.Now)
	r.Retired = true
	r.Reader = reader(&p.ended.conn)
	r.Windows = p.ended.windows[r.Reader]
	return r
}

// rowOf describes a connection.
func rowOf(c *tracker.Connection, found []*Found, now int64) Row {
	r := Row{
		Conn: c.Conn, First: c.First, Streams: slices.Clone(c.Streams[:min(len(c.Streams), maxStreams)]), Start: c.Start, Last: c.Last, Now: now, How: c.How, By: c.ClosedBy,
		Octets: c.Client.Bytes + c.Server.Bytes, Repeats: c.Client.Retransmissions + c.Server.Retransmissions,
	}
	for side, e := range [...]*tracker.End{&c.Client, &c.Server} {
		r.Ends[side] = End{e.Endpoint, e.State, e.Possible, e.Basis == tracker.Proven}
	}
	var first *Found
	r.Level, r.Stuck, first = worst(found, now)
	if first != nil {
		kept := *first
		r.Worst, r.More = &kept, len(found)-1
	}
	return r
}

// worst is how bad the findings of a connection are that stand, for how long, and which is the worst: one that stands, of
// equals the gravest, then the oldest.
func worst(found []*Found, now int64) (level int, stuck int64, first *Found) {
	for _, f := range found {
		if f.Open && f.Severity > anomaly.Info {
			level = max(level, int(f.Severity))
			stuck = max(stuck, f.lasted(now))
		}
		if first == nil || f.worse(first) < 0 {
			first = f
		}
	}
	return level, stuck, first
}

// stands is 1 while a finding goes on, else 0.
func (f *Found) stands() int {
	if f.Open && !f.Over {
		return 1
	}
	return 0
}

// worse orders findings: those that stand first, of them the gravest, of equals the oldest.
func (f *Found) worse(g *Found) int {
	return cmp.Or(cmp.Compare(g.stands(), f.stands()), cmp.Compare(g.Severity, f.Severity), cmp.Compare(f.serial, g.serial))
}

// reader is the side whose window matters: the one that is shut, else the one to whom more was sent.
func reader(c *tracker.Connection) tracker.Side {
	switch {
	case c.Client.ShutSince != 0 && c.Server.ShutSince == 0:
		return tracker.Client
	case c.Server.ShutSince != 0 && c.Client.ShutSince == 0:
		return tracker.Server
	case c.Client.ShutTotal != c.Server.ShutTotal:
		if c.Server.ShutTotal > c.Client.ShutTotal {
			return tracker.Server
		}
		return tracker.Client
	case c.Client.PayloadBytes > c.Server.PayloadBytes:
		return tracker.Server
	}
	return tracker.Client
}
