package tracker

import (
	"math"
	"slices"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// mute is a Witness that wants every fact and makes nothing of any.
type mute struct{}

func (mute) Fact(*Fact)            {}
func (mute) Next() int64           { return math.MaxInt64 }
func (mute) Advance(int64, uint64) {}

// TestSilenceEnds: while nothing comes, all timers run out. One that is set again and again would take a capture with a
// gap of decades in it, between two packets, for hours.
func TestSilenceEnds(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	told := func(name, text string) {
		tr, err := trace.Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(slices.Clip(files), traceFile{name, tr})
	}
	told("close-wait-in-flight", `# Octets of an end in CLOSE_WAIT are never acknowledged.
0.000 A > B: S 99:99(0) win 65535 <mss 1460>
0.010 B > A: S. 299:299(0) ack 100 win 65535 <mss 1460>
0.020 A > B: . 100:100(0) ack 300 win 65535
0.030 A > B: F. 100:100(0) ack 300 win 65535
0.040 B > A: . 300:400(100) ack 101 win 65535
`)
	told("close-wait-shut", `# The window is shut before an end in CLOSE_WAIT.
0.000 A > B: S 99:99(0) win 65535 <mss 1460>
0.010 B > A: S. 299:299(0) ack 100 win 65535 <mss 1460>
0.020 A > B: . 100:100(0) ack 300 win 65535
0.030 A > B: F. 100:100(0) ack 300 win 0
0.040 B > A: . 300:300(0) ack 101 win 65535
`)
	for _, f := range files {
		tr := New(Config{Witness: mute{}, Facts: ^FactKind(0)})
		for i := range f.Items {
			if it := &f.Items[i]; it.Kind == trace.Segment {
				tr.Observe([]tcp.Segment{it.Segment})
			}
		}
		tr.Advance(tr.Now() + 3600*second)
		for k, at := range tr.timers.due {
			if at != never {
				t.Errorf("%s: an hour later timer %d still runs, to %d s", f.name, k, (at-tr.Now())/second)
			}
		}
	}
}
