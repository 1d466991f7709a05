package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/jsonl"
	"github.com/tcptrack/tcptrack/output/text"
	"github.com/tcptrack/tcptrack/tracker"
)

const ordinary = `# A connection at rest.
0.000 A > B: S   999:999(0)             win 64240 <mss 1460>
0.010 B > A: S.  4999:4999(0)  ack 1000 win 65160 <mss 1460>
0.020 A > B: .   1000:1000(0)  ack 5000 win 64240
0.021 A > B: P.  1000:1100(100) ack 5000 win 64240
0.031 B > A: P.  5000:5100(100) ack 1100 win 65160
0.041 A > B: .   1100:1100(0)  ack 5100 win 64240
`

// Where the kernel says what the packets made impossible, that is a line of its own and counted; what it says when it is
// heard too early, of others or as expected, is not.
func TestKernelDiffersIsTold(t *testing.T) {
	script, err := trace.Parse("ordinary", []byte(ordinary))
	if err != nil {
		t.Fatal(err)
	}
	tr := tracker.New(tracker.Config{})
	var segs []tcp.Segment
	for _, it := range script.Items {
		segs = append(segs, it.Segment)
	}
	tr.Observe(segs)
	said := trace.DefaultOrigin + 2e9
	word := func(dir tcp.Dir, s tracker.State) tracker.Word {
		return tracker.Word{Flow: segs[0].Flow, Local: dir, State: s, Began: said - 1e6, Time: said, PID: 7, Command: "a\x1b[31m"}
	}
	other := word(tcp.FromA, tracker.Closed)
	other.Flow.PortA++

	var lines, table bytes.Buffer
	json, shown := jsonl.New(&lines, output.Events{Socket: true}), text.NewLines(&table, text.Style{Width: 200})
	k := &kernel{Sink: json, asker: &asker{answers: make(chan answers, 1)}, known: map[uint64]*knowledge{}}
	k.tell = func(s *output.Socket) { json.Socket(s); shown.Socket(s) }
	k.asker.answers <- answers{scans: 3, words: []tracker.Word{other, word(segs[0].Dir, tracker.Established), word(segs[0].Dir.Other(), tracker.CloseWait)}}
	if w := k.Next(said); w != nil {
		t.Errorf("heard before all that passed meanwhile is known: %+v", w)
	}
	tr.Advance(said + 1e9)
	heard := 0
	for w := k.Next(tr.Now()); w != nil; w = k.Next(tr.Now()) {
		k.Heard(w, tr.Hear(w))
		heard++
	}
	json.Flush()
	shown.Flush()
	if want := (output.Kernel{Scans: 3, Words: 2, Compared: 2, Differences: 1}); k.count != want || heard != 3 {
		t.Errorf("counted %+v of %d words, want %+v of 3", k.count, heard, want)
	}
	if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"wire":{"state":"ESTABLISHED","possible":["ESTABLISHED"]},"kernel":{"side":"server","state":"CLOSE_WAIT"`) ||
		!strings.Contains(got, `"differs":true`) {
		t.Errorf("told %s", got)
	}
	if got := table.String(); !strings.Contains(got, `the server is CLOSE_WAIT, "a\x1b[31m" (process 7) owns it, and we took it for ESTABLISHED: our error`) {
		t.Errorf("shown %s", got)
	}
}
