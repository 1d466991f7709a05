package capture

import (
	"encoding/binary"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// ringPacket is a packet as a test puts it into a block.
type ringPacket struct {
	frame    []byte
	net      int // where the network layer begins
	orig     int // 0: as long as the frame
	status   uint32
	tci      uint16
	hardware uint16
	protocol uint16
}

// makeBlock lays packets out as the kernel does.
func makeBlock(list ...ringPacket) []byte {
	order := binary.NativeEndian
	b := make([]byte, blockHead)
	order.PutUint32(b[blockPackets:], uint32(len(list)))
	order.PutUint32(b[blockFirst:], blockHead)
	for i, p := range list {
		h := make([]byte, 82+len(p.frame))
		if n := len(h) % 16; n > 0 {
			h = append(h, make([]byte, 16-n)...)
		}
		if i < len(list)-1 {
			order.PutUint32(h[packetNext:], uint32(len(h)))
		}
		order.PutUint32(h[packetSeconds:], 1_800_000_000)
		order.PutUint32(h[packetNanos:], uint32(i+1))
		order.PutUint32(h[packetCaptured:], uint32(len(p.frame)))
		order.PutUint32(h[packetLength:], uint32(max(p.orig, len(p.frame))))
		order.PutUint32(h[packetStatus:], p.status)
		order.PutUint16(h[packetMAC:], 82)
		order.PutUint16(h[packetNet:], uint16(82+p.net))
		order.PutUint16(h[packetTCI:], p.tci)
		binary.BigEndian.PutUint16(h[packetProtocol:], p.protocol)
		order.PutUint16(h[packetHardware:], p.hardware)
		copy(h[82:], p.frame)
		b = append(b, h...)
	}
	return b
}

// What the ring gives is what a file with the same frames gives, and what the ring alone knows: the tag that the
// network card took away, and the sum that is not finished.
func TestRing(t *testing.T) {
	mac := unhex(t, "020000000001 020000000002")
	v4, v6 := ip4(6, segmentOf(5)), ip6(6, segmentOf(5))
	plain := join(mac, unhex(t, "0800"), v4)
	tagged := join(mac, unhex(t, "8100 0065 0800"), v4)
	fin := segmentOf(5)
	fin[13] |= byte(tcp.FIN)
	binary.BigEndian.PutUint16(fin[16:], 0xbad)
	unfinished := join(mac, unhex(t, "0800"), ip4(6, fin))
	offline, skip := decodeOne(linkEthernet, plain)
	if skip != taken {
		t.Fatal(skip)
	}
	for _, c := range []struct {
		what string
		p    ringPacket
		vlan [2]uint16
		sum  tcp.Sum
		skip Skip
	}{
		{what: "Ethernet", p: ringPacket{frame: plain, net: 14, hardware: 1}},
		{what: "loopback", p: ringPacket{frame: plain, net: 14, hardware: 772}},
		{what: "tag in the header", p: ringPacket{frame: plain, net: 14, hardware: 1, status: ringVLAN, tci: 0x2064}, vlan: [2]uint16{100}},
		{what: "both tags", p: ringPacket{frame: tagged, net: 14, hardware: 1, status: ringVLAN, tci: 100}, vlan: [2]uint16{100, 101}},
		{what: "priority tag", p: ringPacket{frame: tagged, net: 14, hardware: 1, status: ringVLAN, tci: 0xe000}, vlan: [2]uint16{101}},
		{what: "no tag, stale field", p: ringPacket{frame: plain, net: 14, hardware: 1, tci: 100}},
		{what: "tun", p: ringPacket{frame: v6, hardware: 65534, protocol: 0x86dd}},
		{what: "ppp", p: ringPacket{frame: join([]byte{0, 0x21}, v4), net: 2, hardware: 512, protocol: 0x0800}},
		{what: "snapped", p: ringPacket{frame: plain[:14+20+20], orig: len(plain), net: 14, hardware: 1}},
		{what: "bad sum", p: ringPacket{frame: unfinished, net: 14, hardware: 1}, sum: tcp.SumBad},
		{what: "unfinished sum", p: ringPacket{frame: unfinished, net: 14, hardware: 1, status: ringSumNotReady}, sum: tcp.SumPartial},
		{what: "nothing known", p: ringPacket{frame: plain, net: 5000, hardware: 512, protocol: 0x0800}, skip: SkipTruncated},
		{what: "not IP", p: ringPacket{frame: plain, hardware: 512, protocol: 0x88cc}, skip: SkipNotIP},
	} {
		k := openBlock(makeBlock(c.p, c.p))
		var d decoder
		for i := range 2 {
			var p packet
			if !k.next(&p) {
				t.Fatalf("%s: no packet %d", c.what, i)
			}
			seg := tcp.Segment{VLAN: [2]uint16{9, 9}, Sum: tcp.SumBad} // as a reused batch has it
			if skip := d.decodePacket(&p, &seg); skip != c.skip {
				t.Errorf("%s: %s", c.what, skip)
			} else if skip == taken && (seg.Seq != offline.Seq || seg.Len != 5 || seg.VLAN != c.vlan || seg.Sum != c.sum ||
				seg.Snap != (c.p.orig > 0) || seg.Time != 1_800_000_000e9+int64(i)+1) {
				t.Errorf("%s: %+v", c.what, seg)
			}
		}
		if k.next(&packet{}) {
			t.Errorf("%s: a third packet", c.what)
		}
	}
}

// Reading a block allocates nothing.
func TestRingAllocatesNothing(t *testing.T) {
	p := ringPacket{frame: join(unhex(t, "020000000001 020000000002 0800"), ip4(6, segmentOf(5))), net: 14, hardware: 1}
	b := makeBlock(p, p, p)
	var d decoder
	var next packet
	var seg tcp.Segment
	if n := testing.AllocsPerRun(100, func() {
		for k := openBlock(b); k.next(&next); {
			d.decodePacket(&next, &seg)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No block, whatever stands in it, is read beyond its end.
func FuzzRing(f *testing.F) {
	frame := join(make([]byte, 12), []byte{8, 0}, ip4(6, segmentOf(5)))
	f.Add(makeBlock(ringPacket{frame: frame, net: 14, hardware: 1}, ringPacket{frame: frame, net: 14, hardware: 512, protocol: 0x0800}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d decoder
		var p packet
		var seg tcp.Segment
		n := 0
		for k := openBlock(b); k.next(&p); n++ {
			d.decodePacket(&p, &seg)
			if n > len(b) {
				t.Fatal("more packets than octets")
			}
		}
	})
}
