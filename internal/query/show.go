package query

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Show spells what a field is of a connection, for people: FIN_WAIT1, 12.4s, 10.0.0.1:80; "not known" where it is not.
// It is empty where no field has that name.
func Show(name string, s *Subject) string {
	f, of := find(name)
	if f == nil {
		return ""
	}
	var list []string
	switch f.Kind {
	case Word:
		set := f.words(s, of)
		for i, w := range f.Words {
			if set&(1<<i) == 0 {
				continue
			}
			if len(f.Words) == tcp.NumStates {
				w = strings.ToUpper(strings.ReplaceAll(w, "-", "_"))
			}
			list = append(list, w)
		}
	case Address:
		f.places(s, of, func(e tcp.Endpoint) bool { list = append(list, e.String()); return false })
	case Text:
		list = append(list, string(f.text(s, nil)))
	default:
		f.numbers(s, of, func(v int64) bool { list = append(list, f.Kind.show(v)); return false })
	}
	if len(list) == 0 {
		return "not known"
	}
	return strings.Join(list, " and ")
}

// show spells a number in the kind's unit.
func (k Kind) show(v int64) string {
	switch k {
	case Span:
		return time.Duration(v).String()
	case Share:
		return fmt.Sprintf("%.4g%%", float64(v)/1e4)
	case Moment:
		return time.Unix(0, v).UTC().Format(time.RFC3339Nano)
	}
	return strconv.FormatInt(v, 10)
}

// Bounded says that the value, as it stands behind the field's colon, is a claim that something is not: a bound from
// above, an exact number, or a negation.
func Bounded(name, value string) bool {
	f, _ := find(name)
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "!=") {
		return true
	}
	switch {
	case f == nil || f.Kind == Word || f.Kind == Address || f.Kind == Text:
		return false
	case strings.HasPrefix(value, ">") || strings.HasSuffix(value, ".."):
		return false
	}
	return true
}
