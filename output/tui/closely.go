package tui

import (
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// listed are the findings for their tab, of what is asked for.
func (l *look) listed() []Found {
	list := slices.Clone(l.desk.all)
	if l.ask.Where != nil {
		ended := map[uint64]*retired{}
		for i := range l.desk.retired {
			ended[l.desk.retired[i].conn.Conn] = &l.desk.retired[i]
		}
		list = slices.DeleteFunc(list, func(f *Found) bool { return !l.meansFound(f, ended) })
	}
	slices.SortFunc(list, func(f, g *Found) int {
		if f.Severity == g.Severity && f.stands() == g.stands() {
			return cmp.Compare(g.serial, f.serial) // the newest first
		}
		return f.worse(g)
	})
	var shown []Found
	for _, f := range list[:min(len(list), maxShownFindings)] {
		shown = append(shown, *f)
	}
	return shown
}

// meansFound says that a finding is of a connection that is asked for, or of a population that is.
func (l *look) meansFound(f *Found, ended map[uint64]*retired) bool {
	if f.Population {
		return l.ask.Where.MatchFinding(&anomaly.Finding{Rule: f.Rule, Severity: f.Severity, Culprit: f.Culprit, Population: true, Case: anomaly.Case{Client: f.Client, Server: f.Server}})
	}
	if v, lives := l.desk.holds[f.Conn].View(); lives {
		return l.means(v)
	}
	if r := ended[f.Conn]; r != nil {
		s := r.subject()
		return l.ask.Where.Match(&s)
	}
	return false
}

// closely looks at the connection in focus.
func (l *look) closely(s *Snapshot, v tracker.View) {
	d := l.desk
	x := &Detail{Packet: v.Packet()}
	v.Connection(&x.Line)
	x.Line.Streams = slices.Clone(x.Line.Streams)
	x.Line.Zeek, x.Line.Findings = nil, nil
	p := place{rate: l.meter(v).rate, conn: v.Num()}
	x.Row = l.row(v, &p)
	l.detailed(s, x, d.conns[v.Num()])
}

// endedDetail looks at the connection in focus if it has ended.
func (l *look) endedDetail(s *Snapshot) {
	if s.Detail != nil || !l.ask.HasFocus {
		return
	}
	for i := range l.desk.retired {
		if r := &l.desk.retired[i]; r.conn.Conn == l.ask.Focus {
			x := &Detail{Line: r.conn}
			x.Row = l.endedRow(&place{ended: r})
			l.detailed(s, x, r.found)
			return
		}
	}
}

// detailed adds what is remembered of a connection.
func (l *look) detailed(s *Snapshot, x *Detail, found []*Found) {
	d := l.desk
	for _, f := range found {
		x.Found = append(x.Found, *f)
	}
	slices.SortFunc(x.Found, func(f, g Found) int { return f.worse(&g) })
	x.Events = d.eventsOf(x.Conn)
	a, b := x.Line.Client.Endpoint, x.Line.Server.Endpoint
	x.Flow, _ = tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	if d.Recall != nil {
		x.Segments = d.Recall(x.Flow, x.Line.First, maxRecalled)
	}
	s.Detail = x
}
