package pipeline

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Where a run only counts, several goroutines track: each shares in the flows, with a Tracker and a Bench of its own. The
// one that reads deals the segments out; it also asks of each frame whether the capture holds it twice, and judges
// populations by the notes of all, for those are questions to the whole capture in its order. What is counted is what one
// goroutine would have counted: on two cores in 0.55 of the time on L, 0.58 on M, 0.65 on F. Were a bound reached, the
// shares would have to agree on what to forget: then the run begins anew with one goroutine (errFull).

const (
	dealt = 1024 // segments in a deal, at most
	deals = 8    // under way at once; fewer make the goroutines wait for each other
)

const (
	leastSplit = 32 << 20 // octets of files: with fewer, there is little to gain
	mostShares = 4        // the goroutine that reads keeps no more busy
	leastBound = 1 << 16  // on connections
)

// goroutines is how many are to track; first is what the source began with.
func (r *run) goroutines(src capture.EagerSource, first *lot) int {
	jobs := r.cfg.Jobs
	if jobs == 0 {
		jobs = mostShares
	}
	n := min(jobs, runtime.GOMAXPROCS(0), tracker.Parts)
	bound := r.cfg.MaxConnections
	switch {
	case n < 2 || !r.cfg.onlyCounts() || r.cfg.Again == nil || r.filtered || bound > 0 && bound < leastBound:
		return 1
	case r.cfg.Jobs == 0 && (src.Stats().Size < leastSplit || src.Eager() || first.narrow()):
		return 1 // ahead.go is enough for whole packets
	}
	return n
}

// narrow says that more than half of the segments are of one part of the flows.
func (l *lot) narrow() bool {
	var of [tracker.Parts]int
	all, most := 0, 0
	for i := range l.reads[:l.n] {
		all += l.reads[i].n
	}
	for i := range l.segs[:all] {
		n := &of[tracker.Part(&l.segs[i].Flow)]
		*n++
		most = max(most, *n)
	}
	return 2*most > all
}

// errFull says that a split run cannot go on.
var errFull = errors.New("pipeline: a bound is near, which only one goroutine can keep")

// split is a run that several goroutines share in.
type split struct {
	shares []*share
	of     [tracker.Parts]uint8 // which share has a part of the flows
	bound  int                  // on connections; 0: none
	copies tracker.Copies
	bench  *anomaly.Bench // of populations

	now       int64 // the capture's time
	begun     bool
	backwards uint64 // as in tracker.Stats

	current *deal
	sent    []*deal // the oldest first
	free    []*deal
	notes   [][]anomaly.Note
	full    bool
	over    bool
}

// share is what one of the goroutines has.
type share struct {
	tracker *tracker.Tracker
	bench   *anomaly.Bench
	work    chan *deal
	gone    chan struct{}
}

// deal is some segments in the capture's order, and what came of them.
type deal struct {
	hands []hand
	segs  int
	now   int64 // the capture's time behind them
	loss  loss  // before them
	last  bool
	done  sync.WaitGroup
}

// hand is what of a deal is one share's.
type hand struct {
	segs   []tcp.Segment
	clocks []clock
	notes  []anomaly.Note
	live   int // connections
	full   bool
}

// clock says that, when segs[at] comes, the capture's time is later than its own.
type clock struct {
	at  int
	now int64
}

// loss is what the capture lost: see anomaly.Bench.Dropped.
type loss struct {
	now, at         int64
	packet, packets uint64
}

func newSplit(shares int, cfg *Config) *split {
	s := &split{bound: cfg.MaxConnections, bench: anomaly.NewBench(anomaly.Rules, cfg.Rules, nil), notes: make([][]anomaly.Note, shares)}
	for i := range s.of {
		s.of[i] = uint8(i * shares / len(s.of))
	}
	for i := range shares {
		bench := anomaly.NewBench(anomaly.Rules, cfg.Rules, nil)
		bench.Part(shares)
		x := &share{
			tracker: tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts(), Unnumbered: true, Parts: shares}),
			bench:   bench,
			work:    make(chan *deal, deals+1),
			gone:    make(chan struct{}),
		}
		s.shares = append(s.shares, x)
		go x.track(i)
	}
	for range deals + 1 {
		d := &deal{hands: make([]hand, shares)}
		for i := range d.hands {
			d.hands[i].segs = make([]tcp.Segment, 0, dealt)
		}
		s.free = append(s.free, d)
	}
	s.fresh()
	return s
}

// track plays the share's hand of each deal.
func (x *share) track(i int) {
	defer close(x.gone)
	for d := range x.work {
		h := &d.hands[i]
		if d.loss.packets > 0 {
			x.tracker.Lost(d.loss.at)
		}
		from := 0
		for _, c := range h.clocks {
			x.tracker.Observe(h.segs[from:c.at])
			x.tracker.Advance(c.now)
			from = c.at
		}
		x.tracker.Observe(h.segs[from:])
		x.tracker.Advance(d.now)
		if d.last {
			x.tracker.Close()
		}
		h.notes = x.bench.Notes(h.notes)
		h.live, h.full = x.tracker.Live(), x.tracker.Full() || x.bench.Full()
		d.done.Done()
	}
}

// fresh begins another deal.
func (s *split) fresh() {
	last := len(s.free) - 1
	s.current, s.free = s.free[last], s.free[:last]
}

// take deals out segments.
func (s *split) take(segs []tcp.Segment) {
	if s.current.segs+len(segs) > dealt {
		s.send()
	}
	for i := range segs {
		g := &segs[i]
		h := &s.current.hands[s.of[tracker.Part(&g.Flow)]]
		if at := min(g.Time, tracker.Latest); at >= s.now {
			s.now = at
		} else {
			h.clocks = append(h.clocks, clock{len(h.segs), s.now})
			if s.begun {
				s.backwards++
			}
		}
		s.begun = true
		h.segs = append(h.segs, *g)
		h.segs[len(h.segs)-1].Copy = s.copies.Note(g, s.now)
	}
	s.current.segs += len(segs)
}

// send gives the shares what was dealt.
func (s *split) send() {
	d := s.current
	d.now = s.now
	s.sent = append(s.sent, d)
	d.done.Add(len(s.shares))
	for _, x := range s.shares {
		x.work <- d
	}
	if len(s.sent) > deals {
		s.collect()
	}
	s.fresh()
}

// lose notes that the capture has lost packets before what is dealt next.
func (s *split) lose(l loss) {
	if s.current.segs > 0 || s.current.loss.packets > 0 {
		s.send()
	}
	s.current.loss = l
}

// collect takes in what came of the oldest deal.
func (s *split) collect() {
	d := s.sent[0]
	s.sent = s.sent[:copy(s.sent, s.sent[1:])]
	d.done.Wait()
	if l := &d.loss; l.packets > 0 {
		s.bench.Dropped(l.now, l.at, l.packet, l.packets)
	}
	for i := range d.hands {
		s.notes[i] = d.hands[i].notes
	}
	s.bench.Take(s.notes...)
	s.bench.Advance(d.now, 0)
	live := 0
	for i := range d.hands {
		h := &d.hands[i]
		live += h.live
		s.full = s.full || h.full
		if cap(h.notes) > 4*dealt { // an hour without packets ends thousands of connections at once
			h.notes = nil
		}
		*h = hand{segs: h.segs[:0], clocks: h.clocks[:0], notes: h.notes[:0]}
	}
	s.full = s.full || s.bound > 0 && live+dealt >= s.bound // as the next deal may have it
	d.segs, d.loss = 0, loss{}
	s.free = append(s.free, d)
}

// end waits for all that was dealt; with close connections retire, as in tracker.Close.
func (s *split) end(close bool) {
	if s.over {
		return
	}
	s.over = true
	s.current.last = close
	s.send()
	for len(s.sent) > 0 {
		s.collect()
	}
	s.stop()
}

// stop ends the goroutines.
func (s *split) stop() {
	for _, x := range s.shares {
		close(x.work)
	}
	for _, x := range s.shares {
		<-x.gone
	}
}

// result adds up what was counted.
func (s *split) result() (r Result) {
	r.Findings, r.FindingsLost = s.bench.Counts(), s.bench.Lost()
	for _, x := range s.shares {
		stats := x.tracker.Stats()
		stats.TimeBackwards = 0
		r.Tracker.Add(&stats)
		for code, n := range x.bench.Counts() {
			r.Findings[code] += n
		}
		r.FindingsLost += x.bench.Lost()
	}
	r.Tracker.TimeBackwards = s.backwards
	return r
}

// deal is take for a run that is split.
func (r *run) deal(segs []tcp.Segment, err error) (bool, error) {
	if n := r.stats.Dropped; n > r.lost {
		l := loss{now: r.split.now, at: r.split.now, packet: r.stats.Packets, packets: n - r.lost}
		if n := len(segs); n > 0 {
			l.at, l.packet = max(l.at, segs[n-1].Time), segs[0].Number-1
			if l.now == 0 {
				l.now = segs[0].Time
			}
		}
		r.lost = n
		r.split.lose(l)
	}
	r.split.take(segs)
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.stats)
	}
	if err == nil && !r.split.full {
		return false, nil
	}
	r.split.end(err != nil)
	if r.split.full {
		return true, errFull
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return true, err
}
