package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

// Record is one packet as it was captured. It is valid until the Recorder returns, but for what Interface points to.
type Record struct {
	Number    uint64 // from 1, counting every record, as in tcp.Segment
	Time      int64  // nanoseconds since 1970 UTC
	Length    int    // octets on the wire
	Data      []byte // what of them was captured, from the link's header on
	Interface *Interface
	// A and B are the hosts of the innermost IP header that was read; zero where none was.
	A, B     tcp.Addr
	Fragment bool // it is a fragment, and completes no datagram
}

// Interface is where packets were captured. A Source shows the same pointer for all packets of one interface, as long
// as a file does not describe it anew.
type Interface struct {
	ID          uint32 // its number in the file's section, or the system's
	Link        uint32 // LINKTYPE number of its packets
	Snap        uint32 // octets kept of each at most; 0: not known
	Name        string // "" where the capture does not say
	Description string
}

// Recorder is shown each packet as it is read, in order, before its segment is handed out: seg is nil for a packet that
// yields none. It runs on the goroutine that reads.
type Recorder func(r *Record, seg *tcp.Segment)

// shower fills the Record for a Recorder.
type shower struct {
	to     Recorder // nil: nobody looks
	record Record
	skip   Skip // of the packet at hand; meaningful for those that yield no segment
}

// show shows a packet of the interface; seg is meaningful iff n > 0.
func (s *shower) show(rec *record, number uint64, on *Interface, n int, seg *tcp.Segment) {
	s.record = Record{
		Number: number, Time: rec.time, Length: max(rec.orig, len(rec.frame)), Data: rec.frame, Interface: on,
		A: seg.Flow.A, B: seg.Flow.B, Fragment: n == 0 && s.skip == SkipFragment,
	}
	if n == 0 {
		seg = nil
	}
	s.to(&s.record, seg)
}

// where returns the interface of the input's record.
func (in *input) where(rec *record) *Interface {
	if in.ng != nil {
		return in.ng.ifaces[rec.id].shown
	}
	if in.shown == nil {
		in.shown = &Interface{Link: rec.link, Snap: in.pcap.snap}
	}
	return in.shown
}

// maxNameBytes bounds what is kept of an interface's name, and of its description.
const maxNameBytes = 255

// named reads what an interface description block says beside the numbers, for a Recorder.
func (g *pcapng) named(f *iface, id int, b []byte) {
	f.shown = &Interface{ID: uint32(id), Link: f.link, Snap: f.snap}
	g.options(b, func(code uint32, v []byte) {
		switch text := string(v[:min(len(v), maxNameBytes)]); code {
		case 2:
			f.shown.Name = text
		case 3:
			f.shown.Description = text
		}
	})
}
