package web

import (
	"slices"
	"sync"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const (
	// maxMoves bounds the moves that are kept of a connection: the first ones, and the latest.
	maxMoves   = 32
	firstMoves = 8
	// maxFindings bounds the findings that are kept. To make room, findTries of them are looked at, from the oldest on: the
	// first that is over goes, or else the next.
	maxFindings = 1 << 16
	findTries   = 64
)

// Row is a connection that lives, or one that has ended. What it points to changes only under the Store's lock.
type Row struct {
	Conn     tracker.Connection
	Living   bool
	Findings []*anomaly.Finding // those that stand, in order of their first being told
}

// history is what the ends of a connection were taken to be.
type history struct {
	moves   []move
	omitted int // behind the first ones
}

// move is a transition, in few octets.
type move struct {
	time     int64
	packet   uint64
	deadline int64
	why      string
	possible tracker.StateSet
	side     tracker.Side
	from, to tracker.State
	basis    tracker.Basis
}

// rows are the connections, guarded by a lock that readers hold for a bounded time.
type rows struct {
	mu       sync.RWMutex
	byConn   map[uint64]*Row
	healthy  fifo[uint64]        // that have ended and of which nothing was found, in that order
	ill      fifo[uint64]        // of which something was
	moves    map[uint64]*history // by connection, also of those that have no row yet
	found    query.Findings
	findings map[string]*anomaly.Finding // by ID
	inOrder  fifo[string]                // their IDs
	byCase   map[uint64][]string         // their IDs, by connection
	status   Status
	lost     Lost
	version  uint64 // grows with each change
}

func (r *rows) init() {
	r.byConn, r.findings, r.moves = map[uint64]*Row{}, map[string]*anomaly.Finding{}, map[uint64]*history{}
	r.byCase = map[uint64][]string{}
}

// fifo is a queue that shrinks.
type fifo[T any] struct {
	list []T
	from int
}

func (f *fifo[T]) push(v T) { f.list = append(f.list, v) }
func (f *fifo[T]) len() int { return len(f.list) - f.from }
func (f *fifo[T]) pop() (v T) {
	v = f.list[f.from]
	if f.from++; f.from > len(f.list)/2 {
		f.list = slices.Delete(f.list, 0, f.from)
		f.from = 0
	}
	return v
}

// apply moves what comes into the rows until Close.
func (s *Store) apply() {
	var spare inbox
	for range s.wake {
		s.box.Lock()
		batch := s.in
		s.in = inbox{order: spare.order[:0], lines: spare.lines[:0], moves: spare.moves[:0], findings: spare.findings[:0], status: batch.status, lost: batch.lost}
		s.room.Broadcast()
		s.box.Unlock()
		if len(batch.order) == 0 && len(batch.gone) == 0 && !batch.news {
			spare = batch
			continue
		}
		s.mu.Lock()
		s.take(&batch)
		s.mu.Unlock()
		s.ring.publish(&batch)
		if sum := batch.status.Summary; sum != nil {
			s.box.Lock()
			s.told = sum
			s.room.Broadcast()
			s.box.Unlock()
		}
		spare = batch
	}
}

// take applies a batch.
func (s *Store) take(b *inbox) {
	l, m, f := 0, 0, 0
	for _, k := range b.order {
		switch k {
		case moved:
			s.move(&b.moves[m])
			m++
		case found:
			s.find(&b.findings[f])
			f++
		default:
			s.enter(&b.lines[l], k == living)
			l++
		}
	}
	for _, conn := range b.gone {
		if r := s.byConn[conn]; r != nil && r.Living {
			s.forget(conn)
		}
	}
	s.status = b.status
	s.lost.Events, s.lost.Unlisted = b.lost.Events, b.lost.Unlisted
	s.version++
	s.full.Store(s.living() >= s.max)
}

// living is how many rows are of connections that live.
func (r *rows) living() int { return len(r.byConn) - r.healthy.len() - r.ill.len() }

// move keeps a move of a connection, which may have no row yet.
func (s *Store) move(t *tracker.Transition) {
	h := s.moves[t.Conn]
	if h == nil {
		if len(s.moves) >= 2*s.max {
			s.lost.Moves++
			return
		}
		h = &history{}
		s.moves[t.Conn] = h
	}
	if len(h.moves) == maxMoves {
		h.moves = slices.Delete(h.moves, firstMoves, firstMoves+1)
		h.omitted++
	}
	h.moves = append(h.moves, move{t.Time, t.Packet, t.Deadline, t.Why, t.Possible, t.Side, t.From, t.To, t.Basis})
}

// enter makes or renews the row of a connection.
func (s *Store) enter(c *tracker.Connection, lives bool) {
	r := s.byConn[c.Conn]
	if r == nil {
		if len(s.byConn) >= s.max && !s.makeRoom() {
			if !lives {
				s.lost.Rows++
				s.forget(c.Conn)
			}
			return
		}
		r = &Row{}
		s.byConn[c.Conn] = r
		s.early(r, c.Conn)
	}
	r.Conn, r.Living = *c, lives
	if lives {
		return
	}
	if len(r.Findings) > 0 {
		s.ill.push(c.Conn)
	} else {
		s.healthy.push(c.Conn)
	}
}

// early gives a row what was found on its connection before there was a row.
func (s *Store) early(r *Row, conn uint64) {
	for _, id := range s.byCase[conn] {
		if f := s.findings[id]; f != nil && f.Status != anomaly.Withdrawn {
			r.Findings = append(r.Findings, f)
		}
	}
}

// makeRoom forgets the connection that ended first, of which nothing was found if there is one; false if none has ended.
func (s *Store) makeRoom() bool {
	switch {
	case s.healthy.len() > 0:
		s.forget(s.healthy.pop())
	case s.ill.len() > 0:
		s.forget(s.ill.pop())
	default:
		return false
	}
	s.lost.Rows++
	return true
}

// forget drops all about a connection but its findings.
func (s *Store) forget(conn uint64) {
	delete(s.byConn, conn)
	delete(s.moves, conn)
	s.found.Forget(conn)
}

// find keeps a finding, or what has become of one.
func (s *Store) find(told *anomaly.Finding) {
	s.found.Take(told)
	f, known := s.findings[told.ID]
	if known {
		*f = *told
	} else {
		if len(s.findings) >= maxFindings {
			s.dropFinding()
		}
		f = new(*told)
		s.findings[f.ID] = f
		s.inOrder.push(f.ID)
	}
	if f.Population {
		return
	}
	if !known {
		s.byCase[f.Conn] = append(s.byCase[f.Conn], f.ID)
	}
	if r := s.byConn[f.Conn]; r != nil {
		r.Findings = slices.DeleteFunc(r.Findings, func(g *anomaly.Finding) bool { return g == f })
		if f.Status != anomaly.Withdrawn {
			r.Findings = append(r.Findings, f)
		}
	}
}

// dropFinding forgets an old finding, one that is over if there is one among the oldest. It does not look at all: where all
// are open that would hold the lock for 25 ms at each.
func (s *Store) dropFinding() {
	for range findTries {
		id := s.inOrder.pop()
		if f := s.findings[id]; f.Status != anomaly.Open {
			s.lose(f)
			return
		}
		s.inOrder.push(id)
	}
	s.lose(s.findings[s.inOrder.pop()])
}

// lose forgets a finding.
func (s *Store) lose(f *anomaly.Finding) {
	s.lost.Findings++
	delete(s.findings, f.ID)
	if f.Population {
		return
	}
	list := slices.DeleteFunc(s.byCase[f.Conn], func(id string) bool { return id == f.ID })
	if s.byCase[f.Conn] = list; len(list) == 0 {
		delete(s.byCase, f.Conn)
	}
	if r := s.byConn[f.Conn]; r != nil {
		r.Findings = slices.DeleteFunc(r.Findings, func(g *anomaly.Finding) bool { return g == f })
	}
}

// Each shows every row, in no order, and how the connections are brought up to date; the Store takes in nothing
// meanwhile, so see must be quick. It may not keep what it is shown.
func (s *Store) Each(see func(r *Row)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.byConn {
		see(r)
	}
}

// Status is the account of the run as of the latest batch.
func (s *Store) Status() (Status, Lost) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.status, s.lost
}
