package tui

import (
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// surveyed bounds the connections that one look goes through, in turn: 1 ms or so.
	surveyed = 8192
	// maxTalkers bounds the clients told apart, maxShownTalkers those of a Snapshot.
	maxTalkers      = 1 << 16
	maxShownTalkers = 200
)

// matrix counts connections by the client's state, then the server's.
type matrix = [tcp.NumStates][tcp.NumStates]uint64

// survey counts what lives, in rounds of one look or more; what is told is of the latest whole round.
type survey struct {
	next uint32 // place at which the round goes on

	under, told round
}

type round struct {
	matrix  *matrix
	counted uint64
	talkers map[address]*Talker
	unnamed uint64
	shown   []Talker
}

type address struct {
	addr tcp.Addr
	v6   bool
}

func newSurvey() (s survey) {
	s.begin()
	return s
}

// begin begins a round.
func (s *survey) begin() { s.under = round{matrix: &matrix{}, talkers: map[address]*Talker{}} }

// add counts a connection that lives.
func (s *survey) add(v tracker.View, found []*Found, now int64) {
	r := &s.under
	c, e := v.End(tracker.Client), v.End(tracker.Server)
	r.matrix[c.State()][e.State()]++
	r.counted++
	who, _ := v.Endpoints()
	key := address{who.Addr, who.V6}
	t := r.talkers[key]
	if t == nil {
		if len(r.talkers) >= maxTalkers {
			r.unnamed++
			return
		}
		t = &Talker{Client: who}
		r.talkers[key] = t
	}
	t.Connections++
	t.Octets += c.Bytes() + e.Bytes()
	t.States[e.State()]++
	if level, _, _ := worst(found, now); level > 0 {
		t.Troubled++
	}
}

// finish ends a round, which is told from now on.
func (s *survey) finish() {
	r := &s.under
	r.shown = make([]Talker, 0, len(r.talkers))
	for _, t := range r.talkers {
		r.shown = append(r.shown, *t)
	}
	slices.SortFunc(r.shown, func(a, b Talker) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(b.Octets, a.Octets), a.Client.IP().Compare(b.Client.IP()))
	})
	r.shown = slices.Clone(r.shown[:min(len(r.shown), maxShownTalkers)])
	r.talkers = nil
	s.told = s.under
}

// tell puts the latest round into a Snapshot.
func (s *survey) tell(to *Snapshot) {
	to.Matrix, to.Counted, to.Talkers, to.Unnamed = s.told.matrix, s.told.counted, s.told.shown, s.told.unnamed
}
