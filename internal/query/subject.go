package query

import (
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Subject is what a Selection looks at: a connection, from its line or from View.Connection, and what was found on it.
type Subject struct {
	Conn  *tracker.Connection
	Found []Found

	crowd bool // only what a finding about a population names is known
}

// Found is what a selection can ask of a finding.
type Found struct {
	ID           string
	Rule         *anomaly.Rule
	Severity     anomaly.Severity
	Culprit      anomaly.Culprit
	Hidden       tracker.Hidden
	Inconclusive bool // it rests on packets that did not come, and the capture lost some
}

// Findings keeps what was found on the connections whose lines have not come. The zero value is ready.
type Findings struct {
	conns map[uint64][]Found
}

// MaxFindings bounds the connections of which Findings keeps what was found; of those beyond it only the codes are
// known, with the severity that they have at first.
const MaxFindings = 1 << 18

// Take keeps a finding, or what has become of one.
func (x *Findings) Take(f *anomaly.Finding) {
	if f.Population {
		return
	}
	list, ok := x.conns[f.Conn]
	if !ok && len(x.conns) >= MaxFindings {
		return
	}
	i := slices.IndexFunc(list, func(g Found) bool { return g.ID == f.ID })
	switch now := foundOf(f); {
	case f.Status == anomaly.Withdrawn && i >= 0:
		list = slices.Delete(list, i, i+1)
	case f.Status == anomaly.Withdrawn:
		return
	case i >= 0:
		list[i] = now
	default:
		list = append(list, now)
	}
	if x.conns == nil {
		x.conns = map[uint64][]Found{}
	}
	x.conns[f.Conn] = list
}

func foundOf(f *anomaly.Finding) Found {
	return Found{f.ID, f.Rule, f.Severity, f.Culprit, f.Hidden, f.Inconclusive}
}

// Subject is a connection with what was found on it so far; valid as long as c is, and until the next Take.
func (x *Findings) Subject(c *tracker.Connection) Subject {
	list, ok := x.conns[c.Conn]
	if !ok {
		for _, code := range c.Findings {
			if r := anomaly.Find(code); r != nil {
				list = append(list, Found{Rule: r, Severity: r.Severity})
			}
		}
	}
	return Subject{Conn: c, Found: list}
}

// Forget drops what was found on a connection: its line has been told.
func (x *Findings) Forget(conn uint64) { delete(x.conns, conn) }
