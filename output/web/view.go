package web

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const (
	// maxViews bounds the lists that are remembered, so that who scrolls or pages sees one order; 8 octets a row each.
	maxViews = 16
	// maxScans bounds how many requests go through all rows at once; others wait.
	maxScans = 2
	// viewFresh is for how long a list serves who asks for the same anew.
	viewFresh = 250 * time.Millisecond
)

// view is a list of connections: those that a selection means, in an order, as they were at a moment.
type view struct {
	id    string
	where string
	sort  string
	at    time.Time
	conns []uint64
}

// views are the latest, the least used first.
type views struct {
	mu    sync.Mutex
	list  []*view
	made  uint64
	scans chan struct{}
}

// find returns the view of that name, nil if it is gone.
func (v *views) find(id string) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.list, func(x *view) bool { return x.id == id })
	if i < 0 {
		return nil
	}
	x := v.list[i]
	v.list = append(slices.Delete(v.list, i, i+1), x)
	return x
}

// fresh returns a view made just now of the same, nil if there is none.
func (v *views) fresh(where, sort string, now time.Time) *view {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.list, func(x *view) bool { return x.where == where && x.sort == sort && now.Sub(x.at) < viewFresh })
	if i < 0 {
		return nil
	}
	return v.list[i]
}

// add names a view and remembers it.
func (v *views) add(x *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.made++
	x.id = strconv.FormatUint(v.made, 36)
	if v.list = append(v.list, x); len(v.list) > maxViews {
		v.list = slices.Delete(v.list, 0, 1)
	}
}

// scan waits for its turn to go through all rows; false if nobody waits for it any more.
func (v *views) scan(ctx context.Context) (done func(), ok bool) {
	select {
	case v.scans <- struct{}{}:
		return func() { <-v.scans }, true
	case <-ctx.Done():
		return nil, false
	}
}

// each shows the rows that a selection means, all with nil, brought up to date. see may neither keep nor change what it is
// shown.
func (s *Store) each(want *query.Selection, see func(*Row, *tracker.Connection)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var line tracker.Connection
	for _, r := range s.byConn {
		c := &r.Conn
		if r.Living {
			line = r.Conn
			c = &line
			age(c, s.status.Now)
		}
		if want != nil {
			if subject := s.found.Subject(c); !want.Match(&subject) {
				continue
			}
		}
		see(r, c)
	}
}

// subject is a row as a selection looks at it, brought up to the capture's time in line.
func (s *Store) subject(row *Row, line *tracker.Connection) query.Subject {
	*line = row.Conn
	if row.Living {
		age(line, s.status.Now)
	}
	return s.found.Subject(line)
}

// age brings the line of a connection that lives up to a time until which nothing more has come.
func age(c *tracker.Connection, now int64) {
	since := now - c.Now
	if since <= 0 {
		return
	}
	c.Now = now
	for _, e := range [...]*tracker.End{&c.Client, &c.Server} {
		if e.ShutSince != 0 {
			e.ShutTotal += since
		}
	}
	if c.Blamed {
		c.Life += since
	}
}

// key is what rows are sorted by: the numbers in order.
type key struct {
	by   [3]uint64
	conn uint64
}

// order is a way to sort rows.
type order struct {
	name string
	key  func(*Row, *tracker.Connection) [3]uint64
}

// orders are the ways, by name; a minus in front turns one round.
var orders = []order{
	{"worst", worst},
	{"conn", func(*Row, *tracker.Connection) [3]uint64 { return [3]uint64{} }},
	{"start", number(func(c *tracker.Connection) int64 { return c.Start })},
	{"end", number(func(c *tracker.Connection) int64 { return c.Last })},
	{"duration", number(func(c *tracker.Connection) int64 { return c.Last - c.Start })},
	{"idle", number(func(c *tracker.Connection) int64 { return c.Now - c.Last })},
	{"packets", number(func(c *tracker.Connection) int64 { return int64(c.Client.Packets + c.Server.Packets) })},
	{"bytes", number(func(c *tracker.Connection) int64 { return int64(c.Client.Bytes + c.Server.Bytes) })},
	{"retransmissions", number(func(c *tracker.Connection) int64 { return int64(c.Client.Retransmissions + c.Server.Retransmissions) })},
	{"zero_window", number(func(c *tracker.Connection) int64 { return max(c.Client.ShutTotal, c.Server.ShutTotal) })},
	{"rtt", number(func(c *tracker.Connection) int64 { return c.Client.RTT.Mean + c.Server.RTT.Mean })},
	{"client", func(_ *Row, c *tracker.Connection) [3]uint64 { return place(c.Client.Endpoint) }},
	{"server", func(_ *Row, c *tracker.Connection) [3]uint64 { return place(c.Server.Endpoint) }},
	{"client.state", func(_ *Row, c *tracker.Connection) [3]uint64 { return [3]uint64{uint64(c.Client.State)} }},
	{"server.state", func(_ *Row, c *tracker.Connection) [3]uint64 { return [3]uint64{uint64(c.Server.State)} }},
}

// number sorts by a number that may be below 0.
func number(of func(*tracker.Connection) int64) func(*Row, *tracker.Connection) [3]uint64 {
	return func(_ *Row, c *tracker.Connection) [3]uint64 { return [3]uint64{uint64(of(c)) ^ 1<<63} }
}

func place(e tcp.Endpoint) [3]uint64 { return [3]uint64{e.Addr.Hi, e.Addr.Lo, uint64(e.Port)} }

// worst sorts the gravest first: by what stands open, then by what has been found at all, then by how long that has gone on.
func worst(r *Row, c *tracker.Connection) [3]uint64 {
	level, since := uint64(0), c.Now
	for _, f := range r.Findings {
		l := 2*uint64(f.Severity) + 1
		if f.Status == anomaly.Open {
			l++
		}
		if l > level {
			level, since = l, f.Since
		} else if l == level {
			since = min(since, f.Since)
		}
	}
	return [3]uint64{^level, uint64(since) ^ 1<<63}
}

// parseOrder reads an order, the worst first where nothing is asked for.
func parseOrder(text string) (by func(*Row, *tracker.Connection) [3]uint64, down, ok bool) {
	name, down := strings.CutPrefix(text, "-")
	i := slices.IndexFunc(orders, func(o order) bool { return o.name == cmp.Or(name, orders[0].name) })
	if i < 0 {
		return nil, false, false
	}
	return orders[i].key, down, true
}

// list makes a view.
func (s *Store) list(want *query.Selection, by func(*Row, *tracker.Connection) [3]uint64, down bool) []uint64 {
	s.mu.RLock()
	keys := make([]key, 0, len(s.byConn))
	s.mu.RUnlock()
	turn := uint64(0)
	if down {
		turn = ^turn
	}
	s.each(want, func(r *Row, c *tracker.Connection) {
		k := by(r, c)
		keys = append(keys, key{[3]uint64{k[0] ^ turn, k[1] ^ turn, k[2] ^ turn}, c.Conn ^ turn})
	})
	slices.SortFunc(keys, compare)
	conns := make([]uint64, len(keys))
	for i := range keys {
		conns[i] = keys[i].conn ^ turn
	}
	return conns
}

// compare is written out: it runs two million times for 100,000 rows.
func compare(x, y key) int {
	switch {
	case x.by[0] != y.by[0]:
		return cmp.Compare(x.by[0], y.by[0])
	case x.by[1] != y.by[1]:
		return cmp.Compare(x.by[1], y.by[1])
	case x.by[2] != y.by[2]:
		return cmp.Compare(x.by[2], y.by[2])
	}
	return cmp.Compare(x.conn, y.conn)
}
