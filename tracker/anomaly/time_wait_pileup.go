package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// TimeWaitPileup finds servers that close first, too often.
var TimeWaitPileup = Rule{
	Code:      "time-wait-pileup",
	Title:     "many connections of one server stay in TIME_WAIT",
	Severity:  Warning,
	Culprits:  "the server's host, which closes first",
	Evidence:  "many ends of one listener that came to TIME_WAIT within a minute",
	Threshold: "more than 1000 within 60 s, which is how long Linux keeps each: far fewer than harm, but many short connections",
	Cause:     "the server closes each of many short connections first, and so it is the one that has to wait: no keep-alive between client and server, or a proxy in between that opens a connection a request",
	Remedy:    "let connections live (HTTP keep-alive, a pool), or let the client close first; net.ipv4.tcp_max_tw_buckets bounds them; where a proxy runs out of ports: more source addresses, net.ipv4.ip_local_port_range, tcp_tw_reuse=1 at the side that connects",
	NotWhen:   "CLOSE_WAIT or FIN_WAIT, which wait for somebody: TIME_WAIT ends by itself, and costs little",
	RFC:       "9293 3.6.1; 6191",
	Limits:    ends(1000),
	Wakes:     tracker.Rested,
	New: func(l Limits) Judge {
		return &timeWaitPileup{limit: l.Count("ends"), listeners: newCrowd(12, (*resting).clear)}
	},
}

// resting are the ends of one listener that came to TIME_WAIT, by the second.
type resting struct {
	now  int64
	n    int32 // within the last minute
	told int32
	came history[int32]
	few  [2]second[int32] // where came begins
}

func (r *resting) clear() {
	came := r.came[:0]
	if came == nil {
		came = r.few[:0]
	}
	r.now, r.n, r.told, r.came = 0, 0, 0, came
}

// tick moves on to second s.
func (r *resting) tick(s int64) {
	r.now = s
	if n := r.came.old(s); n > 0 {
		for i := range r.came[:n] {
			r.n -= r.came[i].it
		}
		r.came.forget(n)
	}
}

type timeWaitPileup struct {
	limit     int
	listeners crowd[resting]
	raised    []tcp.Endpoint // in order of their alarms
}

func (j *timeWaitPileup) Fact(b *Bench, f *tracker.Fact) {
	n := b.note(f, 0)
	b.send(&n)
}

func (j *timeWaitPileup) Note(b *Bench, n *Note) {
	at := n.server
	r := j.listeners.at(at, n.at)
	s := whole(n.at)
	if s != r.now {
		r.tick(s)
	}
	*r.came.at(s)++
	r.n++
	if int(r.n) <= j.limit || int(r.n) < grown(int(r.told)) {
		return
	}
	if r.told == 0 {
		j.raised = append(j.raised, at)
		b.WakeAt(Alarm{At: n.at + 10*nsPerSecond})
	}
	r.told = r.n
	x := b.RaiseFor(at.String(), Case{Server: at})
	x.Culprit = ServerHost
	x.Add(n.packet)
	x.Summary = fmt.Sprintf("%d connections of %s are in TIME_WAIT at once", r.n, at)
	b.Tell(x)
}

// Wake ends what is over.
func (j *timeWaitPileup) Wake(b *Bench, _ Alarm) {
	at := j.raised[0]
	j.raised = j.raised[1:]
	r := j.listeners.known(at)
	if r != nil {
		r.tick(whole(b.Now()))
	}
	if r == nil || int(r.n) <= j.limit/2 {
		if r != nil {
			r.told = 0
		}
		if x := b.StandingFor(at.String()); x != nil {
			b.Close(x, b.Now())
		}
		return
	}
	j.raised = append(j.raised, at)
	b.WakeAt(Alarm{At: b.Now() + 10*nsPerSecond})
}
