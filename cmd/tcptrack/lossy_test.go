package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
)

// lossySource says that packets were dropped.
type lossySource struct {
	capture.Source
	dropped uint64
}

func (s lossySource) Stats() capture.Stats {
	st := s.Source.Stats()
	st.Dropped = s.dropped
	return st
}

// That nobody answered is no longer certain when the capture dropped packets: --fail-on is then inconclusive, the
// finding and the connection say so. What was seen stays a failure.
func TestDropsLeaveSilenceOpen(t *testing.T) {
	const unanswered = "# a SYN that nobody answers\n" +
		"0.0 A > B: S 1:1(0) win 64240 <mss 1460>\n1.0 A > B: S 1:1(0) win 64240 <mss 1460>\n3.0 A > B: S 1:1(0) win 64240 <mss 1460>\n" +
		"7.0 A > B: S 1:1(0) win 64240 <mss 1460>\n15.0 A > B: S 1:1(0) win 64240 <mss 1460>\n31.0 A > B: S 1:1(0) win 64240 <mss 1460>\n"
	const refused = "# a SYN that is refused\n0.0 A > B: S 1:1(0) win 64240 <mss 1460>\n0.1 B > A: R. 0:0(0) ack 2 win 0\n"
	for _, c := range []struct {
		trace   string
		dropped uint64
		code    int
		says    []string
	}{
		{unanswered, 0, exitFailed, nil},
		{unanswered, 5, exitInconclusive, []string{`"inconclusive":true`, `"lossy":true`, `5 packets dropped by its own count`}},
		{refused, 5, exitFailed, []string{`"capture-loss"`}},
		{"# a SYN\n0.0 A > B: S 1:1(0) win 64240 <mss 1460>\n", 5, exitInconclusive, nil},
	} {
		name := filepath.Join(t.TempDir(), "x.trace")
		if err := os.WriteFile(name, []byte(c.trace), 0o666); err != nil {
			t.Fatal(err)
		}
		src, err := openTrace(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		var o readOptions
		readCommand(&o)
		o.format, o.events, o.failOn = "json", "all", "notice"
		var out strings.Builder
		err = o.track(t.Context(), &out, io.Discard, 0, func(capture.ChecksumMode) (capture.Source, error) {
			return lossySource{src, c.dropped}, nil
		}, nil, func(*pipeline.Result) {})
		var v *verdict
		if !errors.As(err, &v) || v.code != c.code {
			t.Errorf("%d dropped: %v, not exit code %d, of\n%s", c.dropped, err, c.code, c.trace)
		}
		for _, text := range c.says {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%d dropped: no %s in\n%s", c.dropped, text, out.String())
			}
		}
		if c.dropped == 0 && strings.Contains(out.String(), "inconclusive") {
			t.Errorf("inconclusive without a drop:\n%s", out.String())
		}
	}
}
