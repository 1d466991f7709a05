package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/tcptrack/tcptrack/output"
)

const (
	// hangTime is how long a reader may take nothing before that is told: nobody waits so long without noticing.
	hangTime = 2 * time.Second
	// graceTime is how long a reader may take nothing once we were told to end.
	graceTime = time.Second
	// piece is what is written at once, so that a slow reader is told from one that hangs: a quarter of a pipe.
	piece = 16 << 10
)

// outlet writes to a reader that may hang, a pipe that nobody empties or a terminal that was stopped. A Write waits for
// the reader, and so what feeds it waits as well; once ctx has ended a reader that takes nothing is given up, and what it
// was to get is counted. Writes come from one goroutine at a time.
type outlet struct {
	ctx  context.Context
	to   io.Writer
	name string
	tell io.Writer // gets a line when the reader hangs and when it goes on; nil: nobody does

	work   chan []byte
	done   chan error
	buf    []byte       // belongs to the goroutine that writes until it is done
	taken  atomic.Int64 // octets, of buf
	busy   bool
	given  bool // up
	misses int  // octets that were lost
}

func newOutlet(ctx context.Context, to io.Writer, name string, tell io.Writer) *outlet {
	o := &outlet{ctx: ctx, to: to, name: name, tell: tell, work: make(chan []byte), done: make(chan error, 1)}
	go func() {
		for p := range o.work {
			o.done <- o.drain(p)
		}
	}()
	return o
}

// drain writes p piece by piece, on the goroutine that may block.
func (o *outlet) drain(p []byte) error {
	for len(p) > 0 {
		n, err := o.to.Write(p[:min(len(p), piece)])
		if o.taken.Add(int64(n)); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// Write hands p to the reader and waits until it is taken.
func (o *outlet) Write(p []byte) (int, error) {
	if err := o.wait(); err != nil {
		return 0, err
	}
	o.post(p)
	return len(p), o.wait()
}

// post begins to write p, of which it keeps a copy; nothing else is under way.
func (o *outlet) post(p []byte) {
	if o.given {
		o.misses += len(p)
		return
	}
	o.buf = append(o.buf[:0], p...)
	o.taken.Store(0)
	o.busy = true
	o.work <- o.buf
}

// idle says that nothing is under way, with the error of what was.
func (o *outlet) idle() (bool, error) {
	if !o.busy || o.given {
		return true, nil
	}
	select {
	case err := <-o.done:
		o.busy = false
		return true, err
	default:
		return false, nil
	}
}

// wait waits until what is under way is taken or given up.
func (o *outlet) wait() error {
	if free, err := o.idle(); free {
		return err
	}
	const look = 50 * time.Millisecond
	tick := time.NewTicker(look)
	defer tick.Stop()
	var taken int64
	stuck, told := time.Duration(0), time.Time{}
	for {
		select {
		case err := <-o.done:
			o.busy = false
			if !told.IsZero() {
				fmt.Fprintf(o.tell, "tcptrack: %s is read again, after %s\n", o.name, output.Span(int64(time.Since(told)+hangTime)))
			}
			return err
		case <-tick.C:
		}
		if stuck += look; o.taken.Load() != taken {
			taken, stuck = o.taken.Load(), 0
		}
		switch {
		case o.ctx.Err() != nil && stuck >= graceTime:
			o.given = true // the goroutine stays with its buffer
			o.misses += len(o.buf) - int(o.taken.Load())
			return nil
		case stuck >= hangTime && told.IsZero() && o.tell != nil:
			told = time.Now()
			fmt.Fprintf(o.tell, "tcptrack: %s takes nothing: packets wait in the ring, and are lost once it is full\n", o.name)
		}
	}
}

// end says what of the answer was lost, and lets the goroutine go.
func (o *outlet) end() error {
	err := o.wait()
	if !o.given {
		close(o.work)
		return err
	}
	return &problem{fmt.Errorf("%s: nobody reads it: %s lost", o.name, output.Count(uint64(o.misses), "octet")),
		"end or wake the reader; -O FILE writes to a file"}
}

// fileOf is the file behind a writer, nil if there is none.
func fileOf(w any) *os.File {
	if o, ok := w.(*outlet); ok {
		w = o.to
	}
	f, _ := w.(*os.File)
	return f
}
