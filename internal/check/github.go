package check

import (
	"fmt"
	"strings"
)

// Annotations are the lines that make GitHub show an outcome's problems at the lines of the file of expectations.
func (o *Outcome) Annotations() string {
	var b strings.Builder
	for i := range o.Problems {
		p := &o.Problems[i]
		level := "error"
		if p.Verdict == Inconclusive {
			level = "warning"
		}
		fmt.Fprintf(&b, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", level, property(o.File.Name), max(p.Place.Line, 1), max(p.Place.Column, 1),
			property(o.Name()), message(strings.TrimSpace(p.text(o, ""))))
	}
	return b.String()
}

// message escapes what follows the second pair of colons of a workflow command, property what stands before it.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}

// Markdown is the summary of a run for GITHUB_STEP_SUMMARY: a table of the tests, and for each that did not pass what does
// not hold. ladder draws an example's connection as a Mermaid sequence diagram; "" leaves it out.
func Markdown(outcomes []*Outcome, ladder func(*Outcome, Example) string) string {
	var t Totals
	var b strings.Builder
	for _, o := range outcomes {
		t.Add(o)
	}
	fmt.Fprintf(&b, "### tcptrack check: %s\n\n| | test | time |\n|---|---|---|\n", t.String())
	for _, o := range outcomes {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", o.Verdict, cell(o.Name()), took(o.Seconds))
	}
	for _, o := range outcomes {
		if o.Verdict == Pass {
			continue
		}
		fmt.Fprintf(&b, "\n#### %s: %s\n", o.Verdict, cell(o.Name()))
		for i := range o.Problems {
			p := &o.Problems[i]
			fmt.Fprintf(&b, "\n%s\n", fenced("", p.text(o, "")))
			if len(p.Examples) > 0 {
				if drawn := ladder(o, p.Examples[0]); drawn != "" {
					fmt.Fprintf(&b, "\n%s\n", fenced("mermaid", drawn))
				}
			}
		}
	}
	return b.String()
}

// cell escapes what would end a cell of a table or be read as markup.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "&", "&amp;", "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`).Replace(s)
}

// fenced puts text into a block whose fence is longer than any in it.
func fenced(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + strings.TrimRight(text, "\n") + "\n" + fence
}
