package tcp

import (
	"encoding/binary"
	"net/netip"
)

// Addr is an IPv4 or IPv6 address in 16 bytes of two words, big-endian; an IPv4 address stands mapped
// (::ffff:a.b.c.d), and FlowKey.V6 tells a real IPv6 address of that shape from it.
type Addr struct{ Hi, Lo uint64 }

// AddrFrom4 maps an IPv4 address, given as its 32 bits in host order.
func AddrFrom4(v uint32) Addr { return Addr{0, 0xffff<<32 | uint64(v)} }

// AddrFrom16 reads an IPv6 address from b, which holds at least 16 bytes.
func AddrFrom16(b []byte) Addr {
	return Addr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a Addr) less(b Addr) bool { return a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo }

// Endpoint is one address and port as people and outputs name it.
type Endpoint struct {
	Addr Addr
	Port uint16
	V6   bool
}

// IP returns the address as the standard library has it.
func (e Endpoint) IP() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], e.Addr.Hi)
	binary.BigEndian.PutUint64(b[8:], e.Addr.Lo)
	ip := netip.AddrFrom16(b)
	if !e.V6 {
		ip = ip.Unmap()
	}
	return ip
}

// AddrPort returns the endpoint as the standard library has it.
func (e Endpoint) AddrPort() netip.AddrPort { return netip.AddrPortFrom(e.IP(), e.Port) }

// String spells the endpoint as 10.0.0.1:80 or [fe80::1]:80.
func (e Endpoint) String() string { return e.AddrPort().String() }

// EndpointFrom is the inverse of AddrPort.
func EndpointFrom(ap netip.AddrPort) Endpoint {
	b := ap.Addr().As16()
	return Endpoint{Addr: AddrFrom16(b[:]), Port: ap.Port(), V6: !ap.Addr().Is4()}
}

// FlowKey names a connection's four-tuple, the same for both directions: (A, PortA) is the lower of the two ends.
// It is comparable and without padding that could differ.
type FlowKey struct {
	A, B         Addr
	PortA, PortB uint16
	V6           uint32 // 1 for IPv6, 0 for IPv4
}

// Ends returns the two endpoints in the key's order.
func (k FlowKey) Ends() (a, b Endpoint) {
	return Endpoint{k.A, k.PortA, k.V6 != 0}, Endpoint{k.B, k.PortB, k.V6 != 0}
}

// Dir tells which end of a FlowKey sent a segment.
type Dir uint8

const (
	FromA Dir = iota
	FromB
)

// Other returns the opposite direction.
func (d Dir) Other() Dir { return d ^ 1 }

// MakeFlow puts the two ends of a segment in the key's order and says which of them sent it.
func MakeFlow(src, dst Addr, sport, dport uint16, v6 bool) (FlowKey, Dir) {
	k := FlowKey{A: src, B: dst, PortA: sport, PortB: dport}
	if v6 {
		k.V6 = 1
	}
	if dst.less(src) || dst == src && dport < sport {
		k.A, k.B, k.PortA, k.PortB = dst, src, dport, sport
		return k, FromB
	}
	return k, FromA
}
