package check

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// judge holds the connections of a run to expectations as they come. It is a pipeline.Sink.
type judge struct {
	tallies []*tally
	moments []*tally // those with at, in the order of moments
	found   query.Findings
	codes   map[string]string // of what stands, by ID
	told    map[string]bool   // codes of findings beyond the bound on those
	line    tracker.Connection
}

// tally is what has come of one expectation.
type tally struct {
	*Expectation
	over     bool // judged at its moment
	selected uint64
	met      uint64 // of them, those that meet the conditions
	sure     uint64 // of those, with nothing inconclusive found
	examples []Example
	codes    []string // found by its moment
}

// Example is a connection that decides about an expectation.
type Example struct {
	Conn           uint64
	Client, Server string
	States         string // of client and server
	Findings       []string
	Why            string // what it does not meet
	Stream         int64  // Wireshark's tcp.stream, -1 if it is not known
}

// Bounds of what is kept for reports and of findings told apart.
const (
	maxExamples = 5
	maxStanding = 1 << 18
)

func newJudge(list []*Expectation) *judge {
	j := &judge{codes: map[string]string{}, told: map[string]bool{}}
	for _, x := range list {
		t := &tally{Expectation: x}
		j.tallies = append(j.tallies, t)
		if x.at != nil {
			j.moments = append(j.moments, t)
		}
	}
	return j
}

// config adds to a run what the expectations need.
func (j *judge) config(cfg *pipeline.Config) {
	cfg.Connections = true
	for _, t := range j.tallies {
		cfg.Blame = cfg.Blame || t.where != nil && t.where.Blamed() || slices.ContainsFunc(t.meets, func(c condition) bool {
			return strings.Contains(c.name, "blame") || strings.Contains(c.name, "analysis") || c.name == "life" || c.name == "half_closed"
		})
		cfg.Zeek = cfg.Zeek || t.where != nil && t.where.Zeeked() || slices.ContainsFunc(t.meets, func(c condition) bool {
			return c.name == "conn_state" || c.name == "history"
		})
	}
	cfg.Analysis = cfg.Blame
	for _, t := range j.moments {
		cfg.Moments = append(cfg.Moments, *t.at)
	}
	cfg.At = j.at
}

func (j *judge) Transition(*tracker.Transition) {}
func (j *judge) Flush() error                   { return nil }

func (j *judge) Finding(f *anomaly.Finding) {
	j.found.Take(f)
	switch {
	case f.Status == anomaly.Withdrawn:
		delete(j.codes, f.ID)
	case len(j.codes) < maxStanding:
		j.codes[f.ID] = f.Rule.Code
	default:
		j.told[f.Rule.Code] = true
	}
}

func (j *judge) Connection(c *tracker.Connection) {
	s := j.found.Subject(c)
	for _, t := range j.tallies {
		t.take(&s)
	}
	j.found.Forget(c.Conn)
}

// at looks at the living at a moment, then the expectation is judged.
func (j *judge) at(moment int, _ int64, living iter.Seq[tracker.View]) {
	t := j.moments[moment]
	for v := range living {
		v.Connection(&j.line)
		s := j.found.Subject(&j.line)
		t.take(&s)
	}
	for _, code := range j.codes {
		t.codes = append(t.codes, code)
	}
	for code := range j.told {
		t.codes = append(t.codes, code)
	}
	t.codes = unique(t.codes)
	t.over = true
}

// take counts a connection.
func (t *tally) take(s *query.Subject) {
	if t.over || t.kind >= faults || t.where != nil && !t.where.Match(s) {
		return
	}
	t.selected++
	why := ""
	for i := range t.meets {
		if c := &t.meets[i]; !c.test(s) {
			why = c.unmet(s)
			break
		}
	}
	if why == "" {
		t.met++
		if !slices.ContainsFunc(s.Found, func(f query.Found) bool { return f.Inconclusive }) {
			t.sure++
		}
	}
	if decides := (why == "") == (t.kind != some && t.kind != every); decides && len(t.examples) < maxExamples {
		t.examples = append(t.examples, exampleOf(s, why))
	}
}

// unmet says what a connection does not meet.
func (c *condition) unmet(s *query.Subject) string {
	is := orNone(codesOf(s))
	if c.hasField {
		is = query.Show(c.name, s)
		if side, ok := strings.CutSuffix(c.name, "state"); ok {
			if may := query.Show(side+"possible", s); may != is {
				is += " (possible: " + may + "; possible: true counts those)"
			}
		}
	}
	return fmt.Sprintf("%s is %s, expected %s", c.name, is, c.want)
}

func exampleOf(s *query.Subject, why string) Example {
	c := s.Conn
	e := Example{
		Conn: c.Conn, Client: c.Client.Endpoint.String(), Server: c.Server.Endpoint.String(),
		States: stands(&c.Client) + " / " + stands(&c.Server), Findings: codesOf(s), Why: why, Stream: -1,
	}
	if len(c.Streams) > 0 {
		e.Stream = int64(c.Streams[0])
	}
	return e
}

// stands is a state with a question mark where it is not certain.
func stands(e *tracker.End) string {
	if e.Basis == tracker.Presumed || e.Possible.Without(e.State) != 0 {
		return e.State.String() + "?"
	}
	return e.State.String()
}

// problem judges a tally at the end of the run, nil if it is as expected.
func (t *tally) problem(r *pipeline.Result) *Problem {
	p := &Problem{Place: t.Place, Expect: t.Text, Verdict: Fail, Examples: t.examples}
	if t.at != nil {
		p.Expect += ", at " + t.atText
		if !t.over {
			p.What = fmt.Sprintf("the capture ends before that: it has %d packets in %s", r.Capture.Packets, span(r.Capture.Last-r.Capture.First))
			return p
		}
	}
	ok, what, absence := t.judged(r)
	if !ok {
		p.What = what
		return p
	}
	if t.asksFindings() && t.met > 0 && t.sure == 0 {
		p.Verdict = Inconclusive
		p.What = "what was found rests on packets that did not come, and the capture lost some meanwhile"
		return p
	}
	if doubts := r.Doubts(); absence && len(doubts) > 0 {
		p.Verdict, p.Examples = Inconclusive, nil
		p.What = "so it is as far as the capture shows, but: " + strings.Join(doubts, ", ")
		return p
	}
	return nil
}

// asksFindings says that it asks for what was found on a connection.
func (t *tally) asksFindings() bool {
	return t.where != nil && t.where.Judged() || slices.ContainsFunc(t.meets, func(c condition) bool { return c.name == "findings" || query.Judged(c.name) })
}

// judged says whether it is as expected, what is wrong if not, and whether that something is absent is part of the claim.
func (t *tally) judged(r *pipeline.Result) (ok bool, what string, absence bool) {
	absence = slices.ContainsFunc(t.meets, func(c condition) bool { return c.absence })
	are := "connections are selected"
	if t.selected == 1 {
		are = "connection is selected"
	}
	switch t.kind {
	case some:
		if t.selected == 0 {
			return false, "no connection is selected", false
		}
		return t.met > 0, fmt.Sprintf("%d %s, and none meets all conditions", t.selected, are), absence
	case every:
		if t.selected == 0 { // else a misspelled address would pass for ever
			return false, "no connection is selected, so that nothing is said of any; connections: 0 with where expects none", false
		}
		return t.met == t.selected, fmt.Sprintf("%d %s, and %d of them does not meet all conditions", t.selected, are, t.selected-t.met), true
	case none:
		return t.met == 0, fmt.Sprintf("%s matched, none was expected", plural(t.met, "connection")), true
	case most:
		return is(t.count, t.met), fmt.Sprintf("%s matched, at most %s expected", plural(t.met, "connection"), t.countIs), true
	case connections:
		return is(t.count, t.met), fmt.Sprintf("%s matched, expected %s", plural(t.met, "connection"), t.countIs), absence || query.Bounded("conn", t.countIs)
	case faults:
		for _, f := range t.faults {
			if ok, is := f.test(r); !ok {
				return false, fmt.Sprintf("%s is %s, expected %s", f.name, is, f.want), false
			}
		}
		return true, "", false
	case codes:
		list := t.codes
		if t.at == nil {
			for code, n := range r.Findings {
				if n > 0 {
					list = append(list, code)
				}
			}
		}
		return t.findings.holds(list), "found: " + orNone(list) + "; expected: " + t.findings.String(), t.findings.absence()
	}
	return true, "", false
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// span spells nanoseconds of capture time.
func span(ns int64) string { return fmt.Sprintf("%.1f s", float64(ns)/1e9) }
