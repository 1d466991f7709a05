package capture

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// loop repeats a capture's records without end, as an io.Reader.
type loop struct {
	head, body []byte
	at         int
}

func (l *loop) Read(b []byte) (int, error) {
	n := 0
	if l.head != nil {
		n = copy(b, l.head)
		l.head = nil
	}
	for n < len(b) {
		m := copy(b[n:], l.body[l.at:])
		n, l.at = n+m, (l.at+m)%len(l.body)
	}
	return n, nil
}

// endless is a capture of bulk traffic that never ends: 54- to 98-octet frames with timestamps, of 64 flows.
func endless() io.Reader {
	var frames [][]byte
	for i := range 1024 {
		f := tcp4(16, i%5*8, 1, 1, 8, 10, 0, 0, 0, byte(i), 0, 0, 0, 1)
		f[14+15], f[14+21] = byte(i*7%64), byte(i*7%64)
		frames = append(frames, f)
	}
	b := pcapFile(binary.LittleEndian, magicMicro, 1, frames...)
	return &loop{head: b[:pcapHeader], body: b[pcapHeader:]}
}

// BenchmarkDecode is the whole way from octets to segments, in ns per packet.
func BenchmarkDecode(b *testing.B) {
	s, err := Open([]string{"-"}, Options{Stdin: endless()})
	if err != nil {
		b.Fatal(err)
	}
	segs := make([]tcp.Segment, 64)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		m, err := s.Read(segs[:min(len(segs), b.N-n)])
		if err != nil {
			b.Fatal(err)
		}
		n += m
	}
}

// BenchmarkChecksum verifies a full-size segment.
func BenchmarkChecksum(b *testing.B) {
	seg := make([]byte, 1460)
	b.SetBytes(int64(len(seg)))
	for b.Loop() {
		verify(seg, &tcp.FlowKey{})
	}
}

// A packet costs no allocation.
func TestReadAllocatesNothing(t *testing.T) {
	s, err := Open([]string{"-"}, Options{Stdin: endless()})
	if err != nil {
		t.Fatal(err)
	}
	segs := make([]tcp.Segment, 64)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Read(segs); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
