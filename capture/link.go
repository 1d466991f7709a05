package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Link types (tcpdump.org, LINKTYPE_ numbers) that have a header to be read; those in front of a plain IP packet
// are in link itself.
const (
	linkNull        = 0
	linkEthernet    = 1
	linkTokenRing   = 6
	linkSLIP        = 8
	linkPPP         = 9
	linkFDDI        = 10
	linkPPPHDLC     = 50
	linkPPPoE       = 51
	linkATM         = 100
	linkCHDLC       = 104
	linkWLAN        = 105
	linkFrameRelay  = 107
	linkLoop        = 108
	linkENC         = 109
	linkSLL         = 113
	linkPFLOG       = 117
	linkPrism       = 119
	linkRadiotap    = 127
	linkFirewire    = 138
	linkAVS         = 163
	linkPPPD        = 166
	linkPPI         = 192
	linkERF         = 197
	linkPPPDir      = 204
	linkCHDLCDir    = 205
	linkRelayDir    = 206
	linkMPLS        = 219
	linkNFLOG       = 239
	linkNetAnalyzer = 240
	linkPktap       = 258
	linkSLL2        = 276
)

// link decodes the frame of any link type.
func (d *decoder) link(kind uint32, b []byte, seg *tcp.Segment) Skip {
	switch kind {
	case linkEthernet:
		return d.ethernet(b, seg)
	case 12, 14, 101, 228, 229: // raw IP
		return d.ip(b, seg)
	case linkNull, linkLoop:
		return d.loopback(b, seg)
	case linkSLL:
		if len(b) < 16 {
			return SkipTruncated
		}
		return d.cooked(be16(b[2:]), be16(b[14:]), b[16:], seg)
	case linkSLL2:
		if len(b) < 20 {
			return SkipTruncated
		}
		return d.cooked(be16(b[8:]), be16(b), b[20:], seg)
	case linkPPP, linkPPPHDLC, linkPPPD, linkPPPDir, linkPPPoE, linkCHDLC, linkCHDLCDir, linkFrameRelay, linkRelayDir:
		return d.serial(kind, b, seg)
	case linkWLAN, linkRadiotap, linkPrism, linkAVS, linkPPI:
		return d.wireless(kind, b, seg)
	case linkMPLS:
		return d.mpls(b, seg)
	case linkNFLOG:
		return d.nflog(b, seg)
	case linkPFLOG:
		if len(b) == 0 {
			return SkipTruncated
		}
		return d.ipAt((int(b[0])+3)&^3, b, seg)
	case linkPktap:
		return d.pktap(b, seg)
	case linkERF:
		return d.erf(b, seg)
	case linkTokenRing:
		return d.tokenRing(b, seg)
	}
	return d.fixedHeader(kind, b, seg)
}

// fixedHeader decodes the link types that need no more than to step over so many octets.
func (d *decoder) fixedHeader(kind uint32, b []byte, seg *tcp.Segment) Skip {
	switch kind {
	case linkENC:
		return d.ipAt(12, b, seg)
	case linkSLIP:
		return d.ipAt(16, b, seg)
	case 226: // IPNET of Solaris
		return d.ipAt(24, b, seg)
	case linkNetAnalyzer:
		return d.ethernetAt(4, b, seg)
	case 241: // the same, with the preamble
		return d.ethernetAt(12, b, seg)
	case 274: // Ethernet with the preamble (IEEE 802.3br)
		return d.ethernetAt(8, b, seg)
	case 282: // Broadcom's switch tag in front of the addresses
		return d.ethernetAt(4, b, seg)
	case 281, 283: // switch tags of Broadcom and Marvell behind the addresses
		return d.typeAt(16, b, seg)
	case 284: // Marvell's, under an ethertype of its own
		return d.typeAt(20, b, seg)
	case linkFirewire:
		return d.typeAt(16, b, seg)
	case 242: // IP over InfiniBand: ethertype and two octets reserved
		if len(b) < 44 {
			return SkipTruncated
		}
		return d.etherType(be16(b[40:]), b[44:], seg)
	case linkATM:
		return d.llcAt(0, b, seg)
	case 123: // SunATM
		return d.llcAt(4, b, seg)
	case linkFDDI:
		return d.llcAt(13, b, seg)
	case 122: // IP over fibre channel
		return d.llcAt(16, b, seg)
	}
	return SkipLinkType
}

// pktap steps over the header that macOS writes for "any" interface, which names the link type behind it.
func (d *decoder) pktap(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 12 {
		return SkipTruncated
	}
	n, kind := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[8:])
	if n < 12 || int64(n) > int64(len(b)) {
		return SkipTruncated
	}
	if d.deeper() {
		return SkipNested
	}
	return d.link(kind, b[n:], seg)
}

// erf decodes a record of Endace's cards: a header, extensions of eight octets each, and by its type a frame.
func (d *decoder) erf(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 16 {
		return SkipTruncated
	}
	kind, n := b[8], 16
	for more := kind&0x80 != 0; more; n += 8 {
		if len(b) < n+8 {
			return SkipTruncated
		}
		more = b[n]&0x80 != 0
	}
	switch kind & 0x7f {
	case 2, 11, 16, 20: // Ethernet, plain, coloured and hashed: an offset and padding in front
		return d.ethernetAt(n+2, b, seg)
	case 22, 23:
		return d.ipAt(n, b, seg)
	}
	return SkipNotIP
}

func (d *decoder) llcAt(n int, b []byte, seg *tcp.Segment) Skip {
	if len(b) < n {
		return SkipTruncated
	}
	return d.llc(b[n:], seg)
}

func (d *decoder) ipAt(n int, b []byte, seg *tcp.Segment) Skip {
	if len(b) < n {
		return SkipTruncated
	}
	return d.ip(b[n:], seg)
}

func (d *decoder) ethernetAt(n int, b []byte, seg *tcp.Segment) Skip {
	if len(b) < n {
		return SkipTruncated
	}
	return d.ethernet(b[n:], seg)
}

// loopback decodes BSD's loopback header: the address family in the byte order of the capturing machine. IPv4 is 2
// everywhere, IPv6 has another number on each system.
func (d *decoder) loopback(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 4 {
		return SkipTruncated
	}
	family := min(binary.LittleEndian.Uint32(b), binary.BigEndian.Uint32(b))
	switch family {
	case 2, 10, 23, 24, 28, 30:
		return d.ip(b[4:], seg)
	}
	return SkipNotIP
}

// cooked decodes what stands behind a Linux cooked header: hardware is the interface's ARPHRD_ number.
func (d *decoder) cooked(hardware, proto int, b []byte, seg *tcp.Segment) Skip {
	switch {
	case hardware == 778: // a GRE interface: the field is GRE's protocol
		return d.etherType(proto, b, seg)
	case hardware == 801:
		return d.wlan(b, false, seg)
	case hardware == 803:
		return d.radiotap(b, seg)
	case proto > maxEtherLength:
		return d.etherType(proto, b, seg)
	case proto == 4: // 802.2 without a length
		return d.llc(b, seg)
	}
	return SkipNotIP
}

// nflog walks the attributes of Linux' netfilter log to the packet, attribute 9. Their lengths are in the byte order
// of the capturing machine; the first tells which.
func (d *decoder) nflog(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 {
		return SkipTruncated
	}
	var order binary.ByteOrder = binary.LittleEndian
	if n := int(order.Uint16(b[4:])); n > len(b)-4+d.missing {
		order = binary.BigEndian
	}
	for b = b[4:]; len(b) >= 4; {
		n, kind := int(order.Uint16(b)), order.Uint16(b[2:])&0x7fff
		if n < 4 {
			return SkipBadIP
		}
		if kind == 9 {
			return d.ip(b[4:], seg)
		}
		if n = (n + 3) &^ 3; n > len(b) {
			return SkipTruncated
		}
		b = b[n:]
	}
	return SkipNotIP
}

// tokenRing steps over the two addresses and the source route, which the sender's first bit announces.
func (d *decoder) tokenRing(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 15 {
		return SkipTruncated
	}
	n := 14
	if b[8]&0x80 != 0 {
		n += int(b[14] & 0x1f)
	}
	if len(b) < n {
		return SkipTruncated
	}
	return d.llc(b[n:], seg)
}
