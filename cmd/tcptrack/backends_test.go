package main

import (
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
