package web

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Bounds of a Store.
const (
	// DefaultRows is how many connections are kept, living and ended together: each takes 1 to 2 KiB.
	DefaultRows = 200_000
	// maxInbox bounds what waits to be applied, twice: some 30 ms' work of the applier.
	maxInbox = 1 << 14
	// maxGone bounds the ends of connections that are remembered where the inbox is full.
	maxGone = 1 << 20
	// maxDirty bounds the connections that are copied at the next Look because something befell them.
	maxDirty = 1 << 12
	// surveyed is how many connections one Look goes through, lookEvery how far two are apart: 100,000 connections in a
	// second, which takes 10 ms of it where nothing has changed, and 200 ms where everything has.
	surveyed  = 1 << 12
	lookEvery = 40e6 // nanoseconds
)

// Meters are what the capture has counted.
type Meters struct {
	Packets  uint64 // read or captured
	Segments uint64 // TCP segments among them
	Dropped  uint64 // lost by the capture
	First    int64  // time of the first packet, nanoseconds since 1970 UTC; 0: none
}

// Store keeps what a run says: it is a pipeline.Sink. Its methods of that, Look and End are called on the goroutine that
// tracks; everything else from any.
type Store struct {
	wait bool // the source can wait for us: nothing is lost
	max  int  // rows

	// The tracker's side.
	dirty  map[uint64]tracker.Hold
	known  map[uint64]uint64 // connections that live in rows: the packet up to which they were copied
	next   uint32            // where the survey goes on
	looked int64             // when, by the caller's clock
	later  *look             // the Look that came too early, of a source that can wait
	missed bool              // this round left out connections
	line   tracker.Connection

	box  sync.Mutex
	room *sync.Cond // the inbox was emptied, or what was in it applied
	in   inbox
	told *output.Summary // the account that is applied, and all before it
	wake chan struct{}
	full atomic.Bool // no row is free

	rows
	ring ring
}

// inbox is what was said and not yet applied. The lists hold what order names, in that order.
type inbox struct {
	order    []kind
	lines    []tracker.Connection
	moves    []tracker.Transition // without their views
	findings []anomaly.Finding
	gone     []uint64 // connections that ended and whose lines were lost

	status Status
	news   bool // status is new
	lost   Lost
}

// kind says what was said.
type kind uint8

const (
	living kind = iota
	ended
	moved
	found
)

// Lost counts what bounds have cost.
type Lost struct {
	Events   uint64 `json:"events"`   // that came faster than they could be kept
	Findings uint64 `json:"findings"` // ended long ago, and forgotten
	Rows     uint64 `json:"rows"`     // connections that ended, and were forgotten
	Moves    uint64 `json:"moves"`    // changes of state of connections without a row
	Unlisted bool   `json:"unlisted"` // some that live have no row
}

// Status is the account of the run so far.
type Status struct {
	Meters
	Now     int64 // the capture's time
	Wall    int64 // the caller's
	Tracker tracker.Stats
	Summary *output.Summary // once it has ended
}

// NewStore makes a Store of at most so many connections. With wait, who tracks waits where the inbox is full; otherwise
// what comes then is lost, and counted. Close ends it.
func NewStore(rows int, wait bool) *Store {
	s := &Store{wait: wait, max: rows, dirty: map[uint64]tracker.Hold{}, known: map[uint64]uint64{}, wake: make(chan struct{}, 1)}
	s.room = sync.NewCond(&s.box)
	s.rows.init()
	s.ring.init()
	go s.apply()
	return s
}

// Close ends the Store's goroutine; what is kept can be read on.
func (s *Store) Close() { close(s.wake) }

// put has something entered into the inbox, if there is room, and says whether there was.
func (s *Store) put(k kind, enter func(*inbox)) bool {
	s.box.Lock()
	defer s.box.Unlock()
	for s.wait && len(s.in.order) >= maxInbox {
		s.signal()
		s.room.Wait()
	}
	if len(s.in.order) >= maxInbox {
		s.in.lost.Events++
		return false
	}
	s.in.order = append(s.in.order, k)
	enter(&s.in)
	if len(s.in.order) == maxInbox/4 {
		s.signal()
	}
	return true
}

// signal wakes the applier.
func (s *Store) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Transition keeps what an end is taken to be.
func (s *Store) Transition(t *tracker.Transition) {
	if _, is := s.dirty[t.Conn]; is || len(s.dirty) < maxDirty {
		s.dirty[t.Conn] = t.View.Hold()
	}
	s.put(moved, func(in *inbox) {
		kept := *t
		kept.View = tracker.View{}
		in.moves = append(in.moves, kept)
	})
}

// Finding keeps what was found.
func (s *Store) Finding(f *anomaly.Finding) {
	if v, lives := f.View(); lives && !f.Population && len(s.dirty) < maxDirty {
		s.dirty[f.Conn] = v.Hold()
	}
	s.put(found, func(in *inbox) {
		kept := *f
		kept.Evidence = slices.Clone(f.Evidence)
		in.findings = append(in.findings, kept)
	})
}

// Connection keeps a connection that has ended.
func (s *Store) Connection(c *tracker.Connection) {
	delete(s.dirty, c.Conn)
	delete(s.known, c.Conn)
	if !s.put(ended, func(in *inbox) { in.copy(c) }) {
		s.box.Lock()
		if len(s.in.gone) < maxGone {
			s.in.gone = append(s.in.gone, c.Conn)
		}
		s.box.Unlock()
	}
}

// copy keeps a connection's line.
func (in *inbox) copy(c *tracker.Connection) {
	kept := *c
	kept.Streams, kept.Zeek, kept.Findings = slices.Clone(c.Streams), slices.Clone(c.Zeek), slices.Clone(c.Findings)
	in.lines = append(in.lines, kept)
}

// Flush has all applied that there is: the source has paused, and a stream may be silent for long. A live source never is.
func (s *Store) Flush() error {
	if l := s.later; l != nil {
		s.later = nil
		s.copyDirty()
		s.tell(l.t, l.m, l.wall)
	}
	s.signal()
	return nil
}

// Look takes the meters and copies connections that have changed: those that something befell, and a part of all. wall is
// the caller's clock, nanoseconds since 1970 UTC; it is called after each batch and does something some times a second.
func (s *Store) Look(t *tracker.Tracker, m Meters, wall int64) {
	if d := wall - s.looked; d >= 0 && d < lookEvery {
		if s.wait {
			s.later = &look{t, m, wall}
		}
		return
	}
	s.looked, s.later = wall, nil
	s.copyDirty()
	if s.next == 0 {
		s.missed = false
	}
	s.next = t.Survey(s.next, surveyed, func(v tracker.View) {
		if at, is := s.known[v.Num()]; !is || at != v.Packet() {
			s.copy(v)
		}
	})
	s.tell(t, m, wall)
}

// look is what a Look was given.
type look struct {
	t    *tracker.Tracker
	m    Meters
	wall int64
}

// copyDirty copies the connections that something befell.
func (s *Store) copyDirty() {
	for conn, h := range s.dirty {
		if v, lives := h.View(); lives {
			s.copy(v)
		}
		delete(s.dirty, conn)
	}
}

// tell says how the run goes.
func (s *Store) tell(t *tracker.Tracker, m Meters, wall int64) {
	s.box.Lock()
	s.in.status = Status{Meters: m, Now: t.Now(), Wall: wall, Tracker: t.Stats()}
	s.in.lost.Unlisted = s.in.lost.Unlisted && s.next != 0 || s.missed
	s.in.news = true
	s.box.Unlock()
	s.signal()
}

// copy puts a living connection into the inbox, if there is a row for it.
func (s *Store) copy(v tracker.View) {
	if _, is := s.known[v.Num()]; !is && s.full.Load() {
		s.missed = true
		return
	}
	v.Connection(&s.line)
	s.box.Lock()
	room := len(s.in.order) < maxInbox
	if room {
		s.in.order = append(s.in.order, living)
		s.in.copy(&s.line)
	}
	s.box.Unlock()
	if room {
		s.known[v.Num()] = v.Packet()
	}
}

// End takes the account of the whole run, which has ended, and returns when all that was said can be read. wall is the
// caller's clock.
func (s *Store) End(sum *output.Summary, m Meters, wall int64) {
	s.box.Lock()
	defer s.box.Unlock()
	s.in.status = Status{Meters: m, Now: max(sum.Last, s.in.status.Now), Wall: wall, Tracker: sum.Tracker, Summary: sum}
	s.in.news = true
	s.signal()
	for s.told != sum {
		s.room.Wait()
	}
}
