package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// SYNFlood finds listeners that are flooded with handshakes which nobody means to complete.
var SYNFlood = Rule{
	Code:      "syn-flood",
	Title:     "a listener is flooded with handshakes that are not completed",
	Severity:  Critical,
	Culprits:  "the attacker",
	Evidence:  "handshakes to one address and port that are open for longer than a second, neither completed nor refused, many at once; or less than half of many completed",
	Threshold: "more than 100 half-open at once, or under half of more than 100 within 10 s: Linux' default queue is 128 to 4096 long; a handshake that is open for a second has lost a segment or its sender",
	Cause:     "somebody sends SYNs from addresses that are not his, or does not answer the SYN-ACK: the listener's queue of half-open connections fills, and real clients are turned away; or the path back to the clients is cut",
	Remedy:    "on the server: net.ipv4.tcp_syncookies=1, a larger net.ipv4.tcp_max_syn_backlog and listen backlog, fewer net.ipv4.tcp_synack_retries; in front of it: a filter or SYN proxy; 'ss -tn state syn-recv' lists them, 'nstat -az TcpExtSyncookiesSent' counts",
	NotWhen:   "a port that refuses (connection-refused); many ports of one host (port-scan); a listener whose application does not accept (accept-queue-overflow)",
	RFC:       "4987",
	Limits: []Limit{
		{"half-open", 100, "", "handshakes open for longer than a second, at once"},
		{"begun", 100, "", "handshakes within 10 s, of which less than half were completed"},
	},
	Wakes: tracker.Began | tracker.Joined | tracker.Reset | tracker.Unjoined,
	New: func(l Limits) Judge {
		return &synFlood{halfOpen: l.Count("half-open"), begun: l.Count("begun"), listeners: newCrowd(12, (*handshakes).clear)}
	},
}

// handshakes are those to one listener, by the second in which they began. A handshake counts for a minute: then its
// host has given it up.
type handshakes struct {
	now    int64 // the latest second
	packet uint64
	total  int32 // open now
	peak   int32 // of the finding that stands
	armed  bool
	by     history[beginners]
	few    [2]second[beginners] // where by begins
}

// beginners are the handshakes that began in one second: so many, so many of them completed, and still open.
type beginners struct{ begun, done, open int32 }

func (h *handshakes) clear() {
	by := h.by[:0]
	if by == nil {
		by = h.few[:0]
	}
	h.now, h.packet, h.total, h.peak, h.armed, h.by = 0, 0, 0, 0, false, by
}

// sum adds up the seconds from up to, not with, to.
func (h *handshakes) sum(from, to int64) (begun, done, open int) {
	for i := range h.by {
		if s := &h.by[i]; s.at >= from && s.at < to {
			begun, done, open = begun+int(s.it.begun), done+int(s.it.done), open+int(s.it.open)
		}
	}
	return begun, done, open
}

// tick moves on to second s.
func (h *handshakes) tick(s int64) {
	if s <= h.now {
		return
	}
	h.now = s
	if n := h.by.old(s); n > 0 {
		for i := range h.by[:n] {
			h.total -= h.by[i].it.open
		}
		h.by.forget(n)
	}
}

// since is the second in which the first of those began that are still open.
func (h *handshakes) since() int64 {
	for i := range h.by {
		if s := &h.by[i]; s.it.open != 0 {
			return s.at
		}
	}
	return h.now
}

type synFlood struct {
	halfOpen, begun int
	listeners       crowd[handshakes]
	watched         []tcp.Endpoint // in order of their alarms
}

// weighing is how long after a listener is found busy it is weighed, and how often after that.
const weighing = 1100 * millisecond

// Fact takes none: openings are all that it looks at.
func (j *synFlood) Fact(*Bench, *tracker.Fact) {}

func (j *synFlood) opens(b *Bench, some []Note) {
	for i := range some {
		j.listeners.touch(some[i].server)
	}
	for i := range some {
		switch o := &some[i]; {
		case o.step == begun:
			j.begins(b, o)
		case o.late:
		case o.step == joined:
			j.count(b, o, 0, 1, -1)
		case o.step == unjoined:
			j.count(b, o, 0, -1, 1)
		case o.step == refused:
			j.count(b, o, -1, 0, -1)
		case o.step == dropped:
			j.count(b, o, 0, 0, -1)
		}
	}
}

func (j *synFlood) begins(b *Bench, o *Note) {
	h := j.listeners.at(o.server, o.at)
	s := whole(o.at)
	h.tick(s)
	c := h.by.at(s)
	c.begun++
	c.open++
	h.total++
	h.packet = o.packet
	j.arm(b, o.server, o.at, h)
}

// arm sees to it that a listener is weighed once it is busy.
func (j *synFlood) arm(b *Bench, at tcp.Endpoint, now int64, h *handshakes) {
	if !h.armed && int(h.total) > min(j.halfOpen, j.begun)/2 {
		h.armed = true
		j.watch(b, at, now)
	}
}

func (j *synFlood) watch(b *Bench, at tcp.Endpoint, now int64) {
	j.watched = append(j.watched, at)
	b.WakeAt(Alarm{At: now + weighing})
}

// count changes what is known of the second in which the connection began.
func (j *synFlood) count(b *Bench, o *Note, begun, done, open int32) {
	h := j.listeners.known(o.server)
	if h == nil {
		return
	}
	h.tick(whole(o.at))
	c := h.by.known(whole(o.start))
	if c == nil || c.begun == 0 {
		return
	}
	c.begun += begun
	c.done += done
	c.open += open
	h.total += open
	if open > 0 {
		j.arm(b, o.server, o.at, h)
	}
}

// Wake weighs a listener that was busy.
func (j *synFlood) Wake(b *Bench, _ Alarm) {
	at := j.watched[0]
	j.watched = j.watched[1:]
	about := at.String()
	x := b.StandingFor(about)
	h := j.listeners.known(at)
	if h == nil {
		if x != nil {
			b.Close(x, b.Now())
		}
		return
	}
	s := whole(b.Now())
	h.tick(s)
	// What began in the last second may yet be completed.
	_, _, young := h.sum(s-1, s+1)
	waiting := int(h.total) - young
	begun, done, open := h.sum(s-11, s-1)
	switch {
	case waiting > j.halfOpen || begun > j.begun && 2*done < begun && 2*open > begun:
		if x == nil || waiting >= grown(int(h.peak)) {
			j.tell(b, at, h, waiting, begun, done)
		}
	case x != nil:
		b.Close(x, b.Now())
		h.peak = 0
	case int(h.total) <= min(j.halfOpen, j.begun)/2:
		h.armed = false
		return
	}
	j.watch(b, at, b.Now())
}

func (j *synFlood) tell(b *Bench, at tcp.Endpoint, h *handshakes, waiting, begun, done int) {
	x := b.RaiseFor(at.String(), Case{Server: at})
	x.Culprit = Attacker
	if h.peak == 0 {
		x.Since = h.since() * nsPerSecond
	}
	h.peak = int32(max(waiting, 1))
	x.Add(h.packet)
	x.Summary = fmt.Sprintf("%d handshakes to %s are half-open at once; of %d begun within 10 s %d were completed", waiting, at, begun, done)
	b.Tell(x)
}
