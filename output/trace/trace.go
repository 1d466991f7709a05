// Package trace shows the TCP segments of a capture as text, in the language of internal/trace: people read it, tests
// run it, and tcptrack reads it again with the same result. It is an output.Writer that takes the segments themselves
// and shows no events.
package trace

import (
	"io"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// full is how many bytes are gathered before they are written while the input flows.
const full = 64 << 10

// Writer writes a line for each segment.
type Writer struct {
	out   io.Writer
	trace trace.Writer
	buf   []byte
	err   error
}

// New makes a Writer to out. The trace begins with a comment, so that one without segments is a trace too.
func New(out io.Writer) *Writer {
	return &Writer{out: out, buf: []byte("# TCP segments, as captured\n")}
}

// Segments writes a line for each segment.
func (w *Writer) Segments(segs []tcp.Segment) {
	for i := range segs {
		w.buf = w.trace.Segment(w.buf, &segs[i])
		if len(w.buf) >= full {
			w.Flush()
		}
	}
}

// Finding does nothing: a connection's line names its findings.
func (*Writer) Finding(*anomaly.Finding) {}

// Transition is not shown.
func (w *Writer) Transition(*tracker.Transition) {}

// Connection is not shown.
func (w *Writer) Connection(*tracker.Connection) {}

// Summary is not shown.
func (w *Writer) Summary(*output.Summary) {}

// Flush writes what is buffered and returns the first error of any write.
func (w *Writer) Flush() error {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}
