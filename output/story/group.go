package story

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// disease is what makes findings one chapter.
type disease struct {
	rule    *anomaly.Rule
	culprit anomaly.Culprit
	hidden  tracker.Hidden
}

// chapter is all findings of one disease, the longest first.
type chapter struct {
	disease
	severity anomaly.Severity
	items    []*item
}

// told says that a finding is told with another of the same connection: by whose code, whose.
var told = map[string]string{"zero-window-stall": "fin-wait1-zero-window"}

// chapters groups what was found, the worst first, of equals what touches more connections.
func (d *Diagnosis) chapters() []*chapter {
	graver := map[string]map[uint64]bool{} // connections with a finding that tells of another
	for _, code := range told {
		graver[code] = map[uint64]bool{}
	}
	for _, it := range d.items {
		if g := graver[it.Rule.Code]; g != nil && !it.Population {
			g[it.Conn] = true
		}
	}
	groups := map[disease]*chapter{}
	for _, id := range slices.Sorted(maps.Keys(d.items)) {
		it := d.items[id]
		if g := told[it.Rule.Code]; g != "" && graver[g][it.Conn] && !it.Population {
			continue
		}
		k := disease{it.Rule, it.Culprit, it.Hidden}
		c := groups[k]
		if c == nil {
			c = &chapter{disease: k}
			groups[k] = c
		}
		c.items = append(c.items, it)
		c.severity = max(c.severity, it.Severity)
	}
	list := slices.Collect(maps.Values(groups))
	for _, c := range list {
		slices.SortFunc(c.items, func(a, b *item) int {
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.lasted(), a.lasted()), cmp.Compare(a.Conn, b.Conn), cmp.Compare(a.ID, b.ID))
		})
	}
	slices.SortFunc(list, func(a, b *chapter) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(len(b.items), len(a.items)), cmp.Compare(a.first(), b.first()),
			cmp.Compare(a.rule.Code, b.rule.Code), cmp.Compare(a.hidden, b.hidden), cmp.Compare(a.culprit, b.culprit))
	})
	return list
}

// lasted is for how long it stood; what stood at the end, up to its connection's last packet or its latest version.
func (it *item) lasted() int64 {
	end := it.Time
	if it.ends != nil {
		end = max(end, it.ends.Last)
	}
	if it.Until != 0 {
		end = it.Until
	}
	return max(end-it.Since, 0)
}

// first is when the earliest of the findings began.
func (c *chapter) first() int64 {
	t := c.items[0].Since
	for _, it := range c.items {
		t = min(t, it.Since)
	}
	return t
}

// open counts those that stood at the end.
func (c *chapter) open() (n int) {
	for _, it := range c.items {
		if it.Status == anomaly.Open {
			n++
		}
	}
	return n
}

// tally is a name and how often it came.
type tally[K any] struct {
	of K
	n  int
}

// count counts what of gives for each item, the most frequent first, of equals in order of appearance.
func count[K comparable](items []*item, of func(*item) (K, bool)) []tally[K] {
	at := map[K]int{}
	var list []tally[K]
	for _, it := range items {
		k, ok := of(it)
		if !ok {
			continue
		}
		i, ok := at[k]
		if !ok {
			i = len(list)
			at[k] = i
			list = append(list, tally[K]{of: k})
		}
		list[i].n++
	}
	slices.SortStableFunc(list, func(a, b tally[K]) int { return cmp.Compare(b.n, a.n) })
	return list
}

// places counts the servers.
func (c *chapter) places() []tally[tcp.Endpoint] {
	return count(c.items, func(it *item) (tcp.Endpoint, bool) { return it.Server, true })
}

// hosts counts the addresses at one side.
func (c *chapter) hosts(s tracker.Side) []tally[tcp.Endpoint] {
	return count(c.items, func(it *item) (tcp.Endpoint, bool) {
		e := it.Client
		if s == tracker.Server {
			e = it.Server
		}
		e.Port = 0
		return e, e != tcp.Endpoint{V6: e.V6} // a finding about a place may name nobody else
	})
}
