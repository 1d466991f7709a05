package days

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func noon(date string) int64 {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return at.Add(12 * time.Hour).UnixNano()
}

func mark(c *Calendar, client, date string, found bool) {
	c.Mark(netip.MustParseAddr(client), noon(date), noon(date), found)
}

// Three days in a row behind a gap, saved in two runs, of IPv4 and IPv6 clients.
func TestReport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "days")
	conform(t, Directory(dir))
	left, _ := filepath.Glob(filepath.Join(dir, ".new-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// conform holds an empty store to what all stores do.
func conform(t *testing.T, store Store) {
	t.Helper()
	c := New()
	mark(c, "10.0.0.1", "2026-11-18", false)
	mark(c, "10.0.0.1", "2026-11-20", true)
	mark(c, "10.0.0.2", "2026-11-20", false)
	c.Mark(netip.MustParseAddr("2001:db8::1"), noon("2026-11-20"), noon("2026-11-22"), true) // it lives through them
	if err := store.Save(c); err != nil {
		t.Fatal(err)
	}
	c = New()
	mark(c, "10.0.0.1", "2026-11-21", true)
	mark(c, "2001:db8::2", "2026-11-21", false) // of the same /64
	mark(c, "10.0.0.3", "2026-11-22", false)
	mark(c, "::ffff:10.0.0.1", "2026-11-22", false)
	for range 2 { // saved again, nothing is counted twice
		if err := store.Save(c); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Read(store)
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{"2026-11-18", 1, 0, 1, 0, 0}, {"2026-11-20", 3, 2, 2, 0, 0}, {"2026-11-21", 2, 2, 0, 2, 2}, {"2026-11-22", 3, 1, 1, 2, 1},
	}
	if !slices.Equal(r.Rows, want) || !slices.Equal(r.Streaks, []Streak{{1, 3, 1}, {2, 2, 1}, {3, 2, 1}}) || r.Ever != 4 {
		t.Errorf("%+v", r)
	}
	both, err := Overlap(store, []string{"2026-11-18", "2026-11-22"}, 5)
	if err != nil || both.Clients != 1 || both.Findings != 0 || !slices.Equal(both.First, []string{"10.0.0.1"}) {
		t.Errorf("overlap %+v, %v", both, err)
	}
	if one, err := Overlap(store, []string{"2026-11-21"}, 5); err != nil || !slices.Contains(one.First, "2001:db8::/64") {
		t.Errorf("%+v, %v", one, err)
	}
	if none, err := Overlap(store, []string{"2026-11-19"}, 5); err != nil || none.Clients != 0 {
		t.Errorf("a day without marks: %+v, %v", none, err)
	}
	if _, err := Overlap(store, []string{"yesterday"}, 5); err == nil {
		t.Error("yesterday is a day")
	}
	var b strings.Builder
	if r.Table(&b); !strings.HasPrefix(b.String(), "DAY         CLIENTS  WITH FINDINGS      NEW    AGAIN  FOUND AGAIN\n2026-11-18        1              0        1        0            0\n") {
		t.Error(b.String())
	}
	b.Reset()
	if both.CSV(&b); b.String() != "days,clients,with_findings,first\n2026-11-18 2026-11-22,1,0,10.0.0.1\n" {
		t.Error(b.String())
	}
	b.Reset()
	if both.JSON(&b); b.String() != `{"event":"overlap","days":["2026-11-18","2026-11-22"],"clients":1,"with_findings":0,"first":["10.0.0.1"]}`+"\n" {
		t.Error(b.String())
	}
}

// Many that save at once lose nothing.
func TestSavesTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c := New()
			c.Mark(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), noon("2026-11-22"), noon("2026-11-22"), false)
			if err := Directory(dir).Save(c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r, err := Read(Directory(dir)); err != nil || r.Ever != 8 {
		t.Errorf("%+v, %v", r, err)
	}
}

// A damaged file is said to be one, and is not overwritten.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	c := New()
	for i := range 5000 {
		c.Mark(netip.AddrFrom4([4]byte{10, byte(i % 7), byte(i >> 8), byte(i)}), noon("2026-11-22"), noon("2026-11-22"), false)
	}
	Directory(dir).Save(c)
	name := filepath.Join(dir, "2026-11-22.seen.roaring")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedError
	for _, bad := range [][]byte{{}, {255, 255, 255, 255, 0, 0, 0, 0, 1}, good[:len(good)/2], append(slices.Clone(good), 1), []byte("a text of some length, and no bitmap at all")} {
		os.WriteFile(name, bad, 0o666)
		if _, err := Read(Directory(dir)); !errors.As(err, &damaged) {
			t.Errorf("%d octets: %v", len(bad), err)
		}
		if err := Directory(dir).Save(c); !errors.As(err, &damaged) {
			t.Errorf("%d octets are overwritten: %v", len(bad), err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00:0\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x07\x00"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(dir, "x")
		os.WriteFile(name, text, 0o666)
		if b, err := load(name); err == nil {
			b.GetCardinality()
			b.Or(b.Clone())
		}
	})
}

func TestBounds(t *testing.T) {
	c := New()
	c.Mark(netip.MustParseAddr("10.0.0.1"), -1, (MaxDays+10)*daySpan, false)
	if c.Days() != MaxDays || c.LeftOut != 1 {
		t.Errorf("%d days, %d left out", c.Days(), c.LeftOut)
	}
	c = New()
	c.bound = 2
	for i := range 4 {
		c.Mark(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 0, 0, false)
	}
	if c.LeftOut != 2 {
		t.Errorf("%d left out", c.LeftOut)
	}
}
