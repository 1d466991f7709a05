package anomaly

import "github.com/tcptrack/tcptrack/tracker"

// dossier is what the bench has on one connection that a judge follows, until its end.
type dossier struct {
	seats  uint64     // of the judges that follow it or have ever raised a finding, a bit each
	rules  []*Rule    // once for each finding that stands
	open   []*Finding // a seat and side has one at most
	raised []raised
	first  Finding // most have no other
	filled bool    // there is one

	// where the lists begin
	rules0  [2]*Rule
	open0   [2]*Finding
	raised0 [2]raised
}

func newDossier() *dossier {
	d := &dossier{}
	d.rules, d.open, d.raised = d.rules0[:0], d.open0[:0], d.raised0[:0]
	return d
}

// raised counts the findings of one judge on one connection.
type raised struct {
	seat uint8
	n    uint32
}

// find returns the finding that is open, nil for none.
func (d *dossier) find(seat uint8, side tracker.Side) *Finding {
	for _, f := range d.open {
		if f.seat == seat && f.Side == side {
			return f
		}
	}
	return nil
}

// place is where the next finding is written down.
func (d *dossier) place() *Finding {
	if d.filled {
		return &Finding{}
	}
	d.filled = true
	return &d.first
}

// serial counts one more finding of a judge.
func (d *dossier) serial(seat uint8) uint32 {
	for i := range d.raised {
		if r := &d.raised[i]; r.seat == seat {
			r.n++
			return r.n
		}
	}
	d.raised = append(d.raised, raised{seat, 1})
	return 1
}

// dossiers are those of the connections that live, by their numbers.
type dossiers struct {
	by   map[uint64]*dossier
	free []*dossier // empty ones, to be used again

	asked  uint64 // what was looked up last: one judge after the other asks for the same
	answer *dossier
}

func newDossiers() dossiers { return dossiers{by: map[uint64]*dossier{}, asked: ^uint64(0)} }

// known returns a connection's dossier, nil if nobody follows it.
func (l *dossiers) known(conn uint64) *dossier {
	if conn != l.asked {
		l.asked, l.answer = conn, l.by[conn]
	}
	return l.answer
}

// maxFree bounds the dossiers that wait to be used again.
const maxFree = 1 << 10

// of returns a connection's dossier, a new one where there is none.
func (l *dossiers) of(conn uint64) *dossier {
	d := l.known(conn)
	if d == nil {
		if k := len(l.free); k > 0 {
			d, l.free = l.free[k-1], l.free[:k-1]
		} else {
			d = newDossier()
		}
		l.by[conn], l.answer = d, d
	}
	return d
}

// close takes a connection's dossier out.
func (l *dossiers) close(conn uint64) {
	delete(l.by, conn)
	if conn == l.asked {
		l.answer = nil
	}
}

// spare takes back a dossier that nobody looks at any more.
func (l *dossiers) spare(d *dossier) {
	if d == nil || len(l.free) == maxFree {
		return
	}
	clear(d.open)
	if d.filled {
		d.first, d.filled = Finding{}, false
	}
	d.seats, d.rules, d.open, d.raised = 0, d.rules[:0], d.open[:0], d.raised[:0]
	l.free = append(l.free, d)
}
