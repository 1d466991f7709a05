// Package output holds what every format shares: the interface through which it is driven and the account of a run.
// The formats themselves are its sub-packages.
//
//	tracker ──> jsonl | csv | text | story | trace ──> an io.Writer
//
// The manual of the states is here as well (states.go); that of the findings is the rules' own.
//
// A format takes the tracker's events as they come, by pointers that it must not keep, and a Summary at the end.
// Formats never judge and never change what they are told; none of them reads a clock. A Writer is used by one
// goroutine at a time.
package output

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Writer is one format at work.
type Writer interface {
	tracker.Sink
	anomaly.Sink
	// Summary is called once, after the last event.
	Summary(*Summary)
	// Flush hands on what is buffered, because the input has paused or ended. It returns the first error of any write.
	Flush() error
}

// Events chooses kinds of events.
type Events struct{ Transition, Connection, Finding, Summary, Socket bool }

// Socket is what the kernel of one end said when it was asked about a finding, or says otherwise than the wire. A Writer
// that shows it has a method Socket.
type Socket struct {
	tracker.Word
	Conn           uint64
	Packet         uint64 // the connection's latest
	Client, Server tcp.Endpoint
	Side           tracker.Side     // whose kernel it is
	Wire           tracker.State    // what was claimed of that end
	Possible       tracker.StateSet // and all that was thought possible
	Differs        bool             // the kernel's is none of those: our error
}

// Kernel counts what the kernel was asked.
type Kernel struct {
	Scans       uint64 // of all its sockets
	Words       uint64 // answers about connections that are tracked
	Compared    uint64 // of them, about an end at rest
	Settled     uint64 // of them, that said which of several possible states it is
	Differences uint64 // of them, that said what was thought impossible: our errors
	LeftOut     uint64 // answers beyond a bound
}

// Summary is the account of one run: what was read, what of it was followed, and where the connections stood.
type Summary struct {
	Packets  uint64            // records read, whatever they held
	Segments uint64            // TCP segments among them
	Skipped  map[string]uint64 // records that were not followed, by reason
	Received uint64            // packets that the capture's source saw, as far as it says
	Dropped  uint64            // packets that it lost before they reached us
	Last     int64             // time of the last packet, nanoseconds since 1970 UTC; 0: none
	Tracker  tracker.Stats
	Findings map[string]int // by code, the withdrawn left out
	// FindingsLost counts those, and alarms that wait to find something, that a bound has cost: not kept until they end, or not
	// named on their connection's line.
	FindingsLost uint64
	Damage       []string  // what is wrong with the files, in words
	Kernel       *Kernel   // nil: it was not asked
	Selected     *Selected // nil: everything was shown
}

// Selected is what of the run a selection let through; all other counts are of everything.
type Selected struct {
	Where       string // as it was asked for
	Connections uint64 // that it meant
	Hurried     uint64 // events for which it was decided before all of their connection was known, because a bound was met
}

// Line tells how much was selected.
func (s *Selected) Line(of uint64) string {
	text := fmt.Sprintf("selected by %s: %d of %s", s.Where, s.Connections, Count(of, "connection"))
	if s.Hurried > 0 {
		text += fmt.Sprintf("; %s judged early, too many were waiting for the ends of their connections", Count(s.Hurried, "event"))
	}
	return text
}

// StatePair counts the connections whose last states were these.
type StatePair struct {
	Client, Server tracker.State
	Connections    uint64
}

// CodeCount counts the findings of one code.
type CodeCount struct {
	Rule     *anomaly.Rule
	Findings int
}

// Found lists the codes of which something was found, the gravest first, of equals the most frequent.
func (s *Summary) Found() []CodeCount {
	var list []CodeCount
	for _, r := range anomaly.Rules {
		if n := s.Findings[r.Code]; n > 0 {
			list = append(list, CodeCount{r, n})
		}
	}
	slices.SortStableFunc(list, func(a, b CodeCount) int {
		return cmp.Or(cmp.Compare(b.Rule.Severity, a.Rule.Severity), cmp.Compare(b.Findings, a.Findings))
	})
	return list
}

// States lists the pairs of last states, most frequent first.
func (s *Summary) States() []StatePair {
	var pairs []StatePair
	for c, row := range s.Tracker.States {
		for v, n := range row {
			if n > 0 {
				pairs = append(pairs, StatePair{tracker.State(c), tracker.State(v), n})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b StatePair) int { return cmp.Compare(b.Connections, a.Connections) })
	return pairs
}

// Account tells in one paragraph what was read, and what was not followed and why.
func (s *Summary) Account() string {
	parts := []string{Count(s.Packets, "packet"), Count(s.Segments, "TCP segment"), Count(s.Tracker.Connections, "connection")}
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
		{s.Tracker.StreamsForgotten, "stream numbers forgotten"},
		{s.FindingsLost, "findings or alarms beyond what is kept"},
	} {
		if c.n > 0 {
			text += fmt.Sprintf("; %d %s", c.n, c.what)
		}
	}
	if k := s.Kernel; k != nil {
		text += fmt.Sprintf("; the kernel was asked %s: %s compared, %d otherwise than it says", Count(k.Scans, "time"), Count(k.Compared, "state"), k.Differences)
		if k.LeftOut > 0 {
			text += fmt.Sprintf(", %s left out", Count(k.LeftOut, "answer"))
		}
	}
	return text
}
