package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/text"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// lookEvery is how often the table is drawn anew: faster than that nobody reads.
	lookEvery = 500 * time.Millisecond
	// lineEvery is how often lines may scroll: a finding is seen within 200 ms, the ring's delay included.
	lineEvery = 100 * time.Millisecond
	// stopped is a pause after which we may have been stopped and continued, with a shell's words in between: a live
	// source is read several times as often.
	stopped = time.Second
)

// liveOutput is how live shows what happens: through an outlet, on a terminal as a table. A nil one shows nothing.
type liveOutput struct {
	name   string    // of where the answer goes
	stderr io.Writer // gets what is to be said of that
	source string    // what the table calls the interfaces
	outlet *outlet
	saved  *outlet // of -w -
	screen screen
	wanted bool // the table
	shown  *liveTable
}

// tableWanted says that live shows its table, not lines: the answer goes to a terminal that can move its cursor.
func (o *liveOptions) tableWanted(stdout io.Writer) bool {
	kind := os.Getenv("TERM")
	return o.format == "table" && (o.destination == "" || o.destination == "-") && !o.quiet && o.saving.name != "-" &&
		isTerminal(stdout) && kind != "" && kind != "dumb" && foreground()
}

// open asks for the table, and returns what standard error is to go through beside it.
func (l *liveOutput) open(stderr io.Writer) io.Writer {
	l.wanted = true
	if isTerminal(stderr) {
		stderr = l.screen.aside(stderr)
	}
	l.stderr = stderr
	return stderr
}

// through puts the outlet around the destination out of the answer, which close closes.
func (l *liveOutput) through(ctx context.Context, out io.Writer, close func() error) (io.Writer, func() error) {
	l.outlet = newOutlet(ctx, out, l.name, l.stderr)
	return l.outlet, func() error { return errors.Join(l.outlet.end(), close()) }
}

// packetsTo is what -w - writes to; packetsEnd follows its end.
func (l *liveOutput) packetsTo(ctx context.Context, stdout io.Writer) io.Writer {
	if l == nil {
		return stdout
	}
	l.saved = newOutlet(ctx, stdout, l.name, l.stderr)
	return l.saved
}

// packetsEnd says which of them were lost.
func (l *liveOutput) packetsEnd() error {
	if l == nil || l.saved == nil {
		return nil
	}
	return l.saved.end()
}

// table begins the table, nil if none is wanted.
func (l *liveOutput) table(style text.Style) output.Writer {
	if l == nil || !l.wanted {
		return nil
	}
	l.screen.out = l.outlet
	l.screen.size = func() (int, int) { return terminalSize(fileOf(l.outlet)) }
	now := time.Now()
	l.shown = &liveTable{
		Board: text.NewBoard(&l.screen, style), screen: &l.screen, source: l.source, start: now, called: now, stops: onStop(),
	}
	return l.shown
}

// pipe has the pipeline show the table what there is, if there is one.
func (l *liveOutput) pipe(cfg *pipeline.Config) {
	if l == nil || l.shown == nil {
		return
	}
	var meters capture.Stats
	progress, settled := cfg.Progress, cfg.Settled
	cfg.Progress = func(c capture.Stats) {
		meters = c
		if progress != nil {
			progress(c)
		}
	}
	cfg.Settled = func(t *tracker.Tracker) {
		if settled != nil {
			settled(t)
		}
		l.shown.look(&meters, t)
	}
}

// choose leaves the table to the connections that want wants.
func (l *liveOutput) choose(want func(*tracker.Connection) bool) {
	if l != nil && l.shown != nil {
		l.shown.Choose(want)
	}
}

// liveTable is what live shows on a terminal: a text.Board, its frame on a screen.
type liveTable struct {
	*text.Board
	screen *screen
	source string
	start  time.Time

	looked  time.Time // when the frame was drawn
	painted time.Time
	called  time.Time
	stops   chan os.Signal // Ctrl-Z
	err     error          // of the terminal
}

// look is called after each batch, and several times a second where there is none; c is as of the batch before.
func (l *liveTable) look(c *capture.Stats, t *tracker.Tracker) {
	now := time.Now()
	if now.Sub(l.called) > stopped {
		l.screen.lost = true
	}
	l.called = now
	l.stopIfTold()
	if since := now.Sub(l.painted); since < lineEvery || since < lookEvery && len(l.screen.lines) == 0 && !l.screen.resized() {
		return
	}
	idle, err := l.screen.out.idle()
	if l.err = errors.Join(l.err, err); !idle || l.err != nil {
		return
	}
	l.painted = now
	if now.Sub(l.looked) >= lookEvery {
		l.looked = now
		l.Board.Look(text.Gauge{
			Source: l.source, Start: l.start.UnixNano(), Now: now.UnixNano(),
			Packets: c.Packets, Dropped: c.Dropped, Freezes: c.Freezes,
		}, t)
	}
	if !foreground() {
		l.screen.standing = false
		if len(l.screen.lines) > 0 {
			l.screen.paint(nil)
		}
		return
	}
	width, height := l.screen.size()
	l.screen.paint(l.Board.Frame(width, frameHeight(height)))
}

// frameHeight leaves a third of the terminal, or what there is, to the lines.
func frameHeight(height int) int { return max(height*2/3, min(height-1, 6)) }

// stopIfTold leaves the terminal to the shell on Ctrl-Z, and stops this process until it is continued. The ring takes
// what comes meanwhile.
func (l *liveTable) stopIfTold() {
	select {
	case <-l.stops:
		if idle, err := l.screen.out.idle(); idle {
			l.err = errors.Join(l.err, err, l.screen.leave())
		}
		stopSelf()
	default:
	}
}

// Flush hands the lines to the screen.
func (l *liveTable) Flush() error { return errors.Join(l.Board.Flush(), l.err) }

// Summary takes the frame away and prints the account.
func (l *liveTable) Summary(s *output.Summary) {
	l.Board.Summary(s)
	l.err = errors.Join(l.err, l.screen.close())
}
