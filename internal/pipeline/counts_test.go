package pipeline_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/traffic"
)

// samples are captures to be read in several ways: all recordings, and each shape of traffic.
func samples(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, shape := range traffic.Shapes {
		all[shape.Name] = traffic.Capture(shape, 1, traffic.Pcap, 100_000)
	}
	err := filepath.WalkDir(recordings, func(file string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(file, ".pcap.gz") {
			all[file], err = os.ReadFile(file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCountsAlone: the counts are the same where nobody is told of the connections.
func TestCountsAlone(t *testing.T) {
	for name, b := range samples(t) {
		count := func(cfg pipeline.Config) string {
			r, err := pipeline.Run(t.Context(), stream(t, bytes.NewReader(b)), cfg)
			if err != nil {
				t.Fatal(err)
			}
			r.Tracker.StreamsForgotten = 0
			return fmt.Sprintf("%+v", r)
		}
		want := count(pipeline.Config{Sink: deaf{}, Transitions: true, Connections: true})
		if got := count(pipeline.Config{Sink: deaf{}, CountFindings: true}); got != want {
			t.Errorf("%s: counted alone %s\nwant %s", name, got, want)
		}
	}
}
