package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/csv"
	"github.com/tcptrack/tcptrack/output/jsonl"
	"github.com/tcptrack/tcptrack/output/story"
	"github.com/tcptrack/tcptrack/output/text"
	"github.com/tcptrack/tcptrack/output/trace"
	"github.com/tcptrack/tcptrack/output/zeek"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// shape is what the flags ask for, checked before anything is opened.
type shape struct {
	format   string
	events   output.Events // that the format wants to see
	color    string
	all      bool
	lines    bool        // the table line by line
	liveOut  *liveOutput // or as one that is drawn anew and again
	checksum capture.ChecksumMode
	failOn   anomaly.Severity
	files    string // as a shell takes them, for the story
}

// formatStory is what diagnose prints.
const formatStory = "story"

var (
	formats       = []string{"table", "json", "csv", formatZeek, "summary", "trace"}
	colorWords    = []string{"auto", "always", "never"}
	checksumWords = []string{"auto", "off", "all"}
)

// shape reads the flags whose values are words.
func (o *readOptions) shape() (shape, error) {
	s := shape{format: o.format, color: o.color, all: o.all || o.selection.text != "", lines: o.asItHappens, liveOut: o.liveOut, files: again(o.files)}
	if !slices.Contains(formats, o.format) && o.format != formatStory {
		return s, unknownWord("format", o.format, formats)
	}
	if !slices.Contains(colorWords, o.color) {
		return s, unknownWord("colour mode", o.color, colorWords)
	}
	if o.format == "trace" && o.selection.text != "" {
		return s, &problem{errors.New("-Y selects connections, and -o trace shows packets"), "another format, as -o json, shows the connections selected"}
	}
	checksum := slices.Index(checksumWords, o.checksum)
	if checksum < 0 {
		return s, unknownWord("checksum mode", o.checksum, checksumWords)
	}
	s.checksum = []capture.ChecksumMode{capture.ChecksumAuto, capture.ChecksumOff, capture.ChecksumAll}[checksum]
	level, ok := anomaly.ParseSeverity(o.failOn)
	if s.failOn = level; !ok && o.failOn != "" {
		return s, unknownWord("level", o.failOn, levelWords)
	}
	if o.format == formatStory {
		s.events = output.Events{Connection: true}
		return s, nil
	}
	events, err := parseEvents(o.events)
	if err != nil {
		return s, err
	}
	if o.format != "json" && o.events != usualEvents {
		return s, &problem{fmt.Errorf("--events %s chooses lines of -o json, and this is -o %s", o.events, o.format), "add -o json"}
	}
	switch o.format {
	case "json":
		s.events = events
	case "table", "csv", formatZeek:
		s.events = output.Events{Connection: true}
	}
	return s, nil
}

// findings says that the format shows findings, more than their codes and how many there are.
func (s *shape) findings() bool {
	switch s.format {
	case "json":
		return s.events.Finding
	case "csv", formatZeek, "summary", "trace":
		return false
	}
	return true
}

// usualEvents are the lines of json unless --events tells.
const usualEvents = "connection,finding,summary"

var eventNames = []string{"transition", "connection", "finding", "summary", "socket", "all"}

// parseEvents reads the list of --events.
func parseEvents(list string) (output.Events, error) {
	var e output.Events
	for _, name := range strings.Split(list, ",") {
		switch strings.TrimSpace(name) {
		case "transition":
			e.Transition = true
		case "connection":
			e.Connection = true
		case "finding":
			e.Finding = true
		case "summary":
			e.Summary = true
		case "socket":
			e.Socket = true
		case "all":
			e = output.Events{Transition: true, Connection: true, Finding: true, Summary: true, Socket: true}
		default:
			return e, unknownWord("event", name, eventNames)
		}
	}
	return e, nil
}

// writer makes the writer of the format to out.
func (s *shape) writer(out io.Writer) output.Writer {
	switch s.format {
	case "json":
		return jsonl.New(out, s.events)
	case "csv":
		return csv.New(out)
	case formatZeek:
		return zeek.New(out)
	case "summary":
		return text.NewBrief(out, widthOf(out))
	case "trace":
		return trace.New(out)
	case formatStory:
		return story.NewDiagnosis(out, story.Style{Width: widthOf(out), Color: useColor(s.color, out), All: s.all, Files: s.files})
	}
	style := text.Style{Width: widthOf(out), Color: useColor(s.color, out), All: s.all}
	if table := s.liveOut.table(style); table != nil {
		return table
	}
	if s.lines {
		return text.NewLines(out, style)
	}
	return text.NewTable(out, style)
}

// useColor decides whether out gets colours: as told, else on a terminal that knows them, unless NO_COLOR is set.
func useColor(when string, out io.Writer) bool {
	if when == "auto" {
		return isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return when == "always"
}

func isTerminal(w any) bool {
	f := fileOf(w)
	return f != nil && term.IsTerminal(int(f.Fd()))
}

// widthOf is the number of columns of the terminal at w, else of $COLUMNS, else 80.
func widthOf(w io.Writer) int {
	if f := fileOf(w); f != nil {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return 80
}

// create makes a file to write, which must not be one of the captures.
func create(name string, captures []string) (*os.File, error) {
	if old, err := os.Stat(name); err == nil {
		for _, c := range captures {
			if in, err := os.Stat(c); err == nil && os.SameFile(old, in) {
				return nil, &problem{fmt.Errorf("%s: is read, and would be overwritten", name), "name another file to write"}
			}
		}
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	return f, nil
}
