package census

import (
	"sync"
	"sync/atomic"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const (
	// surveyed is how many connections one look goes through, lookEvery how far two are apart, roundEvery the beginnings
	// of two rounds: a look takes some 0.3 ms, so that all cost at most a hundredth of a processor.
	surveyed   = 1 << 12
	lookEvery  = 40e6 // nanoseconds
	roundEvery = 1e9
)

// Meters are what a capture has counted, all since it began.
type Meters struct {
	Packets  uint64 // read or captured
	Skipped  []Skipped
	Dropped  uint64 // packets that the kernel lost before they were read
	GivenUp  uint64 // datagrams in fragments that were given up
	RingFull uint64 // times
}

// Skipped is how many packets were not followed for a reason.
type Skipped struct {
	Reason  string
	Packets uint64
}

// Census counts. Look, Connection, Finding, Flush, Transition and End are called on the goroutine that tracks, Latest on
// any.
type Census struct {
	local map[tcp.Addr]bool // this host's addresses

	round  *Report // under way
	places uint32  // where its survey goes on
	halves bool    // that of the half-open has begun
	looked int64   // when, by the caller's clock
	begun  int64

	ended    Ended
	findings Findings
	last     *Report // what ended at the capture's latest time, which may be its end
	lastNow  int64

	latest atomic.Pointer[Report]
	naming sync.Mutex
	names  names
}

// Ended adds up the connections that have ended.
type Ended struct {
	How       [howMany]uint64 // by tracker.How
	Life      Spread          // from first to last packet
	RoundTrip [2]Spread       // mean of a connection, from the tap to that side and back; of those that had any
}

// howMany is how many ways there are to end.
const howMany = int(tracker.HowTimeout) + 1

// New counts from zero. local tells this host's addresses: nil where the capture is of elsewhere.
func New(local map[tcp.Addr]bool) *Census {
	c := &Census{local: local, findings: newFindings(), names: newNames()}
	c.ended.Life = newSpread(lifeBounds)
	for side := range c.ended.RoundTrip {
		c.ended.RoundTrip[side] = newSpread(roundTripBounds)
	}
	c.round, c.last = newReport(nil), newReport(nil)
	empty := newReport(nil)
	empty.Ended, empty.Findings = c.ended.clone(), c.findings.report()
	c.latest.Store(empty)
	return c
}

// Transition is of no interest, and makes a Census a pipeline.Sink.
func (c *Census) Transition(*tracker.Transition) {}

// Flush has nothing to hand on.
func (c *Census) Flush() error { return nil }

// Finding counts a finding.
func (c *Census) Finding(f *anomaly.Finding) { c.findings.take(f) }

// Connection adds a connection that has ended to the sums.
func (c *Census) Connection(l *tracker.Connection) {
	c.ended.How[l.How]++
	c.ended.Life.add(max(l.Last-l.Start, 0))
	for side, e := range [2]*tracker.End{&l.Client, &l.Server} {
		if e.RTT.N > 0 {
			c.ended.RoundTrip[side].add(e.RTT.Mean)
		}
	}
	if l.Evicted {
		c.findings.forget(l.Conn)
	}
	if l.Now != c.lastNow {
		c.last, c.lastNow = newReport(nil), l.Now
	}
	c.count(c.last, l.Client.Endpoint, l.Server.Endpoint, l.Client.State, l.Server.State)
	c.last.shut(l.Server.Endpoint.Port, l.Client.ShutSince)
	c.last.shut(l.Server.Endpoint.Port, l.Server.ShutSince)
}

// Look goes on with the round under way, or begins one; m tells the meters when a round ends,
// wall is the caller's clock in nanoseconds since 1970 UTC. It is called after each batch, and several times a second where there is none.
func (c *Census) Look(t *tracker.Tracker, m func() Meters, wall int64) {
	if wall-c.looked < lookEvery || c.places == 0 && !c.halves && wall-c.begun < roundEvery {
		return
	}
	c.looked = wall
	if c.places == 0 && !c.halves {
		c.begun = wall
	}
	if !c.halves {
		c.places = t.Survey(c.places, surveyed, c.see)
		if c.halves = c.places == 0; t.Stats().Live > surveyed/2 {
			return
		}
	}
	c.places = t.SurveyHalfOpen(c.places, surveyed, func(client, server tcp.Endpoint) {
		c.count(c.round, client, server, tracker.SynSent, tracker.Closed)
	})
	if c.places == 0 {
		c.halves = false
		done := c.round
		c.round = newReport(done)
		c.publish(done, t.Now(), t.Stats(), m(), wall)
	}
}

// see counts a connection that lives.
func (c *Census) see(v tracker.View) {
	client, server := v.Endpoints()
	a, b := v.End(tracker.Client), v.End(tracker.Server)
	c.count(c.round, client, server, a.State(), b.State())
	c.round.shut(server.Port, a.ShutSince())
	c.round.shut(server.Port, b.ShutSince())
}

// count counts a connection into a report.
func (c *Census) count(r *Report, client, server tcp.Endpoint, a, b tracker.State) {
	r.Pairs[pairOf(server.Port, a, b)]++
	mine := false
	if c.local[client.Addr] {
		mine = true
		r.Local[a]++
	}
	if c.local[server.Addr] || !mine {
		r.Local[b]++
	}
}

// End reports what was there when the input ended, and what was counted over all of it.
func (c *Census) End(stats tracker.Stats, m Meters, wall int64) {
	c.publish(c.last, c.lastNow, stats, m, wall)
}

func (c *Census) publish(r *Report, now int64, stats tracker.Stats, m Meters, wall int64) {
	r.Now, r.Wall, r.Tracker, r.Meters = now, wall, stats, m
	r.Ended, r.Findings = c.ended.clone(), c.findings.report()
	c.latest.Store(r)
}

func (e Ended) clone() Ended {
	e.Life = e.Life.clone()
	for i := range e.RoundTrip {
		e.RoundTrip[i] = e.RoundTrip[i].clone()
	}
	return e
}
