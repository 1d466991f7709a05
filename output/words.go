package output

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Span spells a duration in nanoseconds as people say it: 12 ms, 21.3 s, 4m11s, 2h05m, 3d04h.
func Span(ns int64) string {
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

// Count writes a number with its noun: 1 packet, 2 packets.
func Count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}

// Size spells a number of bytes in at most five characters: 999, 41k, 1.2M, 3.4G.
func Size(n uint64) string {
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

// Clock spells a moment of capture time, UTC, to the millisecond.
func Clock(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04:05.000") }

// Wrap appends text broken at blanks into lines of at most width columns, those after the first indented; one word
// wider than that stays whole.
func Wrap(b []byte, text string, width int, indent string) []byte {
	for utf8.RuneCountInString(text) > width {
		at := lastBlank(text, width, len(indent))
		if at < 0 {
			break
		}
		b = append(append(b, strings.TrimRight(text[:at], " ")...), '\n')
		text = indent + strings.TrimLeft(text[at:], " ")
	}
	return append(append(b, text...), '\n')
}

// lastBlank is the byte position of the last blank that starts within width columns and behind the indent, or -1.
func lastBlank(text string, width, indent int) int {
	at, col := -1, 0
	for i, r := range text {
		if col > width {
			break
		}
		if r == ' ' && i >= indent && strings.TrimLeft(text[:i], " ") != "" {
			at = i
		}
		col++
	}
	return at
}
