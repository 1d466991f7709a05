package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tcptrack/tcptrack/output/stats"
)

// jsonLine is what the counts below need of a line.
type jsonLine struct {
	Event          string
	Conn           uint64
	Client, Server struct {
		State   string
		Packets uint64
	}
	Packets     uint64
	Segments    uint64 `json:"tcp_segments"`
	Transitions uint64
	Connections uint64
	States      map[string]uint64
	Skipped     map[string]uint64
}

// counted is what can be counted in the JSON Lines of a run.
type counted struct {
	transitions, connections, packets uint64
	states                            map[string]uint64
	conns                             map[uint64]bool
	summaries                         []jsonLine
}

func countLines(t *testing.T, out string) counted {
	c := counted{states: map[string]uint64{}, conns: map[uint64]bool{}}
	for line := range strings.Lines(out) {
		var l jsonLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch l.Event {
		case "transition":
			c.transitions++
		case "connection":
			if c.conns[l.Conn] {
				t.Errorf("connection %d has two lines", l.Conn)
			}
			c.conns[l.Conn] = true
			c.connections++
			c.packets += l.Client.Packets + l.Server.Packets
			c.states[l.Client.State+"/"+l.Server.State]++
		case "summary":
			c.summaries = append(c.summaries, l)
		}
	}
	return c
}

// schema compiles the schema that lies beside a format, jsonl or stats.
func schema(t *testing.T, format string) *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../output/" + format + "/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fit holds lines to a schema and returns which events were among them.
func fit(t *testing.T, s *jsonschema.Schema, lines string) map[string]bool {
	t.Helper()
	seen := map[string]bool{}
	for line := range strings.Lines(lines) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		seen[v.(map[string]any)["event"].(string)] = true
	}
	return seen
}

// TestStatsFitTheirSchema: what stats writes as JSON is what its schema says, and each kind of line was seen.
func TestStatsFitTheirSchema(t *testing.T) {
	hang, queue, dir := "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz", "../../testdata/pcaps/accept_queue_full/s.pcap.gz", t.TempDir()
	out := runOutput(t, "stats", "-o", "json", "--days", dir, hang, queue) + runOutput(t, "stats", "-o", "json", "--at", "1s", hang) +
		runOutput(t, "stats", "-o", "json", "--days", dir) + runOutput(t, "stats", "-o", "json", "--days", dir, "--overlap", "2026-11-22")
	if runtime.GOOS == "linux" {
		out += runOutput(t, "stats", "-o", "json", "--kernel")
	}
	var both strings.Builder
	if err := stats.NewBoth().JSON(&both); err != nil {
		t.Fatal(err)
	}
	seen := fit(t, schema(t, "stats"), out+both.String())
	for _, event := range []string{"count", "pair", "client", "total", "day", "streak", "overlap"} {
		if !seen[event] {
			t.Errorf("no line of %s", event)
		}
	}
}

// Names and numbers agree in every output at once, on every recording, and every line fits the schema.
func TestOutputsAgree(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*/*.pcap.gz")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	s := schema(t, "jsonl")
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, "../../testdata/pcaps/"), func(t *testing.T) {
			out := runOutput(t, "read", "-o", "json", "--events", "all", file)
			fit(t, s, out)
			c := countLines(t, out)
			if len(c.summaries) != 1 {
				t.Fatalf("%d summaries", len(c.summaries))
			}
			sum := c.summaries[0]
			var skipped uint64
			for n := range maps.Values(sum.Skipped) {
				skipped += n
			}
			if sum.Packets != c.packets+skipped || sum.Segments != c.packets {
				t.Errorf("%d packets, %d segments; the connections have %d and %d are skipped", sum.Packets, sum.Segments, c.packets, skipped)
			}
			if sum.Transitions != c.transitions || sum.Connections != c.connections || !maps.Equal(sum.States, c.states) {
				t.Errorf("summary %+v; counted %d transitions, %d connections, %v", sum, c.transitions, c.connections, c.states)
			}

			alone := runOutput(t, "read", "-o", "json", "--events", "summary", file)
			if !strings.HasSuffix(out, alone) {
				t.Errorf("the summary depends on --events: %s", alone)
			}
			rows, err := csv.NewReader(strings.NewReader(runOutput(t, "read", "-o", "csv", file))).ReadAll()
			if err != nil || uint64(len(rows)) != c.connections+1 {
				t.Errorf("%d rows of csv for %d connections, %v", len(rows), c.connections, err)
			}
			brief := runOutput(t, "read", "-o", "summary", file)
			table := runOutput(t, "read", "--all", file)
			for state, n := range c.states {
				client, server, _ := strings.Cut(state, "/")
				if line := fmt.Sprintf("%12d  %-12s %s\n", n, client, server); !strings.Contains(brief, line) {
					t.Errorf("no %q in %s", line, brief)
				}
			}
			text := filepath.Join(t.TempDir(), "text")
			runOutput(t, "read", "-o", "trace", "-O", text, file)
			if again := runOutput(t, "read", "-o", "json", "--events", "transition,connection,finding", text); again != strings.TrimSuffix(out, alone) {
				t.Error("read again from its text trace, the capture gives other events")
			}
			account, _, _ := strings.Cut(brief, "\n")
			if !strings.Contains(table, account) {
				t.Errorf("the table lacks %q", account)
			}
			for line := range strings.Lines(table) {
				if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
					t.Errorf("a line of %d columns: %s", n, line)
				}
			}
		})
	}
}

// The table of every recording is as people last found it right; go test -update writes it anew.
func TestTables(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*/s.pcap.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		got := runOutput(t, "read", "--all", "--color", "never", file)
		golden := filepath.Join("testdata", "table", name+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(golden); err != nil || got != string(want) {
			t.Errorf("%s: %v\n got %s\nwant %s", name, err, got, want)
		}
	}
}
