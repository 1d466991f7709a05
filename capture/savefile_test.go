package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// saved saves packets of n octets, one each step nanoseconds from start, and returns what lies in the directory: the
// names with the numbers of packets that our own reader finds.
func saved(t *testing.T, dir string, opt SaveOptions, packets, n int, start, step int64) string {
	t.Helper()
	opt.Name = filepath.Join(dir, opt.Name)
	s, err := NewSaver(opt)
	if err != nil {
		t.Fatal(err)
	}
	on, data := &Interface{Link: 1}, make([]byte, n)
	for i := range packets {
		if err = s.Write(&Record{Time: start + int64(i)*step, Length: n, Data: data, Interface: on}); err != nil {
			break
		}
	}
	if again := s.Close(); err != nil && !errors.Is(err, ErrAllWritten) || again != nil {
		t.Fatal(err, again)
	}
	return listing(t, dir)
}

func listing(t *testing.T, dir string) string {
	var list []string
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			_, stats := drain(t, openAll(t, Options{}, path))
			name, _ := filepath.Rel(dir, path)
			list = append(list, fmt.Sprintf("%s:%d", name, stats.Packets))
		}
		return nil
	})
	return strings.Join(list, " ")
}

// Files rotate as tcpdump's do: the same names, and by size the same packets in each.
func TestRotation(t *testing.T) {
	const start = 1_700_000_000e9 // 2023-11-14 22:13:20 UTC
	for _, c := range []struct {
		what    string
		opt     SaveOptions
		packets int
		step    int64
		want    string
	}{
		{"by size", SaveOptions{Name: "x.pcap", Size: 10_000}, 25, 1e6, "x.pcap:10 x.pcap1:10 x.pcap2:5"},
		{"by size, at most three", SaveOptions{Name: "x.pcap", Size: 10_000, Count: 3}, 45, 1e6, "x.pcap0:10 x.pcap1:5 x.pcap2:10"},
		{"ten have one digit", SaveOptions{Name: "x.pcap", Size: 10_000, Count: 10}, 15, 1e6, "x.pcap0:10 x.pcap1:5"},
		{"eleven have two", SaveOptions{Name: "x.pcap", Size: 10_000, Count: 11}, 15, 1e6, "x.pcap00:10 x.pcap01:5"},
		{"one file again and again", SaveOptions{Name: "x.pcap", Size: 10_000, Count: 1}, 15, 1e6, "x.pcap:5"},
		{"by time", SaveOptions{Name: "%Y-%m-%dT%H:%M:%S.pcapng", Every: 10e9}, 25, 1e9,
			"2023-11-14T22:13:20.pcapng:10 2023-11-14T22:13:30.pcapng:10 2023-11-14T22:13:40.pcapng:5"},
		{"by time, another zone", SaveOptions{Name: "x%H%z", Every: 10e9, Start: start, Zone: time.FixedZone("x", 7200)}, 5, 1e9, "x00+0200:5"},
		{"by time, at most two", SaveOptions{Name: "x%S", Every: 10e9, Count: 2}, 25, 1e9, "x20:10 x30:10"},
		{"by time, into one file", SaveOptions{Name: "x", Every: 10e9}, 25, 1e9, "x:5"},
		{"by both", SaveOptions{Name: "x%S.pcap", Size: 5000, Every: 10e9}, 15, 1e9, "x20.pcap:5 x20.pcap1:5 x30.pcap:5"},
	} {
		if got := saved(t, t.TempDir(), c.opt, c.packets, 1000, start, c.step); got != c.want {
			t.Errorf("%s: %s, not %s", c.what, got, c.want)
		}
	}
}

// tcpdump itself makes the same files of the same packets.
func TestRotationIsTcpdumps(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("no tcpdump here")
	}
	var frames [][]byte
	for range 4200 {
		frames = append(frames, make([]byte, 1000))
	}
	in := write(t, "in.pcap", pcapFile(binary.LittleEndian, magicMicro, 1, frames...))
	for _, count := range []int{0, 1, 3, 11} {
		dir := t.TempDir()
		args := []string{"-r", in, "-C", "1", "-w", filepath.Join(dir, "x.pcap")}
		if count > 0 {
			args = append(args, "-W", fmt.Sprint(count))
		}
		if os.Getuid() == 0 {
			args = append(args, "-Z", "root") // else it cannot write here
		}
		if text, err := exec.Command(tcpdump, args...).CombinedOutput(); err != nil {
			t.Skipf("%v: %s", err, text) // one that may not write here
		}
		size, err := ParseSize("1")
		if err != nil {
			t.Fatal(err)
		}
		want := listing(t, dir)
		if got := saved(t, t.TempDir(), SaveOptions{Name: "x.pcap", Size: size, Count: count}, len(frames), 1000, 1_700_000_000e9, 1e6); got != want {
			t.Errorf("-W %d: %s, and tcpdump's are %s", count, got, want)
		}
	}
}

// Directories may be patterns too; names within the opened directory cannot leave it.
func TestSaverDirectories(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "14"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := saved(t, dir, SaveOptions{Name: "%d/x", Every: 1e9}, 1, 10, 1_700_000_000e9, 1); got != "14/x:1" {
		t.Error(got)
	}
	outside := t.TempDir()
	if err := os.Symlink(filepath.Join(outside, "y"), filepath.Join(dir, "y")); err != nil {
		t.Fatal(err)
	}
	if s, err := NewSaver(SaveOptions{Name: filepath.Join(dir, "y"), Size: 1}); err == nil {
		t.Error("a rotating file goes through a link out of its directory", s.Name())
	}
	s, err := NewSaver(SaveOptions{Name: filepath.Join(dir, "y")}) // one alone follows links, as /dev/stdout is one
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil || listing(t, outside) != "y:0" {
		t.Error(err, listing(t, outside))
	}
}

// Each file tells of the drops during it, so that the files read together tell of all.
func TestSaverDrops(t *testing.T) {
	dir := t.TempDir()
	s, err := NewSaver(SaveOptions{Name: filepath.Join(dir, "x"), Size: 500})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		s.Dropped(uint64(i) * 10)
		if err := s.Write(&Record{Length: 100, Data: make([]byte, 100), Interface: &Interface{Link: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	s.Dropped(100)
	if err := s.Close(); err != nil || s.Files() < 3 {
		t.Fatal(err, s.Files())
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if _, stats := drain(t, openAll(t, Options{}, names...)); stats.Dropped != 100 || stats.Packets != 10 {
		t.Errorf("%+v", stats)
	}
}

// What cannot be saved is an error that says where and why, at once.
func TestSaverErrors(t *testing.T) {
	in := write(t, "in.pcap", pcapFile(binary.LittleEndian, magicMicro, 1))
	for _, c := range []struct {
		opt  SaveOptions
		want string
	}{
		{SaveOptions{Name: "/nosuch/dir/x"}, "/nosuch/dir/x: no such file"},
		{SaveOptions{Name: "/nosuch/dir/x", Size: 1}, "/nosuch/dir/x: no such file"},
		{SaveOptions{Name: "x%Q", Every: 1}, "%Q is not known"},
		{SaveOptions{Name: "x%", Every: 1}, "single %"},
		{SaveOptions{Name: t.TempDir() + "/", Size: 1}, "directory"},
		{SaveOptions{Name: in, Captures: []string{in}}, "is read"},
		{SaveOptions{Name: in, Captures: []string{in}, Size: 1}, "is read"},
	} {
		if _, err := NewSaver(c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.opt, err)
		}
	}
	s, err := NewSaver(SaveOptions{Name: "-", Stdout: &broken{100}})
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Length: 100, Data: make([]byte, 100), Interface: &Interface{Link: 1}}
	if err := s.Write(&r); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); !errors.Is(err, errFull) || !strings.Contains(err.Error(), "standard output") {
		t.Error(err)
	}
	if err := s.Write(&r); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if got, of := s.Saved(); got != 0 || of != 2 || s.Close() != nil {
		t.Errorf("%d of %d saved", got, of)
	}
}

func TestStrftime(t *testing.T) {
	at := time.Date(2026, 3, 5, 7, 8, 9, 0, time.UTC)
	for pattern, want := range map[string]string{
		"%Y%m%d-%H%M%S": "20260305-070809", "%F_%T": "2026-03-05_07:08:09", "%y%j%e%I%p": "26064 507AM", "%a%A%b%B%h": "ThuThursdayMarMarchMar",
		"%s%%": fmt.Sprint(at.Unix()) + "%", "%u%V%G": "4102026", "%Z%z%R%D": "UTC+000007:0803/05/26", "plain": "plain",
	} {
		if got, err := strftime(pattern, at); err != nil || got != want {
			t.Errorf("%s: %q, not %q; %v", pattern, got, want, err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"1": 1e6, "20": 20e6, "3k": 3 << 10, "3K": 3 << 10, "4m": 4 << 20, "1G": 1 << 30} {
		if n, err := ParseSize(text); err != nil || n != want {
			t.Errorf("%s: %d %v", text, n, err)
		}
	}
	for _, text := range []string{"", "0", "k", "-1", "1x", "99999999999999999999", "9999999999g"} {
		if n, err := ParseSize(text); err == nil {
			t.Errorf("%s: %d", text, n)
		}
	}
}
