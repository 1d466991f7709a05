package anomaly

import (
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
)

// dossier is what the bench has on one connection that a judge follows, until its end.
type dossier struct {
	mark   uint32     // its tab's place
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

// tab is what is asked of a dossier most, a bit for each seat: tabs lie side by side, dossiers far from each other.
type tab struct {
	seats   uint64    // of the judges that follow the connection or have ever raised a finding
	stands  [2]uint64 // of the findings that are open, by side
	dossier *dossier
}

func (t *tab) standing(seat uint8, s tracker.Side) bool { return t.stands[s]&(1<<seat) != 0 }

// dossiers are those of the connections that live, by their numbers. A connection
// that bears its dossier's mark needs no search.
type dossiers struct {
	by    map[uint64]uint32 // marks
	tabs  []tab             // by mark; that of 0 is of a connection without a dossier
	marks []uint32          // those of nobody
	free  []*dossier        // empty ones, to be used again; they keep their marks

	asked uint64 // what was looked up last: one judge after the other asks for the same
	mark  uint32 // the answer
}

// maxFree bounds the dossiers that wait to be used again.
const maxFree = 1 << 10

// nobody is no connection's number.
const nobody = ^uint64(0)

func newDossiers() dossiers {
	return dossiers{by: map[uint64]uint32{}, tabs: make([]tab, 1), asked: nobody}
}

// recall takes the answer for a connection from its mark.
func (l *dossiers) recall(v tracker.View) {
	if m := v.Mark(); m != 0 {
		l.asked, l.mark = v.Num(), m
	}
}

// tab returns what is known of a connection, all zero if nothing is. It is valid until of.
func (l *dossiers) tab(conn uint64) *tab {
	if l.asked != conn {
		l.asked, l.mark = conn, l.by[conn]
	}
	return &l.tabs[l.mark]
}

// get returns a connection's dossier, nil for none.
func (l *dossiers) get(conn uint64) *dossier { return l.tab(conn).dossier }

// of is tab, and makes the dossier where there is none.
func (l *dossiers) of(conn uint64) *tab {
	if t := l.tab(conn); t.dossier != nil {
		return t
	}
	l.mark = l.take().mark
	l.by[conn] = l.mark
	return &l.tabs[l.mark]
}

func (l *dossiers) take() *dossier {
	if k := len(l.free); k > 0 {
		d := l.free[k-1]
		l.free = l.free[:k-1]
		return d
	}
	d := newDossier()
	if k := len(l.marks); k > 0 {
		d.mark, l.marks = l.marks[k-1], l.marks[:k-1]
	} else {
		d.mark = uint32(len(l.tabs))
		l.tabs = append(l.tabs, tab{})
	}
	l.tabs[d.mark].dossier = d
	return d
}

// open puts a finding among those that are open.
func (l *dossiers) open(f *Finding) {
	t := l.of(f.Conn)
	t.dossier.open = append(t.dossier.open, f)
	t.stands[f.Side] |= 1 << f.seat
}

// close takes a finding out of those that are open, and says whether it was one.
func (l *dossiers) close(f *Finding) bool {
	t := l.tab(f.Conn)
	if t.dossier == nil {
		return false
	}
	i := slices.Index(t.dossier.open, f)
	if i < 0 {
		return false
	}
	t.dossier.open = slices.Delete(t.dossier.open, i, i+1)
	t.stands[f.Side] &^= 1 << f.seat
	return true
}

// remove takes a connection's dossier out; who still looks at it gives it back with spare.
func (l *dossiers) remove(conn uint64) {
	delete(l.by, conn)
	l.asked = nobody
}

// spare takes back a dossier that nobody looks at any more.
func (l *dossiers) spare(d *dossier) {
	if d == nil {
		return
	}
	if len(l.free) == maxFree {
		l.tabs[d.mark] = tab{}
		l.marks = append(l.marks, d.mark)
		return
	}
	clear(d.open)
	if d.filled {
		d.first, d.filled = Finding{}, false
	}
	d.rules, d.open, d.raised = d.rules[:0], d.open[:0], d.raised[:0]
	l.tabs[d.mark] = tab{dossier: d}
	l.free = append(l.free, d)
}
