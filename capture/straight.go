package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// straight decodes the Ethernet frame that most are, of orig octets on the wire: one VLAN tag at most, IPv4 without options
// or IPv6 without extension headers, whole, and TCP with its whole header. It fills all of seg but its time and number as
// the way through the layers does, and says no, having done nothing, to every other; FuzzStraight holds the two equal.
func (d *decoder) straight(b []byte, orig int, seg *tcp.Segment) bool {
	wire := orig - 14
	if len(b) < 14+20+20 {
		return false
	}
	kind, vlan := binary.BigEndian.Uint16(b[12:]), uint16(0)
	b = b[14:]
	if kind == etherVLAN {
		kind, vlan = binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b)&0xfff
		b, wire = b[4:], wire-4
	}
	wire = max(wire, len(b))
	var total, at int // octets of the packet, and where TCP begins
	switch {
	case kind == etherIPv4 && len(b) >= 40:
		ip := (*[20]byte)(b)
		if ip[0] != 0x45 || binary.BigEndian.Uint32(ip[6:])&0x3fff00ff != protoTCP { // no fragment
			return false
		}
		total, at = int(binary.BigEndian.Uint16(ip[2:])), 20
	case kind == etherIPv6 && len(b) >= 60:
		ip := (*[40]byte)(b)
		if ip[0]>>4 != 6 || ip[6] != protoTCP || ip[4]|ip[5] == 0 {
			return false
		}
		total, at = 40+int(binary.BigEndian.Uint16(ip[4:])), 40
	default:
		return false
	}
	h := (*[20]byte)(b[at:])
	head := int(h[12]>>4) * 4
	if head < 20 || total < at+head || total > wire || len(b) < at+head {
		return false
	}

	*seg = tcp.Segment{}
	seg.VLAN[0] = vlan
	seg.IPLen = total
	seg.Len = total - at - head
	seg.Snap = total > len(b)
	ports := binary.BigEndian.Uint32(h[:])
	if at == 20 {
		ip := (*[20]byte)(b)
		seg.IPID = binary.BigEndian.Uint16(ip[4:])
		seg.TTL = ip[8]
		flow(seg, tcp.AddrFrom4(binary.BigEndian.Uint32(ip[12:])), tcp.AddrFrom4(binary.BigEndian.Uint32(ip[16:])), ports)
	} else {
		ip := (*[40]byte)(b)
		seg.TTL = ip[7]
		seg.Flow.V6 = 1
		flow(seg, tcp.AddrFrom16(ip[8:]), tcp.AddrFrom16(ip[24:]), ports)
	}
	seg.Seq = tcp.Seq(binary.BigEndian.Uint32(h[4:]))
	seg.Ack = tcp.Seq(binary.BigEndian.Uint32(h[8:]))
	seg.Flags = tcp.Flags(binary.BigEndian.Uint16(h[12:]) & 0x1ff)
	seg.Window = binary.BigEndian.Uint16(h[14:])
	seg.Urgent = binary.BigEndian.Uint16(h[18:])
	if head > 20 {
		if o := b[at+20 : at+head]; !stamps(o, &seg.Options) {
			options(o, false, &seg.Options)
		}
	}
	if seg.Flags.Any(tcp.SYN|tcp.FIN|tcp.RST) || d.checksum == ChecksumAll {
		d.check(b[at:min(total, len(b))], seg)
	}
	return true
}

// flow fills in the flow of a segment between two addresses; the ports are two in one word.
func flow(seg *tcp.Segment, src, dst tcp.Addr, ports uint32) {
	f := &seg.Flow
	sport, dport := uint16(ports>>16), uint16(ports)
	if src.Hi < dst.Hi || src.Hi == dst.Hi && (src.Lo < dst.Lo || src.Lo == dst.Lo && sport <= dport) {
		f.A, f.B, f.PortA, f.PortB = src, dst, sport, dport
		return
	}
	f.A, f.B, f.PortA, f.PortB = dst, src, dport, sport
	seg.Dir = tcp.FromB
}
