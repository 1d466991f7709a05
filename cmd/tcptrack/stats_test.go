package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

// What stats counts of the recordings, by both states, is what read counts, and each connection is in one row.
func TestStatsAgreesWithTheSummary(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*/[cs].pcap.gz")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	type line struct {
		Event, Side string
		Connections uint64
		Client      string          `json:"client_state"`
		Server      string          `json:"server_state"`
		States      json.RawMessage // of read, counts by both states; of stats, by one
	}
	for _, side := range []string{"server", "client"} {
		want, got := map[string]uint64{}, map[string]uint64{}
		var rows, total uint64
		for text := range strings.Lines(runOutput(t, append([]string{"read", "-o", "json", "--events", "summary"}, files...)...)) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(l.States, &want); err != nil {
				t.Fatal(err)
			}
		}
		for text := range strings.Lines(runOutput(t, append([]string{"stats", "-o", "json", "--side", side}, files...)...)) {
			var l line
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			switch l.Event {
			case "pair":
				got[l.Client+"/"+l.Server] = l.Connections
			case "count":
				rows += l.Connections
				if l.Side != side {
					t.Errorf("%s: %s", side, text)
				}
			case "total":
				total = l.Connections
			}
		}
		if !maps.Equal(want, got) || rows != total || total == 0 {
			t.Errorf("%s: %v, read says %v; %d in rows of %d", side, got, want, rows, total)
		}
	}
}
