package check

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The elements of a JUnit report, as far as they are written: those of Jenkins' junit-10.xsd, which GitLab and others
// read as well.
type (
	junitSuites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Time     string   `xml:"time,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Suites   []junitSuite
	}
	junitSuite struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Time     string   `xml:"time,attr"`
		Cases    []junitCase
	}
	junitCase struct {
		XMLName xml.Name   `xml:"testcase"`
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		Time    string     `xml:"time,attr"`
		Skipped *junitText `xml:"skipped"`
		Error   *junitText `xml:"error"`
		Failure *junitText `xml:"failure"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes outcomes as a JUnit report: a suite for each file of expectations, a case for each test. What is
// inconclusive is skipped, with the reason.
func JUnit(w io.Writer, outcomes []*Outcome) error {
	all := junitSuites{Name: "tcptrack check"}
	total := 0.0
	sums := map[*File]float64{}
	places := map[*File]int{}
	for _, o := range outcomes {
		at, ok := places[o.File]
		if !ok {
			at = len(all.Suites)
			places[o.File] = at
			all.Suites = append(all.Suites, junitSuite{Name: o.File.Name})
		}
		s := &all.Suites[at]
		s.Cases = append(s.Cases, junitCaseOf(o))
		s.Tests++
		all.Tests++
		switch o.Verdict {
		case Fail:
			s.Failures++
			all.Failures++
		case Broken:
			s.Errors++
			all.Errors++
		case Inconclusive:
			s.Skipped++
		}
		sums[o.File] += o.Seconds
		total += o.Seconds
		s.Time = seconds(sums[o.File])
	}
	all.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitCaseOf(o *Outcome) junitCase {
	c := junitCase{Name: o.Name(), Class: o.File.Name, Time: seconds(o.Seconds)}
	if o.Verdict == Pass {
		return c
	}
	var b strings.Builder
	for i := range o.Problems {
		b.WriteString(o.Problems[i].text(o, ""))
	}
	worst := o.worst()
	text := &junitText{Message: worst.Expect + ": " + worst.What, Type: strings.ToLower(o.Verdict.String()), Text: b.String()}
	switch o.Verdict {
	case Fail:
		c.Failure = text
	case Broken:
		c.Error = text
	default:
		c.Skipped = text
	}
	return c
}

// worst is the first of the gravest problems; there is one.
func (o *Outcome) worst() *Problem {
	for i := range o.Problems {
		if o.Problems[i].Verdict == o.Verdict {
			return &o.Problems[i]
		}
	}
	return &o.Problems[0]
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }
