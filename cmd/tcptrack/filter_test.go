package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// ofConns returns the lines of JSON that are of connections, and the port of each connection's client.
func ofConns(t *testing.T, out string) (lines []string, ports map[uint64]uint16) {
	ports = map[uint64]uint16{}
	for line := range strings.Lines(out) {
		var l struct {
			Event  string
			Conn   *uint64
			Client struct{ Port uint16 }
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if l.Conn != nil {
			lines = append(lines, line)
			ports[*l.Conn] = l.Client.Port
		}
	}
	return lines, ports
}

// What is said of a connection is the same with a filter that lets it through and without any: its number, its streams,
// its states and their times; with all recordings read as one capture.
func TestFilterKeepsNumbers(t *testing.T) {
	files, err := filepath.Glob("../../testdata/pcaps/*/s.pcap.gz")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	args := []string{"read", "-o", "json", "--events", "all"}
	for _, file := range files {
		args = append(args, "-r", file)
	}
	whole, ports := ofConns(t, runOutput(t, args...))
	for first := range uint64(8) {
		port := ports[first*uint64(len(ports))/8]
		mine := map[string]bool{}
		for conn, p := range ports {
			if p == port {
				mine[fmt.Sprintf(`"conn":%d,`, conn)] = true
			}
		}
		var want []string
		for _, line := range whole {
			conn := line[strings.Index(line, `"conn":`):]
			if mine[conn[:strings.Index(conn, ",")+1]] {
				want = append(want, line)
			}
		}
		have, _ := ofConns(t, runOutput(t, append(args, "tcp", "port", fmt.Sprint(port))...))
		if at, equal := firstUnequal(want, have); !equal {
			t.Errorf("port %d, line %d: without a filter\n%s\nwith\n%s", port, at, lineAt(want, at), lineAt(have, at))
		}
		if len(want) == 0 {
			t.Errorf("nothing is said of port %d", port)
		}
	}
}
