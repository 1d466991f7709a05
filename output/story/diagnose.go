package story

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Style says how a story is told.
type Style struct {
	Width int    // columns
	Color bool   // mark severities with ANSI colours
	All   bool   // all chapters, those of mere information too
	Files string // the captures, as a shell takes them; "" where they cannot be read again
}

// maxKept bounds the findings that are kept until they are told; of those beyond it only the number is.
const maxKept = 200_000

// maxChapters bounds what is told unless all is asked for: nobody reads more at three in the morning.
const maxChapters = 10

// Diagnosis tells the findings of a run, the worst first; it is an output.Writer.
type Diagnosis struct {
	out   io.Writer
	style Style
	items map[string]*item   // by ID
	conns map[uint64][]*item // of connections whose line has not come
	lost  uint64             // beyond the bound
	err   error
}

// item is a finding and, once its connection has retired, that.
type item struct {
	anomaly.Finding
	ends *tracker.Connection // nil: not known
}

// NewDiagnosis makes a Diagnosis that prints to out once the Summary comes.
func NewDiagnosis(out io.Writer, style Style) *Diagnosis {
	return &Diagnosis{out: out, style: style, items: map[string]*item{}, conns: map[uint64][]*item{}}
}

// Finding keeps the latest of a finding.
func (d *Diagnosis) Finding(f *anomaly.Finding) {
	it := d.items[f.ID]
	if f.Status == anomaly.Withdrawn {
		delete(d.items, f.ID)
		if it != nil {
			it.Status = anomaly.Withdrawn // its connection's list still has it
		}
		return
	}
	if it == nil {
		if len(d.items) >= maxKept {
			d.lost++
			return
		}
		it = &item{}
		d.items[f.ID] = it
		if !f.Population {
			d.conns[f.Conn] = append(d.conns[f.Conn], it)
		}
	}
	evidence := append(it.Evidence[:0], f.Evidence...)
	it.Finding = *f
	it.Evidence = evidence
}

// Transition is not shown.
func (d *Diagnosis) Transition(*tracker.Transition) {}

// Connection keeps how a connection with findings ended.
func (d *Diagnosis) Connection(c *tracker.Connection) {
	list := d.conns[c.Conn]
	if list == nil {
		return
	}
	ends := *c
	ends.Streams, ends.Findings = slices.Clone(c.Streams), nil
	for _, it := range list {
		it.ends = &ends
	}
	delete(d.conns, c.Conn)
}

// Flush returns the error of the writing, if any; a story is told in one piece.
func (d *Diagnosis) Flush() error { return d.err }

// Summary tells the story.
func (d *Diagnosis) Summary(s *output.Summary) {
	chapters := d.chapters()
	told := chapters
	if !d.style.All {
		told = slices.DeleteFunc(slices.Clone(chapters), func(c *chapter) bool { return c.severity == anomaly.Info })
		told = told[:min(len(told), maxChapters)]
	}
	p := &page{width: d.style.Width, color: d.style.Color}
	for i, c := range told {
		c.tell(p, i+1, s, d.style.Files)
	}
	if len(told) == 0 {
		d.nothing(p, s, len(chapters))
	}
	if rest := chapters[len(told):]; len(told) > 0 && len(rest) > 0 {
		p.line(fmt.Sprintf("… %s not told (--all): %s", output.Count(uint64(len(rest)), "more chapter"), codesOf(rest)))
	}
	if d.lost > 0 {
		p.line(fmt.Sprintf("… %s not kept: a story has at most %d", output.Count(d.lost, "more finding"), maxKept))
	}
	if s.Selected != nil {
		p.line(s.Selected.Line(s.Tracker.Connections))
	}
	p.line(s.Account())
	_, d.err = d.out.Write(p.Bytes())
}

// nothing says in a sentence what was looked at without finding anything to tell.
func (d *Diagnosis) nothing(p *page, s *output.Summary, info int) {
	text := fmt.Sprintf("Nothing is wrong that packets show: %s in %s, judged by %s (tcptrack explain lists them).",
		output.Count(s.Tracker.Connections, "connection"), output.Count(s.Segments, "TCP segment"), output.Count(uint64(len(anomaly.Rules)), "rule"))
	if s.Selected != nil {
		text = "Nothing is wrong that packets show with what is selected."
	}
	if s.Segments == 0 {
		text = fmt.Sprintf("Nothing to judge: there is no TCP segment in %s.", output.Count(s.Packets, "packet"))
	}
	if info > 0 {
		text += " --all tells what is worth knowing all the same."
	}
	if doubts := captureDoubts(s); len(doubts) > 0 {
		text += " But " + strings.Join(doubts, ", and ") + ": what was not captured was not judged."
	}
	p.line(text)
	p.WriteByte('\n')
}

// codesOf lists the codes of chapters, each once.
func codesOf(list []*chapter) string {
	var codes []string
	for _, c := range list {
		if !slices.Contains(codes, c.rule.Code) {
			codes = append(codes, c.rule.Code)
		}
	}
	return strings.Join(codes, ", ")
}

// page is what is told, line by line.
type page struct {
	bytes.Buffer
	width int
	color bool
}

// line writes a paragraph from the left margin.
func (p *page) line(text string) { p.indented(text, "", "  ") }

// indented writes a paragraph, its first line behind one indent and the others behind another.
func (p *page) indented(text, first, others string) {
	p.Write(output.Wrap(p.AvailableBuffer(), first+text, p.width, others))
}

// margin is where the text of sections stands.
const margin = 14

// section writes a labelled paragraph, nothing if there is nothing to say.
func (p *page) section(label, text string) {
	if text != "" {
		p.indented(text, fmt.Sprintf("   %-*s", margin-3, label), strings.Repeat(" ", margin))
	}
}

// command writes a command on a line of its own, whole, so that it can be copied.
func (p *page) command(text string) { p.WriteString("     " + text + "\n") }

// colors of the severities.
var colors = [...]string{anomaly.Info: "", anomaly.Notice: "33", anomaly.Warning: "31", anomaly.Critical: "1;31"}

// heading writes a finding's severity, its code and its title.
func (p *page) heading(n int, severity anomaly.Severity, code, title string) {
	word := strings.ToUpper(severity.String())
	if p.color && colors[severity] != "" {
		word = "\x1b[" + colors[severity] + "m" + word + "\x1b[0m"
	}
	fmt.Fprintf(p, "%d. %s  %s\n", n, word, code)
	p.indented(title, "   ", "   ")
}
