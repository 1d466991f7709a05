package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/output/stats/days"
	"github.com/tcptrack/tcptrack/tracker"
)

// dayOptions are the flags of stats about clients and days.
type dayOptions struct {
	directory string
	overlap   []string
	calendar  *days.Calendar // nil: nobody notes
}

func (o *dayOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.directory, "days", "", "note which clients came on which day in `DIR`; without a capture, tell what is noted there")
	f.StringSliceVar(&o.overlap, "overlap", nil, "with --days alone: the clients that were there on each of the `DAYS`, as 2026-11-21,2026-11-22")
}

// note has each connection that is counted noted in the calendar.
func (o *dayOptions) note(w *stats.Wire) {
	if o.directory == "" {
		return
	}
	o.calendar = days.New()
	w.Seen = func(c *tracker.Connection, ill bool) { o.calendar.Mark(c.Client.Endpoint.IP(), c.Start, c.Last, ill) }
}

// save writes what was noted.
func (o *dayOptions) save(stderr io.Writer) error {
	if o.calendar == nil {
		return nil
	}
	if err := o.calendar.Save(o.directory); err != nil {
		return o.trouble(err)
	}
	if n := o.calendar.LeftOut; n > 0 {
		fmt.Fprintf(stderr, "tcptrack: %s not noted in %s: more than %d days, or %d clients of all days\n", output.Count(n, "client"), printable(o.directory), days.MaxDays, days.MaxMarks)
	}
	return nil
}

// trouble says what to do about a directory that cannot be read or written.
func (o *dayOptions) trouble(err error) error {
	var damaged *days.DamagedError
	switch {
	case errors.As(err, &damaged):
		return &problem{fmt.Errorf("--days: %w", err), "take it from a backup, or move it away: the day begins anew then"}
	case errors.Is(err, fs.ErrNotExist):
		return &problem{fmt.Errorf("--days: %w", err), "tcptrack stats --days " + quoted(o.directory) + " FILE makes it"}
	}
	return fmt.Errorf("--days: %w", err)
}

// tellDays tells what is noted.
func (o *statsOptions) tellDays(stdout io.Writer) error {
	if len(o.days.overlap) > 0 {
		return o.tellOverlap(stdout)
	}
	r, err := days.Read(o.days.directory)
	if err != nil {
		return o.days.trouble(err)
	}
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	switch o.format {
	case "json":
		err = r.JSON(out)
	case "csv":
		err = r.CSV(out)
	default:
		err = r.Table(out)
	}
	return errors.Join(err, closeOut())
}

// tellOverlap tells who was there on each of some days.
func (o *statsOptions) tellOverlap(stdout io.Writer) error {
	if o.format != "table" {
		return &problem{fmt.Errorf("-o %s: --overlap is told in words alone", o.format), "leave -o out"}
	}
	clients, found, first, err := days.Overlap(o.days.directory, o.days.overlap, o.busiest)
	if err != nil {
		return o.days.trouble(err)
	}
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s seen on each of %s; something was found each day on %d\n", output.Count(clients, "client"), strings.Join(o.days.overlap, ", "), found)
	for _, name := range first {
		text += name + "\n"
	}
	if n := clients - uint64(len(first)); n > 0 {
		text += fmt.Sprintf("and %d more: --busiest N lists N\n", n)
	}
	_, err = io.WriteString(out, text)
	return errors.Join(err, closeOut())
}
