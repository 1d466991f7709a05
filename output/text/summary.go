package text

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

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

// Summary prints the block.
func (w *Brief) Summary(s *output.Summary) {
	var b bytes.Buffer
	wrap(&b, account(s), w.width, "  ")
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
	_, w.err = w.out.Write(b.Bytes())
}

// account tells in one paragraph what was read, and what was not followed and why.
func account(s *output.Summary) string {
	parts := []string{output.Count(s.Packets, "packet"), output.Count(s.Segments, "TCP segment"), output.Count(s.Tracker.Connections, "connection")}
	text := strings.Join(parts, ", ")
	var skipped uint64
	var reasons []string
	for reason, n := range s.Skipped {
		if n > 0 {
			skipped += n
			reasons = append(reasons, fmt.Sprintf("%s %d", reason, n))
		}
	}
	slices.Sort(reasons)
	if skipped > 0 {
		text += fmt.Sprintf("; not followed: %d (%s)", skipped, strings.Join(reasons, ", "))
	}
	for _, c := range []struct {
		n    uint64
		what string
	}{
		{s.Dropped, "lost by the capture"},
		{s.Tracker.Duplicates, "captured twice"},
		{s.Tracker.BadChecksums, "with a wrong checksum"},
		{s.Tracker.TimeBackwards, "stamped earlier than the one before"},
		{s.Tracker.Evicted, "connections evicted"},
	} {
		if c.n > 0 {
			text += fmt.Sprintf("; %d %s", c.n, c.what)
		}
	}
	return text
}
