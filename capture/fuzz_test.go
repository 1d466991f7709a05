package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// FuzzFile reads any octets as a file: no crash, no hang, and the counts agree.
func FuzzFile(f *testing.F) {
	f.Add(pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0, 2, 4, 5, 180), tcp4(16, 3)))
	f.Add(pcapFile(binary.BigEndian, magicNano, 276, tcp4(2, 0)))
	for _, order := range orders {
		w := &blocks{order: order}
		w.section().iface(1, 0, 9, 1).packet(0, 1, tcp4(2, 0)).oldPacket(0, 2, tcp4(16, 0)).simple(tcp4(16, 3)).drops(0, 1)
		f.Add(w.b)
		f.Add(gzipped(f, w.b))
		f.Add(zstandard(f, w.b))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(b), Checksum: ChecksumAll, MaxPackets: 10000})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		batch := make([]tcp.Segment, 16)
		last := uint64(0)
		for {
			n, err := s.Read(batch)
			for i := range batch[:n] {
				if g := &batch[i]; g.Number <= last || g.Len < 0 || g.IPLen < 20+g.Len || g.Options.NSACK > 4 {
					t.Fatalf("after number %d: %+v", last, *g)
				} else {
					last = g.Number
				}
			}
			st := s.Stats()
			sum := st.Segments
			for _, k := range st.Skipped {
				sum += k.Packets
			}
			if sum != st.Packets || len(st.Warnings) > maxWarnings {
				t.Fatalf("%+v", st)
			}
			if err != nil {
				if n != 0 || err != io.EOF && st.Packets > 0 {
					t.Fatalf("%d segments, %d packets and %v", n, st.Packets, err)
				}
				return
			}
		}
	})
}

// FuzzPlain reads any octets as a classic file plainly and, because somebody looks at each record, not so: nobody can tell.
func FuzzPlain(f *testing.F) {
	whole := pcapFile(binary.LittleEndian, magicNano, linkEthernet, tcp4(2, 0, 2, 4, 5, 180), tcp4(16, 3), tcp4(16, 3)[:40], tcp6(17, 5))
	for _, n := range []int{len(whole), len(whole) - 9, pcapHeader + 7, pcapHeader} {
		f.Add(whole[:n], uint8(0), uint8(n))
	}
	f.Add(slices.Concat(whole, whole), uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, limit, size uint8) {
		read := func(look Recorder) (segs []tcp.Segment, st Stats, err error) {
			s, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(b), MaxPackets: uint64(limit), Recorder: look})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			batch := make([]tcp.Segment, 1+size%8)
			for err == nil {
				var n int
				n, err = s.Read(batch)
				segs = append(segs, batch[:n]...)
			}
			return segs, s.Stats(), err
		}
		segs, st, err := read(nil)
		others, other, otherErr := read(func(*Record, *tcp.Segment) {})
		if !slices.Equal(segs, others) || !reflect.DeepEqual(st, other) || err.Error() != otherErr.Error() {
			t.Fatalf("%d segments, %+v, %v\n%d segments, %+v, %v", len(segs), st, err, len(others), other, otherErr)
		}
	})
}

// FuzzDecode decodes any frame: never a crash, and where gopacket finds plain Ethernet, IP and TCP, the same.
func FuzzDecode(f *testing.F) {
	f.Add(uint16(1), tcp4(2, 3, 2, 4, 5, 180, 1, 3, 3, 7))
	f.Add(uint16(1), tcp4(16, 3, 1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2))
	vlan := tcp4(24, 9)
	f.Add(uint16(1), join(vlan[:12], []byte{0x81, 0, 0, 100}, vlan[12:]))
	f.Add(uint16(1), join(vlan[:12], []byte{0x86, 0xdd}, ip6(6, segmentOf(7))))
	f.Add(uint16(1), join(vlan[:12], []byte{0x86, 0xdd}, ip6(44, append([]byte{6, 0, 0, 1, 0, 0, 0, 1}, segmentOf(4)...))))
	f.Add(uint16(1), join(vlan[:14], ip4(17, udp(4789, join([]byte{8, 0, 0, 0, 0, 1, 0, 0}, vlan)))))
	f.Add(uint16(1), join(vlan[:14], ip4(47, join([]byte{0x30, 0, 0x65, 0x58, 0, 0, 0, 1, 0, 0, 0, 0}, vlan))))
	for _, link := range []uint16{0, 6, 8, 9, 10, 50, 51, 100, 101, 104, 105, 107, 109, 113, 117, 119, 127, 138, 163, 166, 192, 204, 197, 205, 206, 219, 226, 239, 240, 242, 258, 274, 276, 281, 284} {
		f.Add(link, append(make([]byte, 20), vlan...))
	}
	f.Fuzz(func(t *testing.T, link uint16, frame []byte) {
		d := decoder{checksum: ChecksumAll}
		seg := tcp.Segment{Urgent: 1, Options: tcp.Options{NSACK: 3}}
		skip := d.decode(&record{frame: frame, orig: len(frame), link: uint32(link)}, &seg)
		if skip == taken && (seg.Len < 0 || seg.IPLen < 20+seg.Len || seg.Options.NSACK > 4) || skip >= numSkips {
			t.Fatalf("%v: %+v", skip, seg)
		}
		if link == linkEthernet {
			againstGopacket(t, frame, &seg, skip)
		}
	})
}

// againstGopacket compares a plain segment with what gopacket decodes from the frame.
func againstGopacket(t *testing.T, frame []byte, seg *tcp.Segment, skip Skip) {
	p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	if p.ErrorLayer() != nil {
		return
	}
	want := tcp.Segment{Number: seg.Number}
	var vlans int
	for _, l := range p.Layers() {
		switch l := l.(type) {
		case *layers.Ethernet:
			if l.EthernetType < 0x600 {
				return
			}
		case *layers.Dot1Q:
			// gopacket takes fewer ethertypes for tags than we do, and a tag of 0 names no network.
			if vlans < 2 && l.VLANIdentifier != 0 {
				want.VLAN[vlans] = l.VLANIdentifier
				vlans++
			}
		case *layers.IPv4:
			if l.Version != 4 || l.Flags&layers.IPv4MoreFragments != 0 || l.FragOffset != 0 {
				return
			}
			want.Flow.A, want.Flow.B = tcp.AddrFrom4(binary.BigEndian.Uint32(l.SrcIP)), tcp.AddrFrom4(binary.BigEndian.Uint32(l.DstIP))
			want.IPID, want.TTL, want.IPLen = l.Id, l.TTL, len(l.Contents)+len(l.Payload)
			if int(binary.BigEndian.Uint16(l.Contents[2:])) > want.IPLen {
				return // truncated
			}
		case *layers.IPv6:
			if l.Version != 6 || l.Length == 0 || int(l.Length) > len(l.Payload) {
				return
			}
			want.Flow.A, want.Flow.B, want.Flow.V6 = tcp.AddrFrom16(l.SrcIP), tcp.AddrFrom16(l.DstIP), 1
			want.TTL, want.IPLen = l.HopLimit, 40+len(l.Payload)
		case *layers.TCP:
			if l.DataOffset < 5 || skip == taken && seg.Options.Has&tcp.OptionBroken != 0 {
				return
			}
			want.Flow, want.Dir = tcp.MakeFlow(want.Flow.A, want.Flow.B, uint16(l.SrcPort), uint16(l.DstPort), want.Flow.V6 != 0)
			want.Seq, want.Ack, want.Window, want.Urgent, want.Len = tcp.Seq(l.Seq), tcp.Seq(l.Ack), l.Window, l.Urgent, len(l.Payload)
			want.Flags = tcp.Flags(binary.BigEndian.Uint16(l.Contents[12:]) & 0x1ff)
			want.Sum, want.Options = seg.Sum, seg.Options
			if skip != taken || *seg != want {
				t.Fatalf("%v, %+v\ngopacket: %+v", skip, *seg, want)
			}
			sameOptions(t, l.Options, &seg.Options)
			return
		default:
			return
		}
	}
}

// sameOptions compares the options that gopacket knows the form of; where one comes twice, the last counts.
func sameOptions(t *testing.T, list []layers.TCPOption, o *tcp.Options) {
	want := tcp.Options{Has: o.Has &^ (tcp.HasMSS | tcp.HasWScale | tcp.HasSACKOK | tcp.HasTS | tcp.HasSACK), Cookie: o.Cookie, MPTCPSub: o.MPTCPSub}
	for _, x := range list {
		v := x.OptionData
		switch x.OptionType {
		case layers.TCPOptionKindMSS:
			want.Has |= tcp.HasMSS
			want.MSS = binary.BigEndian.Uint16(v)
		case layers.TCPOptionKindWindowScale:
			want.Has |= tcp.HasWScale
			want.WScale = v[0]
		case layers.TCPOptionKindSACKPermitted:
			want.Has |= tcp.HasSACKOK
		case layers.TCPOptionKindTimestamps:
			want.Has |= tcp.HasTS
			want.TSVal, want.TSEcr = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
		case layers.TCPOptionKindSACK:
			want.Has |= tcp.HasSACK
			want.NSACK = uint8(len(v) / 8)
			for i := range want.NSACK {
				want.SACK[i] = tcp.Range{Lo: tcp.Seq(binary.BigEndian.Uint32(v[8*i:])), Hi: tcp.Seq(binary.BigEndian.Uint32(v[8*i+4:]))}
			}
		}
	}
	got := *o
	for i := int(got.NSACK); i < 4; i++ {
		got.SACK[i] = tcp.Range{}
	}
	if got != want {
		t.Fatalf("options %+v\ngopacket: %+v", got, want)
	}
}

// FuzzOptions holds the option walk to a plain list of what is there.
func FuzzOptions(f *testing.F) {
	f.Add([]byte{2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}, false)
	f.Add([]byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, false)
	f.Add([]byte{1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4}, true)
	f.Add([]byte{254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8, 34, 2, 30, 3, 0x10, 2, 3}, false)
	f.Fuzz(func(t *testing.T, b []byte, snapped bool) {
		if len(b) > 40 {
			return
		}
		var o tcp.Options
		options(b, snapped, &o)
		broken := false
		has := map[byte]bool{}
		for i := 0; i < len(b) && b[i] != 0; {
			if b[i] == 1 {
				i++
				continue
			}
			if i+1 == len(b) || i+int(b[i+1]) > len(b) {
				broken = broken || !snapped
				break
			}
			if b[i+1] < 2 {
				broken = true
				break
			}
			has[b[i]] = true
			i += int(b[i+1])
		}
		for kind, bit := range map[byte]tcp.OptionSet{2: tcp.HasMSS, 3: tcp.HasWScale, 4: tcp.HasSACKOK, 5: tcp.HasSACK, 8: tcp.HasTS,
			19: tcp.HasMD5, 28: tcp.HasUTO, 29: tcp.HasAO, 30: tcp.HasMPTCP} {
			if o.Has&bit != 0 && !has[kind] {
				t.Errorf("% x: option %d is not there", b, kind)
			}
			if has[kind] && o.Has&(bit|tcp.OptionBroken) == 0 {
				t.Errorf("% x: option %d is lost", b, kind)
			}
		}
		if broken && o.Has&tcp.OptionBroken == 0 {
			t.Errorf("% x: broken, and not said", b)
		}
	})
}

// FuzzStraight holds the short way through a frame equal to the one through its layers, and sees that the frames it is
// there for go that way.
func FuzzStraight(f *testing.F) {
	stamps := []byte{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}
	sack := []byte{1, 1, 5, 10, 0, 0, 0, 150, 0, 0, 0, 170}
	tagged := func(b []byte) []byte { return slices.Insert(b, 12, 0x81, 0, 0x20, 7) }
	usual := [][]byte{
		tcp4(16, 3), tcp4(24, 40, stamps...), tcp4(16, 0, sack...), tcp4(17, 0, stamps...), tcp4(4, 0), tcp4(2, 0, 2, 4, 5, 180),
		append(tcp4(16, 0), 0, 0, 0, 0, 0, 0), tagged(tcp4(24, 9)), tcp6(24, 5, stamps...), tagged(tcp6(2, 0)),
	}
	for _, b := range usual {
		var seg tcp.Segment
		if d := (decoder{}); !d.straight(b, len(b), &seg) {
			f.Errorf("%x takes the long way", b)
		}
		f.Add(b, uint16(0), uint8(0))
		f.Add(b[:len(b)*9/10], uint16(len(b)-len(b)*9/10), uint8(1))
	}
	f.Fuzz(func(t *testing.T, frame []byte, missing uint16, mode uint8) {
		rec := &record{time: 7e9, frame: frame, orig: len(frame) + int(missing), link: linkEthernet}
		var short, long tcp.Segment
		short.Options.Has, short.Snap = 0xffff, true // as a reused batch has it
		d := decoder{checksum: ChecksumMode(mode % 3)}
		if !d.straight(frame, rec.orig, &short) {
			return
		}
		short.Time = rec.time
		if skip := d.layers(rec, &long); skip != taken || short != long {
			t.Fatalf("%x\n%+v\n%+v, skip %v", frame, short, long, skip)
		}
	})
}
