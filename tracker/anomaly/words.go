package anomaly

import (
	"strconv"
	"time"
)

// seconds spells a length of capture time for a sentence: 40 µs, 4.2 ms, 340 ms, 2.4 s, 4m11s.
func seconds(ns int64) string {
	switch {
	case ns < 1e3:
		return "under 1 µs"
	case ns < 1e6:
		return strconv.FormatInt(ns/1e3, 10) + " µs"
	case ns < 10e6:
		return strconv.FormatFloat(float64(ns/1e5)/10, 'f', 1, 64) + " ms"
	case ns < 1e9:
		return strconv.FormatInt(ns/1e6, 10) + " ms"
	case ns < 60e9:
		return strconv.FormatFloat(float64(ns/1e8)/10, 'f', 1, 64) + " s"
	}
	return time.Duration(ns).Truncate(time.Second).String()
}

// count spells a number with its noun: 1 probe, 7 probes.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
