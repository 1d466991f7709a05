package capture

import (
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// What a Recorder is shown of a packet in the ring, read as a file has it, is the segment that the ring gave: tags are
// put back, and links without a header of their own get the kernel's account.
func TestRecorderOfRing(t *testing.T) {
	mac := unhex(t, "020000000001 020000000002")
	v4, v6 := ip4(6, segmentOf(5)), ip6(6, segmentOf(5))
	plain := join(mac, unhex(t, "0800"), v4)
	for _, c := range []struct {
		what string
		p    ringPacket
		link uint32
	}{
		{"Ethernet", ringPacket{frame: plain, net: 14, hardware: 1}, linkEthernet},
		{"tag", ringPacket{frame: plain, net: 14, hardware: 1, status: ringVLAN, tci: 100}, linkEthernet},
		{"two tags", ringPacket{frame: join(mac, unhex(t, "8100 0065 0800"), v4), net: 14, hardware: 1, status: ringVLAN, tci: 100}, linkEthernet},
		{"tun", ringPacket{frame: v6, hardware: 65534, protocol: 0x86dd}, linkSLL2},
		{"tun with a tag", ringPacket{frame: v4, hardware: 65534, protocol: 0x0800, status: ringVLAN, tci: 7}, linkSLL2},
		{"ppp", ringPacket{frame: join([]byte{0, 0x21}, v4), net: 2, hardware: 512, protocol: 0x0800}, linkSLL2},
		{"snapped", ringPacket{frame: plain[:14+20+20], orig: len(plain), net: 14, hardware: 1}, linkEthernet},
	} {
		var list []noted
		s := live{rings: []*ring{{fd: -1}}, packet: &packet{}}
		s.shower.to = note(&list)
		k := openBlock(makeBlock(c.p, c.p))
		for k.next(s.packet) {
			var live, file tcp.Segment
			if n := s.take(&live); n != 1 {
				t.Fatalf("%s: %d segments", c.what, n)
			}
			r := list[len(list)-1]
			var d decoder
			d.decode(&record{time: r.Time, frame: r.Data, orig: r.Length, link: r.on.Link}, &file)
			if file.Number = r.Number; file != live || r.on.Link != c.link || r.flow != live.Flow {
				t.Errorf("%s: %+v\n%+v\n%+v", c.what, r, file, live)
			}
		}
		if len(list) != 2 || list[0].Interface != list[1].Interface {
			t.Errorf("%s: %d shown", c.what, len(list))
		}
	}
}
