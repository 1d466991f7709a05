package pipeline_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/tracker"
)

// blame returns the connections' lines of a recording.
func blame(t *testing.T, file string) []tracker.Connection {
	t.Helper()
	src, err := capture.Open([]string{file}, capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &observer{Source: src}
	if _, err := pipeline.Run(context.Background(), o, pipeline.Config{Sink: o, Connections: true, Blame: true}); err != nil {
		t.Fatal(err)
	}
	return o.connections
}

// Of every connection of every recording each nanosecond is in one class.
func TestBlameSumsToTheLife(t *testing.T) {
	var sums tracker.Blame
	err := filepath.WalkDir(recordings, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".pcap.gz") {
			return err
		}
		for _, c := range blame(t, file) {
			for _, e := range []*tracker.End{&c.Client, &c.Server} {
				if c.Life < c.Last-c.Start || e.Blame.Sum() != c.Life {
					t.Errorf("%s: conn %d lives for %d ns, to be blamed are %d: %v", file, c.Conn, c.Life, e.Blame.Sum(), e.Blame)
				}
				for class, ns := range e.Blame {
					if sums[class] += ns; ns < 0 {
						t.Errorf("%s: conn %d: %v for %d ns", file, c.Conn, tracker.BlameClass(class), ns)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for class, ns := range sums {
		if ns == 0 && tracker.BlameClass(class) != tracker.BlameGap {
			t.Errorf("no recording shows %v", tracker.BlameClass(class))
		}
	}
}

// The time behind a shut window is that of the sender's persist timer, as its kernel told about five times a second.
func TestBlamedWindowsAreTheKernels(t *testing.T) {
	for _, name := range []string{"zero_window_reopens", "blocked_writer_closes", "fin_wait1_zero_window"} {
		text, err := os.ReadFile(filepath.Join(recordings, name, "truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		var said struct {
			Conns []struct {
				Client string `json:"client_addr"`
				Server struct {
					SS []struct {
						T     float64
						Timer *struct{ Kind string }
					}
				}
			}
		}
		if err := json.Unmarshal(text, &said); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"c.pcap.gz", "s.pcap.gz"} {
			for _, c := range blame(t, filepath.Join(recordings, name, file)) {
				for _, conn := range said.Conns {
					if conn.Client != c.Client.Endpoint.String() {
						continue
					}
					var before, begins, ends float64
					for _, s := range conn.Server.SS {
						switch persists := s.Timer != nil && s.Timer.Kind == "persist"; {
						case persists && begins == 0:
							begins = s.T
						case !persists && begins == 0:
							before = s.T
						case !persists && ends == 0:
							ends = s.T
						}
					}
					last := seconds(c.Start + c.Life)
					if ends == 0 || ends > last {
						ends = last
					}
					have := seconds(c.Server.Blame[tracker.BlameWindowShut])
					if least, most := ends-begins, ends-before; begins == 0 || have < 0.95*least || have > 1.05*most {
						t.Errorf("%s/%s: the window was shut for %.3f s, by the kernel for %.3f to %.3f s", name, file, have, least, most)
					}
				}
			}
		}
	}
}
