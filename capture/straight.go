package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// straight decodes the frame that most are: Ethernet, IPv4 without options and whole, TCP with timestamps or no options
// and without SYN, FIN and RST. It fills seg as the way through the layers does, and says no, having done nothing, to
// every other; FuzzStraight holds the two equal. 0.95 of the time on M, 0.98 on S.
func (d *decoder) straight(rec *record, seg *tcp.Segment) bool {
	const ip, tc = 14, 14 + 20
	b := rec.frame
	if len(b) < tc+20 || rec.link != linkEthernet || d.checksum == ChecksumAll {
		return false
	}
	// Ethertype, version and length of the header; fragment; protocol.
	if binary.BigEndian.Uint32(b[12:])>>8 != etherIPv4<<8|0x45 || binary.BigEndian.Uint32(b[20:])&0x3fff00ff != protoTCP {
		return false
	}
	total, captured := be16(b[ip+2:]), len(b)-ip
	flags := tcp.Flags(binary.BigEndian.Uint16(b[tc+12:]) & 0x1ff)
	head := int(b[tc+12]>>4) * 4
	if total < 20+head || total > max(captured, rec.orig-ip) || flags.Any(tcp.SYN|tcp.FIN|tcp.RST) {
		return false
	}
	stamped := head == 32
	if stamped {
		if len(b) < tc+32 || binary.BigEndian.Uint32(b[tc+20:]) != optNop<<24|optNop<<16|optTS<<8|10 {
			return false
		}
	} else if head != 20 {
		return false
	}

	*seg = tcp.Segment{}
	seg.Time = rec.time
	src, dst := uint64(binary.BigEndian.Uint32(b[ip+12:])), uint64(binary.BigEndian.Uint32(b[ip+16:]))
	sport, dport := binary.BigEndian.Uint16(b[tc:]), binary.BigEndian.Uint16(b[tc+2:])
	if src > dst || src == dst && sport > dport {
		src, dst, sport, dport = dst, src, dport, sport
		seg.Dir = tcp.FromB
	}
	seg.Flow.A, seg.Flow.B = tcp.AddrFrom4(uint32(src)), tcp.AddrFrom4(uint32(dst))
	seg.Flow.PortA, seg.Flow.PortB = sport, dport
	seg.Seq = tcp.Seq(binary.BigEndian.Uint32(b[tc+4:]))
	seg.Ack = tcp.Seq(binary.BigEndian.Uint32(b[tc+8:]))
	seg.Len = total - 20 - head
	seg.IPLen = total
	seg.Flags = flags
	seg.Window = binary.BigEndian.Uint16(b[tc+14:])
	seg.Urgent = binary.BigEndian.Uint16(b[tc+18:])
	seg.IPID = binary.BigEndian.Uint16(b[ip+4:])
	seg.TTL = b[ip+8]
	seg.Snap = total > captured
	if stamped {
		seg.Options.Has = tcp.HasTS
		seg.Options.TSVal, seg.Options.TSEcr = binary.BigEndian.Uint32(b[tc+24:]), binary.BigEndian.Uint32(b[tc+28:])
	}
	return true
}
