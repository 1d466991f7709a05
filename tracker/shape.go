package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// ResetShape is what made a RST, read from its header (measured on Linux 6.18, DESIGN 2.1 D11).
type ResetShape uint8

const (
	ShapeUnknown ResetShape = iota // nothing fits for certain: IPv6, another system
	ShapeRefusal                   // a host without that listener or connection answers a segment without ACK
	ShapeReply                     // a host without that connection answers a segment with ACK
	ShapeAbort                     // the living owner's: unread data, SO_LINGER 0, or the process ended
	ShapeTimeout                   // the living owner's, after retries that nobody answered
	ShapeSuspect                   // fits neither its sender's TTL nor its IP ID: somebody else may have made it
)

var shapeNames = [...]string{"unknown", "refusal", "reply", "abort", "timeout", "suspect"}

func (s ResetShape) String() string { return shapeNames[s] }

// ipIDStep is how far a host's IP ID may run between two captured segments of one connection: Linux counts for each
// socket, others for all.
const ipIDStep = 4096

// ownIDs is how far the IP ID of a connection that counts its own may run: more were lost before the tap only in a storm.
const ownIDs = 64

// shape reads a RST of snd.
func (t *Tracker) shape(snd, rcv *end, s *tcp.Segment) ResetShape {
	foreign := snd.packets > 1 && snd.ttl != 0 && s.TTL != snd.ttl && !snd.has(manyTTLs)
	counts := s.IPID != 0 && s.Flow.V6 == 0 && snd.packets > 3 && snd.ipID != 0 && !snd.has(wildIDs)
	copied := counts && s.IPID == snd.ipID
	if s.Flags&tcp.ACK == 0 {
		switch {
		case foreign && (s.IPID != 0 || s.Flow.V6 != 0), copied:
			return ShapeSuspect
		case s.Window != 0 && !t.answersLate(snd, rcv):
			return ShapeSuspect
		}
		return ShapeReply // whose IP ID is 0, or counted apart from the connections', as older Linux does
	}
	if s.Seq == 0 && s.Window == 0 {
		return ShapeRefusal
	}
	switch {
	case copied, foreign, counts && snd.jumps(s):
		return ShapeSuspect
	case snd.unheard >= 2 || snd.retransmissions >= 5 && snd.flight != 0 && !rcv.has(windowShut): // a reader that does not read answers
		return ShapeTimeout
	}
	return ShapeAbort
}

// answersLate says that a RST of snd comes when an answer to its peer's latest octets may. Few systems put a window on
// such an answer (Solaris does); on any other RST without ACK none does.
func (t *Tracker) answersLate(snd, rcv *end) bool {
	return rcv.inFlight() > 0 && rcv.rtt.n > 0 && t.now-rcv.sentAt >= rcv.rtt.min-rcv.rtt.min/4
}

// jumps says that a segment's IP ID lies far from its sender's latest.
func (snd *end) jumps(s *tcp.Segment) bool {
	d := int16(s.IPID - snd.ipID)
	return d > ipIDStep || d < -ipIDStep
}

// marks notes the TTL and the IP ID of a segment, and whether they say anything of who made it: some hosts draw IDs at
// random, some paths and proxies change the TTL. ID 0 is Linux' where the packet cannot be fragmented and no socket sent it.
// Those of a RST are no measure: it may be somebody else's.
func (snd *end) marks(s *tcp.Segment) {
	if s.Flags&tcp.RST != 0 {
		return
	}
	if s.TTL != snd.ttl {
		if snd.ttl != 0 {
			snd.flags |= manyTTLs
		}
		snd.ttl = s.TTL
	}
	if s.IPID != 0 {
		if d := int16(s.IPID - snd.ipID); snd.ipID != 0 && (d > ownIDs || d < -ownIDs || d == 0) {
			snd.flags |= wildIDs
		}
		snd.ipID = s.IPID
	}
}
