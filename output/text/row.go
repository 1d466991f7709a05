package text

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
}

func (r *row) say(l level, format string, args ...any) {
	r.level = max(r.level, l)
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// newRow judges a connection by its last states and its counters.
func newRow(c *tracker.Connection) row {
	r := row{conn: *c}
	r.conn.Streams = slices.Clone(c.Streams)
	r.window(tracker.Client, &c.Client, &c.Server)
	r.window(tracker.Server, &c.Server, &c.Client)
	r.ending()
	r.losses(tracker.Client, &c.Client)
	r.losses(tracker.Server, &c.Server)
	if c.Evicted {
		r.say(notice, "evicted, the table of connections was full")
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
	r.say(l, "%s's window has been shut for %s", side, span(reader.ShutTotal))
	switch {
	case closing(writer.State):
		r.say(critical, "%s's close is stuck behind it", other(side))
	case hidden:
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
			r.say(warning, "%s's FIN is not acknowledged", e.side)
		case e.own.State == tracker.CloseWait:
			r.say(notice, "%s has not closed its half", e.side)
		case e.own.State == tracker.SynSent && c.How == tracker.HowUnopened:
			r.say(notice, "no answer to %s", count(e.own.Packets, "SYN"))
		case e.own.State == tracker.SynRecv:
			r.say(notice, "%s is still in the handshake", e.side)
		}
	}
	switch c.How {
	case tracker.HowRST:
		r.say(notice, "reset by the %s", c.ClosedBy)
	case tracker.HowRefused:
		r.say(notice, "refused by the server")
	case tracker.HowTimeout:
		r.say(warning, "ended by a timer, not by a close")
	}
}

// losses tells of a sender that had to repeat much, and of what the capture missed.
func (r *row) losses(side tracker.Side, e *tracker.End) {
	if e.Retransmissions >= manyRetransmissions && e.Retransmissions*20 > e.Packets {
		r.say(warning, "%s repeated %d%% of its segments", side, e.Retransmissions*100/e.Packets)
	}
	if e.MissedBytes > 0 {
		r.notes = append(r.notes, fmt.Sprintf("%s of the %s not captured", count(e.MissedBytes, "byte"), side))
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
