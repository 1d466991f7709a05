package metrics

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const (
	// scrapes bounds those that are answered at once, scrapeTime how long one may take.
	scrapes    = 4
	scrapeTime = 10 * time.Second
)

// Collector reads a census for a registry.
type Collector struct {
	census           *census.Census
	version, backend string
	seen             *pairs
}

// NewCollector makes a Collector; version and backend are what build_info says.
func NewCollector(c *census.Census, version, backend string) *Collector {
	return &Collector{census: c, version: version, backend: backend, seen: newPairs()}
}

// Handler serves /metrics: the census, and what this process takes.
func Handler(c *census.Census, version, backend string) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(NewCollector(c, version, backend), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes, Timeout: scrapeTime})
}

// Describe is prometheus.Collector's.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range descriptors {
		to <- d.desc
	}
}

// Collect is prometheus.Collector's.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	r, ports := c.census.Latest()
	s := sender{to, labelsOf(ports)}
	s.connections(r, c.seen, ports)
	s.byPort(stuck, ints(r.Findings.StuckOn), sum)
	s.byPort(zeroWindow, r.ZeroWindows(), longest)
	s.findings(&r.Findings)
	for how, n := range r.Ended.How {
		s.count(ended, n, tracker.How(how).String())
	}
	s.spread(duration, &r.Ended.Life)
	for side := range r.Ended.RoundTrip {
		s.spread(roundTrip, &r.Ended.RoundTrip[side], tracker.Side(side).String())
	}
	for _, v := range r.Packets() {
		s.count(packets, v.Packets, v.Reason)
	}
	s.count(begun, r.Tracker.Connections)
	s.count(evicted, r.Tracker.Evicted)
	s.count(dropped, r.Dropped, "kernel")
	s.count(dropped, r.GivenUp, "fragments")
	s.count(ringFull, r.RingFull)
	s.count(backwards, r.Tracker.TimeBackwards)
	s.gauge(captured, float64(r.Now)/1e9)
	s.gauge(build, 1, c.version, runtime.Version(), c.backend)
}

// sender sends metrics; ports are the labels of those that are named.
type sender struct {
	to    chan<- prometheus.Metric
	ports map[uint16]string
}

func labelsOf(ports []uint16) map[uint16]string {
	all := make(map[uint16]string, len(ports))
	for _, port := range ports {
		all[port] = strconv.Itoa(int(port))
	}
	return all
}

// label is the port's, or that of the others.
func (s *sender) label(port uint16) string {
	if name, named := s.ports[port]; named {
		return name
	}
	return other
}

func (s *sender) count(d *Descriptor, n uint64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d.desc, prometheus.CounterValue, float64(n), labels...)
}

func (s *sender) gauge(d *Descriptor, v float64, labels ...string) {
	s.to <- prometheus.MustNewConstMetric(d.desc, prometheus.GaugeValue, v, labels...)
}

func (s *sender) spread(d *Descriptor, x *census.Spread, labels ...string) {
	buckets, below := make(map[float64]uint64, len(x.Bounds)), uint64(0)
	for i, bound := range x.Bounds {
		below += x.Counts[i]
		buckets[bound] = below
	}
	s.to <- prometheus.MustNewConstHistogram(d.desc, x.N, x.Sum, buckets, labels...)
}

// connections sends the connections by port and states.
func (s *sender) connections(r *census.Report, seen *pairs, ports []uint16) {
	counts := map[series]uint64{}
	for p, n := range r.Pairs {
		client, server := p.States()
		counts[series{s.label(p.Port()), client, server}] += uint64(n)
	}
	for _, at := range seen.add(counts, s.ports) {
		s.gauge(connections, float64(counts[at]), at.port, at.client.String(), at.server.String())
	}
}

func ints(by map[uint16]int) map[uint16]float64 {
	all := make(map[uint16]float64, len(by))
	for port, n := range by {
		all[port] = float64(n)
	}
	return all
}

func sum(a, b float64) float64     { return a + b }
func longest(a, b float64) float64 { return max(a, b) }

// byPort sends a value for each port that is named, and one for the others together.
func (s *sender) byPort(d *Descriptor, values map[uint16]float64, join func(a, b float64) float64) {
	all := map[string]float64{other: 0}
	for _, name := range s.ports {
		all[name] = 0
	}
	for port, v := range values {
		name := s.label(port)
		all[name] = join(all[name], v)
	}
	for name, v := range all {
		s.gauge(d, v, name)
	}
}

// findings sends what was found and what of it goes on: every code at its first severity, and at others that it had.
func (s *sender) findings(f *census.Findings) {
	for i, r := range anomaly.Rules {
		s.count(found, f.Found[i], r.Code, r.Severity.String())
		s.count(withdrawn, f.Withdrawn[i], r.Code)
		s.gauge(manual, 1, r.Code, r.Severity.String(), r.Title, r.Culprits)
		for severity, n := range f.Open[i] {
			if at := anomaly.Severity(severity); at >= r.Severity || n > 0 {
				s.gauge(open, float64(n), r.Code, at.String())
			}
		}
	}
}

// series is one of connections.
type series struct {
	port           string
	client, server tracker.State
}
