package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/tui"
	"github.com/tcptrack/tcptrack/tracker"
)

// replay joins a screen to captures that are read up to a moment. One reading stands still at the moment that is shown;
// to move on it goes on, to move back another begins. So the memory is that of one reading.
type replay struct {
	o     *topOptions
	notes topNotes

	ask    atomic.Pointer[tui.Ask]
	latest atomic.Pointer[tui.Snapshot]
	busy   atomic.Pointer[string] // how far a reading is that takes long
	wake   chan struct{}          // ask or goal is another

	mu          sync.Mutex
	goal        int64 // nanoseconds since the first packet, atEnd
	first, last int64 // times of the packets; 0 until all has been read once
	told        int   // warnings
}

// atEnd is the goal behind the last packet.
const atEnd = math.MaxInt64

// steps is how many steps a capture has at least, and leastStep the shortest.
const (
	steps     = 60
	leastStep = int64(time.Millisecond)
)

// replay fills the screen until somebody quits.
func (o *topOptions) replay(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	o.quiet = true
	r := &replay{o: o, notes: newTopNotes(), wake: make(chan struct{}, 1), goal: atEnd}
	// What cannot be opened is told where it can be read.
	src, err := o.open(o.mode, nil)
	if err != nil {
		return err
	}
	src.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		err := r.run(ctx)
		failed <- err
		if err != nil {
			stop()
		}
	}()
	shown := o.screen(ctx, stdin, stdout, tui.Link{
		Ask: func(a *tui.Ask) {
			r.ask.Store(a)
			r.stir()
		},
		Latest: r.latest.Load, Busy: r.busyText, Scrub: r.scrub, Save: func(row *tui.Row) (string, error) { return o.saveRead(ctx, row) },
		Streams: len(o.files) == 1, Notes: r.notes.next,
	})
	stop()
	return errors.Join(shown, <-failed)
}

// stir lets a reading that stands still look around.
func (r *replay) stir() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *replay) busyText() string {
	if s := r.busy.Load(); s != nil {
		return *s
	}
	return ""
}

// step is how far [ and ] move: of 1, 2 and 5 and their tenfolds that which gives steps of them or more.
func step(span int64) int64 {
	most := max(span/steps, leastStep)
	for unit := leastStep; ; unit *= 10 {
		for _, n := range []int64{5, 2, 1} {
			if unit*10 > most && unit*n <= most {
				return unit * n
			}
		}
	}
}

// scrub moves the goal by steps.
func (r *replay) scrub(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == 0 {
		return // nothing is known of its time
	}
	span := r.last - r.first
	at, by := min(r.goal, span), step(span)
	var to int64
	if n < 0 {
		to = max((at+by-1)/by+int64(n), 0) * by
	} else {
		to = (at/by + int64(n)) * by
	}
	if r.goal = to; to >= span {
		r.goal = atEnd
	}
	r.stir()
}

func (r *replay) target() (goal, first, last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.goal, r.first, r.last
}

// run reads, again and again, until ctx ends.
func (r *replay) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := r.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// reader is what another reading of the captures takes, each packet shown to see.
func (o *topOptions) reader(see capture.Recorder) *readOptions {
	return &readOptions{files: o.files, filtering: o.filtering, packets: o.packets, recorder: see}
}

// reading is one reading of the captures.
type reading struct {
	*replay
	ctx     context.Context
	again   func() // ends it: the goal lies behind
	desk    *tui.Desk
	memory  *topMemory
	stats   capture.Stats
	every   int64         // nanoseconds from one moment to the next
	came    int64         // moments, but for the end
	stood   bool          // still, at any of them
	batch   []tcp.Segment // those at hand, without those that the desk has seen
	packets uint64
	began   time.Time
	next    time.Time
}

// read reads the captures up to the goal and on, until that lies behind or ctx ends.
func (r *replay) read(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	x := &reading{replay: r, ctx: inner, again: cancel, desk: tui.NewDesk(), memory: newTopMemory(r.o.room, capture.DefaultSnap), began: time.Now()}
	x.desk.Recall = x.memory.recall
	src, err := r.o.reader(x.memory.keep).open(r.o.mode, nil)
	if err != nil {
		return err
	}
	_, first, last := r.target()
	moments := []pipeline.Moment{{End: true}}
	if last > 0 {
		x.every = step(last - first)
		moments = append(moments, pipeline.Moment{Since: true, Every: x.every})
	}
	result, err := pipeline.Run(inner, src, pipeline.Config{
		Sink: x.desk, Transitions: true, Connections: true, Blame: true, Analysis: true, Zeek: true, Rules: r.o.rules, MaxConnections: bound(r.o.maxConnections, true, true),
		Facts: tui.Facts, Fact: x.desk.Fact,
		Segments: func(segs []tcp.Segment) { x.batch = segs },
		Settled:  func(*tracker.Tracker) { x.show(math.MaxInt64) },
		Progress: x.progress, Moments: moments, At: x.at,
	})
	if err != nil && ctx.Err() == nil && inner.Err() == nil {
		return err
	}
	if !x.stood && inner.Err() == nil {
		return r.empty(ctx, result)
	}
	return nil
}

// empty shows that there is nothing, until ctx ends.
func (r *replay) empty(ctx context.Context, result pipeline.Result) error {
	for ctx.Err() == nil {
		if ask := r.ask.Load(); ask != nil {
			r.latest.Store(&tui.Snapshot{Gauge: tui.Gauge{Source: r.source(), Packets: result.Capture.Packets}, Asked: ask})
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	return nil
}

// show lets the desk see the segments of the batch up to a time.
func (x *reading) show(until int64) {
	n := 0
	for n < len(x.batch) && x.batch[n].Time <= until {
		n++
	}
	if n > 0 {
		x.packets = x.batch[n-1].Number
	}
	x.desk.Segments(x.batch[:n])
	x.batch = x.batch[n:]
}

// progress tells how far a reading is that takes long.
func (x *reading) progress(c capture.Stats) {
	x.stats = c
	now := time.Now()
	if now.Before(x.next) || now.Sub(x.began) < topSoon*2 {
		return
	}
	x.next = now.Add(topSoon)
	text := fmt.Sprintf("reading: %d packets", c.Packets)
	if c.Size > 0 {
		text = fmt.Sprintf("reading: %d %%", min(100*c.Bytes/c.Size, 100))
	}
	x.busy.Store(&text)
}

// at stands still at the goal, and shows it, until the goal is another.
func (x *reading) at(moment int, now int64, living iter.Seq[tracker.View]) {
	end, here := moment == 0, int64(atEnd)
	if end && x.ctx.Err() == nil {
		x.whole()
	}
	if !end {
		here = x.came * x.every // and not by now: a capture's clock may run back
		x.came++
	}
	var shown *tui.Ask
	for x.ctx.Err() == nil {
		goal, first, last := x.target()
		if goal < here {
			x.again()
			return
		}
		if goal > here {
			return
		}
		x.stood = true
		if ask := x.ask.Load(); ask != nil && ask != shown {
			x.show(now)
			x.memory.now = now
			g := tui.Gauge{Source: x.source(), Start: first, Now: now, End: last, Packets: x.packets, Dropped: x.stats.Dropped}
			if end {
				g.Packets = x.stats.Packets
			}
			x.busy.Store(nil)
			x.latest.Store(x.desk.Look(ask, g, nil, living))
			shown = ask
		}
		select {
		case <-x.wake:
		case <-x.ctx.Done():
		}
	}
}

// whole notes what is known once all has been read.
func (x *reading) whole() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.first, x.last = x.stats.First, max(x.stats.Last, x.stats.First+1)
	for ; x.told < len(x.stats.Warnings); x.told++ {
		x.notes.say(printable(x.stats.Warnings[x.told].String()))
	}
}

// source names the captures: the directory of one tells as much as its name.
func (r *replay) source() string {
	name := r.o.files[0]
	if dir := filepath.Base(filepath.Dir(name)); dir != "." && dir != "/" {
		name = filepath.Join(dir, filepath.Base(name))
	}
	if n := len(r.o.files) - 1; n > 0 {
		name += fmt.Sprintf(" +%d", n)
	}
	return printable(name)
}

// saveRead saves a connection's packets as extract does.
func (o *topOptions) saveRead(ctx context.Context, r *tui.Row) (string, error) {
	name, err := o.saveName(r)
	if err != nil {
		return "", err
	}
	x := extraction{conns: []uint{uint(r.Conn)}}
	x.files, x.filtering, x.readOptions.packets, x.checksum = o.files, o.filtering, o.packets, o.checksum
	x.maxConnections, x.thresholds, x.destination = o.maxConnections, o.thresholds, name
	var told bytes.Buffer
	if err := x.extract(ctx, io.Discard, &told); err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(told.String()), "\n")
	return strings.TrimPrefix(lines[len(lines)-1], "tcptrack: "), nil
}
