package stats

import (
	"slices"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Matrix counts connections by the state of the client, then by that of the server.
type Matrix [tcp.NumStates][tcp.NumStates]uint64

// Wire counts the connections of a capture, each once, in the states that it was left in. It takes the events of a run.
// Peers are the clients, whichever side's states are counted.
type Wire struct {
	Side  tracker.Side                          // whose states are rows
	Where *query.Selection                      // nil: all connections
	Seen  func(c *tracker.Connection, ill bool) // shown each that is counted; nil: nobody looks

	whole *Answer // of the whole capture
	found query.Findings
	line  tracker.Connection // reused
}

// NewWire counts, by the states of one side, the connections that are selected, all with nil.
func NewWire(side tracker.Side, where *query.Selection) *Wire {
	w := &Wire{Side: side, Where: where}
	w.whole = w.blank(0)
	return w
}

func (w *Wire) blank(at int64) *Answer {
	return &Answer{Tally: New(), Source: "capture", Time: at, Matrix: &Matrix{}}
}

// Whole is what was counted over the whole capture so far.
func (w *Wire) Whole() *Answer { return w.whole }

// At counts the connections that live at a moment, time being the capture's.
func (w *Wire) At(time int64, living func(func(tracker.View) bool)) *Answer {
	a := w.blank(time)
	for v := range living {
		v.Connection(&w.line)
		w.add(a, &w.line)
	}
	return a
}

func (w *Wire) Transition(*tracker.Transition) {}
func (w *Wire) Finding(f *anomaly.Finding)     { w.found.Take(f) }
func (w *Wire) Flush() error                   { return nil }

// Connection counts one that has retired.
func (w *Wire) Connection(c *tracker.Connection) {
	if ill, counted := w.add(w.whole, c); counted && w.Seen != nil {
		w.Seen(c, ill)
	}
	w.found.Forget(c.Conn)
}

// add counts a connection if it is selected, and says whether anything worth notice was found on it.
func (w *Wire) add(a *Answer, c *tracker.Connection) (ill, counted bool) {
	s := w.found.Subject(c)
	if w.Where != nil && !w.Where.Match(&s) {
		return false, false
	}
	ill = slices.ContainsFunc(s.Found, func(f query.Found) bool { return f.Severity >= anomaly.Notice })
	if (mayHide(&c.Client) || mayHide(&c.Server)) && slices.ContainsFunc(s.Found, hides) {
		a.Hidden++
	}
	e := End{Key: Key{Port: c.Server.Endpoint.Port, Side: w.Side, State: c.Client.State}, Peer: c.Client.Endpoint.IP(), Ill: ill}
	if w.Side == tracker.Server {
		e.State = c.Server.State
	}
	a.Add(&e)
	a.Matrix[c.Client.State][c.Server.State]++
	return ill, true
}

// mayHide says that an end may have closed unseen, hides that a finding is about that.
func mayHide(e *tracker.End) bool {
	return e.State == tracker.Established && e.Possible.Has(tracker.FinWait1) || e.State == tracker.CloseWait && e.Possible.Has(tracker.LastAck)
}

func hides(f query.Found) bool {
	return f.Hidden >= tracker.HiddenPossible && f.Hidden <= tracker.HiddenConfirmed
}
