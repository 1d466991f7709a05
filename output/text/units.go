package text

import (
	"strconv"
	"unicode/utf8"
)

// size spells a number of bytes in at most five characters: 999, 41k, 1.2M, 3.4G.
func size(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	v, unit := float64(n), 0
	for v >= 999.5 && unit < 5 {
		v /= 1000
		unit++
	}
	suffix := " kMGTP"[unit : unit+1]
	if v < 9.95 {
		return strconv.FormatFloat(v, 'f', 1, 64) + suffix
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + suffix
}

// shorten cuts the middle out of s, so that an address keeps its port.
func shorten(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n <= width {
		return s
	}
	if width < 3 {
		return s[:width]
	}
	tail := width / 2
	return s[:width-1-tail] + "…" + s[len(s)-tail:]
}
