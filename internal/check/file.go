package check

import (
	"fmt"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
)

// File is one file of expectations.
type File struct {
	Name  string // as it was named
	Tests []*Test
}

// Test is one test of a File.
type Test struct {
	Name     string
	Place    Place
	Captures []Pattern // each capture on its own is held to the expectations, unless Merge
	Merge    bool      // all captures are one, in time order
	SHA256   string    // of the one capture, in hexadecimal; "" if any will do
	SHAPlace Place
	Expect   []*Expectation
}

// Pattern is a capture's name, or a glob, relative to the file of expectations.
type Pattern struct {
	Text  string
	Place Place
}

// Place is a line and a column of a file of expectations, both from 1.
type Place struct{ Line, Column int }

// kind is what an expectation is about.
type kind uint8

const (
	some        kind = iota // where: a connection that is selected meets the conditions
	every                   // at least one connection is selected, and each that is meets them
	none                    // no connection is selected that meets them
	most                    // at most Count do
	connections             // as many as Count says do; of all where nothing is selected
	faults                  // the capture's own state
	codes                   // what was found in the whole capture
	golden                  // the lines are those of a file
)

// Expectation is one item of expect.
type Expectation struct {
	Place Place
	Text  string // its first line, for people
	kind  kind

	where    *query.Selection
	meets    []condition
	count    *query.Selection // of a number, as conn
	countIs  string
	at       *pipeline.Moment
	atText   string
	findings *findingSet // of codes
	faults   []fault
	golden   *Golden
}

// condition is one thing that a connection must meet.
type condition struct {
	place    Place
	name     string
	want     string
	test     func(*query.Subject) bool
	absence  bool // it claims that something is not there
	hasField bool // name is a field
}

// Golden is a file that holds the lines of a capture.
type Golden struct {
	File   string
	Place  Place
	Ignore []string // keys, wherever they stand, or with the keys before them: client.rtt_ms
}

// fault is a condition on the capture.
type fault struct {
	place Place
	name  string
	want  string
	test  func(*pipeline.Result) (ok bool, is string)
}

// Error is what is wrong with a file of expectations, or with what it names.
type Error struct {
	File  string
	Place Place // Line 0: the file as a whole
	What  string
	Next  string // what to do about it
}

func (e *Error) Error() string {
	if e.Place.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.What)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Place.Line, e.Place.Column, e.What)
}
