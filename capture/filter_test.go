package capture

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

const rawIP = 101 // link type

// to is the IP packet of tcp4 with another destination port.
func to(port uint16, b []byte) []byte {
	b = append([]byte{}, b[14:]...)
	binary.BigEndian.PutUint16(b[22:], port)
	return b
}

func filterOf(t testing.TB, text string) *Filter {
	f, err := NewFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sifted reads a file through a filter: the numbers of the packets that pass, and of those handed out marked.
func sifted(t *testing.T, opt Options, file []byte) (passed, marked []uint64, st Stats) {
	t.Helper()
	s := openAll(t, opt, write(t, "x", file))
	if m, ok := s.(MarkingSource); !ok || !m.Marks() {
		t.Error("does not say that it marks")
	}
	segs, st := drain(t, s)
	for _, seg := range segs {
		if seg.Filtered {
			marked = append(marked, seg.Number)
		} else {
			passed = append(passed, seg.Number)
		}
	}
	return passed, marked, st
}

func equalNumbers(have []uint64, want ...uint64) bool {
	for i := range have {
		if i >= len(want) || have[i] != want[i] {
			return false
		}
	}
	return len(have) == len(want)
}

// What does not pass is counted, and handed out marked where it is a segment; a Recorder does not see it; -c counts what
// passes.
func TestFilter(t *testing.T) {
	udp := to(53, tcp4(0, 0))
	udp[9] = 17
	file := pcapFile(binary.LittleEndian, magicNano, rawIP, to(80, tcp4(2, 0)), to(443, tcp4(2, 0)), to(80, tcp4(16, 5)), udp, to(22, tcp4(4, 0)))
	var shown []uint64
	opt := Options{Filter: filterOf(t, "port 80 or 22"), Recorder: func(r *Record, seg *tcp.Segment) {
		if seg == nil || seg.Filtered {
			t.Errorf("packet %d is shown with %v", r.Number, seg)
		}
		shown = append(shown, r.Number)
	}}
	passed, marked, st := sifted(t, opt, file)
	if !equalNumbers(passed, 1, 3, 5) || !equalNumbers(marked, 2) || !equalNumbers(shown, 1, 3, 5) {
		t.Errorf("passed %d, marked %d, shown %d", passed, marked, shown)
	}
	if len(st.Skipped) != 1 || st.Skipped[0] != (Skipped{SkipFiltered, 2}) {
		t.Errorf("%v", st.Skipped)
	}
	if passed, _, st := sifted(t, Options{Filter: filterOf(t, "port 80 or 22"), MaxPackets: 2}, file); !equalNumbers(passed, 1, 3) || st.Packets != 3 {
		t.Errorf("of two: %d of %d", passed, st.Packets)
	}
}

// fragments4 cuts a packet behind its first 24 octets of payload.
func fragments4(b []byte) (first, second []byte) {
	first = append([]byte{}, b[:44]...)
	binary.BigEndian.PutUint16(first[2:], 44)
	first[6] = 0x20
	second = append(append([]byte{}, b[:20]...), b[44:]...)
	binary.BigEndian.PutUint16(second[2:], uint16(len(second)))
	second[7] = 3
	return first, second
}

// A datagram passes when all its fragments do: ports are in the first alone, as tcpdump too has it. It is numbered
// either way.
func TestFilterFragments(t *testing.T) {
	first, second := fragments4(to(80, tcp4(24, 40)))
	file := pcapFile(binary.LittleEndian, magicNano, rawIP, first, second)
	if passed, marked, _ := sifted(t, Options{Filter: filterOf(t, "ip")}, file); !equalNumbers(passed, 2) || len(marked) > 0 {
		t.Errorf("both pass: %d, marked %d", passed, marked)
	}
	passed, marked, st := sifted(t, Options{Filter: filterOf(t, "port 80")}, file)
	if len(passed) > 0 || !equalNumbers(marked, 2) {
		t.Errorf("the first passes: %d, marked %d", passed, marked)
	}
	if len(st.Skipped) != 2 || st.Skipped[0] != (Skipped{SkipFragment, 1}) || st.Skipped[1] != (Skipped{SkipFiltered, 1}) {
		t.Errorf("%v", st.Skipped)
	}
}

// Every link type has the packet that the filter asks for, loopback captures of other systems and byte orders too; and
// the frame is left as it was.
func TestFilterLinks(t *testing.T) {
	ip := to(80, tcp4(2, 0))
	behind := func(head ...byte) []byte { return append(head, ip...) }
	six := append(make([]byte, 40), ip[20:]...)
	six[0], six[6] = 0x60, protoTCP
	binary.BigEndian.PutUint16(six[4:], uint16(len(ip)-20))
	for _, c := range []struct {
		name  string
		link  uint32
		frame []byte
	}{
		{"Ethernet", linkEthernet, behind(append(make([]byte, 12), 8, 0)...)},
		{"SLL", linkSLL, behind(append(make([]byte, 14), 8, 0)...)},
		{"SLL2", linkSLL2, behind(append([]byte{8, 0}, make([]byte, 18)...)...)},
		{"raw", rawIP, ip},
		{"raw IPv4", 228, ip},
		{"raw IPv6", 229, six},
		{"null", linkNull, behind(2, 0, 0, 0)},
		{"null, big-endian", linkNull, behind(0, 0, 0, 2)},
		{"null of macOS, IPv6", linkNull, append([]byte{30, 0, 0, 0}, six...)},
		{"null of FreeBSD, big-endian, IPv6", linkNull, append([]byte{0, 0, 0, 28}, six...)},
		{"loop", linkLoop, behind(0, 0, 0, 2)},
		{"loop of OpenBSD, IPv6", linkLoop, append([]byte{0, 0, 0, 24}, six...)},
	} {
		file := pcapFile(binary.LittleEndian, magicNano, c.link, c.frame)
		opt := Options{Filter: filterOf(t, "tcp dst port 80"), Recorder: func(r *Record, _ *tcp.Segment) {
			if string(r.Data) != string(c.frame) {
				t.Errorf("%s: the frame is changed: % x", c.name, r.Data)
			}
		}}
		if passed, _, _ := sifted(t, opt, file); !equalNumbers(passed, 1) {
			t.Errorf("%s: does not pass", c.name)
		}
		opt.Filter = filterOf(t, "tcp dst port 81")
		if passed, marked, _ := sifted(t, opt, file); len(passed) > 0 || !equalNumbers(marked, 1) {
			t.Errorf("%s: passes another port", c.name)
		}
	}
}

// A filter that a link type cannot have is an error where there is nothing else, and a warning among others.
func TestFilterLinkType(t *testing.T) {
	tagged := filterOf(t, "tcp or vlan")
	raw := pcapFile(binary.LittleEndian, magicNano, rawIP, to(80, tcp4(2, 0)))
	var wrong *FilterError
	if _, err := Open([]string{write(t, "raw", raw)}, Options{Filter: tagged}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "VLAN") {
		t.Errorf("%v", err)
	}
	s := openAll(t, Options{Filter: tagged, Stdin: strings.NewReader(string(raw))}, "-")
	if n, err := s.Read(make([]tcp.Segment, 4)); n != 0 || !errors.As(err, &wrong) {
		t.Errorf("a stream: %d, %v", n, err)
	}
	ether := tcp4(2, 0)
	w := (&blocks{order: binary.LittleEndian}).section().iface(linkEthernet, 0, 9, 0).iface(rawIP, 0, 9, 0)
	w.packet(0, 1, ether).packet(1, 2, ether[14:]).packet(0, 3, ether).packet(1, 4, ether[14:])
	passed, marked, st := sifted(t, Options{Filter: tagged}, w.b)
	if !equalNumbers(passed, 1, 3) || len(marked) > 0 || len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].String(), "VLAN") {
		t.Errorf("among others: %d, marked %d, %v", passed, marked, st.Warnings)
	}
}

// A filter costs no allocation for a packet.
func TestFilterAllocatesNothing(t *testing.T) {
	s := &files{screen: &screen{filter: filterOf(t, "tcp port 443 or host 10.0.0.9")}}
	in := &input{}
	rec := record{frame: append([]byte{30, 0, 0, 0}, to(80, tcp4(16, 5))...), link: linkNull}
	rec.orig = len(rec.frame)
	var seg tcp.Segment
	if n := testing.AllocsPerRun(100, func() { s.sift(in, &rec, &seg) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
