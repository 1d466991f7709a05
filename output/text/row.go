package text

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// level is how bad a connection looks; the worst come first.
type level uint8

const (
	healthy level = iota
	notice
	warning
	critical
)

// The durations after which a shut window is a notice, a warning and critical: a busy host drains its buffer within a
// few round trips, a person notices ten seconds, and after a minute servers run out of patience.
const (
	shutNotice   = 2e9
	shutWarning  = 10e9
	shutCritical = 60e9
)

// Retransmissions are worth a word when they are this many and more than one segment in twenty.
const manyRetransmissions = 20

// hiddenClose stands behind the note of a shut window.
const hiddenClose = "a close may hide behind it"

// row is a connection with what there is to say of it.
type row struct {
	conn  tracker.Connection
	level level
	stuck int64    // nanoseconds for which the trouble has lasted, 0 where that is not known
	notes []string // plain words, the most important first
	found []finding

	hold tracker.Hold // of one that lives
	rate uint64       // octets a second, both ways; likewise
}

// say notes what stands in the connection's states and counters, unless a finding has said it: one of codes.
func (r *row) say(l level, codes, format string, args ...any) {
	if r.says(codes) {
		return
	}
	r.level = max(r.level, l)
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// says that one of its findings has one of the codes.
func (r *row) says(codes string) bool {
	return slices.ContainsFunc(r.found, func(f finding) bool { return slices.Contains(strings.Fields(codes), f.code) })
}

// newRow judges a connection by what was found, then by its last states and its counters.
func newRow(c *tracker.Connection, found []finding) row {
	r := row{conn: *c, found: found}
	r.conn.Streams, r.conn.Findings = slices.Clone(c.Streams), nil
	for _, f := range found {
		r.level = max(r.level, level(f.severity))
		r.stuck = max(r.stuck, f.lasted(c.Last))
	}
	r.window(tracker.Client, &c.Client, &c.Server)
	r.window(tracker.Server, &c.Server, &c.Client)
	r.ending()
	r.losses(tracker.Client, &c.Client)
	r.losses(tracker.Server, &c.Server)
	if c.Evicted {
		r.say(notice, "", "evicted, the table of connections was full")
	}
	if c.Continued {
		r.notes = append(r.notes, "continues an evicted connection")
	}
	return r
}

// window tells of a reader whose window is shut while its peer has something to send.
func (r *row) window(side tracker.Side, reader, writer *tracker.End) {
	if reader.ShutSince == 0 || reader.ShutTotal < shutNotice {
		return
	}
	hidden := mayHideClose(writer)
	if writer.Probes == 0 && !hidden && !closing(writer.State) {
		return // nothing waits behind it
	}
	l := notice
	switch {
	case reader.ShutTotal > shutCritical:
		l = critical
	case reader.ShutTotal > shutWarning:
		l = warning
	}
	r.stuck = max(r.stuck, reader.ShutTotal)
	r.say(l, "zero-window-stall", "%s's window has been shut for %s", side, output.Span(reader.ShutTotal))
	switch {
	case closing(writer.State):
		r.say(critical, "fin-wait1-zero-window", "%s's close is stuck behind it", other(side))
	case hidden && !r.says("zero-window-stall"):
		r.notes = append(r.notes, hiddenClose)
	}
}

// ending tells how the connection ended, or why it has not.
func (r *row) ending() {
	c := &r.conn
	for _, e := range []struct {
		side     tracker.Side
		own, far *tracker.End
	}{{tracker.Client, &c.Client, &c.Server}, {tracker.Server, &c.Server, &c.Client}} {
		switch {
		case closing(e.own.State) && e.far.ShutSince == 0:
			r.say(warning, "fin-unacked peer-unresponsive", "%s's FIN is not acknowledged", e.side)
		case e.own.State == tracker.CloseWait:
			r.say(notice, "close-wait-stuck", "%s has not closed its half", e.side)
		case e.own.State == tracker.SynSent && c.How == tracker.HowUnopened:
			r.say(notice, "syn-unanswered", "no answer to %s", output.Count(e.own.Packets, "SYN"))
		case e.own.State == tracker.SynRecv:
			r.say(notice, "accept-queue-overflow", "%s is still in the handshake", e.side)
		}
	}
	switch c.How {
	case tracker.HowRST:
		r.say(notice, "abortive-close data-after-close half-open keepalive-timeout reset-injection", "reset by the %s", c.ClosedBy)
	case tracker.HowRefused:
		r.say(notice, "connection-refused", "refused by the server")
	case tracker.HowTimeout:
		r.say(warning, "keepalive-timeout peer-unresponsive", "ended by a timer, not by a close")
	}
}

// losses tells of a sender that had to repeat much, and of what the capture missed.
func (r *row) losses(side tracker.Side, e *tracker.End) {
	if e.Retransmissions >= manyRetransmissions && e.Retransmissions*20 > e.Packets {
		r.say(warning, "retransmission-storm", "%s repeated %d%% of its segments", side, e.Retransmissions*100/e.Packets)
	}
	if e.MissedBytes > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s of the %s not captured", output.Count(e.MissedBytes, "byte"), side))
	}
}

// note is everything there is to say, in one line.
func (r *row) note() string { return strings.Join(r.notes, "; ") }

// worse orders rows for the table: the worst first, of equals the longest stuck, then the oldest.
func worse(a, b row) int {
	return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(b.stuck, a.stuck), cmp.Compare(a.conn.Conn, b.conn.Conn))
}

// closing says that a FIN has been sent and its acknowledgement is awaited.
func closing(s tracker.State) bool {
	return s == tracker.FinWait1 || s == tracker.Closing || s == tracker.LastAck
}

// mayHideClose says that e is taken to be open but may have closed without a packet that shows it.
func mayHideClose(e *tracker.End) bool {
	return e.State == tracker.Established && e.Possible.Has(tracker.FinWait1) ||
		e.State == tracker.CloseWait && e.Possible.Has(tracker.LastAck)
}

func other(s tracker.Side) tracker.Side {
	if s == tracker.Client {
		return tracker.Server
	}
	return tracker.Client
}
