package main

import (
	"math"
	"slices"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// picker notes which packets belong to the connections that a selection means, and what is to be said of them. It is the
// sink of the pass that looks for them.
type picker struct {
	*sieve
	flows       map[tcp.FlowKey][]stretch
	hosts       map[pair]bool
	comments    map[uint64][]note // by packet
	connections uint64
	crowd       []uint64 // packets that show what was found of a population, in order once all are there
	near        map[uint64]struct{}
	lost        uint64 // connections without comments
}

// stretch is the packets of a flow that are one connection's: numbers from lo to below hi.
type stretch struct{ lo, hi uint64 }

// note is a comment on a packet, if that is of the flow; of any flow if that is the zero one.
type note struct {
	flow tcp.FlowKey
	text string
}

// pair is two hosts, the lower first.
type pair struct{ a, b tcp.Addr }

func pairOf(a, b tcp.Addr) pair {
	if a.Hi > b.Hi || a.Hi == b.Hi && a.Lo > b.Lo {
		a, b = b, a
	}
	return pair{a, b}
}

// maxComments bounds the packets with comments.
const maxComments = 1 << 20

func newPicker(want *query.Selection) *picker {
	p := &picker{flows: map[tcp.FlowKey][]stretch{}, hosts: map[pair]bool{}, comments: map[uint64][]note{}}
	p.sieve = newSieve(&told{picker: p, found: map[string]*anomaly.Finding{}}, want, false)
	return p
}

// Connection ends the stretch of the connection before on the same flow, whether this one is meant or not.
func (p *picker) Connection(c *tracker.Connection) {
	if list := p.flows[flowOf(c)]; len(list) > 0 {
		if last := &list[len(list)-1]; last.hi == math.MaxUint64 && last.lo < c.First {
			last.hi = c.First
		}
	}
	p.sieve.Connection(c)
}

func flowOf(c *tracker.Connection) tcp.FlowKey {
	a, b := c.Client.Endpoint, c.Server.Endpoint
	key, _ := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	return key
}

// pick notes a stretch of a flow.
func (p *picker) pick(key tcp.FlowKey, s stretch) {
	p.flows[key] = append(p.flows[key], s)
	p.hosts[pairOf(key.A, key.B)] = true
}

// say puts a comment on a packet.
func (p *picker) say(packet uint64, flow tcp.FlowKey, text string) {
	if len(p.comments) < maxComments {
		p.comments[packet] = append(p.comments[packet], note{flow, text})
	}
}

// said lists the comments on a packet.
func (p *picker) said(r *capture.Record, seg *tcp.Segment) (list []string) {
	for _, n := range p.comments[r.Number] {
		if seg != nil && (n.flow == tcp.FlowKey{} || n.flow == seg.Flow) {
			list = append(list, n.text)
		}
	}
	return list
}

// picks says whether a packet is to be saved: of a fragment it is not known whose it is, those between the hosts are
// taken.
func (p *picker) picks(r *capture.Record, seg *tcp.Segment) bool {
	if seg == nil {
		return r.Fragment && p.hosts[pairOf(r.A, r.B)]
	}
	return slices.ContainsFunc(p.flows[seg.Flow], func(s stretch) bool { return s.lo <= r.Number && r.Number < s.hi })
}

// whose picks the connections that the packets of the crowd belong to.
func (p *picker) whose(r *capture.Record, seg *tcp.Segment) {
	if _, is := slices.BinarySearch(p.crowd, r.Number); is && seg != nil && !p.picks(r, seg) {
		p.connections++
		p.pick(seg.Flow, stretch{0, math.MaxUint64})
	}
}

// told takes what is told of the connections that are meant: transitions and findings, then the connection.
type told struct {
	picker *picker
	found  map[string]*anomaly.Finding // of the connection whose line comes next, by ID
}

// Transition comments the packet that moved an end, not what only widened what is possible.
func (s *told) Transition(t *tracker.Transition) {
	if t.From == t.To {
		return
	}
	key, _ := tcp.MakeFlow(t.Client.Addr, t.Server.Addr, t.Client.Port, t.Server.Port, t.Client.V6)
	s.picker.say(t.Packet, key, incident.Move(t))
}

func (s *told) Finding(f *anomaly.Finding) {
	if f.Population {
		if f.Status != anomaly.Withdrawn {
			s.picker.crowd = append(s.picker.crowd, f.Evidence...)
			slices.Sort(s.picker.crowd)
			s.picker.crowd = slices.Compact(s.picker.crowd)
			if n := len(f.Evidence); n > 0 {
				s.picker.say(f.Evidence[n-1], tcp.FlowKey{}, incident.Verdict(f, incident.States{}))
			}
		}
		return
	}
	s.found[f.ID] = f
}

// Connection picks it. The verdicts are the last that were told, with the states at the end.
func (s *told) Connection(c *tracker.Connection) {
	p := s.picker
	p.connections++
	key := flowOf(c)
	p.pick(key, stretch{c.First, math.MaxUint64})
	if len(p.comments) >= maxComments {
		p.lost++
	}
	ids := make([]string, 0, len(s.found))
	for id := range s.found {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		f := s.found[id]
		at := c.First
		for _, n := range f.Evidence {
			if at != c.First && at != n {
				p.say(at, key, incident.Evidence(f, at))
			}
			at = n
		}
		p.say(at, key, incident.Verdict(f, incident.StatesAtEnd(c)))
	}
	clear(s.found)
}

func (s *told) Flush() error { return nil }

// nearby finds the packets before and after those that are picked, of the same two hosts.
type nearby struct {
	picker  *picker
	n       int
	hosts   map[pair]*around
	numbers map[uint64]struct{}
}

// around is what two hosts said last, besides what is picked.
type around struct {
	before []uint64 // the latest, in a circle
	at     int
	after  int // packets that still belong to what was picked
}

func newNearby(p *picker, n int) *nearby {
	return &nearby{picker: p, n: n, hosts: map[pair]*around{}, numbers: map[uint64]struct{}{}}
}

// see is a capture.Recorder.
func (b *nearby) see(r *capture.Record, seg *tcp.Segment) {
	hosts := pairOf(r.A, r.B)
	if !b.picker.hosts[hosts] {
		return
	}
	w := b.hosts[hosts]
	if w == nil {
		w = &around{}
		b.hosts[hosts] = w
	}
	switch {
	case b.picker.picks(r, seg):
		for _, n := range w.before {
			b.numbers[n] = struct{}{}
		}
		w.before, w.at, w.after = w.before[:0], 0, b.n
	case w.after > 0:
		w.after--
		b.numbers[r.Number] = struct{}{}
	case len(w.before) < b.n:
		w.before = append(w.before, r.Number)
	default:
		w.before[w.at] = r.Number
		w.at = (w.at + 1) % b.n
	}
}
