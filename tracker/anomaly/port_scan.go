package anomaly

import (
	"fmt"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// PortScan finds hosts that try the ports of another.
var PortScan = Rule{
	Code:      "port-scan",
	Title:     "one host tries many ports of another, in vain",
	Severity:  Warning,
	Culprits:  "the attacker",
	Evidence:  "SYNs of one host to many different ports of another, refused or without an answer for more than a second",
	Threshold: "more than 20 ports: a client knows the few services that it needs, even when all of them are down",
	Cause:     "somebody looks for open ports: a scanner, a monitoring system that was told to, a worm; or a client that hunts for a service whose port it does not know",
	Remedy:    "find out who runs the scanning host; if it is not yours, filter it in front of the scanned one; look at the ports that answered: are they meant to?",
	NotWhen:   "many tries at one port (connection-refused, syn-unanswered); many ports that answer, as with passive FTP; many clients (syn-flood)",
	RFC:       "9293 3.10.7.1",
	Limits:    []Limit{{"ports", 20, "", "ports of one host that were tried by one host and refused or did not answer"}},
	Wakes:     tracker.Began | tracker.Joined,
	New: func(l Limits) Judge {
		return &portScan{limit: l.Count("ports"), pairs: make([]scan, maxPairs), wide: map[pair]*wide{}}
	},
}

// maxPairs bounds the pairs of hosts that are looked at at once, maxScans those that are known to be scans.
const (
	maxPairs = 1 << 10
	maxScans = 1 << 8
)

// pair is a host that tries and one that is tried.
type pair struct {
	from, to tcp.Addr
	v6       bool
}

// scan is what one host tries of another.
type scan struct {
	pair
	at    int64 // the first try
	last  int64
	first uint64 // its packet
	n     uint8
	armed bool
	ports [64]uint16 // that have not answered; n of them
}

// try is the first that a host tried of another. Most pairs never try a second port: they take no more room than this.
type try struct {
	who  uint32 // a hash of the pair
	port uint16
	more bool // there are more: see pairs
}

// forgets is after how long without a try a pair is free to be forgotten.
const forgets = 60 * nsPerSecond

// answering is how long a port has to answer.
const answering = 3 * nsPerSecond / 2

type portScan struct {
	limit int
	first [maxPairs]try
	pairs []scan
	wide  map[pair]*wide // those with a finding
	armed []pair         // in order of their alarms
}

// wide is a scan with a finding.
type wide struct {
	ports map[uint16]bool
	told  int
}

// Fact takes none: openings are all that it looks at.
func (j *portScan) Fact(*Bench, *tracker.Fact) {}

func (j *portScan) opens(b *Bench, some []Note) {
	for i := range some {
		if o := &some[i]; o.step == begun || o.step == joined {
			j.opened(b, o)
		}
	}
}

func (j *portScan) opened(b *Bench, o *Note) {
	client, server := o.client, o.server
	p := pair{client.Addr, server.Addr, server.V6}
	h := mix(p.from, mix(p.to, 0))
	who, i := uint32(h>>32), h%maxPairs
	first, s := &j.first[i], &j.pairs[i]
	switch {
	case o.step == joined:
		if first.who == who {
			j.answered(p, first, s, server.Port)
		}
		return
	case first.who != who && first.more && s.n > 1 && o.at-s.last < forgets:
		s.last -= nsPerSecond / 4 // who was here first stays while it goes on; a flood of others wears it down
		return
	case first.who != who:
		*first = try{who, server.Port, false}
		return
	case !first.more && first.port == server.Port:
		return
	case !first.more:
		first.more = true
		s.pair, s.at, s.first, s.n, s.armed = p, o.at, o.packet, 1, false
		s.ports[0] = first.port
	}
	s.last = o.at
	if len(j.wide) > 0 {
		if w := j.wide[p]; w != nil {
			w.ports[server.Port] = true
			return
		}
	}
	if int(s.n) < len(s.ports) && !slices.Contains(s.ports[:s.n], server.Port) {
		s.ports[s.n] = server.Port
		s.n++
	}
	if int(s.n) > min(j.limit, len(s.ports)-1) && !s.armed {
		s.armed = true
		j.armed = append(j.armed, p)
		b.WakeAt(Alarm{At: o.at + answering})
	}
}

// answered takes a port out that is served.
func (j *portScan) answered(p pair, first *try, s *scan, port uint16) {
	if !first.more {
		if first.port == port {
			*first = try{}
		}
		return
	}
	if i := slices.Index(s.ports[:s.n], port); i >= 0 {
		s.n--
		s.ports[i] = s.ports[s.n]
	}
	if w := j.wide[p]; w != nil {
		delete(w.ports, port)
	}
}

// Wake looks at a pair when the answers must have come.
func (j *portScan) Wake(b *Bench, _ Alarm) {
	p := j.armed[0]
	j.armed = j.armed[1:]
	s := &j.pairs[mix(p.from, mix(p.to, 0))%maxPairs]
	about := tcp.Endpoint{Addr: p.from, V6: p.v6}.IP().String() + ">" + tcp.Endpoint{Addr: p.to, V6: p.v6}.IP().String()
	x := b.StandingFor(about)
	w := j.wide[p]
	switch {
	case x == nil && s.pair == p && int(s.n) > min(j.limit, len(s.ports)-1) && len(j.wide) < maxScans:
		w = &wide{ports: map[uint16]bool{}}
		for _, port := range s.ports[:s.n] {
			w.ports[port] = true
		}
		j.wide[p] = w
		x = b.RaiseFor(about, Case{Client: tcp.Endpoint{Addr: p.from, V6: p.v6}, Server: tcp.Endpoint{Addr: p.to, V6: p.v6}})
		x.Culprit, x.Since = Attacker, s.at
		x.Add(s.first)
		w.tell(b, x)
	case x == nil:
		if s.pair == p {
			s.armed = false
		}
		return
	case s.pair != p || b.Now()-s.last > forgets:
		delete(j.wide, p)
		if s.pair == p {
			s.n, s.armed = 0, false
		}
		w.say(x)
		b.Close(x, b.Now())
		return
	case len(w.ports) >= grown(w.told):
		w.tell(b, x)
	}
	j.armed = append(j.armed, p)
	b.WakeAt(Alarm{At: b.Now() + answering})
}

func (w *wide) tell(b *Bench, x *Finding) {
	w.told = len(w.ports)
	w.say(x)
	b.Tell(x)
}

func (w *wide) say(x *Finding) {
	x.Summary = fmt.Sprintf("%s tried %d ports of %s, which refused or did not answer", x.Client.IP(), len(w.ports), x.Server.IP())
}
