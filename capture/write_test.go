package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// parsedBlock is a pcapng block as the standard lays it out: read here by itself, so that the writer is not held to the
// reader that it was made with.
type parsedBlock struct {
	kind    uint32
	fixed   []byte // in front of the options; of packets with the frame
	options [][2]string
}

// parse takes a pcapng file apart, strictly.
func parse(t *testing.T, b []byte) (list []parsedBlock) {
	t.Helper()
	u32 := binary.LittleEndian.Uint32
	for len(b) > 0 {
		if len(b) < 12 {
			t.Fatalf("%d octets are left over", len(b))
		}
		n := u32(b[4:])
		if n%4 != 0 || int(n) > len(b) || u32(b[n-4:]) != n {
			t.Fatalf("a block of %d octets, %d at its end, %d left", n, u32(b[n-4:]), len(b))
		}
		k := parsedBlock{kind: u32(b)}
		body := b[8 : n-4]
		at := map[uint32]int{blockSection: 16, blockInterface: 8, blockStatistics: 12}[k.kind]
		if k.kind == blockPacket {
			at = 20 + int(u32(body[12:])+3)&^3
		}
		k.fixed = body[:at]
		for rest := body[at:]; len(rest) > 0; {
			code, size := binary.LittleEndian.Uint16(rest), int(binary.LittleEndian.Uint16(rest[2:]))
			if code == 0 {
				if size != 0 || len(rest) != 4 {
					t.Fatalf("opt_endofopt of %d octets, %d behind it", size, len(rest)-4)
				}
				break
			}
			k.options = append(k.options, [2]string{string(rune('0' + code)), string(rest[4 : 4+size])})
			for _, p := range rest[4+size : 4+(size+3)&^3] {
				if p != 0 {
					t.Fatal("padding that is not zero")
				}
			}
			rest = rest[4+(size+3)&^3:]
		}
		list, b = append(list, k), b[n:]
	}
	return list
}

// A file holds its section, an interface before its first packet, packets with comments octet by octet, and statistics.
func TestWriter(t *testing.T) {
	eth, tun := &Interface{ID: 2, Link: 1, Snap: 96, Name: "eth0"}, &Interface{ID: 7, Link: 101, Name: "tün1", Description: "a tunnel"}
	again := *eth
	var out bytes.Buffer
	w := NewWriter(&out, Pcapng, "tcptrack x", "why: \x1b[2J")
	long := strings.Repeat("é", 3000)
	for _, p := range []struct {
		r        Record
		comments []string
	}{
		{Record{Time: 1_700_000_000_123_456_789, Length: 200, Data: tcp4(16, 5), Interface: eth}, []string{"zwei\nZeilen é", "\x00\x1b[31m\xff", long}},
		{Record{Time: 1_700_000_000_123_456_790, Length: 45, Data: tcp4(16, 5)[14:], Interface: tun}, nil},
		{Record{Time: -5, Length: 1, Data: []byte{1}, Interface: &again}, nil},
	} {
		if err := w.Write(&p.r, p.comments...); err != nil {
			t.Fatal(err)
		}
	}
	if w.Packets() != 3 || w.Saved() != 0 {
		t.Errorf("%d packets, %d saved", w.Packets(), w.Saved())
	}
	if err := w.Finish(41, "over"); err != nil || w.Saved() != 3 || w.Size() != int64(out.Len()) {
		t.Errorf("%v, %d saved, size %d of %d", err, w.Saved(), w.Size(), out.Len())
	}
	list := parse(t, out.Bytes())
	var kinds []uint32
	for _, k := range list {
		kinds = append(kinds, k.kind)
	}
	if !slices.Equal(kinds, []uint32{blockSection, 1, 6, 1, 6, 6, 5, 5}) {
		t.Fatalf("blocks %v", kinds)
	}
	cut := list[2].options[2][1]
	for i, want := range [][][2]string{
		{{"1", `why: \x1b[2J`}, {"4", "tcptrack x"}},
		{{"2", "eth0"}, {"9", "\x09"}},
		{{"1", "zwei\nZeilen é"}, {"1", `\x00\x1b[31m` + "�"}, {"1", cut}},
		{{"2", "tün1"}, {"3", "a tunnel"}, {"9", "\x09"}},
		nil, nil,
		{{"1", "over"}, {"5", "\x29\x00\x00\x00\x00\x00\x00\x00"}}, nil,
	} {
		if !slices.Equal(list[i].options, want) {
			t.Errorf("block %d has the options %q, not %q", i, list[i].options, want)
		}
	}
	if len(cut) > maxComment || len(cut) < maxComment-4 || !utf8.ValidString(cut) || !strings.HasSuffix(cut, "é…") {
		t.Errorf("a comment of %d octets: %q", len(cut), cut[len(cut)-10:])
	}

	var back []noted
	src := openAll(t, Options{Recorder: note(&back)}, write(t, "w.pcapng", out.Bytes()))
	if _, stats := drain(t, src); stats.Dropped != 41 || len(stats.Warnings) > 0 {
		t.Errorf("%+v", stats)
	}
	if r := back[0]; r.Time != 1_700_000_000_123_456_789 || r.Length != 200 || !bytes.Equal(r.Data, tcp4(16, 5)) || r.on.Name != "eth0" || r.on.Snap != 96 {
		t.Errorf("%+v", r)
	}
	if r := back[1]; r.on != (Interface{ID: 1, Link: 101, Name: "tün1", Description: "a tunnel"}) {
		t.Errorf("%+v", r)
	}
	if r := back[2]; r.Time != 0 || r.on.ID != 0 {
		t.Errorf("%+v", r)
	}
}

// A classic file keeps nanoseconds, and refuses a second link type with a word once.
func TestWriterClassic(t *testing.T) {
	if FormatOf("a.PCAP") != Pcap || FormatOf("a.pcapng") != Pcapng || FormatOf("x") != Pcapng {
		t.Error("formats")
	}
	var out bytes.Buffer
	w := NewWriter(&out, Pcap, "", "")
	r := Record{Time: 1_700_000_000_000_000_007, Length: 100, Data: tcp4(2, 0), Interface: &Interface{Link: 1, Snap: 96}}
	if err := w.Write(&r, "lost here"); err != nil {
		t.Fatal(err)
	}
	other := r
	other.Interface = &Interface{Link: 276}
	for i := range 2 {
		var left *LeftOutError
		if err := w.Write(&other); !errors.As(err, &left) || left.First != (i == 0) {
			t.Errorf("%+v", left)
		}
	}
	if err := w.Finish(0); err != nil {
		t.Fatal(err)
	}
	var back []noted
	drain(t, openAll(t, Options{Recorder: note(&back)}, write(t, "w.pcap", out.Bytes())))
	if len(back) != 1 || back[0].Time != r.Time || back[0].Length != 100 || back[0].on != *r.Interface || !bytes.Equal(back[0].Data, r.Data) {
		t.Errorf("%+v", back)
	}
}

// tcpdump reads what is written, and an empty file too.
func TestWriterForTcpdump(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	if err != nil {
		t.Skip("no tcpdump here")
	}
	for _, format := range []Format{Pcap, Pcapng} {
		for packets, want := range []string{"", "10.0.0.1.1000 > 10.0.0.2.80"} {
			var out bytes.Buffer
			w := NewWriter(&out, format, "tcptrack", "")
			for range packets {
				w.Write(&Record{Time: 1_700_000_000_000_000_007, Length: len(tcp4(2, 0)), Data: tcp4(2, 0), Interface: &Interface{Link: 1}}, "a comment")
			}
			if err := w.Finish(0); err != nil {
				t.Fatal(err)
			}
			text, err := exec.Command(tcpdump, "-nttr", write(t, "w", out.Bytes())).CombinedOutput()
			if err != nil || !strings.Contains(string(text), want) {
				t.Errorf("format %d, %d packets: %v\n%s", format, packets, err, text)
			}
		}
	}
}

// broken fails once it has taken so much.
type broken struct{ left int }

var errFull = errors.New("full")

func (b *broken) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return 0, errFull
	}
	b.left -= len(p)
	return len(p), nil
}

// The first error stays, and what did not reach the file is counted.
func TestWriterFails(t *testing.T) {
	w := NewWriter(&broken{writeBuffer + 1000}, Pcapng, "", "")
	r := Record{Time: 1, Length: 1000, Data: make([]byte, 1000), Interface: &Interface{Link: 1}}
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = w.Write(&r)
	}
	if !errors.Is(err, errFull) || !errors.Is(w.Write(&r), errFull) || !errors.Is(w.Finish(0), errFull) {
		t.Error(err)
	}
	if w.Saved() == 0 || w.Packets() != 2*w.Saved() {
		t.Errorf("%d packets, %d saved", w.Packets(), w.Saved())
	}
}

// Writing a packet allocates nothing.
func TestWriterAllocatesNothing(t *testing.T) {
	w := NewWriter(&broken{1 << 40}, Pcapng, "", "")
	on := &Interface{Link: 1}
	data := make([]byte, 1000)
	fill := func() {
		for range 100 {
			w.Write(&Record{Time: 1, Length: 1000, Data: data, Interface: on})
		}
	}
	fill()
	if n := testing.AllocsPerRun(100, fill); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// No comment harms the file.
func FuzzComment(f *testing.F) {
	f.Add("plain\n")
	f.Add("\xff\x00\u202e" + strings.Repeat("ü", 2048))
	f.Fuzz(func(t *testing.T, text string) {
		c := Comment(text)
		if len(c) > maxComment || !utf8.ValidString(c) || strings.ContainsAny(c, "\x00\x1b\r\t\u202e") {
			t.Errorf("%q", c)
		}
		if utf8.ValidString(text) && Comment(c) != c {
			t.Errorf("%q becomes %q", c, Comment(c))
		}
	})
}
