package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
)

// A back end that a build has not says how to get it, one that there never was names the nearest.
func TestAbsentBackEnd(t *testing.T) {
	for name, want := range map[string]string{"pcap": "go build -tags libpcap", "pacp": "did you mean pcap", "ring": "leave --backend out"} {
		var b strings.Builder
		printProblem(&b, backendProblem(&capture.NoBackendError{Name: name, Have: nil}))
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}

// firstUnequal is the first line in which two outputs differ.
func firstUnequal(a, b []string) (at int, equal bool) {
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return at, slices.Equal(a, b)
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(the end)"
}
