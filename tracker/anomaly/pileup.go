package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// pileup is the judge of the rules on ends that pile up in one state at one address and port: it knows who is in, and
// who has left.
type pileup struct {
	state tracker.State
	limit int
	in    map[endKey]tcp.Endpoint // where each end that is in stands
	at    map[pileAt]*pile
}

// pileAt is where ends pile up: a listener, or one host's connections to a port.
type pileAt struct {
	where tcp.Endpoint
	side  tracker.Side
}

type pile struct {
	n, told int
	since   int64 // since when it has not been empty
	left    int   // ends that left since leftAt, which is two seconds ago at most
	leftAt  int64
}

func newPileup(state tracker.State, l Limits) pileup {
	return pileup{state, l.Count("ends"), map[endKey]tcp.Endpoint{}, map[pileAt]*pile{}}
}

// where is what an end is counted under: the listener's own address and port, or a client's address and the port that
// it goes to, for its own is another each time.
func where(v tracker.View, side tracker.Side) tcp.Endpoint {
	client, server := v.Endpoints()
	if side == tracker.Client {
		client.Port = server.Port
		return client
	}
	return server
}

// enter counts an end in; blame is whose fault it would be.
func (j *pileup) enter(b *Bench, v tracker.View, side tracker.Side, packet uint64, blame Culprit) {
	k := endOf(v.Num(), side)
	if _, in := j.in[k]; in || len(j.in) >= maxPiled {
		return
	}
	b.Follow(v)
	at := pileAt{where(v, side), side}
	j.in[k] = at.where
	p := j.at[at]
	if p == nil {
		p = &pile{since: b.Now()}
		j.at[at] = p
	}
	p.n++
	if p.n <= j.limit || p.n < grown(p.told) || p.flows(b.Now()) {
		return
	}
	p.told = p.n
	x := b.RaiseFor(at.about(), Case{Server: at.where})
	x.Culprit, x.Since = blame, p.since
	x.Add(packet)
	x.Summary = fmt.Sprintf("%d connections %s are in %s at once, and stay there", p.n, at, j.state)
	b.Tell(x)
}

func (at pileAt) String() string {
	if at.side == tracker.Client {
		return fmt.Sprintf("of %s to port %d", at.where.IP(), at.where.Port)
	}
	return "of " + at.where.String()
}

// about tells a host's connections to a port from the listener at that port.
func (at pileAt) about() string {
	if at.side == tracker.Client {
		return at.where.String() + "-client"
	}
	return at.where.String()
}

// out takes an end off its pile, nil if it is on none.
func (j *pileup) out(conn uint64, side tracker.Side) (pileAt, *pile) {
	k := endOf(conn, side)
	w, in := j.in[k]
	if !in {
		return pileAt{}, nil
	}
	delete(j.in, k)
	at := pileAt{w, side}
	p := j.at[at]
	if p.n--; p.n == 0 {
		delete(j.at, at)
	}
	return at, p
}

// leave counts an end out.
func (j *pileup) leave(b *Bench, conn uint64, side tracker.Side) {
	if len(j.in) == 0 {
		return
	}
	at, p := j.out(conn, side)
	if p == nil {
		return
	}
	if now := b.Now(); now-p.leftAt > 2*nsPerSecond {
		p.left, p.leftAt = 0, now
	}
	p.left++
	if p.told > 0 && p.n <= j.limit/2 {
		p.told = 0
		if x := b.StandingFor(at.about()); x != nil {
			b.Close(x, b.Now())
		}
	}
}

// leaves counts out an end that has moved on, or both ends of a connection that is no more.
func (j *pileup) leaves(b *Bench, f *tracker.Fact) {
	switch {
	case f.Kind == tracker.Ended && f.Over:
		j.leave(b, f.Conn.Num(), tracker.Client)
		j.leave(b, f.Conn.Num(), tracker.Server)
	case f.Kind == tracker.Ended && f.Evicted:
		// It is not known to have left, and is not known to stay: it neither counts on nor ends what was found.
		j.out(f.Conn.Num(), tracker.Client)
		j.out(f.Conn.Num(), tracker.Server)
	case f.Kind == tracker.Moved && f.To != j.state:
		j.leave(b, f.Conn.Num(), f.Side)
	}
}

func (*pileup) Wake(*Bench, Alarm) {}

// flows says that ends leave as fast as others come: a crowd that moves is no pile.
func (p *pile) flows(now int64) bool { return p.left > p.n/2 && now-p.leftAt <= 2*nsPerSecond }

// maxPiled bounds the ends that a pile-up's rule remembers.
const maxPiled = 1 << 18

// ends is the limit that they share.
func ends(n float64) []Limit {
	return []Limit{{"ends", n, "", "ends of one address and port in that state at once"}}
}
