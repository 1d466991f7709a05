package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// IP protocol numbers that are followed. The rarer ones are in tunnel.go.
const (
	protoHopByHop = 0
	protoTCP      = 6
	protoRouting  = 43
	protoFragment = 44
	protoAH       = 51
	protoDestOpts = 60
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

// ip decodes an IP packet of either version, whatever version the layer before it announced (as Wireshark does).
func (d *decoder) ip(b []byte, seg *tcp.Segment) Skip {
	if len(b) == 0 {
		return SkipTruncated
	}
	switch b[0] >> 4 {
	case 4:
		return d.ipv4(b, seg)
	case 6:
		return d.ipv6(b, seg)
	}
	return SkipBadIP
}

func (d *decoder) ipv4(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 20 {
		return SkipTruncated
	}
	head := int(b[0]&15) * 4
	total := be16(b[2:])
	if total == 0 {
		// The sender's network card was to cut it in pieces and write their lengths (TSO).
		total = len(b) + d.missing
	}
	if head < 20 || total < head {
		return SkipBadIP
	}
	if len(b) < head {
		return SkipTruncated
	}
	if wire := len(b) + d.missing; total > wire && fold(sum(b[:head])) != 0xffff {
		// More than was on the wire. A good header sum vouches for it: a tool cut the frame and did not say so. Else the
		// length is damage.
		total = wire
	}
	proto := b[9]
	seg.Flow.A = tcp.AddrFrom4(binary.BigEndian.Uint32(b[12:]))
	seg.Flow.B = tcp.AddrFrom4(binary.BigEndian.Uint32(b[16:]))
	seg.Flow.V6 = 0
	seg.IPID = binary.BigEndian.Uint16(b[4:])
	seg.TTL = b[8]
	seg.IPLen = total
	frag := be16(b[6:])
	body := d.cut(b[head:], total-head)
	if frag&0x3fff != 0 {
		var whole bool
		body, whole = d.fragments.add(d, seg, fragment{
			id: uint32(seg.IPID), proto: proto, off: frag & 0x1fff * 8, last: frag&0x2000 == 0, body: body, missing: d.missing,
		})
		if !whole {
			return SkipFragment
		}
		seg.IPLen = head + len(body) + d.missing
	}
	if proto == protoTCP {
		return d.segment(body, seg)
	}
	return d.payload(proto, body, seg)
}

func (d *decoder) ipv6(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 40 {
		return SkipTruncated
	}
	proto := b[6]
	n := be16(b[4:])
	if n == 0 && proto != protoHopByHop {
		n = len(b) + d.missing - 40 // offload, as with IPv4
	} else if n == 0 {
		n = d.jumbo(b)
	}
	seg.Flow.A, seg.Flow.B = tcp.AddrFrom16(b[8:]), tcp.AddrFrom16(b[24:])
	seg.Flow.V6 = 1
	seg.IPID = 0
	seg.TTL = b[7]
	seg.IPLen = 40 + n
	body := d.cut(b[40:], n)
	if proto == protoTCP {
		return d.segment(body, seg)
	}
	return d.extensions(proto, body, seg)
}

// jumbo returns the payload length of a packet whose length field is 0 and which begins with a hop-by-hop header:
// that of a jumbogram (RFC 2675), else what was on the wire (offload).
func (d *decoder) jumbo(b []byte) int {
	wire := len(b) + d.missing - 40
	if len(b) >= 48 && b[42] == 0xc2 && b[43] == 4 {
		return min(int(binary.BigEndian.Uint32(b[44:])), wire)
	}
	return wire
}

// extensions walks the IPv6 extension headers (RFC 8200 4). Each is at least eight octets, so the walk ends.
func (d *decoder) extensions(proto uint8, b []byte, seg *tcp.Segment) Skip {
	for {
		var n int
		switch proto {
		case protoTCP:
			return d.segment(b, seg)
		case protoHopByHop, protoRouting, protoDestOpts, protoMobility, protoHIP, protoShim6:
			if len(b) < 8 {
				return SkipTruncated
			}
			n = 8 + int(b[1])*8
			if proto == protoRouting && len(b) >= n {
				finalDestination(b[:n], seg)
			}
		case protoAH:
			if len(b) < 8 {
				return SkipTruncated
			}
			n = 8 + int(b[1])*4
		case protoFragment:
			if len(b) < 8 {
				return SkipTruncated
			}
			n = 8
			if frag := be16(b[2:]); frag&0xfff9 != 0 {
				before := seg.IPLen - len(b) - d.missing
				body, whole := d.fragments.add(d, seg, fragment{
					id: binary.BigEndian.Uint32(b[4:]), proto: b[0], off: frag & 0xfff8, last: frag&1 == 0, body: b[8:], missing: d.missing,
				})
				if !whole {
					return SkipFragment
				}
				seg.IPLen = before + len(body) + d.missing
				proto, b = b[0], body
				continue
			}
		default:
			return d.payload(proto, b, seg)
		}
		if len(b) < n {
			return SkipTruncated
		}
		proto, b = b[0], b[n:]
	}
}

// finalDestination replaces the packet's destination by the last one of a routing header that has hops left, which is
// whom TCP talks to and whose address is in its checksum (RFC 8200 8.1).
func finalDestination(b []byte, seg *tcp.Segment) {
	left := int(b[3])
	if left == 0 || len(b) < 24 {
		return
	}
	switch b[2] {
	case 0, 2: // source route (RFC 2460), Mobile IPv6 (RFC 6275): the last address is the final one
		seg.Flow.B = tcp.AddrFrom16(b[len(b)-16:])
	case 4: // segment routing (RFC 8754): the list is in reverse
		seg.Flow.B = tcp.AddrFrom16(b[8:])
	}
}
