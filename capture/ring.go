package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// The ring that the Linux kernel shares with us (TPACKET_V3, linux/if_packet.h) is a circle of blocks. A block begins
// with its descriptor, and each packet in it with a header, the link's address, and, at an offset, the frame:
//
//	descriptor: status, number of packets, offset of the first
//	packet: offset of the next, time, lengths, status, offsets of the frame and of what it carries, VLAN tag | sockaddr_ll
//
// What is read here is written by the kernel, and offsets are believed no more than those of a file.

// Offsets in a block's descriptor and in a packet's header (struct tpacket_block_desc, tpacket3_hdr, sockaddr_ll).
const (
	blockStatus  = 8
	blockPackets = 12
	blockFirst   = 16
	blockHead    = 48

	packetNext     = 0
	packetSeconds  = 4
	packetNanos    = 8
	packetCaptured = 12
	packetLength   = 16
	packetStatus   = 20
	packetMAC      = 24
	packetNet      = 26
	packetTCI      = 32
	packetTPID     = 36
	packetProtocol = 50
	packetIndex    = 52
	packetHardware = 56
	packetKind     = 58
	packetHead     = 68
)

// Bits of a packet's status (linux/if_packet.h).
const (
	ringSumNotReady = 1 << 3 // the sender's network card was to finish the checksum
	ringVLAN        = 1 << 4 // the tag was taken out of the frame
	ringTPID        = 1 << 6 // its ethertype is known
)

// Hardware types (linux/if_arp.h, ARPHRD_) whose frames are read from their link header on; of all others the kernel
// knows where the network layer begins.
const (
	hardwareEthernet = 1
	hardwareLoopback = 772
	hardwareWLAN     = 801
	hardwarePrism    = 802
	hardwareRadiotap = 803
)

// block is a block of the ring and what of it is not yet read.
type block struct {
	b    []byte
	at   int // offset of the next packet
	left int // packets, this one included
}

// openBlock begins to read a block that the kernel has handed over.
func openBlock(b []byte) block {
	if len(b) < blockHead {
		return block{}
	}
	return block{b, int(binary.NativeEndian.Uint32(b[blockFirst:])), int(binary.NativeEndian.Uint32(b[blockPackets:]))}
}

// packet is a packet in the ring; its frame lives until the block is handed back.
type packet struct {
	record
	status   uint32
	tci      uint16 // meaningful iff status has ringVLAN
	hardware uint16 // ARPHRD_ number
	protocol int    // ethertype of what stands at net
	net      int    // offset in the frame, where that is known
	head     []byte // all that stands in front of the frame
}

// next reads a packet and says whether there was one left.
func (k *block) next(p *packet) bool {
	if k.left <= 0 || k.at < blockHead || k.at > len(k.b)-packetHead {
		k.left = 0
		return false
	}
	h := k.b[k.at:]
	k.left--
	order := binary.NativeEndian
	mac, n := int(order.Uint16(h[packetMAC:])), int(order.Uint32(h[packetCaptured:]))
	if mac > len(h) || n > len(h)-mac {
		k.left = 0
		return false
	}
	p.time = int64(order.Uint32(h[packetSeconds:]))*1e9 + int64(order.Uint32(h[packetNanos:]))
	p.frame = h[mac : mac+n : mac+n]
	p.orig = int(order.Uint32(h[packetLength:]))
	p.head = h[:packetHead]
	p.status = order.Uint32(h[packetStatus:])
	p.tci = order.Uint16(h[packetTCI:])
	p.protocol = be16(h[packetProtocol:])
	p.hardware = order.Uint16(h[packetHardware:])
	p.net = int(order.Uint16(h[packetNet:])) - mac
	next := int(order.Uint32(h[packetNext:]))
	if next < packetHead { // the last has none
		k.left = 0
	}
	k.at += next
	return true
}

// decodePacket fills seg from a packet of the ring, all but Number.
func (d *decoder) decodePacket(p *packet, seg *tcp.Segment) Skip {
	skip := d.linkOf(p, seg)
	if skip != taken {
		return skip
	}
	if id := p.tci & 0xfff; p.status&ringVLAN != 0 && id != 0 {
		seg.VLAN[0], seg.VLAN[1] = id, seg.VLAN[0]
	}
	if p.status&ringSumNotReady != 0 && seg.Sum == tcp.SumBad {
		seg.Sum = tcp.SumPartial // the kernel's word: it is not finished yet
	}
	return taken
}

// linkOf decodes by the kind of interface.
func (d *decoder) linkOf(p *packet, seg *tcp.Segment) Skip {
	switch p.hardware {
	case hardwareEthernet, hardwareLoopback:
		p.link = linkEthernet
	case hardwareWLAN:
		p.link = linkWLAN
	case hardwarePrism:
		p.link = linkPrism
	case hardwareRadiotap:
		p.link = linkRadiotap
	default:
		d.begin(&p.record, seg)
		if p.net < 0 || p.net > len(p.frame) {
			return SkipTruncated
		}
		return d.cooked(int(p.hardware), p.protocol, p.frame[p.net:], seg)
	}
	return d.decode(&p.record, seg)
}
