package traffic

import "encoding/binary"

const (
	etherVLAN, etherIPv4, etherIPv6 = 0x8100, 0x0800, 0x86dd

	maxHeaders = 14 + 4 + 40 + 20 + 20 // Ethernet with a VLAN, IPv6, TCP with a SYN's options
)

var big = binary.BigEndian

// frame writes connection id's segment as it lies on the wire at a time and returns the length of its headers; its
// payload, zeros, is not written. One connection in eight is IPv6, one in eight in a VLAN.
func frame(b *[maxHeaders]byte, id uint64, s *segment, now int64) (n int) {
	n = 12
	if id%8 == 3 {
		big.PutUint16(b[n:], etherVLAN)
		big.PutUint16(b[n+2:], 100)
		n += 4
	}
	options := 12
	if s.flags&syn != 0 {
		options = 20
	}
	length := 20 + options + s.length
	client, server := clientOf(id), uint32(0xc0000200+id%64)
	from, to := client, server
	if s.fromServer {
		from, to = server, client
	}
	// What the pseudo-header adds to the checksum: addresses, protocol, length.
	sum := from>>16 + from&0xffff + to>>16 + to&0xffff + 6 + uint32(length)
	if id%8 == 7 {
		big.PutUint16(b[n:], etherIPv6)
		ip := b[n+2:]
		clear(ip[:40])
		ip[0], ip[6], ip[7] = 0x60, 6, 64
		big.PutUint16(ip[4:], uint16(length))
		for _, at := range []int{8, 24} {
			big.PutUint32(ip[at:], 0x20010db8)
			sum += 0x2001 + 0x0db8
		}
		big.PutUint32(ip[20:], from)
		big.PutUint32(ip[36:], to)
		n += 2 + 40
	} else {
		big.PutUint16(b[n:], etherIPv4)
		ip := b[n+2:]
		clear(ip[:20])
		ip[0], ip[6], ip[8], ip[9] = 0x45, 0x40, 64, 6
		big.PutUint16(ip[2:], uint16(20+length))
		big.PutUint32(ip[12:], from)
		big.PutUint32(ip[16:], to)
		big.PutUint16(ip[10:], ^fold(add(0, ip[:20])))
		n += 2 + 20
	}
	tcp := b[n : n+20+options]
	clear(tcp)
	port := uint16(1024 + (id>>24+mix(id&(1<<24-1)))%60000)
	if s.fromServer {
		big.PutUint16(tcp, 443)
		big.PutUint16(tcp[2:], port)
	} else {
		big.PutUint16(tcp, port)
		big.PutUint16(tcp[2:], 443)
	}
	big.PutUint32(tcp[4:], s.seq)
	if s.flags&ack != 0 {
		big.PutUint32(tcp[8:], s.ack)
	}
	tcp[12], tcp[13] = byte(20+options)<<2, s.flags
	big.PutUint16(tcp[14:], 60000)
	o := tcp[20:]
	if s.flags&syn != 0 { // maximum segment size 1460, SACK permitted, window scale 7
		o = o[copy(o, "\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07"):]
	} else {
		o = o[copy(o, "\x01\x01"):]
	}
	o[0], o[1] = 8, 10 // timestamps, of milliseconds
	big.PutUint32(o[2:], uint32(now/1e6))
	if s.flags&ack != 0 {
		big.PutUint32(o[6:], uint32(now/1e6))
	}
	big.PutUint16(tcp[16:], ^fold(add(sum, tcp)))
	return n + len(tcp)
}

// clientOf is a client's address in 10/8; of ids that have the same the ports differ.
func clientOf(id uint64) uint32 { return 10<<24 | uint32(id*0x9e3779b1)&(1<<24-1) }

// add adds an even number of octets to a checksum (RFC 1071).
func add(sum uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(big.Uint16(b))
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}
