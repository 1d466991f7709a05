package tracker

import "testing"

// TestOrphanEnd holds what the asking tells of the sender to what Linux 6.18 did: times are milliseconds since the window
// shut, at which it asked.
func TestOrphanEnd(t *testing.T) {
	double := func(at, gap, longest, until int64) (asks []int64) {
		for ; at <= until; at += gap {
			asks = append(asks, at)
			gap = min(2*gap, longest)
		}
		return asks
	}
	for _, test := range []struct {
		name     string
		asks     []int64
		flight   bool
		retries2 int
		end      int64 // seconds, 0: none
		past     bool
	}{
		{"default, 3 probes", []int64{208, 647, 1480}, false, 0, 333, false},
		{"default, 10 probes", double(208, 208, 120e3, 300e3), false, 0, 333, false},
		{"default, 12 probes", double(208, 208, 120e3, 460e3), false, 0, 333, true},
		{"tcp_retries2 3", double(208, 208, 1664, 90e3), false, 3, 0, false},
		{"tcp_retries2 8", double(208, 208, 53248, 260e3), false, 8, 0, false},
		{"tcp_rto_max_ms 2000", double(208, 208, 2040, 60e3), false, 0, 5, true},
		{"tcp_rto_max_ms 10000", double(208, 208, 10240, 60e3), false, 0, 23, true},
		{"an RTO of 3 s", double(3000, 3000, 120e3, 100e3), false, 0, 309, false},
		{"octets in flight", double(208, 208, 120e3, 60e3), true, 0, 106, false},
		{"octets in flight, nine repeats", double(208, 208, 120e3, 110e3), true, 0, 106, true},
		{"octets in flight, a FIN since before", []int64{153, 984, 2600}, true, 0, 104, false},
		{"keepalives, then a persist timer", append([]int64{3000, 6000, 9000, 12000}, double(14208, 208, 120e3, 60e3)...), false, 0, 347, false},
	} {
		tr := New(Config{})
		c := &conn{}
		e := &c.ends[0]
		tr.beginWait(0, c, e, false)
		w := tr.waitOf(e)
		if w.since = second; test.flight {
			e.flight = second
		}
		for _, at := range test.asks {
			tr.now = second + at*millisecond
			tr.asks(0, c, e, test.flight)
		}
		_, retries2 := w.levels()
		at, past := w.orphanEnd(e)
		if at != 0 {
			at = (at - second + second/2) / second
		}
		if retries2 != test.retries2 || past != test.past || at < test.end-2 || at > test.end+2 {
			t.Errorf("%s: retries2 %d, gone after %d s, past %v; want %d, %d s, %v", test.name, retries2, at, past, test.retries2, test.end, test.past)
		}
	}
}
