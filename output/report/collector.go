package report

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/story"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Bounds on what a page holds, whatever is asked for.
const (
	MaxRows     = 20_000
	MaxDrawings = 100
	maxEvidence = 64 // packets of one connection
)

// Config says what is told.
type Config struct {
	Title string // the captures, printable
	Files string // the captures, as a shell takes them
	Rows  int    // connections in the table, at most MaxRows
}

// Line is a connection of the table.
type Line struct {
	tracker.Connection
	Found    bool
	Severity anomaly.Severity  // the worst that was found; meaningful iff Found
	Evidence []anomaly.Finding // what was found last, with its packets
}

// Collector takes the events of the first pass; it is an output.Writer.
type Collector struct {
	Config
	story   *story.Diagnosis
	words   bytes.Buffer
	found   map[uint64][]anomaly.Finding // on connections whose line has not come
	lines   []Line
	over    int // lines beyond the bound, all better than those kept
	ill     int // connections on which something was found, in lines or not
	summary *output.Summary
}

// NewCollector makes a Collector of nothing yet.
func NewCollector(cfg Config) *Collector {
	cfg.Rows = min(cfg.Rows, MaxRows)
	c := &Collector{Config: cfg, found: map[uint64][]anomaly.Finding{}}
	c.story = story.NewDiagnosis(&c.words, story.Style{Width: 96, All: true, Files: cfg.Files})
	return c
}

// Transition is not shown.
func (c *Collector) Transition(*tracker.Transition) {}

// Flush does nothing: the page is written at the end.
func (c *Collector) Flush() error { return nil }

// Finding keeps the latest of a finding.
func (c *Collector) Finding(f *anomaly.Finding) {
	c.story.Finding(f)
	if f.Population {
		return
	}
	list := slices.DeleteFunc(c.found[f.Conn], func(x anomaly.Finding) bool { return x.ID == f.ID })
	if f.Status != anomaly.Withdrawn {
		kept := *f
		kept.Evidence = slices.Clone(f.Evidence[:min(len(f.Evidence), maxEvidence)])
		list = append(list, kept)
	}
	if c.found[f.Conn] = list; len(list) == 0 {
		delete(c.found, f.Conn)
	}
}

// Connection keeps a line, as long as it is among the worst.
func (c *Collector) Connection(k *tracker.Connection) {
	c.story.Connection(k)
	l := Line{Connection: *k, Evidence: c.found[k.Conn]}
	delete(c.found, k.Conn)
	l.Streams, l.Findings, l.Zeek = slices.Clone(k.Streams), slices.Clone(k.Findings), nil
	for i := range l.Evidence {
		l.Found, l.Severity = true, max(l.Severity, l.Evidence[i].Severity)
	}
	if l.Found {
		c.ill++
	}
	if c.lines = append(c.lines, l); len(c.lines) >= 2*c.Rows+100 {
		c.sift()
	}
}

// sift keeps the worst lines.
func (c *Collector) sift() {
	slices.SortStableFunc(c.lines, worse)
	if n := len(c.lines) - c.Rows; n > 0 {
		clear(c.lines[c.Rows:])
		c.lines, c.over = c.lines[:c.Rows], c.over+n
	}
}

// worse orders lines, the gravest finding first, then those that have retransmitted or waited most.
func worse(a, b Line) int {
	if a.Found != b.Found {
		if a.Found {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(b.shut(), a.shut()), cmp.Compare(b.repeats(), a.repeats()), cmp.Compare(a.Conn, b.Conn))
}

func (l *Line) shut() int64 { return max(l.Client.ShutTotal, l.Server.ShutTotal) }

func (l *Line) repeats() uint64 { return l.Client.Retransmissions + l.Server.Retransmissions }

// Summary ends the first pass.
func (c *Collector) Summary(s *output.Summary) {
	c.story.Summary(s)
	c.summary = s
	c.sift()
}

// Worst are up to n connections on which something was found, the worst first; those to be drawn.
func (c *Collector) Worst(n int) []Line {
	end := 0
	for end < len(c.lines) && end < min(n, MaxDrawings) && c.lines[end].Found {
		end++
	}
	return c.lines[:end]
}
