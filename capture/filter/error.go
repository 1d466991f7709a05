package filter

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with an expression, and where.
type Error struct {
	Text    string // the expression
	At, Len int    // octets from its start to the word at fault, and of the word; At is negative where none is known
	What    string
	Never   bool // nothing is wrong but that no packet of the link type can pass
	Outside bool // it may well be of the language, but not of the subset that is compiled here
}

// Error says what is wrong above the expression and a caret below the word.
func (e *Error) Error() string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, e.Text)
	if e.At < 0 {
		return fmt.Sprintf("filter: %s\n    %s", e.What, line)
	}
	before, word := line[:e.At], line[e.At:e.At+e.Len]
	return fmt.Sprintf("filter: %s\n    %s\n    %s%s", e.What, line,
		strings.Repeat(" ", utf8.RuneCountInString(before)), strings.Repeat("^", max(1, utf8.RuneCountInString(word))))
}
