package query

import (
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Selection says which connections are meant.
type Selection struct {
	text   string
	match  match // nil: all
	blamed bool
	zeeked bool
	crowd  bool
	judged bool
}

// match is a part of a selection, compiled.
type match func(*Subject) bool

func (m match) or(n match) match  { return func(s *Subject) bool { return m(s) || n(s) } }
func (m match) and(n match) match { return func(s *Subject) bool { return m(s) && n(s) } }
func (m match) negated() match    { return func(s *Subject) bool { return !m(s) } }

// String is the selection as it was written.
func (q *Selection) String() string { return q.text }

// Match says that the connection is meant.
func (q *Selection) Match(s *Subject) bool { return q.match == nil || q.match(s) }

// Blamed says that the selection asks for what is known only with pipeline.Config.Blame and Analysis.
func (q *Selection) Blamed() bool { return q.blamed }

// Zeeked says that the selection asks for what is known only with pipeline.Config.Zeek.
func (q *Selection) Zeeked() bool { return q.zeeked }

// Judged says that the selection asks for what was found on a connection.
func (q *Selection) Judged() bool { return q.judged }

// Judged says that the field of that name is about what was found on a connection.
func Judged(name string) bool {
	f, _ := find(name)
	return f != nil && f.judged
}

// MatchFinding says that a finding about a population is meant: by its addresses, ports, code and severity. A selection
// that asks for anything else, which only a connection has, means none.
func (q *Selection) MatchFinding(f *anomaly.Finding) bool {
	if !q.crowd {
		return false
	}
	var c tracker.Connection
	c.Client.Endpoint, c.Server.Endpoint = f.Client, f.Server
	return q.Match(&Subject{Conn: &c, Found: []Found{foundOf(f)}, crowd: true})
}
