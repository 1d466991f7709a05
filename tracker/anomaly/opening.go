package anomaly

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// step is one of a handshake.
type step uint8

const (
	begun    step = iota // its first SYN
	joined               // the server came to ESTABLISHED
	unjoined             // and is back in SYN_RECV
	refused              // a RST is the answer
	dropped              // a RST of either host ends it in SYN_RECV
	noStep
)

// steps are the facts that make openings, and nothing else of the judges that take them.
const steps = tracker.Began | tracker.Joined | tracker.Unjoined | tracker.Reset

// opener is a judge of populations that takes openings, the notes of steps, and no facts. They come some time after they
// happened, in their order, and before every alarm of its own that comes after them.
type opener interface {
	opens(b *Bench, some []Note)
}

// openings are handed to their judges several at once: judging one by one, the judges' code and the tracker's drive each
// other out of the processor's cache. Half of all facts are openings.
type openings struct {
	judges []opener
	seats  []uint8 // theirs
	wait   []Note
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
	if len(b.openings.judges) == 0 {
		return
	}
	s, ok := stepOf(f)
	if !ok {
		return
	}
	list := &b.openings.wait
	if b.parts > 1 {
		list = &b.notes
	}
	*list = append(*list, Note{})
	o := &(*list)[len(*list)-1] // filled where it lies: to copy what was just written is to wait for it
	o.at, o.start, o.packet, o.step, o.late = f.Time, f.Conn.Start(), f.Packet, s, f.Conn.Late()
	o.client, o.server = f.Conn.Endpoints()
	b.waits()
}

// waits judges the openings when enough of them wait.
func (b *Bench) waits() {
	if len(b.openings.wait) >= b.openings.most {
		b.judgeOpenings()
	}
}

// stepOf is the step of a handshake that a fact is, if it is one.
func stepOf(f *tracker.Fact) (step, bool) {
	switch f.Kind {
	case tracker.Began:
		return begun, f.Seg.Flags&(tcp.SYN|tcp.ACK|tcp.RST|tcp.FIN) == tcp.SYN
	case tracker.Joined:
		return joined, f.Side == tracker.Server
	case tracker.Unjoined:
		return unjoined, f.Side == tracker.Server
	}
	switch server := f.Conn.End(tracker.Server); {
	case !f.Taken:
		return 0, false
	case f.Side == tracker.Server && server.Sure() == tracker.Closed:
		return refused, true
	default:
		return dropped, server.State() == tracker.SynRecv
	}
}

// judgeOpenings hands the openings that wait to their judges.
func (b *Bench) judgeOpenings() {
	o := &b.openings
	for i, j := range o.judges {
		b.busy = o.seats[i]
		j.opens(b, o.wait)
	}
	o.wait = o.wait[:0]
}
