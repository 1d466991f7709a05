package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// ZeroWindowFarm finds neighbours that all ask and do not read (sockstress).
var ZeroWindowFarm = Rule{
	Code:      "zero-window-farm",
	Title:     "many connections from one place hold their windows shut",
	Severity:  Critical,
	Culprits:  "the attacker",
	Evidence:  "connections from one /24 (IPv6: /64) to one address and port whose clients keep their windows shut while the server has data for them",
	Threshold: "more than 5, each for 10 s and longer: one client's application may hang, six neighbours do not by chance",
	Cause:     "somebody asks for much and reads nothing, so that the server's send buffers and sockets are spent (sockstress, CVE-2008-4609); or one broken client program runs on many hosts",
	Remedy:    "on the server TCP_USER_TIMEOUT, or the web server's own send timeout (nginx: send_timeout and reset_timedout_connection), ends such connections; limit connections per address in the firewall; 'ss -tnoem state established' shows full Send-Qs",
	NotWhen:   "one client that does not read (zero-window-stall); windows that are shut for moments",
	RFC:       "9293 3.8.6.1; 6429",
	Limits: []Limit{
		{"connections", 5, "", "with a shut window, from one neighbourhood to one port"},
		{"shut", 10, "s", "that each window has been shut"},
	},
	Wakes: tracker.Probed | tracker.Resent | tracker.Shut | tracker.Opened | tracker.Ended,
	New: func(l Limits) Judge {
		return &zeroWindowFarm{limit: l.Count("connections"), after: l.Seconds("shut"), shut: map[uint64]*held{}, farms: map[farm]*crew{}}
	},
}

// farm is a neighbourhood and the listener that it keeps busy.
type farm struct {
	from tcp.Addr
	to   tcp.Endpoint
}

// held is a connection whose client's window is shut, with data waiting.
type held struct {
	farm
	since   int64
	packet  uint64
	counted bool
}

// crew are the connections of one farm.
type crew struct{ n, told int }

type zeroWindowFarm struct {
	limit int
	after int64
	shut  map[uint64]*held
	farms map[farm]*crew
}

// neighbourhood is the /24 of an IPv4 address, the /64 of an IPv6 one.
func neighbourhood(e tcp.Endpoint) tcp.Addr {
	if e.V6 {
		return tcp.Addr{Hi: e.Addr.Hi}
	}
	return tcp.Addr{Hi: e.Addr.Hi, Lo: e.Addr.Lo &^ 0xff}
}

func (j *zeroWindowFarm) Fact(b *Bench, f *tracker.Fact) {
	var what uint8
	since := int64(0)
	switch f.Kind {
	case tracker.Ended:
		switch {
		case f.Over:
			what = over
		case f.Evicted:
			what = lost
		default:
			return
		}
	case tracker.Opened:
		if f.Side != tracker.Client {
			return
		}
		what = leaves
	case tracker.Shut:
		if f.Side != tracker.Client || f.Conn.End(tracker.Server).InFlight() <= 0 {
			return
		}
		what, since = enters, f.Time
	default:
		if since = f.Conn.End(tracker.Client).ShutSince(); f.Side != tracker.Server || since == 0 {
			return
		}
		what = enters
	}
	if what == enters {
		b.Follow(f.Conn)
	}
	n := b.note(f, what)
	n.since = since
	b.send(&n)
}

func (j *zeroWindowFarm) Note(b *Bench, n *Note) {
	switch n.what {
	case enters:
		j.waits(b, n)
	case lost:
		j.forget(n.conn) // whether the window is still shut is not known
	default:
		j.over(b, n.conn)
	}
}

// waits remembers a connection whose server has data for a shut window.
func (j *zeroWindowFarm) waits(b *Bench, n *Note) {
	if j.shut[n.conn] != nil || len(j.shut) >= maxKept {
		return
	}
	j.shut[n.conn] = &held{farm{neighbourhood(n.client), n.server}, n.since, n.packet, false}
	b.WakeAt(Alarm{At: max(n.at, n.since+j.after), Conn: n.conn})
}

// over forgets a connection whose window is open again, or that is no more.
func (j *zeroWindowFarm) over(b *Bench, num uint64) {
	h, c := j.forget(num)
	if c == nil {
		return
	}
	if x := b.StandingFor(h.about()); x != nil && c.n <= j.limit/2 {
		c.told = 0
		b.Close(x, b.Now())
	}
}

// forget takes a connection out of its crew, nil if it was not counted.
func (j *zeroWindowFarm) forget(num uint64) (*held, *crew) {
	h := j.shut[num]
	if h == nil {
		return nil, nil
	}
	delete(j.shut, num)
	c := j.farms[h.farm]
	if !h.counted || c == nil {
		return h, nil
	}
	if c.n--; c.n == 0 {
		delete(j.farms, h.farm)
	}
	return h, c
}

// Wake counts a connection whose window has been shut for long.
func (j *zeroWindowFarm) Wake(b *Bench, a Alarm) {
	h := j.shut[a.Conn]
	if h == nil || h.counted || b.Now() < h.since+j.after {
		return
	}
	h.counted = true
	c := j.farms[h.farm]
	if c == nil {
		c = &crew{}
		j.farms[h.farm] = c
	}
	c.n++
	if c.n <= j.limit || c.n < grown(c.told) {
		return
	}
	c.told = c.n
	x := b.StandingFor(h.about())
	if x == nil {
		x = b.RaiseFor(h.about(), Case{Server: h.to})
		x.Culprit, x.Since = Attacker, h.since
	}
	x.Add(h.packet)
	x.Summary = fmt.Sprintf("%d connections from %s to %s hold their windows shut for %s and longer", c.n, h.name(), h.to, seconds(j.after))
	b.Tell(x)
}

// name spells the neighbourhood.
func (h farm) name() string {
	e := tcp.Endpoint{Addr: h.from, V6: h.to.V6}
	if e.V6 {
		return e.IP().String() + "/64"
	}
	return e.IP().String() + "/24"
}

func (h farm) about() string { return h.name() + ">" + h.to.String() }
