package story

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/draw"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Bounds on what is kept of the one connection.
const (
	maxHistory = 10_000
	maxStalls  = 100
	points     = 800 // of windows and flights: more than a screen is wide
)

// Life gathers all about one connection: in a first pass over the capture its events and facts, in a second, once
// Flow tells which segments are its, those that decide.
type Life struct {
	conn     uint64
	begun    uint64 // connections seen
	ends     *tracker.Connection
	flow     tcp.FlowKey
	next     uint64 // number of the first packet of the four-tuple's next connection
	history  []tracker.Transition
	findings map[string]*item
	stalls   [2][]stall // by the sender who waits
	shutBy   [2]uint64  // the packet that shut a side's window last
	of       [2]first
	drawing  *ladder.Drawing
}

// NewLife gathers the connection of that number; rows bounds its ladder.
func NewLife(conn uint64, rows int) *Life {
	return &Life{conn: conn, findings: map[string]*item{}, next: math.MaxUint64,
		drawing: ladder.New(ladder.Config{Conn: conn, Head: rows - rows/3, Tail: rows / 3, Points: points})}
}

// Found says that the connection was there, and how many there are.
func (l *Life) Found() (found bool, connections uint64) { return l.ends != nil, l.begun }

// Transition keeps what either end was taken to be.
func (l *Life) Transition(t *tracker.Transition) {
	l.drawing.Transition(t)
	if t.Conn == l.conn && len(l.history) < maxHistory {
		l.history = append(l.history, *t)
	}
}

// Finding keeps the latest of a finding.
func (l *Life) Finding(f *anomaly.Finding) {
	switch {
	case f.Population || f.Conn != l.conn:
	case f.Status == anomaly.Withdrawn:
		delete(l.findings, f.ID)
	default:
		it := &item{Finding: *f}
		it.Evidence = slices.Clone(f.Evidence)
		l.findings[f.ID] = it
	}
}

// Connection keeps the connection's line, and where the next one on its four-tuple begins.
func (l *Life) Connection(c *tracker.Connection) {
	l.begun = max(l.begun, c.Conn+1)
	if c.Conn == l.conn {
		ends := *c
		ends.Streams, ends.Findings = slices.Clone(c.Streams), nil
		l.ends = &ends
		l.drawing.Between(c.Client.Endpoint, c.Server.Endpoint)
		a, b := c.Client.Endpoint, c.Server.Endpoint
		l.flow, _ = tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
		return
	}
	if l.ends != nil && c.First > l.ends.First && sameEnds(c, l.ends) {
		l.next = min(l.next, c.First)
	}
}

func sameEnds(a, b *tracker.Connection) bool {
	return a.Client.Endpoint == b.Client.Endpoint && a.Server.Endpoint == b.Server.Endpoint ||
		a.Client.Endpoint == b.Server.Endpoint && a.Server.Endpoint == b.Client.Endpoint
}

// Flush does nothing: there is nothing to hand on before the end.
func (l *Life) Flush() error { return nil }

// Facts are the kinds that Fact wants to see.
const Facts = ladder.Facts | tracker.Verdict | tracker.Ended

// Fact marks the packets that decide and follows the waits behind a shut window.
func (l *Life) Fact(f *tracker.Fact) {
	if f.Conn.Num() != l.conn {
		return
	}
	f.Conn.Follow() // so that its end is told
	if f.Kind == tracker.Shut {
		l.shutBy[f.Side] = f.Packet
	}
	for _, s := range [...]tracker.Side{tracker.Client, tracker.Server} {
		if w, ok := f.Conn.End(s).Stall(); ok {
			l.follow(s, w, f)
		}
	}
	l.drawing.Fact(f)
}

// Segment takes a segment of the second pass.
func (l *Life) Segment(s *tcp.Segment) {
	if l.drawing.Segments == 0 {
		for _, id := range slices.Sorted(maps.Keys(l.findings)) { // where there are too many, each time the same are left out
			it := l.findings[id]
			for _, packet := range it.Evidence {
				l.drawing.Evidence(packet, it.Rule.Code)
			}
		}
	}
	if s.Flow == l.flow && s.Number >= l.ends.First && s.Number < l.next && s.Time <= l.ends.Last {
		note(&l.of[l.drawing.From(s)], s)
		l.drawing.Segment(s)
	}
}

// note keeps the first packets of an end with a flag.
func note(f *first, s *tcp.Segment) {
	for _, x := range []struct {
		flag tcp.Flags
		at   *uint64
	}{{tcp.SYN, &f.syn}, {tcp.FIN, &f.fin}, {tcp.RST, &f.rst}} {
		if s.Flags.Has(x.flag) && *x.at == 0 {
			*x.at = s.Number
		}
	}
}

// Drawing is what there is to draw of it.
func (l *Life) Drawing() *ladder.Drawing { return l.drawing }

// Tell prints the connection's life.
func (l *Life) Tell(out io.Writer, style Style, sum *output.Summary) error {
	p := &page{width: style.Width, color: style.Color}
	c := l.ends
	p.line(fmt.Sprintf("Connection %d: client %s, server %s", c.Conn, c.Client.Endpoint, c.Server.Endpoint))
	p.section("When", fmt.Sprintf("%s, for %s, from packet %d on; times below are seconds since then", stamp(c.Start), output.Span(c.Last-c.Start), c.First))
	p.section("Ends", l.ending())
	p.section("Sent", fmt.Sprintf("client %s; server %s", sent(&c.Client), sent(&c.Server)))
	p.section("Wireshark", filter(c.Streams))
	l.blame(p)
	for _, side := range [...]tracker.Side{tracker.Server, tracker.Client} {
		p.WriteByte('\n')
		l.tellHistory(p, side)
	}
	l.tellFindings(p)
	p.line("\nWhat each end may be, and what it is not:")
	for _, side := range [...]tracker.Side{tracker.Server, tracker.Client} {
		l.tellStates(p, side)
	}
	l.tellStalls(p)
	p.line("\nThe packets that decide:")
	draw.Ladder(&p.Buffer, l.drawing, draw.Style{Width: style.Width, Color: style.Color})
	if doubts := captureDoubts(sum); len(doubts) > 0 {
		p.WriteByte('\n')
		for _, d := range doubts {
			p.line("But " + d + ".")
		}
	}
	_, err := out.Write(p.Bytes())
	return err
}

// ending says how it ended and who closed first.
func (l *Life) ending() string {
	c := l.ends
	text := map[tracker.How]string{
		tracker.HowOpen: "it has not ended", tracker.HowFIN: "both ends have closed, by FIN", tracker.HowRST: "by RST", tracker.HowRefused: "refused: the SYN was answered by a RST",
		tracker.HowHalf: "one end has closed, the other has not", tracker.HowUnopened: "the handshake was never completed", tracker.HowTimeout: "a timer ended it",
	}[c.How]
	if c.Closed {
		text += fmt.Sprintf("; the %s closed first", c.ClosedBy)
	}
	if c.Blamed && c.Half && c.HalfClosed >= 1e6 {
		text += "; half closed for " + output.Span(c.HalfClosed)
	}
	return text
}

// sent counts what an end sent.
func sent(e *tracker.End) string {
	text := output.Count(e.Packets, "segment") + ", " + output.Count(e.StreamBytes, "octet")
	for _, x := range []struct {
		n    uint64
		what string
	}{{e.Retransmissions, "repeated"}, {e.Probes, "probes"}, {e.Keepalives, "keepalives"}, {e.MissedBytes, "octets not captured"}} {
		if x.n > 0 {
			text += fmt.Sprintf(", %d %s", x.n, x.what)
		}
	}
	if e.Acked && e.UnackedBytes > 0 {
		text += ", " + output.Count(e.UnackedBytes, "octet") + " never acknowledged"
	}
	return text
}

// filter is the Wireshark filter of the streams.
func filter(streams []uint32) string {
	text := ""
	for i, s := range streams {
		if i > 0 {
			text += " or "
		}
		text += fmt.Sprintf("tcp.stream eq %d", s)
	}
	return text
}

// tellFindings prints what was found about it.
func (l *Life) tellFindings(p *page) {
	if len(l.findings) == 0 {
		p.line("\nNo finding.")
		return
	}
	p.line("\nFindings:")
	var list []*item
	for _, it := range l.findings {
		list = append(list, it)
	}
	slices.SortFunc(list, func(a, b *item) int {
		if a.Severity != b.Severity {
			return int(b.Severity) - int(a.Severity)
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	for _, it := range list {
		it.ends = l.ends
		text := fmt.Sprintf("%s: %s; %s; %s", it.Rule.Code, it.Summary, it.when(), evidenceOf(it.Evidence))
		p.indented(sentence(text), fmt.Sprintf("   %-*s", margin-3, it.Severity), "              ")
	}
}
