package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// longWindow is a zstd frame whose window is 128 MiB.
var longWindow = []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 1, 0, 0}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	z.Close()
	return out.Bytes()
}

func zstandard(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

func openAll(t testing.TB, opt Options, names ...string) Source {
	t.Helper()
	s, err := Open(names, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Compressed or not, file or stream, in pieces of any size: the segments are the same.
func TestCompressionChangesNothing(t *testing.T) {
	var frames [][]byte
	for i := range 5000 {
		frames = append(frames, tcp4(16, i%100))
	}
	plain := pcapFile(binary.LittleEndian, magicMicro, 1, frames...)
	want, _ := drain(t, openAll(t, Options{}, write(t, "plain", plain)))
	if len(want) != 5000 {
		t.Fatalf("%d segments", len(want))
	}
	two := append(gzipped(t, plain[:7000]), gzipped(t, plain[7000:])...)
	for name, b := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain), "zstd": zstandard(t, plain), "two gzip members": two} {
		for way, s := range map[string]Source{
			"file":    openAll(t, Options{}, write(t, "x", b)),
			"stream":  openAll(t, Options{Stdin: bytes.NewReader(b)}, "-"),
			"dribble": openAll(t, Options{Stdin: &dribble{b: b}}, "-"),
		} {
			got, st := drain(t, s)
			if len(st.Warnings) > 0 || len(got) != len(want) {
				t.Fatalf("%s %s: %d segments, warnings %v", name, way, len(got), st.Warnings)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s %s: segment %d: %+v\nwant %+v", name, way, i, got[i], want[i])
				}
			}
			if st.Bytes != int64(len(b)) {
				t.Errorf("%s %s: %d octets read of %d", name, way, st.Bytes, len(b))
			}
		}
	}
}

// dribble gives one to 999 octets a Read.
type dribble struct {
	b []byte
	n int
}

func (d *dribble) Read(b []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	d.n = (d.n*7+1)%999 + 1
	n := copy(b[:min(d.n, len(b))], d.b)
	d.b = d.b[n:]
	return n, nil
}

// A cut compressed file gives what is before the cut.
func TestCutCompressed(t *testing.T) {
	plain := pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), tcp4(16, 3))
	for name, b := range map[string][]byte{"gzip": gzipped(t, plain), "zstd": zstandard(t, plain)} {
		for n := range len(b) {
			s, err := Open([]string{write(t, "cut", b[:n])}, Options{})
			if err != nil {
				continue
			}
			segs, st := drain(t, s)
			if len(segs) < 2 && len(st.Warnings) != 1 {
				t.Errorf("%s cut at %d: %d segments, warnings %v", name, n, len(segs), st.Warnings)
			}
		}
	}
}

// On a pipe a segment comes out while the writer is silent.
func TestStreamDoesNotWaitForMore(t *testing.T) {
	for _, pack := range []bool{false, true} {
		r, w := io.Pipe()
		s := openAll(t, Options{Stdin: r}, "-")
		var sink io.Writer = w
		flush := func() {}
		if pack {
			z := gzip.NewWriter(w)
			sink, flush = z, func() { z.Flush() }
		}
		whole := pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), tcp4(16, 3))
		cut := len(whole) - 60
		half := make(chan struct{})
		go func() {
			sink.Write(whole[:cut])
			flush()
			<-half
			sink.Write(whole[cut:])
			flush()
		}()
		batch := make([]tcp.Segment, 10)
		if n, err := s.Read(batch); n != 1 || err != nil {
			t.Fatalf("packed %v: first Read: %d, %v", pack, n, err)
		}
		close(half)
		if n, err := s.Read(batch); n != 1 || err != nil {
			t.Fatalf("packed %v: second Read: %d, %v", pack, n, err)
		}
		s.Close()
		w.Close()
	}
}

// --follow picks up what is written later, begins with an empty file, takes no half record for damage, and ends with
// Close. A second file that is already whole is not held up.
func TestFollow(t *testing.T) {
	for _, others := range [][]string{nil, {write(t, "other", pcapFile(binary.LittleEndian, magicMicro, 1))}} {
		path := filepath.Join(t.TempDir(), "growing")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		s := openAll(t, Options{Follow: true}, append([]string{path}, others...)...)
		whole := pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), tcp4(16, 3), tcp4(17, 0))
		go func() {
			for i := 0; i < len(whole)-10; i += 50 {
				f.Write(whole[i:min(i+50, len(whole)-10)])
				time.Sleep(20 * time.Millisecond)
			}
		}()
		batch := make([]tcp.Segment, 10)
		for total := 0; total < 2; {
			n, err := s.Read(batch)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		time.AfterFunc(150*time.Millisecond, func() { s.Close() })
		if n, err := s.Read(batch); n != 0 || err != io.EOF {
			t.Errorf("after Close: %d, %v", n, err)
		}
		if st := s.Stats(); st.Packets != 2 || len(st.Warnings) != 0 {
			t.Errorf("%+v", st)
		}
		f.Close()
	}
}

// Several files are one capture in time order, numbered as mergecap would; of equal times the first named comes first.
func TestMerge(t *testing.T) {
	a := pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), tcp4(16, 1), tcp4(16, 2))
	b := pcapFile(binary.BigEndian, magicNano, 1, tcp4(2, 100), tcp4(16, 101), tcp4(16, 102), tcp4(16, 103))
	c := zstandard(t, pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 50)))
	segs, st := drain(t, openAll(t, Options{}, write(t, "a", a), write(t, "b", b), write(t, "c", c), write(t, "empty", nil)))
	var lens []int
	for i, g := range segs {
		lens = append(lens, g.Len)
		if g.Number != uint64(i+1) {
			t.Errorf("segment %d has number %d", i, g.Number)
		}
	}
	want := []int{0, 100, 50, 1, 101, 2, 102, 103}
	if len(lens) != len(want) {
		t.Fatal(lens, st.Warnings)
	}
	for i := range want {
		if lens[i] != want[i] {
			t.Fatalf("order %v, want %v", lens, want)
		}
	}
	if len(st.Warnings) != 1 || !strings.Contains(st.Warnings[0].String(), "empty") {
		t.Errorf("warnings %v", st.Warnings)
	}
}

func TestMaxPackets(t *testing.T) {
	a := write(t, "a", pcapFile(binary.LittleEndian, magicMicro, 1, tcp4(2, 0), []byte("short"), tcp4(16, 2)))
	for _, names := range [][]string{{a}, {a, a}} {
		if segs, st := drain(t, openAll(t, Options{MaxPackets: 2}, names...)); st.Packets != 2 || len(segs) != len(names) {
			t.Errorf("%d files: %d segments of %d packets", len(names), len(segs), st.Packets)
		}
	}
}

// What cannot be read at all is one line that names the file, the reason and, where there is one, the next step.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, want string }{
		{filepath.Join(dir, "none"), "no such file"},
		{dir, "is a directory"},
		{write(t, "x", nil), "empty"},
		{write(t, "x", []byte("hello, world, this is text")), "not a pcap or pcapng file"},
		{write(t, "x", []byte("\xfd7zXZ\x00\x00\x00")), "xz -dc"},
		{write(t, "x", []byte("snoop\x00\x00\x00\x00\x00\x00\x02")), "snoop"},
		{write(t, "x", []byte{0xd4, 0xc3, 0xb2, 0xa1, 2}), "cut short"},
		{write(t, "x", gzipped(t, []byte("text, and more text"))), "not a pcap or pcapng file"},
		{write(t, "x", gzipped(t, gzipped(t, []byte("text")))), "gzip inside gzip"},
		{write(t, "x", gzipped(t, nil)), "empty"},
		{write(t, "x", longWindow), "zstd -dc"},
		{write(t, "x", []byte("\x1f\x8b\x07 is no method that gzip has")), "gzip"},
	} {
		_, err := Open([]string{c.name}, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "capture: open "+c.name) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	// On a stream it is known at the first Read.
	s := openAll(t, Options{Stdin: strings.NewReader("hello, world")}, "-")
	if n, err := s.Read(make([]tcp.Segment, 1)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("text on a stream: %d, %v", n, err)
	}
	s = openAll(t, Options{Stdin: strings.NewReader("")}, "-")
	if n, err := s.Read(make([]tcp.Segment, 1)); n != 0 || err == nil || err == io.EOF {
		t.Errorf("empty stream: %d, %v", n, err)
	}
}

func TestUnknownLinkType(t *testing.T) {
	segs, st := drain(t, openAll(t, Options{}, write(t, "x", pcapFile(binary.LittleEndian, magicMicro, 3000, tcp4(2, 0), tcp4(2, 0)))))
	if len(segs) != 0 || st.Packets != 2 || len(st.Skipped) != 1 || st.Skipped[0] != (Skipped{SkipLinkType, 2}) || len(st.Warnings) != 1 ||
		!strings.Contains(st.Warnings[0].String(), "link type 3000") {
		t.Errorf("%+v", st)
	}
}
