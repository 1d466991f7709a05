package tracker

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// TestTraces holds the tracker to every trace in testdata, each also mirrored, with shifted numbers, and in batches.
func TestTraces(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(f.name, ".trace"), func(t *testing.T) {
			for _, failure := range runTrace(Config{}, f) {
				t.Error(failure)
			}
		})
	}
	t.Logf("%d traces ran, each in %d ways", len(files), len(ways))
}

// runAll runs every trace in every way and says what differs from what the traces expect.
func runAll(cfg Config) (failures []string) {
	files, err := traceFiles()
	if err != nil {
		return []string{err.Error()}
	}
	for _, f := range files {
		failures = append(failures, runTrace(cfg, f)...)
	}
	return failures
}

// traceFile is a trace and its name under testdata.
type traceFile struct {
	name string
	*trace.Trace
}

// traceFiles reads all traces once.
var traceFiles = sync.OnceValues(func() (files []traceFile, err error) {
	err = filepath.WalkDir("testdata", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".trace" {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		t, err := trace.Parse(path, src)
		if err != nil {
			return err
		}
		if t.Title == "" {
			return fmt.Errorf("%s:1: no comment tells the story", path)
		}
		name, err := filepath.Rel("testdata", path)
		files = append(files, traceFile{filepath.ToSlash(name), t})
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no traces in testdata")
	}
	return files, err
})

// ways are the ways in which each trace must give the same.
var ways = []struct {
	name     string
	mirrored bool
	iss      tcp.Seq // what the first sequence number of every end is shifted to, if shifted
	shifted  bool
	batched  bool // all segments between two checks at once
}{
	{name: "plain"},
	{name: "batched", batched: true},
	{name: "mirrored", mirrored: true},
	{name: "wrapping after the SYN", shifted: true, iss: 0xffffffff},
	{name: "wrapping in the data", shifted: true, iss: 0xffffffd0},
	{name: "across 2^31, mirrored", shifted: true, mirrored: true, iss: 0x7fffffff},
}

func runTrace(cfg Config, f traceFile) (failures []string) {
	for _, way := range ways {
		move := newShift(f.Trace, way.iss, way.shifted, way.mirrored)
		w := &witness{conns: map[tcp.FlowKey]*life{}}
		cfg := cfg
		cfg.Sink, cfg.Transitions, cfg.Connections = w, true, true
		tr := New(cfg)
		fail := func(line int, format string, args ...any) {
			failures = append(failures, fmt.Sprintf("testdata/%s:%d: %s: %s", f.name, line, way.name, fmt.Sprintf(format, args...)))
		}
		var batch []tcp.Segment
		for i := range f.Items {
			it := &f.Items[i]
			if it.Kind == trace.Segment {
				batch = append(batch, move.segment(it.Segment))
				if way.batched {
					continue
				}
			}
			tr.Observe(batch)
			batch = batch[:0]
			switch it.Kind {
			case trace.Advance:
				tr.Advance(it.Time)
			case trace.Expect:
				have := w.ends([2]tcp.Endpoint{move.endpoint(it.Ends.Of[0]), move.endpoint(it.Ends.Of[1])})
				want := it.Ends
				if !have.Are[0].Agrees(want.Are[0]) || !have.Are[1].Agrees(want.Are[1]) {
					fail(it.Line, "have `%v`, want `%v`", have, want)
				}
			}
			for _, broken := range w.broken {
				fail(it.Line, "%s", broken)
			}
			w.broken = nil
		}
		tr.Observe(batch)
		tr.Close()
		for _, broken := range w.broken {
			fail(f.Items[len(f.Items)-1].Line, "at the end: %s", broken)
		}
	}
	return failures
}

// witness is a Sink that remembers the latest claim on each end of each flow's latest connection, and holds the
// transitions to what their fields promise.
type witness struct {
	conns  map[tcp.FlowKey]*life
	last   int64
	broken []string
}

// life is one incarnation.
type life struct {
	conn uint64
	ends map[tcp.Endpoint]Transition
}

func flowOf(a, b tcp.Endpoint) tcp.FlowKey {
	k, _ := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	return k
}

func (w *witness) Transition(x *Transition) {
	complain := func(format string, args ...any) {
		w.broken = append(w.broken, fmt.Sprintf("transition of conn %d's %v at packet %d: ", x.Conn, x.Side, x.Packet)+fmt.Sprintf(format, args...))
	}
	key := flowOf(x.Client, x.Server)
	l := w.conns[key]
	if l == nil || l.conn != x.Conn {
		l = &life{conn: x.Conn, ends: map[tcp.Endpoint]Transition{}}
		w.conns[key] = l
	}
	end := x.Client
	if x.Side == Server {
		end = x.Server
	}
	if was, ok := l.ends[end]; ok {
		if was.To != x.From {
			complain("from %v, but it was %v", x.From, was.To)
		}
		if was.To == x.To && was.Basis == x.Basis && was.Possible == x.Possible && was.Deadline == x.Deadline {
			complain("nothing changes: %v, %v", x.To, x.Possible)
		}
	}
	if !x.Possible.Has(x.To) {
		complain("%v is not possible: %v", x.To, x.Possible)
	}
	if x.Time < w.last {
		complain("time goes backward by %d ns", w.last-x.Time)
	}
	if x.Why == "" {
		complain("no why")
	}
	w.last = x.Time
	l.ends[end] = *x
}

// Connection forgets a connection that retires: nothing is left of either end.
func (w *witness) Connection(c *Connection) {
	key := flowOf(c.Client.Endpoint, c.Server.Endpoint)
	if l := w.conns[key]; l != nil && l.conn == c.Conn {
		delete(w.conns, key)
	}
}

// ends says what is claimed now, in a trace's notation; an end of which nothing was claimed is CLOSED.
func (w *witness) ends(of [2]tcp.Endpoint) trace.Ends {
	e := trace.Ends{Of: of}
	for i, end := range of {
		e.Are[i] = trace.End{Checked: true, State: Closed, Proven: true}
		l := w.conns[flowOf(of[0], of[1])]
		if l == nil {
			continue
		}
		if x, ok := l.ends[end]; ok {
			e.Are[i] = trace.End{Checked: true, State: x.To, Proven: x.Basis == Proven, Others: x.Possible.Without(x.To)}
		}
	}
	return e
}

// shift changes a trace's addresses and numbers where nothing may depend on them.
type shift struct {
	mirrored bool
	seq      map[tcp.Endpoint]tcp.Seq
	ts       map[tcp.Endpoint]uint32
}

// newShift moves every end's first sequence number to iss, and its timestamps close to their wrap.
func newShift(t *trace.Trace, iss tcp.Seq, shifted, mirrored bool) shift {
	m := shift{mirrored, map[tcp.Endpoint]tcp.Seq{}, map[tcp.Endpoint]uint32{}}
	if !shifted {
		return m
	}
	for i := range t.Items {
		if t.Items[i].Kind != trace.Segment {
			continue
		}
		s := &t.Items[i].Segment
		src, dst := s.Ends()
		if _, ok := m.seq[src]; !ok && !refusal(s) {
			m.seq[src] = iss - s.Seq
		}
		if _, ok := m.seq[dst]; !ok && s.Flags.Has(tcp.ACK) {
			m.seq[dst] = iss + 1 - s.Ack
		}
		if _, ok := m.ts[src]; !ok && s.Options.Has&tcp.HasTS != 0 {
			m.ts[src] = 0xfffffff0 - s.Options.TSVal
		}
	}
	return m
}

// refusal says that a segment is the RST that answers a segment without ACK: its sequence number is 0 by RFC 9293 3.10.7.1.
func refusal(s *tcp.Segment) bool { return s.Flags.Has(tcp.RST|tcp.ACK) && s.Seq == 0 }

func (m shift) segment(s tcp.Segment) tcp.Segment {
	src, dst := s.Ends()
	if !refusal(&s) {
		s.Seq += m.seq[src]
	}
	if s.Flags.Has(tcp.ACK) {
		s.Ack += m.seq[dst]
	}
	for i := range s.Options.NSACK {
		s.Options.SACK[i].Lo += m.seq[dst]
		s.Options.SACK[i].Hi += m.seq[dst]
	}
	if s.Options.Has&tcp.HasTS != 0 {
		s.Options.TSVal += m.ts[src]
		if s.Flags.Has(tcp.ACK) {
			s.Options.TSEcr += m.ts[dst]
		}
	}
	src, dst = m.endpoint(src), m.endpoint(dst)
	s.Flow, s.Dir = tcp.MakeFlow(src.Addr, dst.Addr, src.Port, dst.Port, src.V6)
	return s
}

// endpoint mirrors an address by inverting its bits, which turns the order of any two around; ports stay, because
// they may tell who serves.
func (m shift) endpoint(e tcp.Endpoint) tcp.Endpoint {
	switch {
	case !m.mirrored:
	case e.V6:
		e.Addr.Hi, e.Addr.Lo = ^e.Addr.Hi, ^e.Addr.Lo
	default:
		e.Addr.Lo ^= 0xffffffff
	}
	return e
}
