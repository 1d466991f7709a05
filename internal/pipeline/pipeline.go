// Package pipeline leads segments from a capture through the tracker to a sink of events; every command runs through
// it.
//
//	capture.Source ──batches──> tracker.Tracker ──events──> Sink
//	                                   └─facts─> anomaly.Bench ──findings──┘
//
// One goroutine reads and tracks; of files of whole packets another reads ahead (ahead.go), and where only counts are asked
// for several track (split.go). No clock is read here: time is the capture's, and a live source says how far it has come
// while nothing is captured.
package pipeline

import (
	"context"
	"errors"
	"io"
	"iter"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// batch is how many segments are tracked at once: enough to hide the latency of memory behind each other, few enough
// to stay in the nearest cache.
const batch = 64

// Sink takes the events, on one goroutine at a time.
type Sink interface {
	tracker.Sink
	anomaly.Sink
	// Flush hands on what is buffered: the source has nothing more at the moment. An error ends the run.
	Flush() error
}

// Config sets up a run.
type Config struct {
	Sink           Sink
	Transitions    bool // events that the sink wants to see
	Connections    bool
	Blame          bool                           // connections with the blame line
	Zeek           bool                           // connections with what Zeek would say of them
	LikelyServers  *tracker.Ports                 // as in tracker.Config
	CountFindings  bool                           // findings are only counted: the sink does not see them, nobody puts them in words
	Analysis       bool                           // connections with the counts of Wireshark's tests
	Rules          map[string]anomaly.Limits      // thresholds set otherwise than in the manual, by code and name
	Segments       func([]tcp.Segment)            // shown each batch before it is tracked; nil: nobody looks
	Facts          tracker.FactKind               // kinds of facts that Fact is shown
	Fact           func(*tracker.Fact)            // shown each before it is judged; nil: nobody looks
	MaxConnections int                            // bound on what is tracked at once; 0: unbounded
	Jobs           int                            // at most so many goroutines track, where only counts are asked for; 0: as many as pay
	Again          func() (capture.Source, error) // opens the source once more, where what several track comes to a bound; nil: one tracks
	Kernel         Kernel                         // of a live source, whose word is taken in; nil: nobody asks it
	Progress       func(capture.Stats)            // called after each batch; nil: nobody looks
	Settled        func(*tracker.Tracker)         // shown the connections after each batch, to look into; nil: nobody looks
	Moments        []Moment                       // points of the capture at which At looks
	At             func(moment int, now int64, living iter.Seq[tracker.View])
}

// onlyCounts says that nobody is told of any connection: what comes of the run are its counts.
func (c *Config) onlyCounts() bool {
	return c.CountFindings && !c.Transitions && !c.Connections && c.Segments == nil && c.Fact == nil && c.Kernel == nil && c.Settled == nil && c.At == nil
}

// Kernel tells what the local kernel says of its sockets. It is called on the goroutine that tracks.
type Kernel interface {
	// Next returns the next word that can be heard at that capture time, nil for none. It is valid until Heard.
	Next(now int64) *tracker.Word
	// Heard is told what came of it.
	Heard(*tracker.Word, tracker.Heard)
}

// maxHeard bounds the words that are heard between two batches: some milliseconds' work, and the ring waits.
const maxHeard = 1 << 14

// Result is what a run has counted.
type Result struct {
	Capture capture.Stats
	Tracker tracker.Stats
	// Findings counts what was found and not withdrawn, by code.
	Findings     map[string]int
	FindingsLost uint64 // findings and alarms that a bound has cost
}

// Run reads src until it ends, until ctx ends or until the sink fails, then retires all connections and closes src.
// What was counted is told even beside an error. When ctx ends, a live source is stopped and what it had taken is
// tracked to its end; when it ends while a pipe gives nothing, that one Read is left waiting and its answer ignored.
func Run(ctx context.Context, src capture.Source, cfg Config) (Result, error) {
	var findings anomaly.Sink = cfg.Sink
	if cfg.CountFindings {
		findings = nil
	}
	bench := anomaly.NewBench(anomaly.Rules, cfg.Rules, findings)
	var witness tracker.Witness = bench
	if cfg.Fact != nil {
		witness = overheard{bench, cfg.Fact}
	}
	live, _ := src.(capture.LiveSource)
	marks, _ := src.(capture.MarkingSource)
	filtered := marks != nil && marks.Marks()
	r := &run{src: src, live: live, cfg: cfg, filtered: filtered, bench: bench, tracker: tracker.New(tracker.Config{
		Sink:           judged{cfg.Sink, bench},
		Transitions:    cfg.Transitions,
		Connections:    cfg.Connections,
		Blame:          cfg.Blame,
		Zeek:           cfg.Zeek,
		LikelyServers:  cfg.LikelyServers,
		Analysis:       cfg.Analysis,
		Witness:        witness,
		Facts:          bench.Facts() | cfg.Facts,
		MaxConnections: cfg.MaxConnections,
		Unnumbered:     cfg.onlyCounts(),
		Filtered:       filtered,
	})}
	r.moments = momentsOf(cfg.Moments)
	ended := make(chan error, 1)
	go func() { ended <- r.loop() }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		if live != nil {
			live.Stop()
			err = <-ended
		}
	}
	src.Close() // it was only read
	if err == errFull {
		return again(ctx, cfg)
	}
	return r.finish(err)
}

// again begins a run anew with one goroutine.
func again(ctx context.Context, cfg Config) (Result, error) {
	debug.FreeOSMemory() // what the others kept
	src, err := cfg.Again()
	if err != nil {
		return Result{}, err
	}
	cfg.Again = nil
	return Run(ctx, src, cfg)
}

// run is one run under way. The lock is held by whoever works: the loop between two Reads, then finish.
type run struct {
	src  capture.Source
	live capture.LiveSource // src if it is one, else nil
	cfg  Config

	filtered bool          // segments come that a filter has marked
	split    *split        // nil: one goroutine tracks
	kept     []tcp.Segment // reused for passed

	mu      sync.Mutex
	over    bool
	tracker *tracker.Tracker
	bench   *anomaly.Bench
	stats   capture.Stats // as of the last Read that returned
	lost    uint64        // of its Dropped, what the tracker and the judges know of
	moments []moment      // that have not come
}

// loop reads and tracks until the source ends. What is ready is looked at before it is decided how.
func (r *run) loop() error {
	if src, ok := r.src.(capture.EagerSource); ok && src.Ready() && runtime.GOMAXPROCS(0) > 1 {
		first := new(lot)
		first.fill(src)
		if n := r.goroutines(src, first); n > 1 {
			r.mu.Lock()
			if !r.over {
				r.split = newSplit(n, &r.cfg)
			}
			r.mu.Unlock()
		}
		if over, err := r.takeAll(first); over {
			return err
		}
		if r.split == nil && src.Eager() {
			return r.loopAhead()
		}
	}
	segs := make([]tcp.Segment, batch)
	for {
		n, err := r.src.Read(segs)
		if done, err := r.take(segs[:n], err, r.src.Stats()); done {
			return err
		}
	}
}

// take tracks what one Read gave, behind which the source had these Stats, and says whether it was the last.
func (r *run) take(segs []tcp.Segment, err error, stats capture.Stats) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return true, nil
	}
	r.stats = stats
	if r.split != nil {
		return r.deal(segs, err)
	}
	if r.cfg.Segments != nil {
		r.cfg.Segments(r.passed(segs))
	}
	r.heedLoss(segs)
	r.observe(segs)
	if r.live != nil && len(segs) == 0 {
		now := r.live.Now()
		r.pass(now)
		r.tracker.Advance(now)
	}
	r.hear()
	if r.cfg.Settled != nil {
		r.cfg.Settled(r.tracker)
	}
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.stats)
	}
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return true, err
	}
	if len(segs) < batch { // the source has nothing more at the moment
		err = r.cfg.Sink.Flush()
	}
	return err != nil, err
}

// heedLoss tells of packets that the capture lost since the last time, before segs or among them.
func (r *run) heedLoss(segs []tcp.Segment) {
	if r.stats.Dropped <= r.lost {
		return
	}
	now, packet := r.tracker.Now(), r.stats.Packets
	at := now
	if n := len(segs); n > 0 {
		at, packet = max(at, segs[n-1].Time), segs[0].Number-1
		if now == 0 { // nothing was tracked before
			now = segs[0].Time
		}
	}
	r.tracker.Lost(at)
	r.bench.Dropped(now, at, packet, r.stats.Dropped-r.lost)
	r.lost = r.stats.Dropped
}

// hear takes in what the kernel has said.
func (r *run) hear() {
	k := r.cfg.Kernel
	for n := 0; k != nil && n < maxHeard; n++ {
		w := k.Next(r.tracker.Now())
		if w == nil {
			return
		}
		k.Heard(w, r.tracker.Hear(w))
	}
}

// passed returns the segments that no filter leaves out, to be looked at until the next call.
func (r *run) passed(segs []tcp.Segment) []tcp.Segment {
	if !r.filtered {
		return segs
	}
	r.kept = r.kept[:0]
	for i := range segs {
		if !segs[i].Filtered {
			r.kept = append(r.kept, segs[i])
		}
	}
	return r.kept
}

// finish retires the connections that are left and counts up.
func (r *run) finish(err error) (Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	if r.split != nil {
		r.split.end(true)
		result := r.split.result()
		result.Capture = r.stats
		return result, err
	}
	r.lastMoments()
	r.tracker.Close()
	return Result{Capture: r.stats, Tracker: r.tracker.Stats(), Findings: r.bench.Counts(), FindingsLost: r.bench.Lost()}, err
}

// overheard shows the facts to somebody else before they are judged.
type overheard struct {
	*anomaly.Bench
	show func(*tracker.Fact)
}

func (o overheard) Fact(f *tracker.Fact) {
	o.show(f)
	o.Bench.Fact(f)
}

// judged names on a connection's line what was found about it.
type judged struct {
	Sink
	bench *anomaly.Bench
}

func (j judged) Connection(c *tracker.Connection) {
	c.Findings = c.Findings[:0]
	for _, r := range j.bench.Codes(c.Conn) {
		c.Findings = append(c.Findings, r.Code)
	}
	j.Sink.Connection(c)
}
