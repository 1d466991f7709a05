package incident

import (
	"slices"
	"sync"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Latest keeps the last packets for whoever asks for those of a connection, from any goroutine.
type Latest struct {
	mu   sync.Mutex
	ring *Ring
}

// NewLatest keeps so many octets of packets.
func NewLatest(size int) *Latest { return &Latest{ring: NewRing(size)} }

// Record keeps a packet; it is a capture.Recorder. What is neither TCP nor a fragment belongs to no connection.
func (l *Latest) Record(r *capture.Record, seg *tcp.Segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case seg != nil:
		l.ring.push(r, l.ring.hash(&seg.Flow))
	case r.Fragment:
		l.ring.push(r, l.ring.hostsHash(r.A, r.B))
	}
}

// lookedAt bounds the packets that are copied while Record waits: some tens of microseconds.
const lookedAt = 64

// Of shows the packets of a flow that are still kept and not stamped outside from and to, in order; fragments between its
// hosts too. They are copies, valid until see returns, which may take its time. Short says that some before them are gone.
func (l *Latest) Of(flow tcp.FlowKey, from, to int64, see func(*capture.Record) error) (short bool, err error) {
	l.mu.Lock()
	at := l.ring.find(nil, l.ring.hash(&flow), from)
	at = l.ring.find(at, l.ring.hostsHash(flow.A, flow.B), from)
	short = l.ring.evicted > 0 && l.ring.gone >= from
	l.mu.Unlock()
	slices.Sort(at)
	var records [lookedAt]capture.Record
	var data []byte
	for len(at) > 0 {
		n := 0
		some := at[:min(len(at), lookedAt)]
		at = at[len(some):]
		data = data[:0]
		l.mu.Lock()
		for _, position := range some {
			if !l.ring.holds(position) {
				short = true
				continue
			}
			l.ring.record(position, &records[n])
			if records[n].Time > to {
				continue
			}
			begin := len(data)
			data = append(data, records[n].Data...)
			records[n].Data = data[begin:len(data):len(data)]
			n++
		}
		l.mu.Unlock()
		for i := range records[:n] {
			if err := see(&records[i]); err != nil {
				return short, err
			}
		}
	}
	return short, nil
}
