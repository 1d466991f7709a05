package text

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// span spells a duration in nanoseconds as people say it: 12 ms, 21.3 s, 4m11s, 2h05m, 3d04h.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

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

// count writes a number with its noun: 1 packet, 2 packets.
func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
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
