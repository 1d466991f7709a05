package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

// serial decodes the link types of serial lines.
func (d *decoder) serial(kind uint32, b []byte, seg *tcp.Segment) Skip {
	if len(b) < 4 {
		return SkipTruncated
	}
	switch kind {
	case linkCHDLCDir: // one octet says which direction
		return d.serial(linkCHDLC, b[1:], seg)
	case linkRelayDir:
		return d.serial(linkFrameRelay, b[1:], seg)
	case linkPPPoE:
		return d.pppoe(b, seg)
	case linkPPPDir:
		return d.ppp(b[1:], seg)
	case linkPPPD: // the direction stands in the place of the address
		if b[1] == 3 {
			return d.ppp(b[2:], seg)
		}
		return d.ppp(b[1:], seg)
	case linkCHDLC:
		return d.etherType(be16(b[2:]), b[4:], seg)
	case linkPPPHDLC:
		if (b[0] == 0x0f || b[0] == 0x8f) && b[1] == 0 { // Cisco's framing on the same line
			return d.etherType(be16(b[2:]), b[4:], seg)
		}
	case linkFrameRelay:
		return d.frameRelay(b, seg)
	}
	return d.ppp(b, seg)
}

// ppp decodes a PPP frame (RFC 1661, RFC 1662) with or without address and control, the protocol in one octet or two.
func (d *decoder) ppp(b []byte, seg *tcp.Segment) Skip {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 3 {
		b = b[2:]
	}
	if len(b) < 2 {
		return SkipTruncated
	}
	proto := int(b[0])
	if proto&1 != 0 {
		b = b[1:]
	} else {
		proto, b = be16(b), b[2:]
	}
	switch proto {
	case 0x21, 0x57:
		return d.ip(b, seg)
	case 0x281, 0x283:
		return d.mpls(b, seg)
	}
	return SkipNotIP
}

// pppoe decodes a PPPoE session frame (RFC 2516 4), behind its ethertype.
func (d *decoder) pppoe(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 6 {
		return SkipTruncated
	}
	if b[1] != 0 { // discovery
		return SkipNotIP
	}
	return d.ppp(b[6:], seg)
}

// frameRelay decodes RFC 2427's encapsulation, or Cisco's: an ethertype behind the address.
func (d *decoder) frameRelay(b []byte, seg *tcp.Segment) Skip {
	for n := 1; b[0]&1 == 0; n++ { // the last octet of the address has its lowest bit set
		b = b[1:]
		if len(b) < 4 {
			return SkipTruncated
		}
		if n == 4 {
			return SkipNotIP
		}
	}
	b = b[1:]
	if b[0] != 3 {
		return d.etherType(be16(b), b[2:], seg)
	}
	b = b[1:]
	if b[0] == 0 { // padding
		b = b[1:]
	}
	if len(b) < 1 {
		return SkipTruncated
	}
	switch b[0] {
	case 0xcc, 0x8e:
		return d.ip(b[1:], seg)
	case 0x80:
		return d.snap(b[1:], seg)
	case 0xcf:
		return d.ppp(b[1:], seg)
	}
	return SkipNotIP
}
