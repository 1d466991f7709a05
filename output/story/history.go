package story

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/tracker"
)

// since spells a moment as seconds after the connection's beginning.
func (l *Life) since(ns int64) string {
	return fmt.Sprintf("%.3f", float64(ns-l.ends.Start)/1e9)
}

func (l *Life) end(s tracker.Side) *tracker.End {
	if s == tracker.Server {
		return &l.ends.Server
	}
	return &l.ends.Client
}

// tellHistory prints what one end was taken to be, since when and why.
func (l *Life) tellHistory(p *page, side tracker.Side) {
	p.line(fmt.Sprintf("The %s %s was", side, l.end(side).Endpoint))
	p.WriteString("   packet      time  state         why\n")
	for i := range l.history {
		t := &l.history[i]
		if t.Side != side {
			continue
		}
		why := t.Why
		if t.Basis == tracker.Presumed && !strings.Contains(why, "presumed") {
			why += ", presumed"
		}
		if rest := t.Possible.Without(t.To); rest != 0 {
			why += "; or " + names(rest)
		}
		first := fmt.Sprintf("%9d %9s  %-12s  ", t.Packet, l.since(t.Time), t.To)
		p.indented(why, first, strings.Repeat(" ", len(first)))
	}
	if len(l.history) == maxHistory {
		p.line("… more changes are not kept")
	}
}

// names lists the states of a set.
func names(set tracker.StateSet) string {
	if set.Len() > 5 {
		return "nearly any other"
	}
	var list []string
	for s := range set.All() {
		list = append(list, s.String())
	}
	if n := len(list); n > 1 {
		return strings.Join(list[:n-1], ", ") + " or " + list[n-1]
	}
	return strings.Join(list, "")
}
