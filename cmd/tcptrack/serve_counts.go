package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/output/metrics"
	"github.com/tcptrack/tcptrack/output/web"
	"github.com/tcptrack/tcptrack/output/zabbix"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// countedStore is a store, and a census beside it for Prometheus and the Zabbix agent.
type countedStore struct {
	*web.Store
	census *census.Census
	seen   capture.Stats // as of the latest batch
}

// countBeside makes a census beside the store. Where interfaces are watched, local runs a function in their network
// namespace, whose addresses are this host's; it is nil for captures.
func countBeside(store *web.Store, local func(func())) *countedStore {
	return &countedStore{Store: store, census: census.New(localAddresses(local))}
}

// maxLocal bounds the addresses that are known to be this host's.
const maxLocal = 1 << 16

// localAddresses are those of the interfaces as they are now.
func localAddresses(do func(func())) map[tcp.Addr]bool {
	if do == nil {
		return nil
	}
	set := map[tcp.Addr]bool{}
	do(func() {
		list, err := net.InterfaceAddrs()
		if err != nil {
			return // the servers' ends stand for ours
		}
		for _, a := range list[:min(len(list), maxLocal)] {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil {
				set[tcp.EndpointFrom(netip.AddrPortFrom(prefix.Addr(), 0)).Addr] = true
			}
		}
	})
	return set
}

// Connection is a pipeline.Sink's.
func (c *countedStore) Connection(l *tracker.Connection) {
	c.census.Connection(l)
	c.Store.Connection(l)
}

// Finding is a pipeline.Sink's.
func (c *countedStore) Finding(f *anomaly.Finding) {
	c.census.Finding(f)
	c.Store.Finding(f)
}

// look has both look at the connections.
func (c *countedStore) look(t *tracker.Tracker) {
	now := time.Now().UnixNano()
	c.Look(t, meters(&c.seen), now)
	c.census.Look(t, c.meters, now)
}

// meters are what the capture has counted, for the census.
func (c *countedStore) meters() census.Meters {
	m := census.Meters{Packets: c.seen.Packets, Dropped: c.seen.Dropped, GivenUp: c.seen.Evicted, RingFull: c.seen.Freezes}
	for _, s := range c.seen.Skipped {
		m.Skipped = append(m.Skipped, census.Skipped{Reason: s.Reason.String(), Packets: s.Packets})
	}
	return m
}

// end tells the census of the whole run.
func (c *countedStore) end(s *capture.Stats, t tracker.Stats) {
	c.seen = *s
	c.census.End(t, c.meters(), time.Now().UnixNano())
}

// metrics serves them to Prometheus.
func (c *countedStore) metrics() http.Handler { return metrics.Handler(c.census, version, backEnds()) }

// agentPath is where tcptrack zabbix asks a running serve, ?port=N for one port more than are named.
const agentPath = "/zabbix/values"

// agent answers tcptrack zabbix.
func (c *countedStore) agent() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != agentPath {
			http.NotFound(w, r)
			return
		}
		port, _ := strconv.ParseUint(r.URL.Query().Get("port"), 10, 16) // none is 0
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(zabbix.Of(c.census, uint16(port), time.Now().UnixNano()))
	})
}
