package capture

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// The addresses that Crypto-PAn's own sample maps.
func TestCryptoPAn(t *testing.T) {
	a := newAnonymizer([32]byte{21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2})
	for from, to := range map[string]string{
		"128.11.68.132": "135.242.180.132", "129.118.74.4": "134.136.186.123", "130.132.252.244": "133.68.164.234", "141.223.7.43": "141.167.8.160",
	} {
		if got := a.Addr(netip.MustParseAddr(from)).String(); got != to {
			t.Errorf("%s: %s, not %s", from, got, to)
		}
	}
}

// common is how many bits two addresses begin with alike.
func common(a, b netip.Addr) int {
	x, y := a.AsSlice(), b.AsSlice()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 8 * len(x)
}

// Two addresses have as long a prefix in common after as before, of either family, and another secret maps otherwise.
func TestPrefixesStay(t *testing.T) {
	a, other := NewAnonymizer([]byte("secret")), NewAnonymizer([]byte("another"))
	rnd := rand.New(rand.NewPCG(1, 2))
	same := 0
	for range 300 {
		x := make([]byte, []int{4, 16}[rnd.IntN(2)])
		for i := range x {
			x[i] = byte(rnd.Uint32())
		}
		y := bytes.Clone(x)
		at := rnd.IntN(8 * len(x))
		y[at/8] ^= 0x80 >> (at % 8)
		p, _ := netip.AddrFromSlice(x)
		q, _ := netip.AddrFromSlice(y)
		if got := common(a.Addr(p), a.Addr(q)); got != at {
			t.Fatalf("%s and %s: %d bits in common, not %d", p, q, got, at)
		}
		if a.Addr(p) == other.Addr(p) || a.Addr(p) == p {
			same++
		}
	}
	if same > 2 {
		t.Errorf("%d addresses stay or map alike", same)
	}
}

func TestAnonymizedText(t *testing.T) {
	a := NewAnonymizer([]byte("x"))
	p4, p6 := a.Addr(netip.MustParseAddr("10.0.0.1")).String(), a.Addr(netip.MustParseAddr("2001:db8::1")).String()
	in := "client 10.0.0.1:80, [2001:db8::1]:443 and 2001:db8::1: 3.5 s. from 10.0.0.1. abc 12:30"
	want := "client " + p4 + ":80, [" + p6 + "]:443 and " + p6 + ": 3.5 s. from " + p4 + ". abc 12:30"
	if got := a.Text(in); got != want {
		t.Errorf("%s\n%s", got, want)
	}
}

// What is anonymized of the recordings analyses alike: every segment has the flags, numbers, sizes, options and the state
// of its checksum that it had, and neither payload nor address of the original is left.
func TestAnonymizedIsAlike(t *testing.T) {
	names, err := filepath.Glob("../testdata/pcaps/*/*.pcap*")
	if err != nil || len(names) == 0 {
		t.Fatal("no recordings", err)
	}
	a := NewAnonymizer([]byte("x"))
	segments, bad := 0, 0
	for _, name := range names {
		src := openAll(t, Options{Checksum: ChecksumAll, Recorder: func(r *Record, seg *tcp.Segment) {
			if seg == nil {
				return
			}
			to, ok := a.Packet(r)
			if !ok {
				if !strings.Contains(name, "fragments") {
					t.Errorf("%s: packet %d is left out", name, r.Number)
				}
				return
			}
			segments++
			d := decoder{checksum: ChecksumAll}
			var got tcp.Segment
			if skip := d.decode(&record{time: to.Time, frame: to.Data, orig: to.Length, link: to.Interface.Link}, &got); skip != taken {
				t.Fatalf("%s: packet %d: %s", name, r.Number, skip)
			}
			want := *seg
			if want.Sum == tcp.SumBad {
				bad++
			}
			if src, dst := want.Ends(); true {
				gs, gd := got.Ends()
				if gs.IP() != a.Addr(src.IP()) || gd.IP() != a.Addr(dst.IP()) || gs.Port != src.Port || gd.Port != dst.Port {
					t.Fatalf("%s: packet %d: %s > %s", name, r.Number, gs, gd)
				}
			}
			want.Flow, want.Dir, want.Number = got.Flow, got.Dir, 0
			if got.Snap && want.Len > 0 && want.Sum != tcp.SumBad { // its payload is cut
				want.Snap, want.Sum = true, got.Sum
			}
			if got != want {
				t.Fatalf("%s: packet %d:\n%+v\n%+v", name, r.Number, got, want)
			}
			if want.Len >= 8 && bytes.Contains(to.Data, r.Data[len(r.Data)-8:]) && !bytes.Equal(r.Data[len(r.Data)-8:], make([]byte, 8)) {
				t.Fatalf("%s: packet %d: payload is left", name, r.Number)
			}
		}}, name)
		drain(t, src)
	}
	if segments < 1000 || bad == 0 {
		t.Errorf("%d segments, %d with a wrong sum", segments, bad)
	}
}

// Checksums are right over a payload of zeros, link addresses are mapped and options that tell more are emptied; what is
// not plain TCP is refused.
func TestAnonymizePacket(t *testing.T) {
	a := NewAnonymizer([]byte("x"))
	mac := unhex(t, "00163e000001 ffffffffffff")
	sealed := func(ip []byte, head int) []byte { // with a good sum
		b := ip[head:]
		var flow tcp.FlowKey
		if head == 20 {
			flow = flow4(ip)
		} else {
			flow = tcp.FlowKey{A: tcp.AddrFrom16(ip[8:]), B: tcp.AddrFrom16(ip[24:]), V6: 1}
		}
		binary.BigEndian.PutUint16(b[16:], 0)
		binary.BigEndian.PutUint16(b[16:], ^fold(sum(b)+uint64(pseudoHeader(len(b), &flow))))
		return ip
	}
	option := tcp4(2, 3, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1)[34:]
	v4, v6 := sealed(ip4(6, option), 20), sealed(ip6(6, bytes.Clone(option)), 40)
	for _, c := range []struct {
		what  string
		link  uint32
		frame []byte
		head  int
		ok    bool
	}{
		{"Ethernet", 1, join(mac, unhex(t, "0800"), v4), 14, true},
		{"IPv6 and two tags", 1, join(mac, unhex(t, "88a8 0001 8100 0002 86dd"), v6), 22, true},
		{"raw", 101, v4, 0, true},
		{"SLL", 113, join(unhex(t, "0000 0001 0006 00163e000001 0000 0800"), v4), 16, true},
		{"SLL2", 276, join(unhex(t, "86dd 0000 00000002 0001 00 06 00163e000001 0000"), v6), 20, true},
		{"loopback", 0, join(unhex(t, "02000000"), v4), 4, true},
		{"UDP", 101, ip4(17, option), 0, false},
		{"a tunnel", 101, ip4(4, v4), 0, false},
		{"ARP", 1, join(mac, unhex(t, "0806"), v4), 14, false},
		{"802.11", 105, v4, 0, false},
		{"cut in the options", 101, v4[:45], 0, false},
		{"nothing", 1, nil, 0, false},
	} {
		r := Record{Length: len(c.frame), Data: c.frame, Interface: &Interface{Link: c.link, Name: "vpn-customer", Description: "theirs"}}
		before := bytes.Clone(c.frame)
		to, ok := a.Packet(&r)
		if ok != c.ok || !bytes.Equal(before, c.frame) {
			t.Errorf("%s: %v", c.what, ok)
		}
		if !ok {
			continue
		}
		if *to.Interface != (Interface{Link: c.link}) {
			t.Errorf("%s: the interface is told: %+v", c.what, *to.Interface)
		}
		whole := append(bytes.Clone(to.Data[c.head:]), 0, 0, 0)
		d := decoder{checksum: ChecksumAll}
		var seg tcp.Segment
		if skip := d.decode(&record{frame: whole, orig: len(whole), link: 101}, &seg); skip != taken || seg.Sum != tcp.SumGood || seg.Len != 3 || seg.Options.Cookie != 8 {
			t.Errorf("%s: %s %+v", c.what, skip, seg)
		}
		if to.Length != len(c.frame) || bytes.Contains(to.Data, []byte{1, 2, 3, 4}) || bytes.Contains(to.Data, unhex(t, "163e000001")) || len(to.Data) != len(c.frame)-3 {
			t.Errorf("%s: % x", c.what, to.Data)
		}
		if c.link == 1 && (to.Data[0]&3 != 2 || !bytes.Equal(to.Data[6:12], mac[6:])) {
			t.Errorf("%s: % x", c.what, to.Data[:12])
		}
		if c.head+20 < len(whole) && whole[0]>>4 == 4 && fold(sum(whole[:20])) == 0xffff == (fold(sum(v4[:20])) != 0xffff) {
			t.Errorf("%s: the IP header's sum", c.what)
		}
	}
}

// Hostile packets neither crash it nor come out with their addresses.
func FuzzAnonymize(f *testing.F) {
	for _, link := range []uint32{1, 101, 113, 276, 0} {
		f.Add(link, tcp4(2, 5, 2, 4, 5, 180))
		f.Add(link, ip6(6, segmentOf(5)))
	}
	a := NewAnonymizer([]byte("x"))
	f.Fuzz(func(t *testing.T, link uint32, frame []byte) {
		to, ok := a.Packet(&Record{Length: len(frame), Data: frame, Interface: &Interface{Link: link}})
		if !ok {
			return
		}
		if len(to.Data) > len(frame) {
			t.Fatal("longer than it was")
		}
		before, skip := decodeOne(link, frame)
		after, skipAfter := decodeOne(link, to.Data)
		if skip == taken && (skipAfter != taken || after.Seq != before.Seq || after.Flags != before.Flags) {
			t.Errorf("%s, %s: %+v\n%+v", skip, skipAfter, before, after)
		}
	})
}
