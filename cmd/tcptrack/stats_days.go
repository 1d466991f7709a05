package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/output/stats/days"
	"github.com/tcptrack/tcptrack/tracker"
)

// dayOptions are the flags of stats about clients and days.
type dayOptions struct {
	directory string
	redis     string // address of a server
	overlap   []string
	calendar  *days.Calendar // nil: nobody notes
	store     days.Store
}

// redisPassword is redis-cli's variable for a password that is not to be seen in the list of processes.
const redisPassword = "REDISCLI_AUTH"

func (o *dayOptions) add(f *pflag.FlagSet) {
	f.StringVar(&o.directory, "days", "", "note which clients came on which day in `DIR`; without a capture, tell what is noted there")
	f.StringVar(&o.redis, "redis", "", "the same in a Redis server at `URL` instead, as plain bitmaps: redis://HOST:6379/0, unix:///run/redis/redis.sock; the password from $"+redisPassword)
	f.StringSliceVar(&o.overlap, "overlap", nil, "with --days or --redis alone: the clients that were there on each of the `DAYS`, as 2026-11-21,2026-11-22")
}

// asked says that clients are noted, or what is noted told.
func (o *dayOptions) asked() bool { return o.directory != "" || o.redis != "" }

// open finds where marks are kept. That is done before anything is captured, while there are the rights to.
func (o *dayOptions) open() error {
	if o.redis == "" {
		o.store = days.Directory(o.directory)
		return nil
	}
	server, err := days.DialRedis(o.redis, os.Getenv(redisPassword))
	if err != nil {
		return o.trouble(err)
	}
	o.store = server
	return nil
}

// close ends the connection with a server.
func (o *dayOptions) close() {
	if c, ok := o.store.(io.Closer); ok {
		c.Close()
	}
}

// note has each connection that is counted noted in the calendar.
func (o *dayOptions) note(w *stats.Wire) error {
	if !o.asked() {
		return nil
	}
	if err := o.open(); err != nil {
		return err
	}
	o.calendar = days.New()
	w.Seen = func(c *tracker.Connection, ill bool) { o.calendar.Mark(c.Client.Endpoint.IP(), c.Start, c.Last, ill) }
	return nil
}

// prepare makes the directory, as root for whom root becomes: who that is may not be allowed to.
func (o *dayOptions) prepare(c *capturing) error {
	if o.directory == "" {
		return nil
	}
	if _, err := os.Stat(o.directory); err == nil {
		return nil
	}
	if err := os.MkdirAll(o.directory, 0o777); err != nil {
		return fmt.Errorf("--days: %w", err)
	}
	to, _, err := c.target()
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	return os.Chown(o.directory, to.UID, to.GID)
}

// save writes what was noted.
func (o *dayOptions) save(stderr io.Writer) error {
	if o.calendar == nil {
		return nil
	}
	defer func() { o.close() }()
	if server, ok := o.store.(*days.Redis); ok && !server.Alive() { // it may hang up on who says nothing while a capture lasts
		o.close()
		if err := o.open(); err != nil {
			return err
		}
	}
	if err := o.store.Save(o.calendar); err != nil {
		return o.trouble(err)
	}
	if n := o.calendar.LeftOut; n > 0 {
		fmt.Fprintf(stderr, "tcptrack: %s not noted: more than %d days, or %d clients of all days\n", output.Count(n, "client"), days.MaxDays, days.MaxMarks)
	}
	return nil
}

// trouble says what to do about a store that cannot be read or written.
func (o *dayOptions) trouble(err error) error {
	var damaged *days.DamagedError
	var refused *days.ConnectError
	switch {
	case errors.Is(err, days.ErrURL):
		return &problem{errors.New("--redis: this is " + err.Error()), "as --redis redis://localhost:6379/0"}
	case errors.As(err, &refused):
		return &problem{fmt.Errorf("--redis: %w", err), "redis-cli -u URL ping tries the same; the password stands in the URL or in $" + redisPassword}
	case o.redis != "":
		return &problem{fmt.Errorf("--redis: %w", err), "keys of tcptrack begin with tcptrack: and may not be anything else; the same command again adds what is missing"}
	case errors.As(err, &damaged):
		return &problem{fmt.Errorf("--days: %w", err), "take it from a backup, or move it away: the day begins anew then"}
	case errors.Is(err, fs.ErrNotExist):
		return &problem{fmt.Errorf("--days: %w", err), "tcptrack stats --days " + quoted(o.directory) + " FILE makes it"}
	}
	return fmt.Errorf("--days: %w", err)
}

// daysTold is what can be told of days.
type daysTold interface {
	Table(io.Writer) error
	JSON(io.Writer) error
	CSV(io.Writer) error
}

// tellDays tells what is noted.
func (o *statsOptions) tellDays(stdout io.Writer) error {
	if err := o.days.open(); err != nil {
		return err
	}
	defer o.days.close()
	r, err := o.days.tell(o.busiest)
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

func (o *dayOptions) tell(most int) (daysTold, error) {
	if len(o.overlap) > 0 {
		return days.Overlap(o.store, o.overlap, most)
	}
	return days.Read(o.store)
}
