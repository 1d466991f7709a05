package stats

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// Answer is a Tally with what it is of.
type Answer struct {
	*Tally
	Source  string  // who was asked: kernel, capture
	Time    int64   // the moment of the capture, nanoseconds since 1970 UTC; 0: over the whole capture
	Matrix  *Matrix // nil: nobody knows both ends
	Hidden  uint64  // connections of which an end may have closed behind a shut window
	Busiest int     // how many of the peers are listed
	Ports   int     // how many ports the table lists; 0: all
}

// Pair is a field of a Matrix.
type Pair struct {
	Client, Server tracker.State
	Connections    uint64
}

// Pairs lists the fields that are not empty, the fullest first.
func (m *Matrix) Pairs() (list []Pair) {
	if m == nil {
		return nil
	}
	for c := range m {
		for s, n := range m[c] {
			if n > 0 {
				list = append(list, Pair{tracker.State(c), tracker.State(s), n})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Pair) int { return cmp.Compare(b.Connections, a.Connections) })
	return list
}

// stamp spells the moment in RFC 3339, UTC, "" for none.
func (a *Answer) stamp() string {
	if a.Time == 0 {
		return ""
	}
	return time.Unix(0, a.Time).UTC().Format(time.RFC3339Nano)
}

// peerWord is what the other ends are.
func (a *Answer) peerWord() string {
	if a.Source == "capture" {
		return "client"
	}
	return "peer"
}

// listed cuts rows off behind the bound on ports, and says how many ports and connections are not among them.
func (a *Answer) listed() (rows []Row, ports int, connections uint64) {
	rows = a.Rows()
	listed, end := 0, len(rows)
	for i := range rows {
		r := &rows[i]
		if i == 0 || r.Port != rows[i-1].Port || r.Side != rows[i-1].Side {
			listed++
		}
		if a.Ports == 0 || listed <= a.Ports {
			continue
		}
		end = min(end, i)
		if !r.Sum && r.State != tracker.Listen {
			connections += r.Connections
		}
	}
	if end < len(rows) {
		ports = listed - a.Ports
	}
	return rows[:end], ports, connections
}

// account is the sum in words.
func (a *Answer) account() string {
	sum := a.Total()
	text := ""
	if a.Time != 0 {
		text = "at " + a.stamp() + ": "
	}
	of := " with "
	if a.Source == "capture" {
		of = " of "
	}
	text += output.Count(sum.Connections, "connection") + of + output.Count(sum.Peers, a.peerWord())
	if sum.Ill > 0 {
		text += fmt.Sprintf("; something was found on %d of them", sum.Ill)
	}
	if a.Hidden > 0 {
		text += fmt.Sprintf("; behind a shut window %d may hide a close (FIN_WAIT1 to the kernel, not yet on the wire)", a.Hidden)
	}
	if sum.Orphans > 0 {
		text += fmt.Sprintf("; %d that no process owns any more", sum.Orphans)
	}
	if sum.Unaccepted > 0 {
		text += fmt.Sprintf("; %d that wait for accept()", sum.Unaccepted)
	}
	if sum.Memory > 0 {
		text += "; " + output.Size(sum.Memory) + " octets of kernel memory"
	}
	if a.Unnamed > 0 {
		text += fmt.Sprintf("; the addresses of %d were one too many to be told apart", a.Unnamed)
	}
	return text
}

// meaning says of an end in a state what that tells of its side, "" where there is nothing to it.
func meaning(r *Row) string {
	if r.Sum {
		return ""
	}
	switch r.State {
	case tracker.SynSent:
		return "no answer yet"
	case tracker.SynRecv:
		return "handshake unfinished"
	case tracker.FinWait1:
		return "FIN unacknowledged"
	case tracker.FinWait2:
		return r.Side.Other().String() + " has not closed"
	case tracker.CloseWait:
		return "it has not closed"
	case tracker.Closing, tracker.LastAck:
		return "last FIN unacknowledged"
	case tracker.TimeWait:
		return "it closed first"
	}
	return ""
}

// states lists states with their counts: ESTABLISHED 12, FIN_WAIT1 300.
func states(counts *[tcp.NumStates]uint64) string {
	text := ""
	for s, n := range counts {
		if n == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += tcp.State(s).String() + " " + number(n)
	}
	return text
}
