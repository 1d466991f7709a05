package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// drain reads a source to its end and holds it to the invariant.
func drain(t testing.TB, s Source) ([]tcp.Segment, Stats) {
	t.Helper()
	defer s.Close()
	var all []tcp.Segment
	var passed uint64
	batch := make([]tcp.Segment, 7)
	for {
		n, err := s.Read(batch)
		all = append(all, batch[:n]...)
		for i := range batch[:n] {
			if !batch[i].Filtered {
				passed++
			}
		}
		st := s.Stats()
		sum := st.Segments
		for _, k := range st.Skipped {
			sum += k.Packets
		}
		if sum != st.Packets || st.Segments != passed {
			t.Fatalf("%d packets, but %d segments (%d read) and %v", st.Packets, st.Segments, passed, st.Skipped)
		}
		if err == io.EOF {
			return all, st
		}
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			t.Fatal("neither segments nor an error")
		}
	}
}

// write puts octets into a file of the test's own.
func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pcapFile is a classic capture of the frames, 1 ms apart.
func pcapFile(order binary.AppendByteOrder, magic uint32, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(b, 262144)
	b = order.AppendUint32(b, link)
	for i, f := range frames {
		frac := uint32(i) * 1000
		if magic == magicNano {
			frac *= 1000
		}
		b = order.AppendUint32(b, 1700000000)
		b = order.AppendUint32(b, frac)
		b = order.AppendUint32(b, uint32(len(f)))
		b = order.AppendUint32(b, uint32(len(f)))
		if magic == magicModified {
			b = append(b, make([]byte, 8)...)
		}
		b = append(b, f...)
	}
	return b
}

// tcp4 is an Ethernet frame with a segment of n payload octets, from 10.0.0.1:1000 to 10.0.0.2:80.
func tcp4(flags byte, n int, options ...byte) []byte {
	b := make([]byte, 14, 128)
	b[12], b[13] = 8, 0
	ip := []byte{0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(ip[2:], uint16(40+len(options)+n))
	b = append(b, ip...)
	b = append(b, 3, 232, 0, 80, 0, 0, 0, 100, 0, 0, 0, 200, byte(5+len(options)/4)<<4, flags, 1, 0, 0, 0, 0, 0)
	b = append(b, options...)
	return append(b, make([]byte, n)...)
}

// tcp6 is tcp4 over IPv6, and goes the other way.
func tcp6(flags byte, n int, options ...byte) []byte {
	b := tcp4(flags, n, options...)
	ip := make([]byte, 40)
	ip[0], ip[6], ip[7], ip[8], ip[24] = 0x60, 6, 64, 0x20, 0x10
	binary.BigEndian.PutUint16(ip[4:], uint16(len(b)-34))
	b[12], b[13] = 0x86, 0xdd
	return slices.Replace(b, 14, 34, ip...)
}

// Byte order and unit of a file change nothing of what is read.
func TestPcapFlavours(t *testing.T) {
	frames := [][]byte{tcp4(2, 0, 2, 4, 5, 180), tcp4(16, 0), tcp4(24, 10)}
	var first []tcp.Segment
	for _, c := range []struct {
		order binary.AppendByteOrder
		magic uint32
	}{
		{binary.LittleEndian, magicMicro}, {binary.BigEndian, magicMicro}, {binary.LittleEndian, magicNano},
		{binary.BigEndian, magicNano}, {binary.LittleEndian, magicModified}, {binary.BigEndian, magicModified},
	} {
		s, err := Open([]string{"-"}, Options{Stdin: bytes.NewReader(pcapFile(c.order, c.magic, 1, frames...))})
		if err != nil {
			t.Fatal(err)
		}
		segs, st := drain(t, s)
		if len(segs) != 3 || len(st.Warnings) != 0 {
			t.Fatalf("%v %#x: %d segments, warnings %v", c.order, c.magic, len(segs), st.Warnings)
		}
		if first == nil {
			first = segs
			continue
		}
		for i := range segs {
			if segs[i] != first[i] {
				t.Errorf("%v %#x: %+v\nwant %+v", c.order, c.magic, segs[i], first[i])
			}
		}
	}
	g := first[2]
	src, dst := g.Ends()
	if src.String() != "10.0.0.1:1000" || dst.String() != "10.0.0.2:80" || g.Len != 10 || g.IPLen != 50 || g.Seq != 100 || g.Ack != 200 ||
		g.Flags != tcp.PSH|tcp.ACK || g.Window != 256 || g.TTL != 64 || g.IPID != 0x1234 || g.Number != 3 || g.Time != 1700000000_002000000 {
		t.Errorf("%+v", g)
	}
	if first[0].Options.MSS != 1460 {
		t.Errorf("%+v", first[0].Options)
	}
}

// A capture cut at any octet gives every whole record before the cut, and says so.
func TestPcapCutAnywhere(t *testing.T) {
	whole := pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), tcp4(16, 3))
	size := []int{pcapHeader, pcapHeader + 16 + 54, pcapHeader + 16 + 54 + 16 + 57}
	for n := range len(whole) {
		s, err := Open([]string{write(t, "cut", whole[:n])}, Options{})
		if n < pcapHeader {
			if err == nil {
				t.Errorf("cut at %d: no error", n)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		if n >= size[1] {
			want = 1
		}
		segs, st := drain(t, s)
		warned := n != size[0] && n != size[1]
		if len(segs) != want || (len(st.Warnings) == 1) != warned {
			t.Errorf("cut at %d: %d segments, warnings %v", n, len(segs), st.Warnings)
		}
	}
}

// TestEager: whole packets in files are read ahead, nothing else.
func TestEager(t *testing.T) {
	capture := func(frame []byte) []byte {
		return pcapFile(binary.LittleEndian, magicMicro, linkEthernet, slices.Repeat([][]byte{frame}, 2000)...)
	}
	whole, cut := write(t, "whole.pcap", capture(tcp4(16, 600))), write(t, "cut.pcap", capture(tcp4(16, 40)))
	packed := write(t, "whole.pcap.gz", gzipped(t, capture(tcp4(16, 600))))
	stdin, err := os.Open(whole)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	for _, c := range []struct {
		what  string
		names []string
		opt   Options
		want  bool
	}{
		{"whole packets", []string{whole}, Options{}, true},
		{"two files", []string{whole, whole}, Options{}, true},
		{"cut packets", []string{cut}, Options{}, false},
		{"a compressed file", []string{packed}, Options{}, false},
		{"standard input", []string{"-"}, Options{Stdin: stdin}, false},
		{"a file that grows", []string{whole}, Options{Follow: true}, false},
		{"somebody looks", []string{whole}, Options{Recorder: func(*Record, *tcp.Segment) {}}, false},
	} {
		s, err := Open(c.names, c.opt)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]tcp.Segment, 64)); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if got := s.(EagerSource).Eager(); got != c.want {
			t.Errorf("%s: eager is %v", c.what, got)
		}
		s.Close()
	}
}
