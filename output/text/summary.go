package text

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Brief prints the account of the run and how many connections stand where; it is an output.Writer.
type Brief struct {
	out   io.Writer
	width int
	err   error
}

// NewBrief makes a Brief that prints to out once the Summary comes.
func NewBrief(out io.Writer, width int) *Brief { return &Brief{out: out, width: width} }

// Finding does nothing: a connection's line names its findings.
func (*Brief) Finding(*anomaly.Finding) {}

// Transition is not shown.
func (w *Brief) Transition(*tracker.Transition) {}

// Connection is not shown.
func (w *Brief) Connection(*tracker.Connection) {}

// Flush returns the error of the writing, if any.
func (w *Brief) Flush() error { return w.err }

// selected tells how much a selection let through, if there was one.
func selected(b *bytes.Buffer, s *output.Summary, width int) {
	if s.Selected != nil {
		wrap(b, s.Selected.Line(s.Tracker.Connections), width, "  ")
	}
}

// Summary prints the block.
func (w *Brief) Summary(s *output.Summary) {
	var b bytes.Buffer
	wrap(&b, s.Account(), w.width, "  ")
	if states := s.States(); len(states) > 0 {
		fmt.Fprintf(&b, "\n%12s  %-12s %s\n", "connections", "client", "server")
		for _, p := range states {
			fmt.Fprintf(&b, "%12d  %-12s %s\n", p.Connections, p.Client, p.Server)
		}
	}
	if len(s.Findings) > 0 {
		fmt.Fprintf(&b, "\n%12s\n", "findings")
		for _, f := range s.Found() {
			fmt.Fprintf(&b, "%12d  %s\n", f.Findings, f.Rule.Code)
		}
	}
	if s.Selected != nil {
		b.WriteByte('\n')
		selected(&b, s, w.width)
	}
	_, w.err = w.out.Write(b.Bytes())
}
