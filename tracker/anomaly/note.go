package anomaly

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Note is what the judge of a population is told of one of its connections: all that it needs, for the connection may be
// tracked by another goroutine, and have moved on.
type Note struct {
	at             int64  // capture nanoseconds
	packet         uint64 // the latest as of then
	conn           uint64 // the connection: its first packet
	start          int64  // of the connection
	client, server tcp.Endpoint
	since          int64  // the judge's own, as are evidence, octets, next and blame
	evidence       uint64 // a packet
	octets         int
	next           tcp.Seq
	blame          Culprit
	step           step
	side           tracker.Side
	late           bool  // the connection's beginning was not seen
	seat           uint8 // of the judge that is told; meaningful iff step is noStep
	what           uint8 // the judge's own
}

// noter is a judge of populations. Its Fact looks at a connection alone and sends what its Note counts.
type noter interface {
	Note(b *Bench, n *Note)
}

// note begins a note of the judge at work about a fact.
func (b *Bench) note(f *tracker.Fact, what uint8) Note {
	n := Note{at: f.Time, packet: f.Packet, conn: f.Conn.First(), step: noStep, side: f.Side, seat: b.busy, what: what}
	n.client, n.server = f.Conn.Endpoints()
	return n
}

// send tells a judge of a population what its other half has noted.
func (b *Bench) send(n *Note) {
	if b.parts > 1 {
		b.notes = append(b.notes, *n)
		return
	}
	b.seats[n.seat].judge.(noter).Note(b, n)
}

// Part makes the bench one of several, each of which has all facts of a part of the connections: it judges those, and
// keeps what is to be known of populations for Notes. Bounds are that part's; see Full.
func (b *Bench) Part(of int) { b.parts = of }

// Notes hands out what was noted since the last time, for Take, and goes on in the room of empty.
func (b *Bench) Notes(empty []Note) []Note {
	notes := b.notes
	b.notes = empty[:0]
	return notes
}

// Take judges populations by what several benches have noted of their parts up to one moment, each in its order: together
// in that of the capture.
func (b *Bench) Take(parts ...[]Note) {
	for {
		var first *[]Note
		for i := range parts {
			if p := &parts[i]; len(*p) > 0 && (first == nil || (*p)[0].before(&(*first)[0])) {
				first = p
			}
		}
		if first == nil {
			return
		}
		b.take(&(*first)[0])
		*first = (*first)[1:]
	}
}

// before says which of two notes of several benches comes first. What a timer brings at a time comes before the packets
// of that time, and has the number of one before them.
func (n *Note) before(m *Note) bool { return n.at < m.at || n.at == m.at && n.packet < m.packet }

func (b *Bench) take(n *Note) {
	b.Advance(n.at, n.packet) // before a packet comes what is due by its time
	if n.step != noStep {
		b.openings.wait = append(b.openings.wait, *n)
		b.waits()
		return
	}
	b.busy = n.seat
	b.send(n)
}

// room says that there is room for one more beside n of what most are kept of.
func (b *Bench) room(n, most int) bool {
	if n < most/b.parts {
		return true
	}
	b.full = true
	return false
}

// Full says that a bound was reached: what a Part found since may differ from what one bench of all connections would
// have found.
func (b *Bench) Full() bool { return b.full }
