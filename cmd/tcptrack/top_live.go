package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/rights"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/tui"
	"github.com/tcptrack/tcptrack/tracker"
)

// topLive joins a screen to a capture that runs: what either has for the other lies where it is taken when there is time,
// so that neither waits.
type topLive struct {
	desk   *tui.Desk
	memory *topMemory
	source string
	start  int64

	ask    atomic.Pointer[tui.Ask]
	latest atomic.Pointer[tui.Snapshot]
	saves  chan *topSave
	notes  topNotes

	// Of the goroutine that tracks.
	meters capture.Stats
	looked time.Time
	told   int // warnings
	saving *topSave
}

// topLive captures, and fills the screen until somebody quits.
func (o *topOptions) topLive(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	o.quiet = true // until the screen is gone
	o.liveOut = &liveOutput{}
	if err := o.capturing.begin(); err != nil {
		return err
	}
	defer o.capturing.end()
	t := &topLive{desk: tui.NewDesk(), saves: make(chan *topSave, 1), notes: newTopNotes(), start: time.Now().UnixNano()}
	t.memory = newTopMemory(o.room, 0)
	t.desk.Recall = t.memory.recall
	o.recorder = t.memory.keep
	src, err := o.capture(o.mode, stderr)
	if err != nil {
		return err
	}
	t.source = o.liveOut.source
	if o.sockets {
		o.capturing.keep = []rights.Capability{rights.SysPtrace, rights.DACReadSearch} // to see whose a socket is
		o.kernel, err = openKernel(o.capturing.thread.Do, t.notes)
	}
	if err == nil {
		err = o.capturing.relinquish(ctx, o.capturing.thread, &saving{}, stderr, false)
	}
	if err != nil {
		src.Close()
		return err
	}
	config := pipeline.Config{
		Sink: t.desk, Transitions: true, Connections: true, Blame: true, Analysis: true, Zeek: true, Rules: o.rules, MaxConnections: bound(o.maxConnections, true, true),
		Facts: tui.Facts, Fact: t.desk.Fact, Segments: t.desk.Segments,
		Progress: func(c capture.Stats) { t.meters = c }, Settled: t.settled,
	}
	type ended struct {
		result pipeline.Result
		err    error
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	if o.duration > 0 {
		running, stop = context.WithTimeout(running, o.duration)
		defer stop()
	}
	over := make(chan ended, 1)
	endAsking := o.kernel.join(&config, nil, nil)
	go func() {
		result, err := pipeline.Run(running, src, config)
		if running.Err() == nil || ctx.Err() == nil {
			t.notes.say("the capture has ended; q quits")
		}
		over <- ended{result, err}
	}()
	shown := o.screen(ctx, stdin, stdout, tui.Link{
		Ask: func(a *tui.Ask) { t.ask.Store(a) }, Latest: t.latest.Load, Busy: func() string { return "" },
		Save:  func(r *tui.Row) (string, error) { return o.saveLive(running, t, r) },
		Notes: t.notes.next,
	})
	stop()
	e := <-over
	endAsking()
	o.quiet = false
	o.liveOptions.account(stderr, &watcher{stderr: stderr}, &e.result)
	return errors.Join(shown, e.err)
}

// settled looks for the screen, after a batch; several times a second where there is none.
func (t *topLive) settled(tr *tracker.Tracker) {
	for ; t.told < len(t.meters.Warnings); t.told++ {
		t.notes.say(printable(t.meters.Warnings[t.told].String()))
	}
	t.save()
	ask, last := t.ask.Load(), t.latest.Load()
	if ask == nil {
		return
	}
	now := time.Now()
	if since := now.Sub(t.looked); since < topSoon || since < topEvery && last != nil && last.Asked == ask {
		return
	}
	t.looked = now
	stats, c := tr.Stats(), &t.meters
	t.latest.Store(t.desk.Look(ask, tui.Gauge{
		Source: t.source, Live: true, Start: t.start, Now: tr.Now(), Packets: c.Packets, Dropped: c.Dropped, Freezes: c.Freezes,
		HalfOpen: stats.HalfOpen, Living: stats.Live, Connections: stats.Connections, Evicted: stats.Evicted,
	}, tr, nil))
}

// topSave is a connection's packets on their way out of the ring.
type topSave struct {
	flow   tcp.FlowKey
	from   uint64
	places []uint64 // of those that are still to be taken; nil before the first
	gone   int      // that were lost meanwhile
	out    bytes.Buffer
	w      *capture.Writer
	err    error
	done   chan struct{}
}

const (
	// saveAtOnce is how many packets are taken between two batches: some milliseconds' work.
	saveAtOnce = 4096
	// maxLiveSave bounds the packets of one connection that are saved, the latest.
	maxLiveSave = 1 << 18
)

// save takes packets that the screen wants saved out of the ring, some at a time.
func (t *topLive) save() {
	if t.saving == nil {
		select {
		case t.saving = <-t.saves:
			t.saving.places = t.memory.ring.Find(t.saving.flow, t.saving.from, maxLiveSave)
		default:
			return
		}
	}
	s := t.saving
	var p capture.Record
	for n := 0; n < saveAtOnce && len(s.places) > 0 && s.err == nil; n++ {
		if !t.memory.ring.Packet(s.places[0], &p) {
			s.gone++
		} else {
			s.err = s.w.Write(&p)
		}
		s.places = s.places[1:]
	}
	if len(s.places) == 0 || s.err != nil {
		t.saving = nil
		close(s.done)
	}
}

// saveLive saves what the ring holds of a connection; it waits for the goroutine that tracks.
func (o *topOptions) saveLive(running context.Context, t *topLive, r *tui.Row) (string, error) {
	s := &topSave{from: r.First, done: make(chan struct{})}
	a, b := r.Ends[tracker.Client], r.Ends[tracker.Server]
	s.flow, _ = tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	text := fmt.Sprintf("saved by tcptrack top: what was in memory of connection %d, %s > %s", r.Conn, a, b)
	if r.Worst != nil {
		text += "; " + r.Worst.Severity.String() + " " + r.Worst.Code + ": " + r.Worst.Summary
	}
	s.w = capture.NewWriter(&s.out, capture.Pcapng, "tcptrack "+version, text)
	for _, wait := range []func() error{
		func() error {
			select {
			case t.saves <- s:
				return nil
			case <-running.Done():
				return errCaptureOver
			}
		},
		func() error {
			select {
			case <-s.done:
				return s.err
			case <-running.Done():
				return errCaptureOver
			}
		},
	} {
		if err := wait(); err != nil {
			return "", err
		}
	}
	saved := s.w.Packets()
	if saved == 0 {
		return "", errors.New("none of its packets is in memory any more; a larger --ring keeps more")
	}
	if err := s.w.Finish(t.dropped()); err != nil {
		return "", err
	}
	name, err := o.saveName(r)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrPermission) {
		return "", fmt.Errorf("%s may not write in %s; --save-to names another directory", whoami(), o.directory)
	}
	if err == nil {
		_, err = f.Write(s.out.Bytes())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "", err
	}
	text = output.Count(saved, "packet") + " in " + printable(name)
	if s.gone > 0 {
		text += fmt.Sprintf("; %d were gone", s.gone)
	}
	return text, nil
}

var errCaptureOver = errors.New("the capture is over")

// dropped is what the capture has lost, as far as the screen was told.
func (t *topLive) dropped() uint64 {
	if s := t.latest.Load(); s != nil {
		return s.Dropped
	}
	return 0
}

// whoami is who this process runs as.
func whoami() string { return fmt.Sprintf("user %d", os.Geteuid()) }
