package census

import (
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// maxOpen bounds the findings that go on and are told apart, as many as judges keep; those beyond are counted at each word
// of them, and in Findings.Untold.
const maxOpen = 1 << 20

// severities is how many there are.
const severities = int(anomaly.Critical) + 1

// Findings counts what was found; the rules are in the order of anomaly.Rules.
type Findings struct {
	Found     []uint64            // ever, the withdrawn too
	Withdrawn []uint64            // of them, what turned out otherwise
	Open      [][severities]int   // what goes on, by severity
	Untold    uint64              // findings beyond maxOpen
	StuckOn   map[uint16]int      // connections with an open finding of Stuck, by the server's port
	serials   map[string]*finding // open findings by ID
	conns     map[uint64]*ailing  // connections with open findings
}

// finding is an open finding.
type finding struct {
	rule     int
	severity anomaly.Severity
}

// ailing is a connection with open findings.
type ailing struct {
	ids   []string
	stuck int // how many of them are of Stuck
	port  uint16
}

// Stuck are the findings of connections on which nothing moves and that do not go away by themselves soon.
var Stuck = []*anomaly.Rule{
	&anomaly.ZeroWindow, &anomaly.FinWait1ZeroWindow, &anomaly.FINUnacked, &anomaly.CloseWaitStuck, &anomaly.FinWait2Stuck,
	&anomaly.AcceptQueueOverflow, &anomaly.HalfOpen, &anomaly.PeerUnresponsive, &anomaly.MTUBlackhole,
}

// places are the rules' places in anomaly.Rules, stuckAt which of them are of Stuck.
var places, stuckAt = func() (map[*anomaly.Rule]int, []bool) {
	at, stuck := map[*anomaly.Rule]int{}, make([]bool, len(anomaly.Rules))
	for i, r := range anomaly.Rules {
		at[r] = i
	}
	for _, r := range Stuck {
		stuck[at[r]] = true
	}
	return at, stuck
}()

func newFindings() Findings {
	n := len(anomaly.Rules)
	return Findings{
		Found: make([]uint64, n), Withdrawn: make([]uint64, n), Open: make([][severities]int, n), StuckOn: map[uint16]int{},
		serials: map[string]*finding{}, conns: map[uint64]*ailing{},
	}
}

// take counts a finding, or what has become of one.
func (x *Findings) take(f *anomaly.Finding) {
	at, known := places[f.Rule]
	if !known {
		return
	}
	old := x.serials[f.ID]
	switch {
	case old == nil && f.Status != anomaly.Withdrawn:
		x.begin(f, at)
	case old == nil:
		return
	case f.Status == anomaly.Open:
		x.Open[at][old.severity]--
		old.severity = f.Severity
		x.Open[at][old.severity]++
	default:
		x.end(f)
	}
	if f.Status == anomaly.Withdrawn {
		x.Withdrawn[at]++
	}
}

// begin counts a finding that is new.
func (x *Findings) begin(f *anomaly.Finding, at int) {
	x.Found[at]++
	if f.Status != anomaly.Open {
		return // over at once
	}
	if len(x.serials) >= maxOpen {
		x.Untold++
		return
	}
	x.serials[f.ID] = &finding{at, f.Severity}
	x.Open[at][f.Severity]++
	if f.Population {
		return
	}
	a := x.conns[f.Conn]
	if a == nil {
		a = &ailing{port: f.Port()}
		x.conns[f.Conn] = a
	}
	a.ids = append(a.ids, f.ID)
	if stuckAt[at] {
		if a.stuck++; a.stuck == 1 {
			x.StuckOn[a.port]++
		}
	}
}

// end takes a finding out of those that go on.
func (x *Findings) end(f *anomaly.Finding) {
	x.drop(f.ID)
	a := x.conns[f.Conn]
	if f.Population || a == nil {
		return
	}
	for i, id := range a.ids {
		if id != f.ID {
			continue
		}
		a.ids = append(a.ids[:i], a.ids[i+1:]...)
		if stuckAt[places[f.Rule]] {
			x.loosen(a)
		}
		break
	}
	if len(a.ids) == 0 {
		delete(x.conns, f.Conn)
	}
}

// forget takes out what goes on of a connection that nobody follows any more.
func (x *Findings) forget(conn uint64) {
	a := x.conns[conn]
	if a == nil {
		return
	}
	for _, id := range a.ids {
		x.drop(id)
	}
	if a.stuck > 0 {
		a.stuck = 1
		x.loosen(a)
	}
	delete(x.conns, conn)
}

func (x *Findings) drop(id string) {
	if o := x.serials[id]; o != nil {
		x.Open[o.rule][o.severity]--
		delete(x.serials, id)
	}
}

// loosen notes that a connection is stuck by one finding less.
func (x *Findings) loosen(a *ailing) {
	if a.stuck--; a.stuck > 0 {
		return
	}
	if x.StuckOn[a.port]--; x.StuckOn[a.port] == 0 {
		delete(x.StuckOn, a.port)
	}
}

// report copies what is read of it.
func (x *Findings) report() Findings {
	r := Findings{Untold: x.Untold, StuckOn: map[uint16]int{}}
	r.Found = append(r.Found, x.Found...)
	r.Withdrawn = append(r.Withdrawn, x.Withdrawn...)
	r.Open = append(r.Open, x.Open...)
	for port, n := range x.StuckOn {
		r.StuckOn[port] = n
	}
	return r
}
