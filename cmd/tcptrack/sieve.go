package main

import (
	"slices"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// maxHeld bounds the events that wait for the end of their connection.
const maxHeld = 1 << 19

// sieve lets through what is said of the connections that a selection means. Findings and transitions come before it is
// known how their connection ends: they wait for its line, and are written in front of it. Where things are shown as they
// happen, one is let through at once if its connection is meant by then.
type sieve struct {
	next    pipeline.Sink
	want    *query.Selection
	atOnce  bool
	found   query.Findings
	held    map[uint64][]held
	waiting int
	bound   int                // on waiting
	line    tracker.Connection // reused
	told    *output.Selected
}

// held is an event that waits: the one or the other.
type held struct {
	transition *tracker.Transition
	finding    *anomaly.Finding
}

func newSieve(next pipeline.Sink, want *query.Selection, atOnce bool) *sieve {
	return &sieve{next: next, want: want, atOnce: atOnce, bound: maxHeld, held: map[uint64][]held{}, told: &output.Selected{Where: want.String()}}
}

func (s *sieve) Flush() error { return s.next.Flush() }

func (s *sieve) Transition(t *tracker.Transition) {
	if s.passes(t.Conn, func() (tracker.View, bool) { return t.View, true }) {
		s.next.Transition(t)
	} else if s.waiting < s.bound {
		kept := *t
		kept.View = tracker.View{}
		s.hold(t.Conn, held{transition: &kept})
	}
}

func (s *sieve) Finding(f *anomaly.Finding) {
	s.found.Take(f)
	switch {
	case f.Population:
		if s.want.MatchFinding(f) {
			s.next.Finding(f)
		}
	case s.passes(f.Conn, f.View):
		s.next.Finding(f)
	case s.waiting < s.bound:
		kept := *f
		kept.Evidence = slices.Clone(f.Evidence)
		s.hold(f.Conn, held{finding: &kept})
	}
}

// passes says that an event goes on now: its connection is meant as it is, and what is decided later is shown late or, at
// the bound, not at all.
func (s *sieve) passes(conn uint64, look func() (tracker.View, bool)) bool {
	hurried := s.waiting >= s.bound
	if hurried {
		s.told.Hurried++
	}
	if !s.atOnce && !hurried {
		return false
	}
	v, lives := look()
	if !lives {
		return false
	}
	v.Connection(&s.line)
	if !s.means(&s.line) {
		return false
	}
	s.release(conn, true)
	return true
}

// means says whether the selection means a connection as it stands.
func (s *sieve) means(c *tracker.Connection) bool {
	subject := s.found.Subject(c)
	return s.want.Match(&subject)
}

func (s *sieve) hold(conn uint64, h held) {
	s.held[conn] = append(s.held[conn], h)
	s.waiting++
}

// release lets go of what waits for a connection, and shows it if that is meant.
func (s *sieve) release(conn uint64, show bool) {
	list := s.held[conn]
	delete(s.held, conn)
	s.waiting -= len(list)
	if !show {
		return
	}
	for _, h := range list {
		if h.finding != nil {
			s.next.Finding(h.finding)
		} else {
			s.next.Transition(h.transition)
		}
	}
}

func (s *sieve) Connection(c *tracker.Connection) {
	meant := s.means(c)
	s.release(c.Conn, meant)
	if meant {
		s.told.Connections++
		s.next.Connection(c)
	}
	s.found.Forget(c.Conn)
}
