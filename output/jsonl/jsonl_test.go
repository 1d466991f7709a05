package jsonl

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

var everything = output.Events{Transition: true, Connection: true, Finding: true, Summary: true, Socket: true}

// written is one event, as the Writer wrote it and as encoding/json has it.
func written(t *testing.T, r *rand.Rand, kind int) (got, want string) {
	var out bytes.Buffer
	w := New(&out, everything)
	var mirror any
	switch kind {
	case 0:
		e := randomTransition(r)
		w.Transition(e)
		mirror = mirrorTransition(e)
	case 1:
		e := randomConnection(r)
		w.Connection(e)
		mirror = mirrorConnection(e)
	case 2:
		e := randomSummary(r)
		w.Summary(e)
		mirror = mirrorSummary(e)
	case 3:
		e := randomFinding(r)
		w.Finding(e)
		mirror = mirrorFinding(e)
	case 4:
		e := randomSocket(r)
		w.Socket(e)
		mirror = mirrorSocket(e)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	var std bytes.Buffer
	enc := json.NewEncoder(&std)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(mirror); err != nil {
		t.Fatal(err)
	}
	return out.String(), std.String()
}

func TestLinesAreThoseOfEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		if got, want := written(t, r, i%5); got != want {
			t.Fatalf("line differs from encoding/json\n got %s want %s", got, want)
		}
	}
}

func TestLinesFitTheSchema(t *testing.T) {
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 300 {
		line, _ := written(t, r, i%5)
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Fatalf("%s does not fit: %v", line, err)
		}
	}
	for _, wrong := range []string{`{"event":"transition"}`, `{"event":"weather"}`, `{}`, `[]`} {
		v, _ := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if schema.Validate(v) == nil {
			t.Errorf("%s fits", wrong)
		}
	}
}

func TestLinesCostNoAllocation(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	w := New(io.Discard, everything)
	tr, c := randomTransition(r), randomConnection(r)
	if n := testing.AllocsPerRun(1000, func() { w.Transition(tr); w.Connection(c) }); n != 0 {
		t.Errorf("%v allocations for two lines", n)
	}
}

func TestOnlyChosenEvents(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var out bytes.Buffer
	w := New(&out, output.Events{Connection: true})
	w.Transition(randomTransition(r))
	w.Connection(randomConnection(r))
	w.Summary(randomSummary(r))
	w.Flush()
	if s := out.String(); strings.Count(s, "\n") != 1 || !strings.HasPrefix(s, `{"event":"connection"`) {
		t.Errorf("printed %s", s)
	}
}

type brokenPipe struct{}

var errPipe = errors.New("pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestFlushKeepsTheFirstError(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	w := New(brokenPipe{}, everything)
	for range 1000 {
		w.Connection(randomConnection(r))
	}
	for range 2 {
		if w.Flush() != errPipe {
			t.Error("the error of the write is lost")
		}
	}
	if cap(w.buf) > 2*full {
		t.Error("the buffer grows though nobody takes it")
	}
}

func BenchmarkTransition(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	w := New(io.Discard, everything)
	t := randomTransition(r)
	t.Why = "FIN sent"
	b.ReportAllocs()
	for b.Loop() {
		w.Transition(t)
	}
}

func BenchmarkConnection(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	w := New(io.Discard, everything)
	c := randomConnection(r)
	b.ReportAllocs()
	for b.Loop() {
		w.Connection(c)
	}
}

// BenchmarkOrdinary is BenchmarkConnection for one as most are: opened, used and closed.
func BenchmarkOrdinary(b *testing.B) {
	w := New(io.Discard, everything)
	end := func(addr uint32, port uint16, s tracker.State) tracker.End {
		return tracker.End{
			Endpoint: tcp.Endpoint{Addr: tcp.AddrFrom4(addr), Port: port}, State: s, Basis: tracker.Proven, Possible: tcp.Set(s), Packets: 10, Bytes: 7974,
			PayloadBytes: 7562, StreamBytes: 7562, Acked: true, RTT: tracker.RTT{N: 5, Min: 70_927_000, Mean: 71_057_666, Max: 71_319_000},
			Blame: tracker.Blame{tracker.BlameFlowing: 242_842_000, tracker.BlameHandshake: 95_353_000, tracker.BlameClosing: 95_353_000},
		}
	}
	z := tracker.Zeek{State: "SF"}
	for _, letter := range []byte("ShADadFf") {
		z.History.Add(letter)
	}
	c := &tracker.Connection{
		Conn: 12345, Streams: []uint32{12345}, Start: 1_700_000_000_000_011_000, Last: 1_700_000_000_433_559_000, Life: 433_548_000, Blamed: true,
		Client: end(10<<24|31<<8|200, 59704, tracker.Closed), Server: end(198<<24|18<<16|1<<8|92, 9000, tracker.TimeWait),
		Closed: true, How: tracker.HowFIN, Zeek: []tracker.Zeek{z}, Half: true, HalfClosed: 70_927_000,
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Connection(c)
	}
}
