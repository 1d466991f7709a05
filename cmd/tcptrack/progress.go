package main

import (
	"fmt"
	"io"
	"time"

	"github.com/tcptrack/tcptrack/capture"
)

// progress tells on a terminal's standard error how far the reading is, a few times a second.
type progress struct {
	w     io.Writer // nil: nobody looks
	start time.Time
	next  time.Time
	shown bool
}

// quietTime is how long a run goes on before it tells of its progress.
const quietTime = 500 * time.Millisecond

// newProgress makes a progress line on stderr. There is none when stderr is no terminal.
func newProgress(stderr io.Writer) *progress {
	p := &progress{start: time.Now()}
	p.next = p.start.Add(quietTime)
	if isTerminal(stderr) {
		p.w = stderr
	}
	return p
}

// show returns the function that the pipeline calls after each batch, nil when nobody looks.
func (p *progress) show() func(capture.Stats) {
	if p.w == nil {
		return nil
	}
	return func(s capture.Stats) {
		now := time.Now()
		if now.Before(p.next) {
			return
		}
		p.next = now.Add(200 * time.Millisecond)
		p.shown = true
		part := ""
		if s.Size > 0 {
			part = fmt.Sprintf(" (%d %%)", min(100, 100*s.Bytes/s.Size))
		}
		fmt.Fprintf(p.w, "\r%d packets, %d MB%s, %d s\x1b[K", s.Packets, s.Bytes/1e6, part, int(now.Sub(p.start).Seconds()))
	}
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
