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

// shape reads a RST of snd.
func (snd *end) shape(s *tcp.Segment) ResetShape {
	foreign := snd.packets > 1 && snd.ttl != 0 && s.TTL != snd.ttl
	if s.Flags&tcp.ACK == 0 {
		switch {
		case foreign && s.IPID != 0:
			return ShapeSuspect
		case s.Window != 0 || s.IPID != 0 && s.Flow.V6 == 0 && snd.packets > 1 && snd.jumps(s):
			return ShapeSuspect
		}
		return ShapeReply
	}
	if s.Seq == 0 && s.Window == 0 {
		return ShapeRefusal
	}
	switch {
	case snd.packets > 1 && s.Flow.V6 == 0 && snd.ipID != 0 && snd.jumps(s) || foreign:
		return ShapeSuspect
	case snd.unheard >= 2 || snd.retransmissions >= 5 && snd.flight != 0:
		return ShapeTimeout
	}
	return ShapeAbort
}

// jumps says that a segment's IP ID does not go on from its sender's latest.
func (snd *end) jumps(s *tcp.Segment) bool { return uint16(s.IPID-snd.ipID) > ipIDStep }
