package tracktest

import (
	"io"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// Script tracks segments that are written as text, in the language that tcptrack read -o trace prints:
//
//	tracktest.Script(t, `
//		0.000 A > B: S  1:1(0)         win 64240 <mss 1460>
//		0.010 B > A: S. 9:9(0)   ack 2 win 65535 <mss 1460>
//		0.020 A > B: .  2:2(0)   ack 10 win 502
//		@ +120s
//	`).One("").Server(tracker.Established)
//
// "@ +120s" lets time pass, "gap" says that the capture lost packets; lines that expect states or findings are comments.
func Script(t testing.TB, text string) *Trace {
	t.Helper()
	f, err := trace.Parse("script", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return run(t, &script{items: f.Items})
}

// script gives the segments of a text and lets time pass between them: a capture.LiveSource.
type script struct {
	items []trace.Item
	now   int64
	stats capture.Stats
}

func (s *script) Read(segs []tcp.Segment) (n int, err error) {
	for ; len(s.items) > 0 && n < len(segs); s.items = s.items[1:] {
		switch it := &s.items[0]; it.Kind {
		case trace.Segment:
			segs[n] = it.Segment
			n++
			s.took(it.Time)
		case trace.Gap:
			if n > 0 {
				return n, nil // what came before it is tracked first
			}
			s.stats.Dropped++
		case trace.Advance:
			if n > 0 {
				return n, nil
			}
			s.now, s.items = it.Time, s.items[1:]
			return 0, nil
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *script) took(at int64) {
	if s.stats.Packets == 0 {
		s.stats.First = at
	}
	s.stats.Packets++
	s.stats.Segments++
	s.stats.Last, s.now = at, at
}

func (s *script) Now() int64           { return s.now }
func (s *script) Stop()                {}
func (s *script) Stats() capture.Stats { return s.stats }
func (s *script) Close() error         { return nil }
