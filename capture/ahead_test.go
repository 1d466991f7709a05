package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// at writes a capture of n packets, a second apart from that second on.
func at(t *testing.T, dir, name string, second uint32, n int) string {
	t.Helper()
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = tcp4(16, 4)
	}
	b := pcapFile(binary.LittleEndian, magicMicro, 1, frames...)
	for i, pos := 0, pcapHeader; i < n; i, pos = i+1, pos+16+len(frames[i]) {
		binary.LittleEndian.PutUint32(b[pos:], second+uint32(i))
	}
	if strings.HasSuffix(name, ".gz") {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write(b)
		z.Close()
		b = packed.Bytes()
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFiles counts this process' descriptors of files in dir.
func openFiles(t *testing.T, dir string) (n int) {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs Linux to tell what is open")
	}
	for _, e := range list {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// Of many files, one behind the other and named in any order, the one that is read is open, the next, and perhaps the one
// that has just ended; the order of packets is that of time, and what is read counts once.
func TestFewFilesAreOpen(t *testing.T) {
	dir := t.TempDir()
	const files, packets = 40, 10
	var names []string
	var size int64
	for i := range files {
		k := i * 7 % files
		name := fmt.Sprintf("%d.pcap", k)
		if k%3 == 0 {
			name += ".gz"
		}
		names = append(names, at(t, dir, name, uint32(1000+k*packets), packets))
		info, err := os.Stat(names[i])
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	s, err := Open(names, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := openFiles(t, dir); n > 0 {
		t.Errorf("%d files are open before anything is read", n)
	}
	segs := make([]tcp.Segment, 3)
	last, total := int64(0), 0
	for {
		n, err := s.Read(segs)
		for i := range segs[:n] {
			if segs[i].Time < last {
				t.Fatalf("packet %d: the time runs back", segs[i].Number)
			}
			last = segs[i].Time
		}
		total += n
		if open := openFiles(t, dir); open > 3 {
			t.Fatalf("%d files are open after %d packets", open, total)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if st := s.Stats(); total != files*packets || st.Bytes != size || st.Size != size || len(st.Warnings) > 0 {
		t.Errorf("%d packets, %d of %d octets of %d, warnings %v", total, st.Bytes, st.Size, size, st.Warnings)
	}
}

// A file that is gone, or another, when its turn comes is told of, and the others are read.
func TestSleeperChanges(t *testing.T) {
	dir := t.TempDir()
	names := []string{at(t, dir, "a", 1000, 5), at(t, dir, "b", 2000, 5), at(t, dir, "c", 3000, 5), at(t, dir, "d", 4000, 5)}
	s, err := Open(names, Options{})
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(names[1])
	at(t, dir, "c", 500, 7)
	segs, st := drain(t, s)
	if len(segs) != 10 || len(st.Warnings) != 2 {
		t.Fatalf("%d packets, warnings %v", len(segs), st.Warnings)
	}
	for i, want := range []string{"no such file", "written anew"} {
		if w := st.Warnings[i].String(); !strings.Contains(w, want) || !strings.Contains(w, names[i+1]) {
			t.Errorf("warning %q, not of %q", w, want)
		}
	}
}

// Closed in the middle, nothing stays open.
func TestSleepersEnd(t *testing.T) {
	dir := t.TempDir()
	names := []string{at(t, dir, "a", 1000, 500), at(t, dir, "b", 1100, 500), at(t, dir, "c.gz", 3000, 5), at(t, dir, "d", 4000, 5)}
	s, err := Open(names, Options{})
	if err != nil {
		t.Fatal(err)
	}
	segs := make([]tcp.Segment, 200)
	if n, err := s.Read(segs); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	s.Close()
	if n, err := s.Read(segs); n != 0 || err != io.EOF {
		t.Error("read on after Close", n, err)
	}
	for range 6000 { // two minutes
		if openFiles(t, dir) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d files stay open", openFiles(t, dir))
}
