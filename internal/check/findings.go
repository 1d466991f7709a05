package check

import (
	"path"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker"
)

// findingSet is what must be found, and what must not.
type findingSet struct {
	exact   bool
	exactly []string
	least   []string // patterns
	none    []string // patterns
}

// holds says that the codes, each once, are as expected.
func (f *findingSet) holds(codes []string) bool {
	if f.exact && !slices.Equal(unique(codes), unique(f.exactly)) {
		return false
	}
	for _, pattern := range f.least {
		if !slices.ContainsFunc(codes, func(c string) bool { return like(pattern, c) }) {
			return false
		}
	}
	for _, pattern := range f.none {
		if slices.ContainsFunc(codes, func(c string) bool { return like(pattern, c) }) {
			return false
		}
	}
	return true
}

// of says that what was found on a connection is as expected.
func (f *findingSet) of(s *query.Subject) bool { return f.holds(codesOf(s)) }

// absence says that it claims something not to be found.
func (f *findingSet) absence() bool { return f.exact || len(f.none) > 0 }

func (f *findingSet) String() string {
	var parts []string
	if f.exact {
		parts = append(parts, "exactly "+orNone(f.exactly))
	}
	if len(f.least) > 0 {
		parts = append(parts, "at least "+strings.Join(f.least, ", "))
	}
	if len(f.none) > 0 {
		parts = append(parts, "no "+strings.Join(f.none, ", "))
	}
	return strings.Join(parts, "; ")
}

// codesOf lists the codes of what was found on a connection, each once.
func codesOf(s *query.Subject) (list []string) {
	for i := range s.Found {
		list = append(list, s.Found[i].Rule.Code)
	}
	return unique(list)
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(unique(list), ", ")
}

// like says that the code is one of the pattern's. Codes hold no slash, so that * means anything.
func like(pattern, code string) bool {
	ok, err := path.Match(pattern, code)
	return ok && err == nil
}

// is says that a number is as a selection of the field conn asks for.
func is(q *query.Selection, n uint64) bool {
	return q.Match(&query.Subject{Conn: &tracker.Connection{Conn: n}})
}
