package check

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Text tells an outcome to people: a line, and below it what does not hold, where that stands, and how to look at it.
func (o *Outcome) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-5s %s  %s\n", o.Verdict, o.Name(), took(o.Seconds))
	for i := range o.Problems {
		b.WriteString(o.Problems[i].text(o, "  "))
	}
	for _, name := range o.Updated {
		fmt.Fprintf(&b, "  wrote %s\n", name)
	}
	return b.String()
}

func took(seconds float64) string {
	if seconds < 1 {
		return fmt.Sprintf("%.0f ms", seconds*1000)
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// text tells a problem, every line behind the indent.
func (p *Problem) text(o *Outcome, indent string) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(indent + fmt.Sprintf(format, args...) + "\n") }
	mark := ""
	if p.Verdict == Inconclusive {
		mark = "inconclusive: "
	}
	line("%s:%d:%d: %s%s", o.File.Name, p.Place.Line, p.Place.Column, mark, p.Expect)
	line("  %s", p.What)
	for _, e := range p.Examples {
		line("    %s", e.line(o))
		if e.Why != "" {
			line("      %s", e.Why)
		}
		line("      look: tcptrack explain %s %d%s", shellFiles(o.Captures), e.Conn, e.wireshark())
	}
	if p.Next != "" {
		line("  %s", p.Next)
	}
	return b.String()
}

// line tells which connection it is, and where it stands.
func (e *Example) line(o *Outcome) string {
	found := ""
	if len(e.Findings) > 0 {
		found = "  " + strings.Join(e.Findings, ", ")
	}
	return fmt.Sprintf("%s %d  %s > %s  %s%s", filepath.Base(o.Captures[0]), e.Conn, e.Client, e.Server, e.States, found)
}

func (e *Example) wireshark() string {
	if e.Stream < 0 {
		return ""
	}
	return fmt.Sprintf("   Wireshark: tcp.stream eq %d", e.Stream)
}

// shellFiles spells names as a shell takes them.
func shellFiles(names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = name
		if strings.ContainsAny(name, " \t\n'\"\\$`!*?[](){}<>|&;#~") {
			words[i] = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// Totals counts outcomes by verdict.
type Totals [Broken + 1]int

// Add counts one.
func (t *Totals) Add(o *Outcome) { t[o.Verdict]++ }

// String is the last line of a report.
func (t *Totals) String() string {
	parts := []string{fmt.Sprintf("%d passed", t[Pass])}
	for _, v := range []struct {
		of   Verdict
		word string
	}{{Fail, "failed"}, {Inconclusive, "inconclusive"}, {Broken, "could not be run"}} {
		if n := t[v.of]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.word))
		}
	}
	return strings.Join(parts, ", ")
}

// Worst is the gravest verdict that was counted.
func (t *Totals) Worst() Verdict {
	for v := Broken; v > Pass; v-- {
		if t[v] > 0 {
			return v
		}
	}
	return Pass
}
