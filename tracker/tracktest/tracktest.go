package tracktest

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Trace is what became of the connections of a capture.
type Trace struct {
	t      testing.TB
	conns  []*Conn
	result pipeline.Result
}

// Conn is one connection of a Trace. Its methods return it again, so that they can be chained.
type Conn struct {
	t    testing.TB
	line tracker.Connection
	what query.Subject
}

// Read reads captures, pcap or pcapng, also in gzip or zstd; several are one, in time order.
func Read(t testing.TB, files ...string) *Trace {
	t.Helper()
	src, err := capture.Open(files, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return run(t, src)
}

// run tracks a source to its end.
func run(t testing.TB, src capture.Source) *Trace {
	t.Helper()
	tr := &Trace{t: t}
	result, err := pipeline.Run(context.Background(), src, pipeline.Config{Sink: &keeper{trace: tr}, Connections: true, Blame: true, Analysis: true})
	if err != nil {
		t.Fatal(err)
	}
	tr.result = result
	slices.SortFunc(tr.conns, func(a, b *Conn) int { return int(int64(a.line.Conn) - int64(b.line.Conn)) })
	return tr
}

// keeper keeps every connection with what was found on it.
type keeper struct {
	trace *Trace
	found query.Findings
}

func (k *keeper) Transition(*tracker.Transition) {}
func (k *keeper) Finding(f *anomaly.Finding)     { k.found.Take(f) }
func (k *keeper) Flush() error                   { return nil }

func (k *keeper) Connection(l *tracker.Connection) {
	c := &Conn{t: k.trace.t, line: *l}
	c.line.Streams, c.line.Findings = slices.Clone(l.Streams), slices.Clone(l.Findings)
	s := k.found.Subject(&c.line)
	c.what = query.Subject{Conn: &c.line, Found: slices.Clone(s.Found)}
	k.found.Forget(l.Conn)
	k.trace.conns = append(k.trace.conns, c)
}

// All returns the connections that the selection means, in order of their first packets; "" means all.
func (tr *Trace) All(where string) []*Conn {
	tr.t.Helper()
	q, err := query.Parse(where)
	if bad, ok := err.(*query.Error); ok {
		tr.t.Fatalf("%s\n%s\n%s", bad.What, bad.Caret(), bad.Next)
	}
	var list []*Conn
	for _, c := range tr.conns {
		if q.Match(&c.what) {
			list = append(list, c)
		}
	}
	return list
}

// One returns the one connection that the selection means; none, or several, ends the test.
func (tr *Trace) One(where string) *Conn {
	tr.t.Helper()
	list := tr.All(where)
	if len(list) != 1 {
		tr.t.Fatalf("%s means %d of %d connections, expected one:%s", where, len(list), len(tr.conns), listed(list))
	}
	return list[0]
}

// None expects that the selection means no connection.
func (tr *Trace) None(where string) *Trace {
	tr.t.Helper()
	if list := tr.All(where); len(list) > 0 {
		tr.t.Errorf("%s means %d connections, expected none:%s", where, len(list), listed(list))
	}
	return tr
}

// Count expects that the selection means n connections.
func (tr *Trace) Count(n int, where string) *Trace {
	tr.t.Helper()
	if list := tr.All(where); len(list) != n {
		tr.t.Errorf("%s means %d connections, expected %d:%s", where, len(list), n, listed(list))
	}
	return tr
}

// Found expects findings with all these codes somewhere in the capture, those about hosts and listeners included; * stands
// for any characters.
func (tr *Trace) Found(codes ...string) *Trace {
	tr.t.Helper()
	var have []string
	for code, n := range tr.result.Findings {
		if n > 0 {
			have = append(have, code)
		}
	}
	for _, code := range codes {
		if !known(tr.t, code) || !slices.ContainsFunc(have, func(c string) bool { return like(code, c) }) {
			tr.t.Errorf("%s was not found in the capture; found: %s", code, orNone(have))
		}
	}
	return tr
}

// maxListed bounds the connections that a failure lists.
const maxListed = 10

func listed(list []*Conn) string {
	var b strings.Builder
	for i, c := range list {
		if i == maxListed {
			fmt.Fprintf(&b, "\n\t… and %d more", len(list)-i)
			break
		}
		fmt.Fprintf(&b, "\n\t%s", c)
	}
	return b.String()
}

// String tells in a line which connection it is and where it stands.
func (c *Conn) String() string {
	return fmt.Sprintf("connection %d, %s > %s, %s / %s; found: %s", c.line.Conn, c.line.Client.Endpoint, c.line.Server.Endpoint, stands(&c.line.Client), stands(&c.line.Server), orNone(c.codes()))
}

func stands(e *tracker.End) string {
	if rest := e.Possible.Without(e.State); rest != 0 {
		return e.State.String() + " (or " + strings.ReplaceAll(rest.String(), "|", ", ") + ")"
	}
	return e.State.String()
}

func (c *Conn) codes() (list []string) {
	for i := range c.what.Found {
		list = append(list, c.what.Found[i].Rule.Code)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Line returns all that is known of the connection. It is the caller's to read.
func (c *Conn) Line() *tracker.Connection { return &c.line }

// Client expects that the client's state is one of these.
func (c *Conn) Client(states ...tracker.State) *Conn {
	c.t.Helper()
	return c.state(&c.line.Client, tracker.Client, states)
}

// Server expects that the server's state is one of these.
func (c *Conn) Server(states ...tracker.State) *Conn {
	c.t.Helper()
	return c.state(&c.line.Server, tracker.Server, states)
}

func (c *Conn) state(e *tracker.End, side tracker.Side, states []tracker.State) *Conn {
	c.t.Helper()
	if !slices.Contains(states, e.State) {
		c.t.Errorf("the %s is %s, expected %v: %s", side, stands(e), states, c)
	}
	return c
}

// ClientMay expects that the evidence allows each of these states of the client.
func (c *Conn) ClientMay(states ...tracker.State) *Conn {
	c.t.Helper()
	return c.may(&c.line.Client, tracker.Client, states)
}

// ServerMay expects that the evidence allows each of these states of the server.
func (c *Conn) ServerMay(states ...tracker.State) *Conn {
	c.t.Helper()
	return c.may(&c.line.Server, tracker.Server, states)
}

func (c *Conn) may(e *tracker.End, side tracker.Side, states []tracker.State) *Conn {
	c.t.Helper()
	for _, s := range states {
		if !e.Possible.Has(s) {
			c.t.Errorf("the %s is %s and cannot be %s: %s", side, stands(e), s, c)
		}
	}
	return c
}

// Is expects that the selection means the connection, as Is("retransmissions:<=5 how:fin").
func (c *Conn) Is(where string) *Conn {
	c.t.Helper()
	q, err := query.Parse(where)
	if bad, ok := err.(*query.Error); ok {
		c.t.Fatalf("%s\n%s\n%s", bad.What, bad.Caret(), bad.Next)
	}
	if !q.Match(&c.what) {
		c.t.Errorf("%s does not mean it: %s", where, c)
	}
	return c
}

// Finding expects findings with all these codes on the connection; * stands for any characters.
func (c *Conn) Finding(codes ...string) *Conn {
	c.t.Helper()
	for _, code := range codes {
		if !known(c.t, code) || !slices.ContainsFunc(c.codes(), func(have string) bool { return like(code, have) }) {
			c.t.Errorf("%s was not found: %s", code, c)
		}
	}
	return c
}

// NoFinding expects none of these codes on the connection, no finding at all if none is named.
func (c *Conn) NoFinding(codes ...string) *Conn {
	c.t.Helper()
	if len(codes) == 0 {
		codes = []string{"*"}
	}
	for _, code := range codes {
		if known(c.t, code) && slices.ContainsFunc(c.codes(), func(have string) bool { return like(code, have) }) {
			c.t.Errorf("%s was found: %s", code, c)
		}
	}
	return c
}

// known says that there is such a code; a mistyped one would never be found, and its absence mean nothing.
func known(t testing.TB, code string) bool {
	t.Helper()
	if strings.ContainsAny(code, "*?") || anomaly.Find(code) != nil {
		return true
	}
	var codes []string
	for _, r := range anomaly.Rules {
		codes = append(codes, r.Code)
	}
	t.Errorf("no finding has the code %q; nearest: %s", code, orNone([]string{query.Nearest(code, codes)}))
	return false
}

func like(pattern, code string) bool {
	ok, err := path.Match(pattern, code)
	return ok && err == nil
}

func orNone(list []string) string {
	if len(list) == 0 || len(list) == 1 && list[0] == "" {
		return "none"
	}
	return strings.Join(list, ", ")
}
