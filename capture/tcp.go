package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// minHeader is how much of a TCP header must be captured: ports, sequence numbers, flags, window.
const minHeader = 16

// segment decodes a TCP header (RFC 9293 3.1). The addresses stand in seg.Flow as source and destination.
func (d *decoder) segment(b []byte, seg *tcp.Segment) Skip {
	n := len(b) + d.missing
	if n < 20 {
		return SkipBadTCP
	}
	if len(b) < minHeader {
		return SkipTruncated
	}
	head := int(b[12]>>4) * 4
	seg.Flow.PortA, seg.Flow.PortB = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	order(seg)
	seg.Seq = tcp.Seq(binary.BigEndian.Uint32(b[4:]))
	seg.Ack = tcp.Seq(binary.BigEndian.Uint32(b[8:]))
	seg.Flags = tcp.Flags(binary.BigEndian.Uint16(b[12:]) & 0x1ff)
	seg.Window = binary.BigEndian.Uint16(b[14:])
	seg.Snap = d.missing > 0
	seg.Beyond = uint16(min(d.beyond, 0xffff))
	if head < 20 || head > n {
		// Every host drops a header of impossible length, and Wireshark counts it.
		seg.Sum = tcp.SumNever
		return taken
	}
	seg.Len = n - head
	if len(b) < 20 {
		return taken
	}
	seg.Urgent = binary.BigEndian.Uint16(b[18:])
	if head > 20 {
		options(b[20:min(head, len(b))], len(b) < head, &seg.Options)
	}
	if seg.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST) || d.checksum == ChecksumAll {
		d.check(b, seg)
	}
	return taken
}

// check verifies the checksum of a segment that is all in b.
func (d *decoder) check(b []byte, seg *tcp.Segment) {
	if !seg.Snap && d.checksum != ChecksumOff {
		seg.Sum = verify(b, &seg.Flow)
	}
}

// order puts the flow, which stands as source and destination, in the key's order. It is tcp.MakeFlow in place: copying
// the key as a whole stalls on the words just written, a fifth of a packet's time.
func order(seg *tcp.Segment) {
	f := &seg.Flow
	if f.A.Hi < f.B.Hi || f.A.Hi == f.B.Hi && (f.A.Lo < f.B.Lo || f.A.Lo == f.B.Lo && f.PortA <= f.PortB) {
		return
	}
	f.A.Hi, f.B.Hi = f.B.Hi, f.A.Hi
	f.A.Lo, f.B.Lo = f.B.Lo, f.A.Lo
	f.PortA, f.PortB = f.PortB, f.PortA
	seg.Dir = tcp.FromB
}
