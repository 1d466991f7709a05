package stats

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// MaxPeers bounds the addresses that a Tally tells apart, each counted once for every row that it is in; those beyond are
// counted as connections alone.
const MaxPeers = 1 << 20

// Key names a row.
type Key struct {
	Port  uint16 // the server's
	Side  tracker.Side
	State tracker.State
}

// End is one end of a connection, or a listener, to be counted.
type End struct {
	Key
	Peer       netip.Addr // the other end's; of a listener none
	Orphan     bool       // no process owns it any more
	Unaccepted bool       // it waits for its listener's accept()
	Ill        bool       // something worth notice was found on the connection
	RecvQueue  uint64     // octets; of a listener, connections that wait for accept()
	SendQueue  uint64     // octets; of a listener, how many it lets wait
	Memory     uint64     // octets of kernel memory
}

// Row is what was counted of ends with the same Key, or of all with one port and side.
type Row struct {
	Key
	Sum                          bool       // over all states; State means nothing
	Connections                  uint64     // of LISTEN: listeners
	Peers                        uint64     // distinct addresses, as far as MaxPeers
	Busiest                      netip.Addr // the address with most of them; of equals the least
	Most                         uint64     // its connections
	Orphans, Unaccepted, Ill     uint64
	RecvQueue, SendQueue, Memory uint64
}

// Peer is what was counted of one address.
type Peer struct {
	Addr        netip.Addr
	Connections uint64
	States      [tcp.NumStates]uint64
}

// Tally counts.
type Tally struct {
	rows    map[Key]*Row
	peers   map[peerKey]uint64
	bound   int    // on peers
	Unnamed uint64 // ends whose address was one too many to be told apart
}

type peerKey struct {
	Key
	addr netip.Addr
}

// New makes an empty Tally.
func New() *Tally { return &Tally{rows: map[Key]*Row{}, peers: map[peerKey]uint64{}, bound: MaxPeers} }

// Add counts an end.
func (t *Tally) Add(e *End) {
	r := t.rows[e.Key]
	if r == nil {
		r = &Row{Key: e.Key}
		t.rows[e.Key] = r
	}
	r.Connections++
	r.RecvQueue += e.RecvQueue
	r.SendQueue += e.SendQueue
	r.Memory += e.Memory
	if e.Orphan {
		r.Orphans++
	}
	if e.Unaccepted {
		r.Unaccepted++
	}
	if e.Ill {
		r.Ill++
	}
	if e.State == tracker.Listen {
		return
	}
	k := peerKey{e.Key, e.Peer}
	if _, known := t.peers[k]; !known && len(t.peers) >= t.bound {
		t.Unnamed++
		return
	}
	t.peers[k]++
}

// Rows returns the counts by port, the fullest port first, its states in their order and, behind more than one of them,
// their sum.
func (t *Tally) Rows() []Row {
	type group struct {
		port uint16
		side tracker.Side
	}
	sums := map[group]*Row{}
	peers := map[group]map[netip.Addr]uint64{}
	for k, n := range t.peers {
		t.rows[k.Key].seen(k.addr, n)
		g := group{k.Port, k.Side}
		if peers[g] == nil {
			peers[g] = map[netip.Addr]uint64{}
		}
		peers[g][k.addr] += n
	}
	states := map[group]int{}
	var rows []Row
	for k, r := range t.rows {
		rows = append(rows, *r)
		r.Peers, r.Most = 0, 0 // to be seen anew the next time
		g := group{k.Port, k.Side}
		s := sums[g]
		if s == nil {
			s = &Row{Key: Key{Port: k.Port, Side: k.Side}, Sum: true}
			sums[g] = s
		}
		if k.State != tracker.Listen {
			s.join(r)
			states[g]++
		}
	}
	for g, s := range sums {
		for addr, n := range peers[g] {
			s.seen(addr, n)
		}
		if states[g] > 1 {
			rows = append(rows, *s)
		}
	}
	last := func(r *Row) int { // the sum comes last, the listener first
		switch {
		case r.Sum:
			return tcp.NumStates
		case r.State == tracker.Listen:
			return -1
		}
		return int(r.State)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		x, y := sums[group{a.Port, a.Side}], sums[group{b.Port, b.Side}]
		return cmp.Or(cmp.Compare(y.Connections, x.Connections), cmp.Compare(a.Port, b.Port), cmp.Compare(b.Side, a.Side), cmp.Compare(last(&a), last(&b)))
	})
	return rows
}

// seen notes an address with its connections.
func (r *Row) seen(addr netip.Addr, n uint64) {
	r.Peers++
	if n > r.Most || n == r.Most && addr.Less(r.Busiest) {
		r.Busiest, r.Most = addr, n
	}
}

// join adds another row, its peers apart.
func (r *Row) join(s *Row) {
	r.Connections += s.Connections
	r.Orphans += s.Orphans
	r.Unaccepted += s.Unaccepted
	r.Ill += s.Ill
	r.RecvQueue += s.RecvQueue
	r.SendQueue += s.SendQueue
	r.Memory += s.Memory
}

// Total is the sum of all connections; listeners are none.
func (t *Tally) Total() Row {
	var sum Row
	peers := map[netip.Addr]uint64{}
	for k, r := range t.rows {
		if k.State != tracker.Listen {
			sum.join(r)
		}
	}
	for k, n := range t.peers {
		peers[k.addr] += n
	}
	for addr, n := range peers {
		sum.seen(addr, n)
	}
	return sum
}

// Busiest returns the n addresses with most connections, most first.
func (t *Tally) Busiest(n int) []Peer {
	all := map[netip.Addr]*Peer{}
	for k, n := range t.peers {
		p := all[k.addr]
		if p == nil {
			p = &Peer{Addr: k.addr}
			all[k.addr] = p
		}
		p.Connections += n
		p.States[k.State] += n
	}
	var list []Peer
	for _, p := range all {
		list = append(list, *p)
	}
	slices.SortFunc(list, func(a, b Peer) int { return cmp.Or(cmp.Compare(b.Connections, a.Connections), a.Addr.Compare(b.Addr)) })
	return list[:min(n, len(list))]
}
