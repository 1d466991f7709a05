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
// Those in testdata/open show what is still wrong: one that passes has to move.
func TestTraces(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	open := 0
	for _, f := range files {
		t.Run(strings.TrimSuffix(f.name, ".trace"), func(t *testing.T) {
			failures := f.run(Config{}, ways)
			if !f.open() {
				for _, failure := range failures {
					t.Error(failure)
				}
				return
			}
			open++
			if len(failures) == 0 {
				t.Errorf("testdata/%s passes: move it to testdata/rules", f.name)
			} else {
				t.Log(failures[0])
			}
		})
	}
	t.Logf("%d traces ran, each in %d ways; %d of them are open", len(files), len(ways), open)
}

// TestTransitionsSayWhy: a claim without its ground is of no use to anybody.
func TestTransitionsSayWhy(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	said, mute := 0, 0
	for _, f := range files {
		w := f.replay(Config{}, ways[0], func(int, string, ...any) {})
		said, mute = said+w.said, mute+w.mute
	}
	if said == 0 {
		t.Fatal("no transition says why")
	}
	if mute > 0 {
		t.Errorf("%d of %d transitions do not say why", mute, said+mute)
	}
}

// runAll runs every trace that is not open, in every way or in those given, and says what differs from what it expects.
func runAll(cfg Config, in ...way) (failures []string) {
	files, err := traceFiles()
	if err != nil {
		return []string{err.Error()}
	}
	if in == nil {
		in = ways
	}
	for _, f := range files {
		if !f.open() {
			failures = append(failures, f.run(cfg, in)...)
		}
	}
	return failures
}

// traceFile is a trace and its name under testdata.
type traceFile struct {
	name string
	*trace.Trace
}

// open says that the trace shows what is still wrong.
func (f traceFile) open() bool { return strings.HasPrefix(f.name, "open/") }

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

// way is a way of running a trace that must change nothing.
type way struct {
	name     string
	mirrored bool
	shifted  bool
	iss      tcp.Seq // what the first sequence number of every end is shifted to, if shifted
	batched  bool    // all segments between two checks at once
}

var ways = []way{
	{name: "plain"},
	{name: "batched", batched: true},
	{name: "mirrored", mirrored: true},
	{name: "wrapping after the SYN", shifted: true, iss: 0xffffffff},
	{name: "wrapping in the data", shifted: true, iss: 0xffffffd0},
	{name: "across 2^31, mirrored", shifted: true, mirrored: true, iss: 0x7fffffff},
}

// run says what differs from what the trace expects, in its own notation.
func (f traceFile) run(cfg Config, in []way) (failures []string) {
	for _, way := range in {
		f.replay(cfg, way, func(line int, format string, args ...any) {
			failures = append(failures, fmt.Sprintf("testdata/%s:%d: %s: %s", f.name, line, way.name, fmt.Sprintf(format, args...)))
		})
	}
	return failures
}

// replay lets a new tracker see the trace.
func (f traceFile) replay(cfg Config, way way, fail func(line int, format string, args ...any)) *witness {
	move := newShift(f.Trace, way)
	w := &witness{conns: map[tcp.FlowKey]*life{}}
	cfg.Sink, cfg.Transitions, cfg.Connections = w, true, true
	t := New(cfg)
	var batch []tcp.Segment
	line := 0
	for i := range f.Items {
		it := &f.Items[i]
		line = it.Line
		if it.Kind == trace.Segment {
			batch = append(batch, move.segment(it.Segment))
			if way.batched {
				continue
			}
		}
		t.Observe(batch)
		batch = batch[:0]
		switch it.Kind {
		case trace.Gap:
			t.Lost(t.Now())
		case trace.Advance:
			t.Advance(it.Time)
		case trace.Expect:
			have := w.ends([2]tcp.Endpoint{move.endpoint(it.Ends.Of[0]), move.endpoint(it.Ends.Of[1])})
			if want := it.Ends; !have.Are[0].Agrees(want.Are[0]) || !have.Are[1].Agrees(want.Are[1]) {
				fail(line, "have `%v`, want `%v`", have, want)
			}
		}
		w.complain(line, fail)
	}
	t.Observe(batch)
	t.Close()
	w.complain(line, fail)
	return w
}

// witness is a Sink that remembers the latest claim on each end of each flow's latest connection, and holds the
// transitions to what their fields promise.
type witness struct {
	conns  map[tcp.FlowKey]*life
	last   int64
	broken []string // promises
	said   int      // transitions that say why
	mute   int      // and that do not
}

// life is one incarnation.
type life struct {
	conn uint64
	ends map[tcp.Endpoint]Transition
}

// complain tells the promises broken since the last time.
func (w *witness) complain(line int, fail func(line int, format string, args ...any)) {
	for _, broken := range w.broken {
		fail(line, "%s", broken)
	}
	w.broken = nil
}

func flowOf(a, b tcp.Endpoint) tcp.FlowKey {
	k, _ := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, a.V6)
	return k
}

func (w *witness) Transition(x *Transition) {
	promise := func(kept bool, format string, args ...any) {
		if kept {
			return
		}
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
		promise(was.To == x.From, "from %v, but it was %v", x.From, was.To)
		promise(was.To != x.To || was.Basis != x.Basis || was.Possible != x.Possible || was.Deadline != x.Deadline,
			"nothing changes: %v, %v", x.To, x.Possible)
	}
	promise(x.Possible.Has(x.To), "%v is not possible: %v", x.To, x.Possible)
	promise(x.Time >= w.last, "time goes backward by %d ns", w.last-x.Time)
	if x.Why != "" {
		w.said++
	} else {
		w.mute++
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

// newShift moves every end's first sequence number to the way's iss, and its timestamps close to their wrap.
func newShift(t *trace.Trace, way way) shift {
	m := shift{way.mirrored, map[tcp.Endpoint]tcp.Seq{}, map[tcp.Endpoint]uint32{}}
	if !way.shifted {
		return m
	}
	for i := range t.Items {
		if t.Items[i].Kind != trace.Segment {
			continue
		}
		s := &t.Items[i].Segment
		src, dst := s.Ends()
		if _, ok := m.seq[src]; !ok && !refusal(s) {
			m.seq[src] = way.iss - s.Seq
		}
		if _, ok := m.seq[dst]; !ok && s.Flags.Has(tcp.ACK) {
			m.seq[dst] = way.iss + 1 - s.Ack
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
