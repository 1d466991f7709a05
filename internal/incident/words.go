package incident

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// States is what both ends of a connection were taken to be, as words; empty where that is not known.
type States struct{ Client, Server string }

// StatesOf takes the states from a connection as it is now.
func StatesOf(v tracker.View) States {
	c, s := v.End(tracker.Client), v.End(tracker.Server)
	return States{words(c.State(), c.Possible()), words(s.State(), s.Possible())}
}

// StatesAtEnd takes them from a connection that retires.
func StatesAtEnd(c *tracker.Connection) States {
	return States{words(c.Client.State, c.Client.Possible), words(c.Server.State, c.Server.Possible)}
}

// words spells a state with what else it may be.
func words(s tracker.State, possible tracker.StateSet) string {
	text := s.String()
	for other := range possible.Without(s).All() {
		text += " or " + other.String()
	}
	return text
}

// Move is a transition as a comment tells it: which end, from what to what, on what ground.
func Move(t *tracker.Transition) string {
	return fmt.Sprintf("%s %s > %s, %s: %s", t.Side, t.From, t.To, t.Basis, strings.TrimSuffix(t.Why, ", "+t.Basis.String()))
}

// Verdict is a finding as a comment tells it: what, how bad, the states of both ends, whose fault, on what ground.
func Verdict(f *anomaly.Finding, states States) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", f.Severity, f.Rule.Code)
	switch f.Status {
	case anomaly.Closed:
		b.WriteString(", over")
	case anomaly.Withdrawn:
		b.WriteString(", withdrawn")
	}
	fmt.Fprintf(&b, ": %s", f.Summary)
	if f.Hidden != tracker.HiddenNone {
		fmt.Fprintf(&b, "; a close hidden behind it: %s", f.Hidden)
	}
	if !f.Population {
		fmt.Fprintf(&b, "\nclient %s %s\nserver %s %s", f.Client, states.Client, f.Server, states.Server)
	} else if f.Server.Addr != (tcp.Addr{}) {
		fmt.Fprintf(&b, "\n%s", f.Server)
	}
	fmt.Fprintf(&b, "\nfault: %s", f.Culprit)
	if len(f.Evidence) > 0 {
		fmt.Fprintf(&b, "; evidence: %s of the capture", numbers(f.Evidence))
	}
	fmt.Fprintf(&b, "\nfinding %s; tcptrack explain %s", f.ID, f.Rule.Code)
	return b.String()
}

// Evidence is the comment on a packet that a finding names, numbered as the capture numbered it.
func Evidence(f *anomaly.Finding, number uint64) string {
	return fmt.Sprintf("evidence of %s (finding %s); packet %d of the capture", f.Rule.Code, f.ID, number)
}

// numbers lists packets: packets 3, 5, 7.
func numbers(list []uint64) string {
	text := "packet"
	if len(list) > 1 {
		text = "packets"
	}
	for i, n := range list {
		if i > 0 {
			text += ","
		}
		text += " " + strconv.FormatUint(n, 10)
	}
	return text
}
