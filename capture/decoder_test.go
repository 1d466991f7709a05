package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// unhex reads hexadecimal with spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// decodeOne decodes a frame that was captured whole.
func decodeOne(link uint32, frame []byte) (tcp.Segment, Skip) {
	var d decoder
	seg := tcp.Segment{Len: -1, VLAN: [2]uint16{9, 9}, Sum: tcp.SumBad, Options: tcp.Options{Has: 0xffff, NSACK: 4}} // as a reused batch has it
	skip := d.decode(&record{frame: frame, orig: len(frame), link: link}, &seg)
	return seg, skip
}

// ip4 and ip6 wrap a payload; segmentOf makes a TCP segment of n payload octets.
func ip4(proto byte, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 1, 0, 0, 64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	return append(b, payload...)
}

func ip6(proto byte, payload []byte) []byte {
	b := make([]byte, 40)
	b[0], b[6], b[7], b[8], b[23], b[24], b[39] = 0x60, proto, 64, 0x20, 1, 0x20, 2
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	return append(b, payload...)
}

func segmentOf(n int) []byte { return tcp4(16, n)[34:] }

func udp(port uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x99, 0x99}, port)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Whatever stands around it, the innermost segment is found.
func TestEncapsulations(t *testing.T) {
	x := func(s string) []byte { return unhex(t, s) }
	v4, v6 := ip4(6, segmentOf(5)), ip6(6, segmentOf(5))
	relayed := bytes.Clone(v6)
	copy(relayed[24:], x("20010000"))
	mac := x("020000000001 020000000002")
	ether := join(mac, x("0800"), v4)
	eth := func(prefix string, rest []byte) []byte { return join(mac, x(prefix), rest) }
	in4 := func(proto byte, b []byte) []byte { return eth("0800", ip4(proto, b)) }
	wlan := x("0801 0000 ffffffffffff 020000000001 020000000002 0000 aaaa03000000 0800")
	qos := x("8801 0000 ffffffffffff 020000000001 020000000002 0000 0000 aaaa03000000 0800")
	for _, c := range []struct {
		what  string
		link  uint32
		frame []byte
	}{
		{"Ethernet", 1, ether},
		{"Ethernet, IPv6", 1, eth("86dd", v6)},
		{"padded", 1, append(ether[:len(ether):len(ether)], make([]byte, 9)...)},
		{"VLAN", 1, eth("8100 0064 0800", v4)},
		{"QinQ", 1, eth("88a8 0064 8100 0065 86dd", v6)},
		{"SNAP", 1, eth("0035 aaaa03 000000 0800", v4)},
		{"SNAP in VLAN", 1, eth("8100 0064 0035 aaaa03 000000 0800", v4)},
		{"SLL", 113, join(x("0000 0001 0006 0200000000010000 0800"), v4)},
		{"SLL with VLAN", 113, join(x("0000 0001 0006 0200000000010000 8100 0064 0800"), v4)},
		{"SLL, GRE interface", 113, join(x("0000 030a 0000 0000000000000000 0800"), v4)},
		{"SLL2", 276, join(x("86dd 0000 00000001 0001 00 06 0200000000010000"), v6)},
		{"raw", 101, v4}, {"raw, IPv6", 12, v6}, {"IPv4", 228, v4}, {"IPv6", 229, v6},
		{"null, little-endian", 0, join(x("02000000"), v4)},
		{"null, big-endian, IPv6 of macOS", 0, join(x("0000001e"), v6)},
		{"loop", 108, join(x("00000002"), v4)},
		{"PPP", 9, join(x("ff03 0021"), v4)}, {"PPP, short", 9, join(x("57"), v6)},
		{"PPP with direction", 204, join(x("01 ff03 0057"), v6)},
		{"Cisco HDLC", 104, join(x("0f00 0800"), v4)}, {"Cisco HDLC on PPP", 50, join(x("0f00 0800"), v4)},
		{"frame relay", 107, join(x("1841 03 cc"), v4)}, {"frame relay, Cisco", 107, join(x("1841 0800"), v4)},
		{"frame relay, SNAP", 107, join(x("1841 03 00 80 000000 86dd"), v6)},
		{"ENC", 109, join(x("02000000 00000000 00000000"), v4)},
		{"PFLOG", 117, join(x("3d02"), make([]byte, 62), v4)},
		{"NFLOG", 239, join(x("0200 0000 0800 0100 00000000 0900 0a00 6162636465000000"), x("3100 0900"), v4)},
		{"802.11", 105, join(wlan, v4)}, {"802.11, quality of service", 105, join(qos, v4)},
		{"radiotap", 127, join(x("0000 0900 02000000 00"), wlan, v4)},
		{"radiotap, padding, check sequence", 127, join(x("0000 1100 03000000 0000000000000000 30"), qos[:26], x("0000"), qos[26:], v4, x("01020304"))},
		{"PPI", 192, join(x("0000 0800 69000000"), wlan, v4)},
		{"AVS", 163, join(x("80211001 00000008"), wlan, v4)},
		{"FDDI", 10, join(x("50"), mac, x("aaaa03 000000 0800"), v4)},
		{"token ring with source route", 6, join(x("1040 c00000000001 820000000002 0430 0011 aaaa03 000000 0800"), v4)},
		{"IP over InfiniBand", 242, join(make([]byte, 40), x("0800 0000"), v4)},
		{"pktap", 258, join(x("0c000000 01000000 00000000 02000000"), v4)},
		{"ERF with extension", 197, join(x("0000000000000000 82 04 0000 0000 0000 0000000000000000 0000"), ether)},
		{"Marvell's switch tag", 283, join(mac, x("c0000000 0800"), v4)},
		{"Cisco HDLC with direction", 205, join(x("00 0f00 0800"), v4)},
		{"MACsec without encryption", 1, eth("88e5 2000 00000001 0200000000010001 0800", join(v4, make([]byte, 16)))},
		{"security group", 1, eth("8909 0101 0001 0004 0800", v4)},
		{"GRE, WCCP", 1, in4(47, join(x("0000 883e 00000000"), v4))},
		{"CAPWAP", 1, in4(17, udp(5247, join(x("00100000 00000000"), ether)))},
		{"PPPoE", 1, eth("8864 1100 0001 0033 0021", v4)},
		{"MPLS", 1, eth("8847 00010040 00011140", v4)},
		{"MPLS pseudowire", 1, eth("8847 00011140 00000000", ether)},
		{"PBB", 1, eth("88e7 00000001", ether)},
		{"FabricPath", 1, eth("8903 0001", ether)},
		{"VN-tag", 1, eth("8926 00000000 0800", v4)},
		{"IPIP", 1, in4(4, v4)}, {"6in4", 1, in4(41, v6)}, {"4in6", 1, eth("86dd", ip6(4, v4))},
		{"AH", 1, in4(51, join(x("06040000 00000001 00000001 000000000000000000000000"), segmentOf(5)))},
		{"GRE", 1, in4(47, join(x("0000 0800"), v4))},
		{"GRE, sum, key, sequence", 1, in4(47, join(x("b000 86dd 00000000 00000001 00000002"), v6))},
		{"PPTP", 1, in4(47, join(x("3081 880b 00330001 00000001 00000000 ff03 0021"), v4))},
		{"GRE, Ethernet", 1, in4(47, join(x("0000 6558"), ether))},
		{"ERSPAN 1", 1, in4(47, join(x("0000 88be"), ether))},
		{"ERSPAN 2", 1, in4(47, join(x("1000 88be 00000000 1000000000000000"), ether))},
		{"ERSPAN 3", 1, in4(47, join(x("1000 22eb 00000000 200000000000000000000000"), ether))},
		{"VXLAN", 1, in4(17, udp(4789, join(x("0800000000000100"), ether)))},
		{"VXLAN-GPE", 1, in4(17, udp(4790, join(x("0c00000100000100"), v4)))},
		{"Geneve", 1, in4(17, udp(6081, join(x("0100655800000100 00000000"), ether)))},
		{"GTP-U", 1, in4(17, udp(2152, join(x("34ff0031 00000001 0001 00 85 01000500"), v4)))},
		{"MPLS over UDP", 1, in4(17, udp(6635, join(x("00011140"), v4)))},
		{"L2TP", 1, in4(17, udp(1701, join(x("0002 0001 0001 ff03 0021"), v4)))},
		{"Teredo", 1, in4(17, udp(3544, join(x("0000 1234 01020304"), v6)))},
		{"Teredo between client and relay", 1, in4(17, udp(32900, relayed))},
		{"hop-by-hop, destination options", 1, eth("86dd", ip6(0, join(x("3c00 0104 00000000 0600 0104 00000000"), segmentOf(5))))},
		{"atomic fragment", 1, eth("86dd", ip6(44, join(x("0600 0000 00000001"), segmentOf(5))))},
		{"IPv4 length 0", 1, join(ether[:16], x("0000"), ether[18:])},
	} {
		seg, skip := decodeOne(c.link, c.frame)
		if skip != taken || seg.Len != 5 || seg.Flow.PortA != 1000 || seg.Flow.PortB != 80 || seg.Snap || seg.Seq != 100 {
			t.Errorf("%s: %v, %+v", c.what, skip, seg)
		}
		// Cut anywhere, nothing is made up: at most the length is still known.
		for n := range c.frame {
			var d decoder
			var seg tcp.Segment
			if d.decode(&record{frame: c.frame[:n], orig: len(c.frame), link: c.link}, &seg) == taken && seg.Len != 5 {
				t.Errorf("%s cut at %d: length %d", c.what, n, seg.Len)
			}
		}
	}
	if seg, _ := decodeOne(1, eth("88a8 2064 8100 0065 0800", v4)); seg.VLAN != [2]uint16{100, 101} {
		t.Errorf("VLAN %v", seg.VLAN)
	}
}

func TestSkips(t *testing.T) {
	x := func(s string) []byte { return unhex(t, s) }
	mac := x("020000000001 020000000002")
	eth := func(prefix string, rest []byte) []byte { return join(mac, x(prefix), rest) }
	nested := ip4(6, segmentOf(0))
	for range maxDepth + 1 {
		nested = ip4(4, nested)
	}
	ihl := ip4(6, segmentOf(0))
	ihl[0] = 0x44
	for _, c := range []struct {
		what  string
		want  Skip
		frame []byte
	}{
		{"nothing", SkipTruncated, nil},
		{"ARP", SkipNotIP, eth("0806", make([]byte, 28))},
		{"STP", SkipNotIP, eth("0026 424203", make([]byte, 38))},
		{"UDP", SkipNotTCP, eth("0800", ip4(17, udp(53, make([]byte, 20))))},
		{"IPv6 in UDP, not Teredo's", SkipNotTCP, eth("0800", ip4(17, udp(32900, ip6(6, segmentOf(5)))))},
		{"ICMP that quotes TCP", SkipNotTCP, eth("0800", ip4(1, join(x("0301000000000000"), ip4(6, segmentOf(0)))))},
		{"no IP version", SkipBadIP, eth("0800", x("15000000"))},
		{"short IP header", SkipBadIP, eth("0800", ihl)},
		{"15 octets of TCP", SkipBadTCP, eth("0800", ip4(6, segmentOf(0)[:15]))},
		{"first fragment", SkipFragment, eth("86dd", ip6(44, join(x("0600 0001 00000001"), segmentOf(4))))},
		{"too many tunnels", SkipNested, eth("0800", nested)},
	} {
		if _, skip := decodeOne(1, c.frame); skip != c.want {
			t.Errorf("%s: %v, want %v", c.what, skip, c.want)
		}
	}
}

// A header that every host drops is counted as a wrong sum; the fields that it has are there.
func TestImpossibleHeaderLength(t *testing.T) {
	for _, off := range []byte{0, 1, 4, 15} {
		b := tcp4(16, 8)
		b[14+20+12] = off << 4
		if seg, skip := decodeOne(1, b); skip != taken || seg.Sum != tcp.SumNever || seg.Len != 0 || seg.Seq != 100 {
			t.Errorf("header length %d: %v, %+v", off*4, skip, seg)
		}
	}
}

// A frame that is shorter, by its own record, than its IP header says has no room for some of the octets that the header
// counts; FabricPath's check sequence takes four more.
func TestBeyondTheFrame(t *testing.T) {
	whole := tcp4(16, 100)
	binary.BigEndian.PutUint16(whole[14+10:], 0)
	binary.BigEndian.PutUint16(whole[14+10:], ^fold(sum(whole[14:34])))
	fabric := join(whole[:12], unhex(t, "8903 0001"), whole)
	inner := join(whole[:14], ip4(4, whole[14:]))
	binary.BigEndian.PutUint16(inner[14+10:], ^fold(sum(inner[14:34])))
	for _, c := range []struct {
		what  string
		frame []byte
		orig  int // octets on the wire
		want  uint16
	}{
		{"whole", whole, len(whole), 0},
		{"snapped", whole[:80], len(whole), 0},
		{"cut", whole[:80], 80, uint16(len(whole) - 80)},
		{"cut, then snapped", whole[:80], 90, uint16(len(whole) - 90)},
		{"padded", join(whole, make([]byte, 9)), len(whole) + 9, 0},
		{"FabricPath without check sequence", fabric, len(fabric), 4},
		{"FabricPath with check sequence", join(fabric, make([]byte, 4)), len(fabric) + 4, 0},
		{"tunnel", inner, len(inner), 0},
		{"tunnel, cut", inner[:90], 90, uint16(len(inner) - 90)},
	} {
		var d decoder
		var seg tcp.Segment
		if skip := d.decode(&record{frame: c.frame, orig: c.orig, link: 1}, &seg); skip != taken || seg.Len != 100 || seg.Beyond != c.want {
			t.Errorf("%s: %v, %d octets, %d beyond, want 100 and %d", c.what, skip, seg.Len, seg.Beyond, c.want)
		}
	}
}

// The IP length counts, whatever of it was captured; but not when it claims more than was on the wire and the header's
// sum is wrong.
func TestLengths(t *testing.T) {
	whole := tcp4(16, 100)
	var d decoder
	var seg tcp.Segment
	for n := 14 + 20 + minHeader; n <= len(whole); n++ {
		if skip := d.decode(&record{frame: whole[:n], orig: len(whole), link: 1}, &seg); skip != taken || seg.Len != 100 || seg.IPLen != 140 || seg.Snap != (n < len(whole)) {
			t.Fatalf("%d of %d octets: %v, %+v", n, len(whole), skip, seg)
		}
	}
	short := whole[:60]
	if seg, _ := decodeOne(1, short); seg.Len != 6 {
		t.Errorf("wrong header sum: length %d, want 6, what was on the wire", seg.Len)
	}
	binary.BigEndian.PutUint16(short[14+10:], ^fold(sum(short[14:34])))
	if seg, _ := decodeOne(1, short); seg.Len != 100 || !seg.Snap {
		t.Errorf("good header sum: length %d, want 100, what was sent", seg.Len)
	}
}

// Flow and direction are those of tcp.MakeFlow.
func TestOrderIsMakeFlow(t *testing.T) {
	ends := []tcp.Addr{{}, {Lo: 1}, {Hi: 1}, {Hi: 1, Lo: 1}}
	for _, a := range ends {
		for _, b := range ends {
			for _, p := range []uint16{1, 2, 3} {
				want, dir := tcp.MakeFlow(a, b, p, 2, true)
				seg := tcp.Segment{Flow: tcp.FlowKey{A: a, B: b, PortA: p, PortB: 2, V6: 1}}
				order(&seg)
				if seg.Flow != want || seg.Dir != dir {
					t.Errorf("%v:%d > %v:2: %+v %v", a, p, b, seg.Flow, seg.Dir)
				}
			}
		}
	}
}

func TestRoutingHeaderNamesTheEnd(t *testing.T) {
	last := "20010db8000000000000000000000009"
	for _, c := range []struct{ header, want string }{
		{"0604 0002 00000000 20010db8000000000000000000000008" + last, "2001:db8::9"},
		{"0604 0000 00000000 20010db8000000000000000000000008" + last, "2000::2"},
		{"0604 0401 01000000" + last + "20010db8000000000000000000000008", "2001:db8::9"},
	} {
		frame := ip6(43, join(unhex(t, c.header), segmentOf(5)))
		seg, skip := decodeOne(101, frame)
		if _, dst := seg.Ends(); skip != taken || dst.IP().String() != c.want {
			t.Errorf("%s: %v, to %v, want %s", c.header, skip, dst, c.want)
		}
	}
}

// Wireshark 4.0 counts these otherwise. Each says whom we follow and why.
func TestWhereWiresharkDiffers(t *testing.T) {
	x := func(s string) []byte { return unhex(t, s) }
	mac := x("020000000001 020000000002 0800")

	// A tool cut the frame and wrote the cut length as that of the wire. Wireshark believes it; the good sum of the IP
	// header vouches for the length of what was sent, and only with that do the sequence numbers go on.
	cut := ip4(6, segmentOf(100))
	binary.BigEndian.PutUint16(cut[10:], ^fold(sum(cut[:20])))
	if seg, _ := decodeOne(1, join(mac, cut[:40])); seg.Len != 100 {
		t.Errorf("cut frame: %+v", seg)
	}

	// A security option of two octets. Wireshark gives up; Linux (ip_options_compile) asks of unknown options only that
	// they are two octets or more, and delivers.
	option := ip4(6, join(x("82020000"), segmentOf(3)))
	option[0] = 0x46
	if seg, skip := decodeOne(1, join(mac, option)); skip != taken || seg.Len != 3 {
		t.Errorf("odd IP option: %v, %+v", skip, seg)
	}

	// A source route with hops left. Wireshark names the next hop; the connection is with the last (RFC 8200 8.1), whose
	// address is in the checksum and who answers: TestRoutingHeaderNamesTheEnd.

	// An sFlow datagram reports samples of other packets. Wireshark shows the samples as streams; they are hearsay, cut
	// and one in a thousand.
	if _, skip := decodeOne(1, join(mac, ip4(17, udp(6343, join(x("00000005"), ip4(6, segmentOf(0))))))); skip != SkipNotTCP {
		t.Errorf("sFlow: %v", skip)
	}

	// A header of impossible length. Wireshark takes what is left for payload; there is none that any host would take:
	// TestImpossibleHeaderLength.

	// Several 802.11 frames put together (A-MSDU): a record yields one segment, the first.
	inner := join(x("aaaa03000000 0800"), ip4(6, segmentOf(2)))
	sub := join(x("020000000001 020000000002"), binary.BigEndian.AppendUint16(nil, uint16(len(inner))), inner)
	aggregate := join(x("8801 0000 ffffffffffff 020000000001 020000000002 0000 8000"), sub, x("0000"), sub)
	if seg, skip := decodeOne(105, aggregate); skip != taken || seg.Len != 2 {
		t.Errorf("A-MSDU: %v, %+v", skip, seg)
	}
}
