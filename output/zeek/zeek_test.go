package zeek_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/zeek"
	"github.com/tcptrack/tcptrack/tracker"
)

var update = flag.Bool("update", false, "write the logs anew")

// TestLogs holds the log of each trace in testdata to the one beside it.
func TestLogs(t *testing.T) {
	names, err := filepath.Glob("testdata/*.trace")
	if err != nil || len(names) == 0 {
		t.Fatalf("no traces: %v", err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := logOf(t, name, src)
		golden := strings.TrimSuffix(name, ".trace") + ".log"
		if *update {
			if err := os.WriteFile(golden, got, 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v; got\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

// logOf is the conn.log of a trace.
func logOf(t *testing.T, name string, src []byte) []byte {
	t.Helper()
	tr, err := trace.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zeek.New(&out)
	k := tracker.New(tracker.Config{Sink: w, Connections: true, Zeek: true})
	var last int64
	for _, it := range tr.Items {
		if it.Kind == trace.Segment {
			k.Observe([]tcp.Segment{it.Segment})
			last = it.Segment.Time
		}
	}
	k.Close()
	w.Summary(&output.Summary{Last: last})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestForm: every line has as many fields as the header names, none empty, and the log begins and ends as Zeek's do.
func TestForm(t *testing.T) {
	src, err := os.ReadFile("testdata/attempts.trace")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(logOf(t, "attempts", src)), "\n"), "\n")
	if lines[0] != `#separator \x09` || !strings.HasPrefix(lines[len(lines)-1], "#close\t") {
		t.Errorf("begins with %q and ends with %q", lines[0], lines[len(lines)-1])
	}
	uids := map[string]bool{}
	fields := 0
	for _, line := range lines {
		cells := strings.Split(line, "\t")
		switch {
		case cells[0] == "#fields":
			fields = len(cells) - 1
		case cells[0] == "#types" && len(cells)-1 != fields:
			t.Errorf("%d fields and %d types", fields, len(cells)-1)
		case !strings.HasPrefix(line, "#"):
			if len(cells) != fields {
				t.Errorf("%d cells for %d fields: %q", len(cells), fields, line)
			}
			for _, c := range cells {
				if c == "" {
					t.Errorf("an empty cell: %q", line)
				}
			}
			if uid := cells[1]; len(uid) != 18 || uid[0] != 'C' || uids[uid] {
				t.Errorf("uid %q is ill-formed, or stands twice", uid)
			}
			uids[cells[1]] = true
		}
	}
	if len(uids) != 4 {
		t.Errorf("%d rows, want 4", len(uids))
	}
}
