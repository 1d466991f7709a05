package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Ethertypes that are followed. The rarer ones are in rare.go.
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
	etherOldQ = 0x9100 // QinQ before 802.1ad, with 0x9200 and 0x9300
	etherQ92  = 0x9200
	etherQ93  = 0x9300

	maxEtherLength = 1500 // up to here the field is an 802.3 length
)

func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }

// ethernet decodes an Ethernet frame.
func (d *decoder) ethernet(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 14 {
		return SkipTruncated
	}
	t := be16(b[12:])
	if t == etherIPv4 && len(b) > 14 && b[14]>>4 == 4 {
		return d.ipv4(b[14:], seg) // the usual case, by the shortest way
	}
	return d.etherType(t, b[14:], seg)
}

// etherType decodes what stands behind an ethertype (or 802.3 length).
func (d *decoder) etherType(t int, b []byte, seg *tcp.Segment) Skip {
	for {
		switch {
		case t == etherIPv4 || t == etherIPv6:
			return d.ip(b, seg)
		case t == etherVLAN || t == etherQinQ || t == etherOldQ || t == etherQ92 || t == etherQ93:
			if len(b) < 4 {
				return SkipTruncated
			}
			addVLAN(seg, uint16(be16(b))&0xfff)
			t, b = be16(b[2:]), b[4:]
		case t <= maxEtherLength:
			return d.llc(b, seg)
		default:
			return d.rareType(t, b, seg)
		}
	}
}

// addVLAN notes the two outermost identifiers.
func addVLAN(seg *tcp.Segment, id uint16) {
	if seg.VLAN[0] == 0 {
		seg.VLAN[0] = id
	} else if seg.VLAN[1] == 0 {
		seg.VLAN[1] = id
	}
}

// llc decodes an IEEE 802.2 header: SNAP, or IP's own service access point (RFC 1042, RFC 948).
func (d *decoder) llc(b []byte, seg *tcp.Segment) Skip {
	switch {
	case len(b) < 3:
		return SkipTruncated
	case b[0] == 0xaa && b[1] == 0xaa && b[2] == 3:
		return d.snap(b[3:], seg)
	case b[0] == 0x06 && b[1] == 0x06 && b[2] == 3:
		return d.ip(b[3:], seg)
	}
	return SkipNotIP
}

// snap decodes what follows a sub-network access protocol header: an organisation, and its number for a protocol.
func (d *decoder) snap(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 5 {
		return SkipTruncated
	}
	if d.deeper() {
		return SkipNested
	}
	t := be16(b[3:])
	switch organisation := int(b[0])<<16 | be16(b[1:]); organisation {
	case 0, 0xf8: // an ethertype; f8 from 802.1H bridges
		if t > maxEtherLength {
			return d.etherType(t, b[5:], seg)
		}
	case 0x80c2: // a bridged frame (RFC 2427, RFC 2684)
		if t == 1 || t == 7 {
			return d.ethernet(b[5:], seg)
		}
	}
	return SkipNotIP
}
