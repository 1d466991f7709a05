package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// Parts is how many parts of the flows are told apart.
const Parts = 64

// Part is the part that a flow is in, below Parts, the same in every process. Who aims at one of them slows down those who
// track it apart from others, no more.
func Part(k *tcp.FlowKey) int { return int(markHash.hash(k) >> 26) }

// parts is how many Trackers share the bounds.
func (t *Tracker) parts() int { return max(t.cfg.Parts, 1) }

// Full says that a bound was reached: what this one of several Trackers has told since may differ from what one Tracker of
// all flows would have told.
func (t *Tracker) Full() bool { return t.rare.full || t.holes.GivenUp().Total > 0 }

// Add adds the counts of a Tracker of other flows.
func (s *Stats) Add(o *Stats) {
	for _, x := range [...]struct {
		to   *uint64
		more uint64
	}{
		{&s.Segments, o.Segments}, {&s.Transitions, o.Transitions}, {&s.Connections, o.Connections}, {&s.Evicted, o.Evicted},
		{&s.Duplicates, o.Duplicates}, {&s.BadChecksums, o.BadChecksums}, {&s.Offloaded, o.Offloaded},
		{&s.TimeBackwards, o.TimeBackwards}, {&s.StreamsForgotten, o.StreamsForgotten},
	} {
		*x.to += x.more
	}
	s.Live += o.Live
	s.HalfOpen += o.HalfOpen
	for i := range s.States {
		for j := range s.States[i] {
			s.States[i][j] += o.States[i][j]
		}
	}
}
