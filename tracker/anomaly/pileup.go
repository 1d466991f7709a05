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
func (n *Note) where() tcp.Endpoint {
	if n.side == tracker.Client {
		return tcp.Endpoint{Addr: n.client.Addr, Port: n.server.Port, V6: n.client.V6}
	}
	return n.server
}

// What is noted.
const (
	enters uint8 = iota // an end
	leaves              // likewise
	over                // both ends, with their connection
	lost                // likewise: it was evicted
)

// enter notes an end that is in; evidence is the packet that shows it, blame whose fault it would be.
func (j *pileup) enter(b *Bench, f *tracker.Fact, evidence uint64, blame Culprit) {
	b.Follow(f.Conn)
	n := b.note(f, enters)
	n.evidence, n.blame = evidence, blame
	b.send(&n)
}

func (j *pileup) Note(b *Bench, n *Note) {
	switch n.what {
	case enters:
		j.enters(b, n)
	case leaves:
		j.leaves(b, endOf(n.conn, n.side))
	case over:
		j.leaves(b, endOf(n.conn, tracker.Client))
		j.leaves(b, endOf(n.conn, tracker.Server))
	case lost:
		// It is not known to have left, and is not known to stay: it neither counts on nor ends what was found.
		j.out(endOf(n.conn, tracker.Client))
		j.out(endOf(n.conn, tracker.Server))
	}
}

// enters counts an end in.
func (j *pileup) enters(b *Bench, n *Note) {
	k := endOf(n.conn, n.side)
	if _, in := j.in[k]; in || len(j.in) >= maxPiled {
		return
	}
	at := pileAt{n.where(), n.side}
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
	x.Culprit, x.Since = n.blame, p.since
	x.Add(n.evidence)
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
func (j *pileup) out(k endKey) (pileAt, *pile) {
	w, in := j.in[k]
	if !in {
		return pileAt{}, nil
	}
	delete(j.in, k)
	at := pileAt{w, k.side()}
	p := j.at[at]
	if p.n--; p.n == 0 {
		delete(j.at, at)
	}
	return at, p
}

// leaves counts an end out.
func (j *pileup) leaves(b *Bench, k endKey) {
	if len(j.in) == 0 {
		return
	}
	at, p := j.out(k)
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

// leave notes an end that has moved on, or both ends of a connection that is no more.
func (j *pileup) leave(b *Bench, f *tracker.Fact) {
	var what uint8
	switch {
	case f.Kind == tracker.Ended && f.Over:
		what = over
	case f.Kind == tracker.Ended && f.Evicted:
		what = lost
	case f.Kind == tracker.Moved && f.To != j.state, f.Kind == tracker.Stirred:
		what = leaves
	default:
		return
	}
	n := b.note(f, what)
	b.send(&n)
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
