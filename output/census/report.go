package census

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Report is what there was when a round ended. Nobody changes it.
type Report struct {
	Now, Wall int64 // the capture's time and the caller's, nanoseconds since 1970 UTC; 0: no round has ended
	Meters
	Tracker  tracker.Stats
	Pairs    map[Pair]uint32       // connections that live
	Local    [tcp.NumStates]uint64 // ends on this host by state, both of one that is within it; of connections of others, the server's
	Ended    Ended
	Findings Findings

	shutAt map[uint16]int64 // by the server's port, since when a window has been shut, of the longest
}

// Pair names connections by the server's port and the states of both ends.
type Pair uint32

func pairOf(port uint16, client, server tracker.State) Pair {
	return Pair(port)<<16 | Pair(client)<<8 | Pair(server)
}

// Port is the server's.
func (p Pair) Port() uint16 { return uint16(p >> 16) }

// States are the client's and the server's.
func (p Pair) States() (client, server tracker.State) {
	return tracker.State(p >> 8 & 0xff), tracker.State(p & 0xff)
}

// newReport makes an empty one with room for what the last one held.
func newReport(last *Report) *Report {
	n := 0
	if last != nil {
		n = len(last.Pairs)
	}
	return &Report{Pairs: make(map[Pair]uint32, n), shutAt: map[uint16]int64{}}
}

// shut notes since when a window has been shut, 0 for not.
func (r *Report) shut(port uint16, since int64) {
	if since == 0 {
		return
	}
	if at, is := r.shutAt[port]; !is || since < at {
		r.shutAt[port] = since
	}
}

// ZeroWindows is for how many seconds the longest shut window of each port has been shut.
func (r *Report) ZeroWindows() map[uint16]float64 {
	all := make(map[uint16]float64, len(r.shutAt))
	for port, since := range r.shutAt {
		all[port] = float64(max(r.Now-since, 0)) / 1e9
	}
	return all
}

// Packets says what became of the packets that were read: each is in one verdict.
func (r *Report) Packets() []Skipped {
	t := &r.Tracker
	set := []Skipped{
		{"followed", t.Segments - min(t.Segments, t.Duplicates+t.BadChecksums)},
		{"duplicate", t.Duplicates},
		{"bad-checksum", t.BadChecksums},
	}
	return append(set, r.Skipped...)
}
