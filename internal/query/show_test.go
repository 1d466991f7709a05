package query

import "testing"

func TestShow(t *testing.T) {
	a, b := hang(), reset()
	for _, c := range []struct{ name, a, b string }{
		{"server.state", "FIN_WAIT1", "CLOSED"}, {"state", "ESTABLISHED and FIN_WAIT1", "CLOSED"}, {"zero_window.duration", "5m12s", "0s"},
		{"finding", "zero-window-stall and capture-loss", "none"}, {"rtt", "32ms", "not known"}, {"server", "10.0.1.9:443", "[fe80::2]:22"},
		{"retransmitted", "0% and 10%", "not known"}, {"start", "2026-11-22T06:43:29.785145123Z", "2026-11-21T06:43:29.785145123Z"}, {"bytes", "22000", "0"}, {"nothing", "", ""},
	} {
		if Show(c.name, &a) != c.a || Show(c.name, &b) != c.b {
			t.Errorf("%s is %q and %q, want %q and %q", c.name, Show(c.name, &a), Show(c.name, &b), c.a, c.b)
		}
	}
	for value, want := range map[string]bool{"<= 5": true, "0": true, ">= 60s": false, "> 3": false, "3..": false, "..3": true, "!= 3": true} {
		if Bounded("retransmissions", value) != want {
			t.Errorf("%s: %v", value, !want)
		}
	}
	if Bounded("state", "closed") || !Bounded("how", "!=rst") {
		t.Error("a state is no bound, what it is not is one")
	}
}
