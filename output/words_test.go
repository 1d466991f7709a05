package output

import "testing"

func TestSpan(t *testing.T) {
	for ns, want := range map[int64]string{-1: "0 ms", 0: "0 ms", 12_345_678: "12 ms", 21_390_000_000: "21.3 s", 99_990_000_000: "99.9 s", 100e9: "1m40s",
		251e9: "4m11s", 7500e9: "2h05m", 3 * 86400e9: "3d00h"} {
		if got := Span(ns); got != want {
			t.Errorf("%d is %q, not %q", ns, got, want)
		}
	}
}
