package incident

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const second = 1_000_000_000

// file is what a test reads of a file: the comment of its section, of the statistics, and by packet the second it was
// captured in and its comments.
type file struct {
	section, end []string
	packets      []string // second, or second: comments
}

// readFile takes a pcapng file apart by itself, as little as the test needs.
func readFile(t *testing.T, name string) (f file) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	u32 := binary.LittleEndian.Uint32
	for len(b) > 0 {
		n := u32(b[4:])
		body := b[8 : n-4]
		comments := func(at uint32) (list []string) {
			for o := body[at:]; len(o) >= 4; o = o[4+(binary.LittleEndian.Uint16(o[2:])+3)&^3:] {
				if binary.LittleEndian.Uint16(o) == 1 {
					list = append(list, string(o[4:4+binary.LittleEndian.Uint16(o[2:])]))
				}
			}
			return list
		}
		switch u32(b) {
		case 0x0a0d0d0a:
			f.section = comments(16)
		case 5:
			f.end = append(f.end, comments(12)...)
		case 6:
			at := (uint64(u32(body[4:]))<<32 | uint64(u32(body[8:]))) / second
			text := fmt.Sprint(at)
			if c := comments(20 + (u32(body[12:])+3)&^3); len(c) > 0 {
				text += ": " + strings.Join(c, " | ")
			}
			f.packets = append(f.packets, text)
		}
		b = b[n:]
	}
	return f
}

// stage is a Keeper with a packet of each of two flows for every second.
type stage struct {
	*Keeper
	t      *testing.T
	dir    string
	number uint64
	said   []string
	on     capture.Interface
	data   []byte
}

func newStage(t *testing.T, change func(*Config)) *stage {
	s := &stage{t: t, dir: filepath.Join(t.TempDir(), "incidents"), on: capture.Interface{Link: 1, Name: "eth0"}, data: make([]byte, 100)}
	cfg := Config{Ring: 1 << 20, Directory: s.dir, Level: anomaly.Warning, Pre: 10 * second, Post: 30 * second, Limit: 1 << 30,
		Say: func(text string) { s.said = append(s.said, text) }}
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.Keeper, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return s
}

// run shows the packets of the seconds from up to to, of the flows 1 and 2, the odd and the even numbers.
func (s *stage) run(from, to int64) {
	for at := from; at < to; at++ {
		for flow := 1; flow <= 2; flow++ {
			s.number++
			s.Record(&capture.Record{Number: s.number, Time: at * second, Length: 100, Data: s.data, Interface: &s.on}, &tcp.Segment{Flow: *flowOf(flow)})
		}
		s.Settled(0)
	}
}

func finding(conn int, at, since int64, packet uint64, evidence ...uint64) *anomaly.Finding {
	a, b := flowOf(conn).Ends()
	f := &anomaly.Finding{
		Rule: anomaly.Find("zero-window-stall"), ID: fmt.Sprintf("%d-zero-window-stall-1", conn), Severity: anomaly.Warning, Culprit: anomaly.ClientApp, Sided: true,
		Time: at * second, Since: since * second, Packet: packet, Evidence: evidence, Summary: "it hangs",
	}
	f.Case = anomaly.Case{Conn: uint64(conn), Client: a, Server: b}
	return f
}

// files lists the directory, the oldest first by name.
func (s *stage) files() (list []string) {
	names, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	for _, n := range names {
		list = append(list, filepath.Base(n))
	}
	return list
}

// A file holds the connection's packets from before what was found began until after it was found, evidence and verdict
// on theirs; a graver version of the finding extends it and adds its verdict to a packet that is still to come.
func TestIncident(t *testing.T) {
	s := newStage(t, nil)
	s.run(0, 100)
	s.Finding(finding(1, 99, 95, 199, 191, 195, 199))
	s.run(100, 110)
	worse := finding(1, 109, 95, 219, 191, 195, 199)
	worse.Severity = anomaly.Critical
	s.Finding(worse)
	s.run(110, 200)
	a := s.Close(7)
	if a.Files != 1 || a.Short != 0 || a.Unsaved != 0 || a.Err != nil || a.Packets != 139-85+1 {
		t.Errorf("%+v", a)
	}
	if got := s.files(); !slices.Equal(got, []string{"tcptrack-19700101T000139.000Z-conn1-zero-window-stall-10.0.0.1_1-10.0.0.2_80.pcapng"}) {
		t.Fatal(got)
	}
	f := readFile(t, filepath.Join(s.dir, s.files()[0]))
	const rest = "\nfault: client-app; evidence: packets 191, 195, 199 of the capture\nfinding 1-zero-window-stall-1; tcptrack explain zero-window-stall"
	want := map[int64]string{
		95:  ": evidence of zero-window-stall (finding 1-zero-window-stall-1); packet 191 of the capture",
		97:  ": evidence of zero-window-stall (finding 1-zero-window-stall-1); packet 195 of the capture",
		99:  ": warning zero-window-stall: it hangs\nclient 10.0.0.1:1 \nserver 10.0.0.2:80 " + rest,
		110: ": critical zero-window-stall: it hangs\nclient 10.0.0.1:1 \nserver 10.0.0.2:80 " + rest,
	}
	for i, at := 0, int64(85); at <= 139; i, at = i+1, at+1 {
		if w := fmt.Sprint(at) + want[at]; i >= len(f.packets) || f.packets[i] != w {
			t.Fatalf("packet %d is %q, not %q", i, f.packets[i], w)
		}
	}
	if len(f.section) != 1 || f.section[0] != "saved by tcptrack because of zero-window-stall (warning): packets of the connection from 10s before it began to 30s after it was found" {
		t.Errorf("%q", f.section)
	}
}

// What is graver than the level begins a file, what is less does not; what comes after a file is over begins another that
// repeats nothing.
func TestIncidentAgain(t *testing.T) {
	s := newStage(t, nil)
	s.run(0, 20)
	slight := finding(2, 19, 19, 40)
	slight.Severity = anomaly.Notice
	s.Finding(slight)
	withdrawn := finding(2, 19, 19, 40)
	withdrawn.Status = anomaly.Withdrawn
	s.Finding(withdrawn)
	s.Finding(finding(1, 19, 5, 39))
	s.run(20, 100)
	over := finding(1, 99, 5, 199)
	over.Status = anomaly.Closed
	s.Finding(over)
	s.run(100, 105)
	if a := s.Close(0); a.Files != 2 || a.Packets != 50+55 {
		t.Errorf("%+v", a)
	}
	if f := readFile(t, filepath.Join(s.dir, s.files()[1])); f.packets[0] != "50" || !strings.Contains(f.packets[49], "99: warning zero-window-stall, over: it hangs") {
		t.Errorf("%q", f.packets)
	}
}

// A ring that has lost the time before is said in the file and counted; an incident of a connection that began later has
// lost nothing.
func TestIncidentShort(t *testing.T) {
	s := newStage(t, func(c *Config) { c.Ring = MinRing; c.Pre = 500 * second })
	s.data = make([]byte, 1000)
	s.run(0, 100)
	s.Finding(finding(1, 99, 99, 199))
	states := tracker.Connection{Conn: 2, Start: 99 * second}
	states.Client.State, states.Server.State = tracker.Closed, tracker.FinWait1
	states.Server.Possible = tcp.Set(tracker.FinWait1, tracker.Closed)
	s.Finding(finding(2, 99, 99, 200))
	s.Connection(&states)
	s.run(100, 101)
	if a := s.Close(0); a.Files != 2 || a.Short != 1 {
		t.Errorf("%+v", a)
	}
	f := readFile(t, filepath.Join(s.dir, s.files()[0]))
	if !strings.Contains(f.section[0], "was no longer in memory") || len(f.packets) > 40 || f.packets[len(f.packets)-1] != "100" {
		t.Errorf("%q", f)
	}
	f = readFile(t, filepath.Join(s.dir, s.files()[1]))
	if strings.Contains(f.section[0], "memory") || !strings.Contains(strings.Join(f.packets, "\n"), "\nclient 10.0.0.1:2 CLOSED\nserver 10.0.0.2:80 FIN_WAIT1 or CLOSED\n") {
		t.Errorf("%q", f)
	}
}

// Fragments between the connection's hosts belong to its incident, other packets that are no TCP do not.
func TestIncidentFragments(t *testing.T) {
	s := newStage(t, nil)
	a, b := flowOf(1).Ends()
	for n, r := range []capture.Record{
		{A: b.Addr, B: a.Addr, Fragment: true}, {A: a.Addr, B: b.Addr}, {A: a.Addr, B: tcp.AddrFrom4(1), Fragment: true},
		{A: a.Addr, B: b.Addr, Fragment: true},
	} {
		r.Number, r.Time, r.Data, r.Interface = uint64(n+1), int64(n)*second, s.data, &s.on
		s.Record(&r, nil)
	}
	s.Finding(finding(1, 4, 0, 4))
	s.Settled(0)
	if a := s.Close(0); a.Files != 1 || a.Packets != 2 {
		t.Errorf("%+v", a)
	}
}

// A finding about a population saves the connections of its evidence; one at the end of the input still finds packets,
// and one that finds none leaves its verdict at the end of its file.
func TestIncidentPopulation(t *testing.T) {
	s := newStage(t, nil)
	s.run(0, 10)
	flood := finding(1, 9, 9, 20, 3, 4)
	flood.Population, flood.ID = true, "10.0.0.2:80-syn-flood-1"
	s.Finding(flood)
	s.run(10, 12)
	late := finding(7, 11, 11, 24)
	s.Finding(late)
	if a := s.Close(3); a.Files != 2 || a.Packets != 24 {
		t.Errorf("%+v", a)
	}
	for _, name := range s.files() {
		f := readFile(t, filepath.Join(s.dir, name))
		if strings.Contains(name, "-population-") != (len(f.packets) == 24) || strings.Contains(name, "conn7") != (len(f.end) == 1) {
			t.Errorf("%s: %q", name, f)
		}
	}
}

// Files of ours give way to newer ones, and nothing else in the directory does; a file that is being written stops at the
// limit, which is said once, and what is missing is counted.
func TestIncidentLimit(t *testing.T) {
	var dir string
	s := newStage(t, func(c *Config) { dir = c.Directory; c.Limit = 14_000 })
	s.Close(0)
	old := filepath.Join(dir, "tcptrack-20010101T000000.000Z-conn1-x-y.pcapng")
	for _, name := range []string{old, filepath.Join(dir, "holiday.jpg"), filepath.Join(dir, "tcptrack-notes.pcapng")} {
		if err := os.WriteFile(name, make([]byte, 8000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	os.WriteFile(outside, make([]byte, 8000), 0o600)
	link := filepath.Join(dir, "tcptrack-20010101T000000.000Z-conn2-x-y.pcapng")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	s = newStage(t, func(c *Config) { c.Directory = dir; c.Limit = 14_000 })
	s.run(0, 30)
	s.Finding(finding(1, 29, 0, 59))
	s.run(30, 35)
	if _, err := os.Stat(old); err != nil {
		t.Error("the old file has gone early")
	}
	s.Finding(finding(2, 34, 0, 70))
	s.run(35, 36)
	if _, err := os.Stat(old); err == nil {
		t.Error("the old file is still there")
	}
	s.run(36, 100)
	a := s.Close(0)
	if a.Removed != 1 || a.Unsaved == 0 || a.Packets+a.Unsaved != 60+65 || a.Err == nil || len(s.said) != 1 || !strings.Contains(s.said[0], "save-limit") {
		t.Errorf("%+v %q", a, s.said)
	}
	for _, name := range []string{"holiday.jpg", "tcptrack-notes.pcapng", filepath.Base(link)} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	var total int64
	for _, name := range []string{"tcptrack-1970*"} {
		list, _ := filepath.Glob(filepath.Join(dir, name))
		for _, f := range list {
			info, _ := os.Stat(f)
			total += info.Size()
		}
	}
	if total > 14_000 {
		t.Errorf("%d octets", total)
	}
}

// A directory that goes away is said once, and costs a count, not the run.
func TestIncidentDirectoryGone(t *testing.T) {
	s := newStage(t, nil)
	s.run(0, 10)
	s.Finding(finding(1, 9, 9, 19))
	s.run(10, 11)
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	s.run(11, 13)
	s.Finding(finding(2, 12, 12, 26))
	s.run(13, 14)
	a := s.Close(0)
	if a.Err == nil || len(s.said) != 1 || a.Unsaved != 3+12 || a.Packets != 11 {
		t.Errorf("%+v %q", a, s.said)
	}
	if _, err := New(Config{Directory: "/nosuch/directory"}); err == nil || !strings.Contains(err.Error(), "/nosuch/directory: no such file") {
		t.Error(err)
	}
}

// More incidents at once than are followed are counted.
func TestIncidentCrowd(t *testing.T) {
	s := newStage(t, nil)
	for i := range maxActive + 5 {
		s.Finding(finding(i, 1, 1, 1))
	}
	s.run(0, 1)
	if a := s.Close(0); a.Crowded != 5 || a.Files != maxActive || len(s.said) != 1 {
		t.Errorf("%+v %q", a, s.said)
	}
}

// A file's name holds letters, digits, dots, dashes and underscores, whatever the addresses are, and is one of ours.
func TestFileName(t *testing.T) {
	f := finding(1, 1, 1, 1)
	f.Client.V6 = true
	for _, population := range []bool{false, true} {
		f.Population = population
		if name := fileName(f) + fileSuffix; !ours.MatchString(name) || len(name) > 200 {
			t.Error(name)
		}
	}
}
