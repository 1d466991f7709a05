package anomaly

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// opening is one step of a handshake: a SYN that begins a connection, or its server's coming to ESTABLISHED.
type opening struct {
	at             int64 // capture nanoseconds
	start          int64 // of the connection
	packet         uint64
	client, server tcp.Endpoint
	joined         bool // else begun
	late           bool // the connection's beginning was not seen
}

// steps are the facts that make openings.
const steps = tracker.Began | tracker.Joined

// opener is a judge of populations that takes openings. They come some time after they happened, though before every
// fact and alarm of its own that comes after them.
type opener interface {
	opens(b *Bench, o *opening)
}

// openings are handed to their judges several at once: judging one by one, the judges' code and the tracker's drive each
// other out of the processor's cache. Half of all facts are openings.
type openings struct {
	judges []opener
	seats  []uint8 // theirs
	kinds  tracker.FactKind
	wait   []opening
	most   int // that wait
}

const (
	maxOpenings = 64
	// openingsWait is how long an opening waits at most: no judge asks for an alarm that is nearer.
	openingsWait = nsPerSecond
)

// seat takes in a judge if it is one of openings, and returns the facts that wake it one by one.
func (o *openings) seat(i int, r *Rule, j Judge) tracker.FactKind {
	op, ok := j.(opener)
	if !ok {
		return r.Wakes
	}
	o.judges, o.seats = append(o.judges, op), append(o.seats, uint8(i))
	o.kinds |= r.Wakes &^ steps
	return r.Wakes &^ steps
}

// due is when the openings are to be judged at the latest.
func (o *openings) due() int64 {
	if len(o.wait) == 0 {
		return never
	}
	return o.wait[0].at + openingsWait
}

// opens notes a step of a handshake.
func (b *Bench) opens(f *tracker.Fact) {
	joined := f.Kind == tracker.Joined
	switch {
	case len(b.openings.judges) == 0:
		return
	case joined && f.Side != tracker.Server:
		return
	case !joined && f.Seg.Flags&(tcp.SYN|tcp.ACK|tcp.RST|tcp.FIN) != tcp.SYN:
		return
	}
	client, server := f.Conn.Endpoints()
	b.openings.wait = append(b.openings.wait, opening{f.Time, f.Conn.Start(), f.Packet, client, server, joined, f.Conn.Late()})
	if len(b.openings.wait) >= b.openings.most {
		b.judgeOpenings()
	}
}

// judgeOpenings hands the openings that wait to their judges.
func (b *Bench) judgeOpenings() {
	o := &b.openings
	for i, j := range o.judges {
		b.busy = o.seats[i]
		for k := range o.wait {
			j.opens(b, &o.wait[k])
		}
	}
	o.wait = o.wait[:0]
}
