package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/tracker"
)

// counting is a count of a capture under way.
type counting struct {
	o     *statsOptions
	wire  *stats.Wire
	out   *bufio.Writer
	width int
	stop  context.CancelFunc
	err   error // of the output

	line   stats.Timeline
	came   int           // moments
	answer *stats.Answer // of the one moment
	both   *comparing    // nil: the wire alone
}

// countCapture counts the connections of captures or of interfaces.
func (o *statsOptions) countCapture(cmd *cobra.Command) error {
	want, err := o.selection.parse()
	if err != nil {
		return err
	}
	moments, err := o.moments()
	if err != nil {
		return err
	}
	checksum := slices.Index(checksumWords, o.checksum)
	if checksum < 0 {
		return unknownWord("checksum mode", o.checksum, checksumWords)
	}
	side := tracker.Server
	if o.side == "client" {
		side = tracker.Client
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	c := &counting{o: o, wire: stats.NewWire(side, want), stop: stop}
	if err := o.days.note(c.wire); err != nil {
		return err
	}
	config := pipeline.Config{Sink: c.wire, Connections: true, MaxConnections: int(o.maxConnections), Moments: moments, At: c.at}
	measure(&config, want)
	mode := []capture.ChecksumMode{capture.ChecksumAuto, capture.ChecksumOff, capture.ChecksumAll}[checksum]
	return o.through(ctx, cmd, mode, &config, c)
}

// moments are those of --at or --every.
func (o *statsOptions) moments() ([]pipeline.Moment, error) {
	switch {
	case o.at != "":
		m, err := pipeline.ParseMoment(o.at)
		if err != nil {
			return nil, &problem{fmt.Errorf("--at: %w", err), "write " + pipeline.MomentForms}
		}
		return []pipeline.Moment{m}, nil
	case o.every > 0:
		return []pipeline.Moment{{Time: int64(o.every), Since: true, Every: int64(o.every)}}, nil
	}
	return nil, nil
}

// through leads the packets of the captures or interfaces through the count.
func (o *statsOptions) through(ctx context.Context, cmd *cobra.Command, checksum capture.ChecksumMode, config *pipeline.Config, c *counting) error {
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	live := len(o.interfaces) > 0
	if live {
		if err := o.capturing.begin(); err != nil {
			return err
		}
		defer o.capturing.end()
	}
	watch, bar := watcher{stderr: stderr}, newProgress(stderr)
	var src capture.Source
	var err error
	if live {
		src, err = o.capture(checksum, stderr)
		config.Progress = watch.see
	} else {
		src, err = o.open(checksum, cmd.InOrStdin())
		config.Progress = bar.show()
	}
	if err != nil {
		return err
	}
	if o.both {
		var stop func()
		if c.both, stop, err = o.compare(ctx, config); err != nil {
			src.Close()
			return err
		}
		defer stop()
	}
	out, closeOut, err := o.destine(stdout)
	if err == nil && live {
		err = o.days.prepare(&o.capturing)
	}
	if err == nil && live {
		err = o.capturing.relinquish(ctx, o.capturing.thread, &saving{incidents: incidents{directory: o.days.directory}}, stderr, false)
	}
	if err != nil {
		src.Close()
		return err
	}
	c.begin(out)
	if o.duration > 0 && live && !o.both { // which ends at its moment
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	result, err := pipeline.Run(ctx, src, *config)
	bar.clear()
	if live {
		o.account(stderr, &watch, &result)
	} else {
		warn(stderr, result.Capture)
	}
	if err == nil {
		err = errors.Join(c.end(&result), o.days.save(stderr))
	}
	return errors.Join(err, c.out.Flush(), closeOut())
}

func (c *counting) begin(out io.Writer) {
	c.out, c.width = bufio.NewWriter(out), widthOf(out)
	c.line.Width = c.width
}

// at counts what lives at a moment: the one of --at, or the next of --every, which is shown at once.
func (c *counting) at(_ int, now int64, living iter.Seq[tracker.View]) {
	c.came++
	if c.both != nil {
		c.both.at(living)
		c.stop()
		return
	}
	a := c.wire.At(now, living)
	if c.o.every == 0 {
		c.answer = a
		c.stop() // what comes later is not asked for
		return
	}
	if c.came == 1 {
		c.line.Start = now - int64(c.o.every)
	}
	if c.o.format == "table" {
		c.err = errors.Join(c.err, c.line.Add(c.out, a))
	} else {
		c.err = errors.Join(c.err, c.o.write(c.out, a, c.width))
	}
	if c.err = errors.Join(c.err, c.out.Flush()); c.err != nil {
		c.stop() // nobody reads any more
	}
}

// end shows what was counted, unless the time line has.
func (c *counting) end(r *pipeline.Result) error {
	switch {
	case c.err != nil:
		return c.err
	case c.both != nil:
		return c.both.end(c.o, c.out, c.width)
	case c.o.every == 0 && c.o.at == "":
		return c.o.write(c.out, c.wire.Whole(), c.width)
	case c.came == 0:
		return &problem{fmt.Errorf("the capture ends before that: it has %s in %s", output.Count(r.Capture.Packets, "packet"), output.Span(r.Capture.Last-r.Capture.First)),
			"choose an earlier moment, or leave --at and --every out: that counts the whole capture"}
	case c.o.at != "":
		return c.o.write(c.out, c.answer, c.width)
	}
	return nil
}
