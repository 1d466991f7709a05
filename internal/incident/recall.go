package incident

import (
	"slices"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// maxWalk bounds the packets that Find looks at: some milliseconds' work. A flow shares its chain with others.
const maxWalk = 1 << 16

// Keep keeps a packet of a TCP connection; it is a capture.Recorder. Others are left out.
func (r *Ring) Keep(p *capture.Record, seg *tcp.Segment) {
	if seg != nil {
		r.push(p, r.hash(&seg.Flow))
	}
}

// Find returns the positions of a flow's packets, from that number on and at most so many of the latest, in order.
func (r *Ring) Find(flow tcp.FlowKey, from uint64, most int) (list []uint64) {
	hash := r.hash(&flow)
	walked := 0
	for at := r.latest[hash&uint64(len(r.latest)-1)]; at != 0 && r.holds(at) && r.numberAt(at) >= from && len(list) < most && walked < maxWalk; walked++ {
		if r.hashAt(at) == hash {
			list = append(list, at)
		}
		at = r.beforeAt(at)
	}
	slices.Reverse(list)
	return list
}

// Packet fills p with the packet at a position that Find has returned, and says whether the ring still holds it. Its data
// is valid until the next packet is kept.
func (r *Ring) Packet(at uint64, p *capture.Record) bool {
	if !r.holds(at) {
		return false
	}
	r.record(at, p)
	return true
}
