package filter

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// Few addresses, ports and tags, so that conditions meet packets.
var (
	someAddr4 = []string{"10.0.0.1", "10.0.0.2", "10.1.2.3", "192.168.1.9", "0.0.0.0"}
	someNet4  = []string{"10", "10.0", "10.0.0.0/8", "10.0.0.0/31", "192.168.1", "0.0.0.0/0", "0.0.0.0/8", "10.0.0.0 mask 255.0.0.0", "10.1.2.3/32", "0"}
	someAddr6 = []string{"2001:db8::1", "2001:db8::2", "fe80::1", "::1"}
	someNet6  = []string{"2001:db8::/32", "2001:db8::/127", "::/0", "fe80::/10", "2001:db8::/33", "2001:db8::2/127", "::1/128"}
	somePort  = []string{"80", "443", "22", "0", "65535", "0x50", "010"}
	someRange = []string{"80-443", "22-80", "443-22", "80", "0-65535", "80-80"}
	someTag   = []string{"", " 5", " 7", " 0", " (5)"}
	someFlags = []string{"tcp-syn", "tcp-fin", "2", "(tcp-syn|tcp-fin)", "(tcp-syn|tcp-ack)", "tcp-rst", "0x12", "3", "(2)", "255"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// randomExpr writes an expression of the subset.
func randomExpr(r *rand.Rand, depth int, tags bool) string {
	joint := func() string { return pick(r, []string{" and ", " or ", " && ", " || ", " and ", " or "}) }
	switch n := r.IntN(10); {
	case depth > 0 && n < 4:
		return randomExpr(r, depth-1, tags) + joint() + randomExpr(r, depth-1, tags)
	case depth > 0 && n == 4:
		return pick(r, []string{"not ", "! ", "not "}) + randomExpr(r, depth-1, tags)
	case depth > 0 && n == 5:
		return "(" + randomExpr(r, depth-1, tags) + ")"
	}
	dir := pick(r, []string{"", "", "src ", "dst ", "src or dst ", "dst and src ", "src and dst "})
	ids := func(from []string) string {
		s := pick(r, from)
		switch r.IntN(6) {
		case 0:
			return s + joint() + pick(r, from)
		case 1:
			return "(" + s + joint() + pick(r, []string{"", "not "}) + pick(r, from) + ")"
		case 2:
			return s + joint() + "not " + pick(r, from)
		case 3:
			return s + joint() + "(" + pick(r, from) + joint() + pick(r, from) + ")"
		}
		return s
	}
	for {
		switch r.IntN(12) {
		case 0:
			return pick(r, []string{"tcp", "ip", "ip6"})
		case 1, 2:
			return pick(r, []string{"", "tcp "}) + dir + "port " + ids(somePort)
		case 3:
			return pick(r, []string{"", "tcp "}) + dir + "portrange " + ids(someRange)
		case 4:
			return pick(r, []string{"", "ip "}) + dir + "host " + ids(someAddr4)
		case 5:
			return pick(r, []string{"", "ip "}) + dir + "net " + ids(someNet4)
		case 6:
			return pick(r, []string{"", "ip6 "}) + dir + "host " + ids(someAddr6)
		case 7:
			return pick(r, []string{"", "ip6 "}) + dir + "net " + ids(someNet6)
		case 8:
			if dir != "" {
				return dir + pick(r, append(someAddr4, someAddr6...))
			}
		case 9:
			if tags {
				return "vlan" + pick(r, someTag)
			}
		case 10:
			return "tcp[" + pick(r, []string{"tcpflags", "13", "13:1", "0xd"}) + "] & " + pick(r, someFlags) + pick(r, []string{" != ", " = ", " == ", ">", "<=", " < ", " >= "}) + pick(r, append([]string{"tcp-syn|tcp-fin"}, someFlags...))
		case 11:
			return pick(r, []string{"tcp[13] = 2", "tcp[tcpflags] == tcp-syn|tcp-ack", "tcp[4] = 0", "tcp[13]>2", "(tcp[13] & 2) != 0", "tcp[1:1] <= 80", "tcp[12] & 0xf0 = 80", "tcp[100] = 1"})
		}
	}
}

// randomFrame makes a packet for a link type, well-formed or not, whole or cut short.
func randomFrame(r *rand.Rand, link uint32) []byte {
	kind := r.IntN(8)
	var b []byte
	ether := uint16(etherIP)
	switch kind {
	case 0, 1, 2:
		b = randomIP4(r)
	case 3, 4, 5:
		b, ether = randomIP6(r), etherIP6
	case 6:
		b, ether = randomARP(r), []uint16{etherARP, etherRARP}[r.IntN(2)]
	default:
		b = make([]byte, r.IntN(80))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		ether = []uint16{0x0800, 0x86dd, 0x8100, 0x1234, 100}[r.IntN(5)]
	}
	frame := randomLink(r, link, ether, b)
	if r.IntN(3) == 0 {
		frame = frame[:r.IntN(len(frame)+1)]
	}
	return frame
}

func randomLink(r *rand.Rand, link uint32, ether uint16, b []byte) []byte {
	for range max(0, r.IntN(6)-3) { // tags
		if link == linkEthernet {
			b = append(binary.BigEndian.AppendUint16([]byte{byte(r.IntN(3)) << 4, []byte{5, 7, 0}[r.IntN(3)]}, ether), b...)
			ether = []uint16{etherVLAN, etherQinQ, etherOldQ}[r.IntN(3)]
		}
	}
	family := map[uint16]byte{etherIP: familyIP, etherIP6: familyIP6}[ether]
	switch link {
	case linkEthernet:
		return append(binary.BigEndian.AppendUint16(make([]byte, 12), ether), b...)
	case linkSLL:
		return append(binary.BigEndian.AppendUint16(make([]byte, 14), ether), b...)
	case linkSLL2:
		return append(binary.BigEndian.AppendUint16(nil, ether), append(make([]byte, 18), b...)...)
	case linkNull:
		return append([]byte{family, 0, 0, 0}, b...)
	case linkLoop:
		return append([]byte{0, 0, 0, family}, b...)
	}
	return b
}

func randomIP4(r *rand.Rand) []byte {
	words := []int{5, 5, 5, 6, 8, 15, 3}[r.IntN(7)]
	b := make([]byte, max(20, 4*words))
	b[0] = 0x40 | byte(words)
	b[9] = []byte{6, 6, 6, 17, 132, 1, 44}[r.IntN(7)]
	if r.IntN(4) == 0 { // a fragment
		binary.BigEndian.PutUint16(b[6:], uint16([]int{0x2000, 0x2001, 185, 0x4000}[r.IntN(4)]))
	}
	for i := range 2 {
		a := netip.MustParseAddr(pick(r, someAddr4)).As4()
		copy(b[12+4*i:], a[:])
	}
	return append(b, randomTransport(r)...)
}

func randomIP6(r *rand.Rand) []byte {
	b := make([]byte, 40)
	b[0] = 0x60
	for i := range 2 {
		a := netip.MustParseAddr(pick(r, someAddr6)).As16()
		copy(b[8+16*i:], a[:])
	}
	b[6] = []byte{6, 6, 6, 17, 132, 58, 44, 0, 43, 60}[r.IntN(10)]
	switch b[6] {
	case 44:
		b = append(b, []byte{[]byte{6, 17, 58}[r.IntN(3)], 0, 0, byte(r.IntN(2)), 1, 2, 3, 4}...)
	case 0, 43, 60:
		b = append(b, 6, 0, 1, 4, 0, 0, 0, 0)
	}
	return append(b, randomTransport(r)...)
}

// randomTransport is a TCP header, good enough for the ports of others.
func randomTransport(r *rand.Rand) []byte {
	b := make([]byte, 20+r.IntN(100))
	for i := range 2 {
		n, _ := number(pick(r, somePort))
		binary.BigEndian.PutUint16(b[2*i:], uint16(n))
	}
	b[4] = byte(r.IntN(2))
	b[12] = 0x50
	b[13] = []byte{2, 0x12, 0x10, 0x11, 1, 4, 0, byte(r.Uint32())}[r.IntN(8)]
	return b
}

func randomARP(r *rand.Rand) []byte {
	b := make([]byte, 28)
	for _, at := range []int{14, 24} {
		a := netip.MustParseAddr(pick(r, someAddr4)).As4()
		copy(b[at:], a[:])
	}
	return b
}

// dump shows a program as tcpdump -d does, near enough.
func (p *Program) String() string {
	var b strings.Builder
	for i, c := range p.code {
		fmt.Fprintf(&b, "(%03d) %02x %#x jt %d jf %d\n", i, c.Op, c.K, i+1+int(c.Jt), i+1+int(c.Jf))
	}
	return b.String()
}
