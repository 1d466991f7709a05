package tracker

import (
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// TestAnalysisOfTraces: in testdata/wireshark !! behind a segment has what Wireshark 4.0 marks it with; where there is no !!
// it is not marked.
func TestAnalysisOfTraces(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	shown := analysisSet(0)
	for _, f := range files {
		if !strings.HasPrefix(f.name, "wireshark/") {
			continue
		}
		tr := New(Config{Sink: nobody{}, Connections: true, Analysis: true})
		var before Analysis
		for i, it := range f.Items {
			if it.Kind != trace.Segment {
				continue
			}
			tr.Observe([]tcp.Segment{it.Segment})
			now := marked(tr)
			var got, want []string
			for flag := range AnalysisFlag(NumAnalysisFlags) {
				if now[flag] != before[flag] {
					got = append(got, strings.ReplaceAll(flag.String(), "_", "-"))
					shown |= 1 << flag
				}
			}
			before = now
			if i+1 < len(f.Items) && f.Items[i+1].Kind == trace.Finding {
				want = f.Items[i+1].Found.Codes
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s:%d: marked %v, not %v", f.name, it.Line, got, want)
			}
		}
	}
	if all := analysisSet(1<<NumAnalysisFlags - 1); shown != all {
		t.Errorf("no trace shows the marks %b", all&^shown)
	}
}

// marked adds up what was marked of the connections that live, the first SYN-ACK's mark in hindsight left out.
func marked(tr *Tracker) (sum Analysis) {
	for n := range tr.conns.all() {
		if tr.conns.at(n).first == 0 {
			continue
		}
		if b := tr.briefs.at(n); b.speaks() {
			continue
		} else if d := tr.analyses.of(b); d.tally != 0 {
			for _, of := range tr.analyses.tallies.at(d.tally) {
				for flag, count := range of {
					sum[flag] += count
				}
			}
		}
	}
	return sum
}

// analysed runs a trace and returns its connections' lines.
func analysed(t *testing.T, text string, on bool) lines {
	t.Helper()
	f, err := trace.Parse("", []byte("# x\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	var told lines
	tr := New(Config{Sink: &told, Connections: true, Analysis: on})
	for _, it := range f.Items {
		switch it.Kind {
		case trace.Segment:
			tr.Observe([]tcp.Segment{it.Segment})
		case trace.Advance:
			tr.Advance(it.Time)
		}
	}
	tr.Close()
	return told
}

// TestAnalysisOfASYNACKInHindsight: Wireshark shows a stream after it has read all of it.
func TestAnalysisOfASYNACKInHindsight(t *testing.T) {
	const first = "0 A > B: S 100:100(0) win 512\n0.01 B > A: S. 300:300(0) ack 101 win 512\n"
	const other = "0.02 B > A: S. 700:700(0) ack 101 win 512\n"
	const again = "0.03 B > A: S. 300:300(0) ack 101 win 512\n"
	for text, want := range map[string]uint32{first: 0, first + other: 2, first + other + again: 2} {
		told := analysed(t, text, true)
		if got := told[0].Server.Analysis[ReusedPorts]; got != want {
			t.Errorf("%d SYN-ACKs are marked, not %d, of\n%s", got, want, text)
		}
	}
}

// TestAnalysisOutlivesTheLine: what comes of a stream after its connection's line was written is tested against what came
// before, as long as that is remembered.
func TestAnalysisOutlivesTheLine(t *testing.T) {
	const life = `0 A > B: S 100:100(0) win 512
0.01 B > A: S. 300:300(0) ack 101 win 512
0.02 A > B: . 101:101(0) ack 301 win 512
0.03 B > A: R. 301:301(0) ack 101 win 0
@ +10s
11 A > B: . 101:101(0) ack 301 win 512
`
	told := analysed(t, life, true)
	if len(told) != 2 || told[0].Client.Analysis != (Analysis{}) || told[1].Client.Analysis[DuplicateACK] != 1 {
		t.Fatalf("%+v", told)
	}
	if told = analysed(t, life, false); told[1].Client.Analysis != (Analysis{}) {
		t.Error("it was not asked for")
	}
	a := newAnalyses(true)
	for stream := range uint32(3 * maxPastDialogues) {
		d := newDialogue(stream)
		a.keep(&d)
	}
	if len(a.past) != maxPastDialogues {
		t.Errorf("%d dialogues are kept", len(a.past))
	}
	if d := a.recall(3*maxPastDialogues - 1); d.stream != 3*maxPastDialogues-1 || !d.begun {
		t.Error("the latest is forgotten")
	}
}

// TestAnalysisOfUnnumbered: sequence number 0 is Wireshark's word for not known.
func TestAnalysisOfUnnumbered(t *testing.T) {
	told := analysed(t, "0 A > B: . 4294967295:4294967295(0) ack 1 win 9\n1 A > B: . 4294967295:0(1) ack 1 win 9\n2 A > B: . 100:101(1) ack 1 win 9\n", true)
	if got := told[0].Client.Analysis; got[LostSegment] != 0 {
		t.Errorf("%v", got)
	}
}
