package check

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// lossy is a source that says that packets were dropped.
type lossy struct {
	capture.Source
	dropped uint64
}

func (s lossy) Stats() capture.Stats {
	st := s.Source.Stats()
	st.Dropped = s.dropped
	return st
}

// segments are those of a text trace.
func segments(t *testing.T, text string) (segs []tcp.Segment) {
	t.Helper()
	f, err := trace.Parse("x.trace", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.Items {
		if f.Items[i].Kind == trace.Segment {
			segs = append(segs, f.Items[i].Segment)
		}
	}
	return segs
}

// What a capture that dropped packets leaves open, and what not.
func TestLostPackets(t *testing.T) {
	segs := segments(t, "0.0 A > B: S 1:1(0) win 64240 <mss 1460>\n1.0 A > B: S 1:1(0) win 64240 <mss 1460>\n3.0 A > B: S 1:1(0) win 64240 <mss 1460>\n"+
		"7.0 A > B: S 1:1(0) win 64240 <mss 1460>\n15.0 A > B: S 1:1(0) win 64240 <mss 1460>\n31.0 A > B: S 1:1(0) win 64240 <mss 1460>\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.pcap"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		expect      string
		whole, some Verdict // of a whole capture, and of one that lacks something
	}{
		{"where: syn_sent", Pass, Pass},
		{"where: syn_sent\n        retransmissions: '>= 5'", Pass, Pass},
		{"where: syn_sent\n        retransmissions: '<= 5'", Pass, Inconclusive},
		{"where: syn_sent\n        retransmissions: '<= 4'", Fail, Fail},
		{"where: syn-unanswered", Pass, Inconclusive},
		{"where: syn_sent\n        findings: {at_least: [syn-unanswered]}", Pass, Inconclusive},
		{"where: syn_sent\n        severity: warning", Pass, Inconclusive},
		{"none: how:rst", Pass, Inconclusive},
		{"none: syn_sent", Fail, Fail},
		{"every: syn_sent\n        how: unopened", Pass, Inconclusive},
		{"every: established\n        how: fin", Fail, Fail}, // nothing is selected
		{"connections: 1", Pass, Inconclusive},
		{"connections: '>= 1'", Pass, Pass},
		{"max: 1\n        where: syn_sent", Pass, Inconclusive},
		{"findings: [syn-unanswered]", Pass, Fail}, // capture-loss is found as well
		{"findings: {none: [zero-*]}", Pass, Inconclusive},
		{"capture: {dropped: 0}", Pass, Fail},
		{"capture: {dropped: 5}", Fail, Pass},
		{"at: 2s\n        where: syn_sent\n        retransmissions: 1", Pass, Inconclusive},
		{"at: 31s\n        where: syn_sent\n        retransmissions: '> 4'", Pass, Pass},
		{"at: 32s\n        where: syn_sent", Fail, Fail},
	} {
		f, err := Parse(filepath.Join(dir, "x.yaml"), []byte(head+c.expect))
		if err != nil {
			t.Fatal(err)
		}
		for dropped, want := range map[uint64]Verdict{0: c.whole, 5: c.some} {
			r := &Runner{Open: func([]string) (capture.Source, error) { return lossy{pipeline.Segments(segs), dropped}, nil }}
			jobs, err := f.Jobs(f.Tests[0])
			if err != nil {
				t.Fatal(err)
			}
			o := r.Run(context.Background(), f, f.Tests[0], jobs[0])
			if o.Verdict != want {
				t.Errorf("%d dropped: %s, want %s", dropped, strings.ReplaceAll(o.Text(), dir, ""), want)
			}
		}
	}
}
