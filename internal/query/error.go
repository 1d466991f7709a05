package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is what is wrong with a selection, and where.
type Error struct {
	Text    string // the selection
	At, Len int    // the bad part of it, in bytes
	What    string // the reason
	Next    string // what to write instead, or where to look; "" where What says it
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column(), e.What) }

// Column is where the bad part begins, in characters from 1.
func (e *Error) Column() int { return utf8.RuneCountInString(e.Text[:e.At]) + 1 }

// shown is how much of a long selection is shown before the bad part and from it on.
const shown = 34

// Caret shows the selection and below it a mark under the bad part: two lines, of a long selection the part around it.
// Control characters show as dots.
func (e *Error) Caret() string {
	before, bad := flat(e.Text[:e.At]), flat(e.Text[e.At:e.At+e.Len])
	after := flat(e.Text[e.At+e.Len:])
	if n := len(before); n > shown {
		before = append([]rune("…"), before[n-shown:]...)
	}
	mark := max(len(bad), 1)
	if rest := append(bad, after...); len(rest) > 2*shown {
		after = append(rest[:2*shown:2*shown], '…')
		bad = nil
		mark = min(mark, 2*shown)
	}
	return fmt.Sprintf("%s%s%s\n%s%s", string(before), string(bad), string(after), strings.Repeat(" ", len(before)), strings.Repeat("^", mark))
}

// flat makes characters of one column each.
func flat(s string) []rune {
	list := []rune(s)
	for i, r := range list {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			list[i] = ' '
		case !unicode.IsPrint(r):
			list[i] = '·'
		}
	}
	return list
}
