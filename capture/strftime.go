package capture

import (
	"fmt"
	"strings"
	"time"
)

// conversions are those of strftime(3) that make sense in a file's name, as layouts of package time.
var conversions = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'j': "002", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
	'p': "PM", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'Z': "MST", 'z': "-0700",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
}

// strftime spells a time by a pattern of strftime(3).
func strftime(pattern string, t time.Time) (name string, err error) {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			b.WriteByte(pattern[i])
			continue
		}
		i++
		switch {
		case i == len(pattern):
			return "", fmt.Errorf("%s ends in a single %%", pattern)
		case pattern[i] == '%':
			b.WriteByte('%')
		case pattern[i] == 's':
			fmt.Fprint(&b, t.Unix())
		case pattern[i] == 'u':
			fmt.Fprint(&b, (int(t.Weekday())+6)%7+1)
		case pattern[i] == 'V' || pattern[i] == 'G':
			year, week := t.ISOWeek()
			if pattern[i] == 'G' {
				week = year
			}
			fmt.Fprintf(&b, "%02d", week)
		case conversions[pattern[i]] != "":
			b.WriteString(t.Format(conversions[pattern[i]]))
		default:
			return "", fmt.Errorf("%s: %%%c is not known here", pattern, pattern[i])
		}
	}
	return b.String(), nil
}
