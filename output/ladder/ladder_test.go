package ladder

import (
	"context"
	"errors"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// into leads the transitions to a Drawing.
type into struct{ *Drawing }

func (into) Connection(*tracker.Connection) {}
func (into) Finding(*anomaly.Finding)       {}
func (into) Flush() error                   { return nil }

// hang is a server whose peer stops reading: 28 packets of one connection.
const hang = "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz"

func open(t *testing.T, file string) capture.Source {
	t.Helper()
	src, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// twice draws in two passes.
func twice(t *testing.T, file string, cfg Config) *Drawing {
	t.Helper()
	d := New(cfg)
	if _, err := pipeline.Run(context.Background(), open(t, file), pipeline.Config{Sink: into{d}, Transitions: true, Facts: Facts, Fact: d.Fact}); err != nil {
		t.Fatal(err)
	}
	src := open(t, file)
	defer src.Close()
	segs := make([]tcp.Segment, 3)
	for {
		n, err := src.Read(segs)
		for i := range segs[:n] {
			d.Segment(&segs[i])
		}
		if errors.Is(err, io.EOF) {
			return d
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// once draws while the capture is tracked: each batch after its events.
func once(t *testing.T, file string, cfg Config) *Drawing {
	t.Helper()
	d := New(cfg)
	var batch []tcp.Segment
	if _, err := pipeline.Run(context.Background(), open(t, file), pipeline.Config{
		Sink: into{d}, Transitions: true, Facts: Facts, Fact: d.Fact,
		Segments: func(segs []tcp.Segment) { batch = append(batch[:0], segs...) },
		Settled: func(*tracker.Tracker) {
			for i := range batch {
				d.Segment(&batch[i])
			}
			batch = batch[:0]
		},
	}); err != nil {
		t.Fatal(err)
	}
	return d
}

// A capture under way is drawn as one that is read twice.
func TestOnceAsTwice(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*/s.pcap.gz")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		cfg := Config{Head: 10, Tail: 5, Points: 20}
		a, b := twice(t, file, cfg), once(t, file, cfg)
		rows, over := a.Rows()
		rowsToo, overToo := b.Rows()
		if over != overToo || !reflect.DeepEqual(rows, rowsToo) {
			t.Errorf("%s: %d rows and %d rows differ; the last: %+v %+v", file, len(rows), len(rowsToo), rows[len(rows)-1], rowsToo[len(rowsToo)-1])
		}
		if !reflect.DeepEqual(a.Points(), b.Points()) || !reflect.DeepEqual(a.spans, b.spans) || !reflect.DeepEqual(a.shut, b.shut) {
			t.Errorf("%s: series differ", file)
		}
	}
}

func TestHang(t *testing.T) {
	d := twice(t, hang, Config{Head: 100, Tail: 100, Points: 100})
	rows, over := d.Rows()
	if over != 0 || len(rows) >= 28 {
		t.Errorf("%d rows for 28 packets, %d left out", len(rows), over)
	}
	folded := false
	for _, r := range rows {
		folded = folded || r.Kind == Fold && r.Times > 2
	}
	if !folded {
		t.Errorf("probes are not folded: %+v", rows)
	}
	if shut := d.Shut(tracker.Client); len(shut) != 1 || shut[0].Until != 0 || d.Last-shut[0].Since < 14e9 {
		t.Errorf("the client's window is shut for 14 s: %+v", shut)
	}
	last := d.Points()[len(d.Points())-1]
	if last.Window[tracker.Client] != 0 || last.Window[tracker.Server] < 10_000 || !d.Scaled() {
		t.Errorf("windows at the end: %+v", last)
	}
	states := d.States(tracker.Server)
	if end := states[len(states)-1]; end.State != tracker.Established || !end.Possible.Has(tracker.FinWait1) || end.String() != "ESTABLISHED?" {
		t.Errorf("the server ends as %+v", end)
	}
}

// Evidence is marked whether it is told before its packet or after, and an ordinary packet gets a row for it.
func TestEvidence(t *testing.T) {
	before, after := New(Config{Head: 99}), New(Config{Head: 99})
	before.Evidence(2, "one-way-capture")
	for n := range uint64(3) {
		s := tcp.Segment{Number: n + 1, Flags: tcp.ACK, Window: 9}
		before.Segment(&s)
		after.Segment(&s)
	}
	after.Evidence(2, "one-way-capture")
	rows, _ := before.Rows()
	if len(rows) != 3 || rows[1].Kind != Packet || len(rows[1].Evidence) != 1 {
		t.Errorf("told before: %+v", rows)
	}
	rows, _ = after.Rows()
	if len(rows) != 1 || len(rows[0].Evidence) != 1 {
		t.Errorf("told after: %+v", rows)
	}
}

// Rows and points are bounded; of the rows the first and the last stay, of the points the extremes.
func TestBounds(t *testing.T) {
	d := New(Config{Head: 7, Tail: 5, Points: 50})
	for n := range uint64(100_000) {
		s := tcp.Segment{Number: n + 1, Time: int64(n) * 1000, Flags: tcp.ACK, Window: uint16(1000 + n%50)}
		if n%2 == 0 {
			s.Flags |= tcp.SYN // a row of its own
		}
		if n == 77_777 {
			s.Window = 0
		}
		d.Segment(&s)
		if len(d.rows) > 7+2*5 || len(d.Points()) > 100 {
			t.Fatalf("%d rows, %d points", len(d.rows), len(d.Points()))
		}
	}
	rows, over := d.Rows()
	if len(rows) != 13 || rows[7].Kind != Gap || rows[7].Left != over || over+12 != 100_000 || rows[0].First != 1 || rows[12].Last != 100_000 {
		t.Errorf("%d rows, %d left out: %+v", len(rows), over, rows)
	}
	least := math.MaxInt
	for _, p := range d.Points() {
		least = min(least, p.Least[0])
	}
	if n := len(d.Points()); least != 0 || n < 25 {
		t.Errorf("of %d points the least window is %d", n, least)
	}
}
