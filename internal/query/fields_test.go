package query

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Each example in the manual is a selection.
func TestExamples(t *testing.T) {
	for i := range Fields {
		if _, err := Parse(Fields[i].Like); err != nil {
			t.Errorf("%s: %v", Fields[i].Like, err)
		}
	}
	for line := range strings.Lines(Manual) {
		if text, ok := strings.CutPrefix(line, "  "); ok {
			for _, example := range strings.Split(text, "  ") {
				if strings.Contains(example, ":") && !strings.Contains(example, ": ") {
					if _, err := Parse(strings.TrimSpace(example)); err != nil {
						t.Errorf("%s: %v", example, err)
					}
				}
			}
		}
	}
	for line := range strings.Lines(Help()) {
		if n := len([]rune(line)); n > 81 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

// Everything in a connection's line can be asked for, and the fields say where it stands.
func TestFieldsCoverTheLine(t *testing.T) {
	text, err := os.ReadFile("../../output/jsonl/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for i := range Fields {
		keys[Fields[i].JSON] = true
	}
	// What is told for people and programs to look on, and the end of a timer.
	not := []string{"event", "wireshark", "deadline", "zeek"}
	for _, def := range []string{"connection", "end"} {
		for key := range schema.Defs[def].Properties {
			if !keys[key] && !slices.Contains(not, key) {
				t.Errorf("%s of a %s cannot be asked for", key, def)
			}
		}
	}
	for key := range keys {
		_, conn := schema.Defs["connection"].Properties[key]
		_, end := schema.Defs["end"].Properties[key]
		if key != "" && !conn && !end {
			t.Errorf("no line has %s", key)
		}
	}
	if len(anomaly.Rules) > 62 {
		t.Errorf("%d codes are too many for a set of words", len(anomaly.Rules))
	}
}
