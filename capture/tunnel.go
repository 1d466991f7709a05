package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Aruba's access points send 802.11 frames home under these, by priority.
const (
	etherAruba     = 0x8200
	etherArubaLast = 0x8370
)

// IP protocols that carry another packet.
const (
	protoIPv4    = 4
	protoUDP     = 17
	protoIPv6    = 41
	protoGRE     = 47
	protoEtherIP = 97
	protoMPLS    = 137
)

// payload decodes what an IP packet carries if it is not TCP.
func (d *decoder) payload(proto uint8, b []byte, seg *tcp.Segment) Skip {
	if proto == protoUDP {
		return d.udp(b, seg)
	}
	if d.deeper() {
		return SkipNested
	}
	switch proto {
	case protoIPv4, protoIPv6:
		return d.ip(b, seg)
	case protoGRE:
		return d.gre(b, seg)
	case protoAH:
		return d.extensions(proto, b, seg)
	case protoEtherIP:
		return d.ethernetAt(2, b, seg)
	case protoMPLS:
		return d.mpls(b, seg)
	}
	return SkipNotTCP
}

// gre decodes GRE (RFC 2784, RFC 2890) and PPTP's version of it (RFC 2637).
func (d *decoder) gre(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 4 {
		return SkipTruncated
	}
	const (
		hasSum   = 0x8000
		hasRoute = 0x4000
		hasKey   = 0x2000
		hasSeq   = 0x1000
		hasAck   = 0x0080 // version 1
	)
	flags, proto := be16(b), be16(b[2:])
	n := 4
	if flags&(hasSum|hasRoute) != 0 {
		n += 4
	}
	if flags&hasKey != 0 {
		n += 4
	}
	if flags&hasSeq != 0 {
		n += 4
	}
	switch flags & 7 {
	case 0:
		if flags&hasRoute != 0 {
			return SkipNotTCP // source routes (RFC 1701), out of use
		}
	case 1:
		if flags&hasAck != 0 {
			n += 4
		}
	default:
		return SkipNotTCP
	}
	if len(b) < n {
		return SkipTruncated
	}
	b = b[n:]
	switch proto {
	case etherERSPAN2:
		if flags&hasSeq == 0 { // version 1 has no header of its own
			return d.ethernet(b, seg)
		}
		return d.ethernetAt(8, b, seg)
	case etherERSPAN3:
		if len(b) < 12 {
			return SkipTruncated
		}
		if b[11]&1 != 0 { // a platform's own header follows
			return d.ethernetAt(20, b, seg)
		}
		return d.ethernetAt(12, b, seg)
	}
	if proto >= etherAruba && proto <= etherArubaLast {
		return d.wlan(b, false, seg)
	}
	return d.etherType(proto, b, seg)
}

// udp looks for the tunnels that a well-known port, at either end, tells of.
func (d *decoder) udp(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 {
		return SkipNotTCP
	}
	sport, dport := be16(b), be16(b[2:])
	n := be16(b[4:])
	if n < 8 || n > len(b)+d.missing {
		n = len(b) + d.missing
	}
	body := d.cut(b, n)[8:]
	if skip := d.tunnel(dport, body, seg); skip != noTunnel {
		return skip
	}
	if skip := d.tunnel(sport, body, seg); skip != noTunnel {
		return skip
	}
	if d.teredoDirect(body) {
		return d.tunnel(teredoPort, body, seg)
	}
	return SkipNotTCP
}

// teredoDirect says that the octets are a Teredo packet that did not go through a server: clients and relays use ports of
// their own, so that it is known only by what it is, an IPv6 packet of exactly that length with a Teredo address.
func (d *decoder) teredoDirect(b []byte) bool {
	const prefix = 0x2001_0000 // 2001::/32, RFC 4380 2.6
	if len(b) < 40 || b[0]>>4 != 6 || be16(b[4:])+40 != len(b)+d.missing {
		return false
	}
	return binary.BigEndian.Uint32(b[8:]) == prefix || binary.BigEndian.Uint32(b[24:]) == prefix
}

// teredoPort is that of Teredo's servers.
const teredoPort = 3544

// noTunnel says that a port carries no tunnel.
const noTunnel = numSkips

func (d *decoder) tunnel(port int, b []byte, seg *tcp.Segment) Skip {
	var decode func(*decoder, []byte, *tcp.Segment) Skip
	switch port {
	case 4789, 8472: // the second is Linux' number, from before IANA had given one
		decode = (*decoder).vxlan
	case 4790:
		decode = (*decoder).vxlanGPE
	case 6081:
		decode = (*decoder).geneve
	case 2152:
		decode = (*decoder).gtp
	case 4754:
		decode = (*decoder).gre // RFC 8086
	case 6635:
		decode = (*decoder).mpls
	case 1701:
		decode = (*decoder).l2tp
	case teredoPort:
		decode = (*decoder).teredo
	case 5072:
		decode = (*decoder).ayiya
	case 4341:
		decode = (*decoder).lisp
	case 5247:
		decode = (*decoder).capwap
	case 37008:
		decode = (*decoder).tzsp
	default:
		return noTunnel
	}
	if d.deeper() {
		return SkipNested
	}
	return decode(d, b, seg)
}

// vxlan decodes RFC 7348; its reserved bits are ignored.
func (d *decoder) vxlan(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 || b[0]&8 == 0 {
		return SkipNotTCP
	}
	return d.ethernet(b[8:], seg)
}

// vxlanGPE decodes draft-ietf-nvo3-vxlan-gpe: VXLAN that names what it carries.
func (d *decoder) vxlanGPE(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 {
		return SkipNotTCP
	}
	return d.overlay(b[3], b[8:], seg)
}

// geneve decodes RFC 8926.
func (d *decoder) geneve(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 || b[0]>>6 != 0 {
		return SkipNotTCP
	}
	n := 8 + int(b[0]&0x3f)*4
	if len(b) < n {
		return SkipTruncated
	}
	return d.etherType(be16(b[2:]), b[n:], seg)
}

// gtp decodes the user's packets in GTP-U version 1 (3GPP TS 29.281 5).
func (d *decoder) gtp(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 || b[0]&0xf0 != 0x30 || b[1] != 255 {
		return SkipNotTCP
	}
	n := 8
	if b[0]&7 != 0 {
		if len(b) < 12 {
			return SkipTruncated
		}
		n = 12
		next := b[11]
		if b[0]&4 == 0 {
			next = 0
		}
		for next != 0 { // extension headers, in units of four octets
			if len(b) < n+4 || b[n] == 0 {
				return SkipTruncated
			}
			n += int(b[n]) * 4
			if len(b) < n {
				return SkipTruncated
			}
			next = b[n-1]
		}
	}
	return d.ipAt(n, b, seg)
}

// l2tp decodes data messages of version 2 (RFC 2661 3.1).
func (d *decoder) l2tp(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 6 || b[0]&0x80 != 0 || b[1]&15 != 2 {
		return SkipNotTCP
	}
	n := 6
	if b[0]&0x40 != 0 { // length
		n += 2
	}
	if b[0]&0x08 != 0 { // sequence numbers
		n += 4
	}
	if b[0]&0x02 != 0 { // offset
		if len(b) < n+2 {
			return SkipTruncated
		}
		n += 2 + be16(b[n:])
	}
	if len(b) < n {
		return SkipTruncated
	}
	return d.ppp(b[n:], seg)
}

// teredo decodes RFC 4380 5.1.1: an authentication header, an origin indication, both optional, and IPv6.
func (d *decoder) teredo(b []byte, seg *tcp.Segment) Skip {
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 {
		n := 13 + int(b[2]) + int(b[3])
		if len(b) < n {
			return SkipTruncated
		}
		b = b[n:]
	}
	if len(b) >= 8 && b[0] == 0 && b[1] == 0 {
		b = b[8:]
	}
	if len(b) < 40 || b[0]>>4 != 6 {
		return SkipNotTCP
	}
	return d.ipv6(b, seg)
}

// ayiya decodes SixXS' tunnels (draft-massar-v6ops-ayiya).
func (d *decoder) ayiya(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 || b[3] != protoIPv4 && b[3] != protoIPv6 {
		return SkipNotTCP
	}
	return d.ipAt(8+1<<(b[0]>>4)+int(b[1]>>4)*4, b, seg)
}

// capwap decodes data packets of access points that send Ethernet frames (RFC 5415 4.3); those that send 802.11 do it
// each in its own way.
func (d *decoder) capwap(b []byte, seg *tcp.Segment) Skip {
	const native, fragmented = 1, 0x80
	if len(b) < 8 || b[0] != 0 || b[2]&native != 0 {
		return SkipNotTCP
	}
	if b[3]&fragmented != 0 {
		return SkipFragment
	}
	return d.ethernetAt(int(b[1]>>3)*4, b, seg)
}

// lisp decodes data packets of RFC 9300 5.1.
func (d *decoder) lisp(b []byte, seg *tcp.Segment) Skip { return d.ipAt(8, b, seg) }

// tzsp decodes TaZmen's sniffer protocol, which wireless routers mirror with.
func (d *decoder) tzsp(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 5 || b[0] != 1 {
		return SkipNotTCP
	}
	proto := binary.BigEndian.Uint16(b[2:])
	for b = b[4:]; len(b) > 0 && b[0] != 1; { // tags up to the end tag
		n := 1
		if b[0] != 0 {
			if len(b) < 2 {
				return SkipTruncated
			}
			n = 2 + int(b[1])
		}
		if len(b) < n {
			return SkipTruncated
		}
		b = b[n:]
	}
	if len(b) == 0 {
		return SkipTruncated
	}
	switch proto {
	case 1:
		return d.ethernet(b[1:], seg)
	case 18:
		return d.wlan(b[1:], false, seg)
	}
	return SkipNotIP
}
