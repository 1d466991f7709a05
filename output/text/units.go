package text

import "unicode/utf8"

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
