package query

import (
	"slices"
	"testing"
)

func TestComplete(t *testing.T) {
	for text, want := range map[string][]string{
		"pro":               {"probes:"},
		"state:fin":         {"state:fin-wait1", "state:fin-wait2"},
		"port:443 sever":    {"port:443 severity:"},
		"port:443 server.s": {"port:443 server.stream_bytes:", "port:443 server.state:", "port:443 server.shut:"},
		"(state:(clos":      {"(state:(closed", "(state:(close-wait", "(state:(closing"},
		"state:closed,syn":  {"state:closed,syn-sent", "state:closed,syn-recv"},
		"port:443 o":        {"port:443 or"},
		"how:r":             {"how:rst", "how:refused"},
		"port:4":            nil,
		"nofield:x":         nil,
	} {
		got := Complete(text)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
