package capture

import "github.com/tcptrack/tcptrack/internal/tcp"

// Ethertypes in front of another header.
const (
	etherTEB        = 0x6558 // transparent Ethernet bridging
	etherMPLS       = 0x8847
	etherMPLSMulti  = 0x8848
	etherPPP        = 0x880b
	etherPPPoE      = 0x8864
	etherJumboLLC   = 0x8870
	etherERSPAN2    = 0x88be
	etherMACsec     = 0x88e5
	etherPBB        = 0x88e7
	etherFabricPath = 0x8903
	etherCMD        = 0x8909 // Cisco's metadata: a security group
	etherVNTag      = 0x8926
	etherETag       = 0x893f
	etherNSH        = 0x894f
	etherERSPAN3    = 0x22eb
	etherTRILL      = 0x22f3
	etherWCCP       = 0x883e
	etherRTag       = 0xf1c1
)

// rareType decodes what stands behind the rarer ethertypes.
func (d *decoder) rareType(t int, b []byte, seg *tcp.Segment) Skip {
	if d.deeper() {
		return SkipNested
	}
	switch t {
	case etherMPLS, etherMPLSMulti:
		return d.mpls(b, seg)
	case etherPPPoE:
		return d.pppoe(b, seg)
	case etherPPP:
		return d.ppp(b, seg)
	case etherTEB:
		return d.ethernet(b, seg)
	case etherJumboLLC:
		return d.llc(b, seg)
	case etherPBB: // the service tag, then the customer's frame
		return d.ethernetAt(4, b, seg)
	case etherFabricPath: // the tag, then the host's frame, and the check sequence, which Wireshark always finds there
		d.beyond += 4
		return d.ethernetAt(2, b, seg)
	case etherVNTag, etherRTag:
		return d.typeAt(4, b, seg)
	case etherMACsec:
		return d.macsec(b, seg)
	case etherWCCP: // version 2 has a header of four octets in front
		if len(b) > 0 && b[0]>>4 == 4 {
			return d.ip(b, seg)
		}
		return d.ipAt(4, b, seg)
	case etherETag, etherCMD:
		return d.typeAt(6, b, seg)
	case etherNSH:
		return d.nsh(b, seg)
	case etherTRILL:
		if len(b) < 6 {
			return SkipTruncated
		}
		return d.ethernetAt(6+be16(b)>>6&0x1f*4, b, seg)
	}
	return SkipNotIP
}

// typeAt decodes behind a tag whose last two octets, up to n+2, are the next ethertype.
func (d *decoder) typeAt(n int, b []byte, seg *tcp.Segment) Skip {
	if len(b) < n+2 {
		return SkipTruncated
	}
	return d.etherType(be16(b[n:]), b[n+2:], seg)
}

// macsec decodes a frame that is only authenticated, not encrypted (IEEE 802.1AE 9.3).
func (d *decoder) macsec(b []byte, seg *tcp.Segment) Skip {
	const (
		hasSCI = 0x20
		hidden = 0x08 | 0x04 // encrypted, or changed
	)
	if len(b) < 8 {
		return SkipTruncated
	}
	if b[0]&hidden != 0 {
		return SkipNotIP
	}
	if b[0]&hasSCI != 0 {
		return d.typeAt(14, b, seg)
	}
	return d.typeAt(6, b, seg)
}

// mpls steps over a stack of labels (RFC 3032). Nothing says what stands behind the last: IP, by its version (RFC
// 4928), or a pseudowire's control word (RFC 4385), or else an Ethernet frame.
func (d *decoder) mpls(b []byte, seg *tcp.Segment) Skip {
	for {
		if len(b) < 5 {
			return SkipTruncated
		}
		bottom := b[2]&1 != 0
		b = b[4:]
		if !bottom {
			continue
		}
		switch b[0] >> 4 {
		case 4, 6:
			return d.ip(b, seg)
		case 0:
			if len(b) >= 14 && isIP(be16(b[12:])) && (len(b) < 18 || !isIP(be16(b[16:]))) {
				return d.ethernet(b, seg) // no control word, but an address that begins with 0
			}
			return d.ethernetAt(4, b, seg)
		}
		return d.ethernet(b, seg)
	}
}

func isIP(t int) bool { return t == etherIPv4 || t == etherIPv6 }

// nsh decodes a network service header (RFC 8300 2.2).
func (d *decoder) nsh(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 4 {
		return SkipTruncated
	}
	n := int(b[1]&0x3f) * 4
	if n < 8 || n > len(b) {
		return SkipTruncated
	}
	return d.overlay(b[3], b[n:], seg)
}

// overlay decodes by the protocol numbers that NSH and VXLAN-GPE share.
func (d *decoder) overlay(proto byte, b []byte, seg *tcp.Segment) Skip {
	switch proto {
	case 1, 2:
		return d.ip(b, seg)
	case 3:
		return d.ethernet(b, seg)
	case 4:
		return d.rareType(etherNSH, b, seg)
	case 5:
		return d.mpls(b, seg)
	}
	return SkipNotIP
}
