package check

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const head = "tests:\n  - pcap: a.pcap\n    expect:\n      - "

// What is wrong is told with its line, its column and the next step.
func TestWrongFiles(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		what, next   string
	}{
		{"", 0, 0, "holds no tests", "--init"},
		{"tests: 3", 1, 1, "tests is a list", ""},
		{"test:\n  - name: x", 1, 1, `the file has no key "test"`, "did you mean tests?"},
		{"version: 2\ntests: []", 1, 1, "version 2 is not known", ""},
		{"tests:\n  - name: x\n    expect: [{connections: 1}]", 2, 5, "names no capture", ""},
		{"tests:\n  - pcap: x", 2, 5, "expects nothing", ""},
		{"tests:\n  - pcap: x\n    pcpa: y", 3, 5, `a test has no key "pcpa"`, "did you mean pcap?"},
		{"tests:\n  - pcap: x\n    sha256: abc\n    expect: [{connections: 1}]", 3, 5, "64 hexadecimal digits", "sha256sum"},
		{"tests:\n  - pcap: [x, y]\n    sha256: " + strings.Repeat("0", 64) + "\n    expect: [{connections: 1}]", 3, 5, "there are several", ""},
		{"tests:\n  - pcap: x\n    merge: maybe\n    expect: [{connections: 1}]", 3, 12, "neither true nor false", ""},
		{"tests:\n  - pcap: x\n    expect:\n      connections: 1", 3, 5, "expect is a list", ""},
		{head + "port: 443", 4, 9, "nothing says what is expected", "where"},
		{head + "where: 'prot:443'", 4, 17, `where: no field is called "prot"`, "did you mean port?"},
		{head + "where: port:443\n        none: port:22", 5, 9, "do not go together", ""},
		{head + "where: port:443\n        server.state: [CLOSED, OPEN]", 5, 32, `state is never "OPEN"`, ""},
		{head + "where: port:443\n        server.state: {min: 1, mx: 2}", 5, 32, `server.state has no key "mx"`, "did you mean max?"},
		{head + "where: port:443\n        finding: zero-window-stall\n        finding: syn-flood", 6, 9, "already defined", ""},
		{head + "where: port:443\n        zero_window: '>= 60'", 5, 26, `"60" is no value of zero_window`, "a time with its unit"},
		{head + "connections: many", 4, 22, `"many" is no number`, ""},
		{head + "max: 3\n        none: x", 5, 9, "do not go together", ""},
		{head + "at: soon\n        none: port:22", 4, 13, `"soon" is no moment`, "#902"},
		{head + "at: #902\n        none: port:22", 4, 12, "at has no value", "quoted"},
		{head + "at: '#0'\n        none: port:22", 4, 13, "no moment", ""},
		{head + "findings: zero-window-stal", 4, 19, "no finding has the code", "did you mean zero-window-stall?"},
		{head + "findings: {exactly: ['zero-*']}", 4, 30, "no finding has the code", ""},
		{head + "findings: none\n        how: rst", 4, 9, "those of the whole capture", ""},
		{head + "capture: {droped: 0}", 4, 19, `capture has no key "droped"`, "did you mean dropped?"},
		{"tests: [{pcap: x, expect: [{}]}]", 1, 28, "nothing is expected here", ""},
		{head + "where: port:443\n        server.state: []", 5, 23, "server.state has no value", ""},
		{head + "capture: {dropped: []}", 4, 28, "dropped is a single value", ""},
		{head + "capture: {dropped: few}", 4, 28, "no number", ""},
		{head + "capture: {truncated: few}", 4, 30, "neither true nor false", ""},
		{head + "capture: {dropped: 0}\n        at: 3s", 5, 9, "at does not go with capture", ""},
		{head + "snapshot: {ignore: [x]}", 4, 9, "names no file", ""},
		{head + "where: &a port:443", 4, 16, "anchors", ""},
		{head + "where: port:443\n        retransmissions: >= 3", 5, 0, "", "quoted"},
		{head + "where: [", 4, 0, "", ""},
		{"tests: " + strings.Repeat("[", 100), 1, 1, "nested too deeply", "64"},
		{"tests:\n" + strings.Repeat("- ", 1000), 2, 1, "nested too deeply", ""},
		{strings.Repeat("#", maxFile+1), 0, 0, "too large", ""},
	} {
		_, err := Parse("x.yaml", []byte(c.text))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if e.Place.Line != c.line || c.column > 0 && e.Place.Column != c.column || !strings.Contains(e.What, c.what) || !strings.Contains(e.Next, c.next) {
			t.Errorf("%s\n%v\n  %s\nwant %d:%d %s; %s", c.text, e, e.Next, c.line, c.column, c.what, c.next)
		}
	}
}

// A capture that is named is found beside the file, globs give each of theirs.
func TestJobs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.pcap", "b.pcap", "[c].pcap"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for names, want := range map[string][]string{"a.pcap": {"a"}, "?.pcap": {"a", "b"}, "[a.pcap, b.pcap]": {"a", "b"}, "'[c].pcap'": {"[c]"}, "[a.pcap, b.pcap]\n    merge: true": {"a b"}} {
		f, err := Parse(filepath.Join(dir, "x.yaml"), []byte("tests:\n  - pcap: "+names+"\n    expect: [{connections: 1}]"))
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := f.Jobs(f.Tests[0])
		var got []string
		for _, j := range jobs {
			got = append(got, strings.NewReplacer(dir+string(filepath.Separator), "", ".pcap", "").Replace(strings.Join(j, " ")))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q; %v", names, got, want, err)
		}
	}
}

// outcomes are one of each verdict, with texts that want to break out.
func outcomes() []*Outcome {
	f := &File{Name: "a,b:c.yaml"}
	test := func(name string) *Test { return &Test{Name: name, Captures: []Pattern{{Text: "x.pcap"}}} }
	evil := "]]>&<\"'\x00\x1b[31m\n```\n|%0A::warning::"
	list := []*Outcome{{File: f, Test: test("fine"), Captures: []string{"x.pcap"}, Seconds: 1.25}}
	for _, v := range []Verdict{Inconclusive, Fail, Broken} {
		list = append(list, &Outcome{File: f, Test: test("no " + evil), Captures: []string{"x y.pcap"}, Verdict: v, Seconds: 0.0004, Problems: []Problem{
			{Verdict: v, Place: Place{3, 9}, Expect: "where: " + evil, What: evil, Next: "do", Examples: []Example{{Conn: 3, Client: "10.0.0.1:1", Server: "10.0.0.2:2", States: "CLOSED / CLOSED", Why: evil, Stream: 4}}},
		}})
	}
	return append(list, &Outcome{File: &File{Name: "other.yaml"}, Test: test("fine too"), Captures: []string{"x.pcap"}})
}

// junit10 are the rules of Jenkins' junit-10.xsd for the elements that it has: attributes, those that must be there, and
// children.
var junit10 = map[string]struct{ attributes, required, children string }{
	"testsuites": {"name time tests failures errors", "", "testsuite"},
	"testsuite":  {"name tests failures errors group time skipped timestamp hostname id package file log url", "name tests failures errors", "testsuite properties testcase system-out system-err"},
	"testcase":   {"name time classname group", "name", "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err"},
	"failure":    {"type message", "", ""},
	"error":      {"type message", "", ""},
	"skipped":    {"type message", "", ""},
}

var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

func TestJUnitFitsItsSchema(t *testing.T) {
	var b strings.Builder
	if err := JUnit(&b, outcomes()); err != nil {
		t.Fatal(err)
	}
	var within []string
	elements := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, b.String())
		}
		switch e := token.(type) {
		case xml.EndElement:
			within = within[:len(within)-1]
		case xml.CharData:
			if name := within; len(name) > 0 && junit10[name[len(name)-1]].children != "" && strings.TrimSpace(string(e)) != "" {
				t.Errorf("text in %s: %s", name, e)
			}
		case xml.StartElement:
			name := e.Name.Local
			rule, known := junit10[name]
			elements[name]++
			if parent := len(within) - 1; !known || parent < 0 && name != "testsuites" || parent >= 0 && !slices.Contains(strings.Fields(junit10[within[parent]].children), name) {
				t.Errorf("%s in %v", name, within)
			}
			has := map[string]string{}
			for _, a := range e.Attr {
				has[a.Name.Local] = a.Value
				if !slices.Contains(strings.Fields(rule.attributes), a.Name.Local) {
					t.Errorf("%s has an attribute %s", name, a.Name.Local)
				}
			}
			for _, a := range strings.Fields(rule.required) {
				if _, ok := has[a]; !ok {
					t.Errorf("%s lacks %s", name, a)
				}
			}
			if at, ok := has["time"]; ok && !surefireTime.MatchString(at) {
				t.Errorf("%s takes %q", name, at)
			}
			within = append(within, name)
		}
	}
	for name, n := range map[string]int{"testsuites": 1, "testsuite": 2, "testcase": 5, "failure": 1, "error": 1, "skipped": 1} {
		if elements[name] != n {
			t.Errorf("%d of %s, want %d:\n%s", elements[name], name, n, b.String())
		}
	}
}

// No text breaks out of an annotation's line, or of a block of the summary.
func TestGitHubIsSafe(t *testing.T) {
	var all []*Outcome
	for _, o := range outcomes() {
		all = append(all, o)
		for line := range strings.Lines(o.Annotations()) {
			if !strings.HasPrefix(line, "::error file=a%2Cb%3Ac.yaml,line=3,col=9,title=") && !strings.HasPrefix(line, "::warning file=a%2Cb%3Ac.yaml,line=3,col=9,title=") {
				t.Errorf("a line of its own: %s", line)
			}
		}
	}
	text := Markdown(all, func(*Outcome, Example) string { return "sequenceDiagram" })
	if n := strings.Count(text, "\n````\n"); n != 6 || strings.Count(text, "\n```mermaid\nsequenceDiagram\n```") != 3 {
		t.Errorf("%d fences:\n%s", n, text)
	}
}

// Golden lines differ where the first key differs that is not ignored.
func TestGolden(t *testing.T) {
	want := `{"event":"connection","conn":7,"end":"x","client":{"state":"CLOSED","rtt_ms":{"min":0.1}},"findings":[]}` + "\n"
	for _, c := range []struct {
		got, ignore, what string
	}{
		{want, "", ""},
		{strings.Replace(want, "CLOSED", "TIME_WAIT", 1), "", `line 1 (connection 7): client.state is "TIME_WAIT", it was "CLOSED"`},
		{strings.Replace(want, "0.1", "0.2", 1), "", `client.rtt_ms.min is 0.2, it was 0.1`},
		{strings.Replace(want, "0.1", "0.2", 1), "client.rtt_ms", ""},
		{strings.Replace(want, "0.1", "0.2", 1), "rtt_ms", ""},
		{strings.Replace(want, "0.1", "0.2", 1), "server.rtt_ms", "client.rtt_ms.min"},
		{strings.Replace(want, `"findings":[]`, `"findings":["x"]`, 1), "", `findings is ["x"], it was []`},
		{strings.Replace(want, `"end":"x",`, "", 1), "", `end is absent, it was "x"`},
		{want + want, "", "2 lines, the golden file has 1"},
		{"{\n", "", "line 1: unexpected EOF"},
	} {
		g := &Golden{Ignore: strings.Fields(c.ignore)}
		if what := g.differ([]byte(want), []byte(c.got)); !strings.Contains(what, c.what) || what != "" && c.what == "" {
			t.Errorf("%s: %q, want %q", c.got, what, c.what)
		}
	}
}

// Whatever the file holds, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add(head + "where: port:443\n        at: 3s\n        server.state: [CLOSED, FIN_WAIT1]\n        zero_window: {min: 3s}")
	f.Add(head + "capture: {dropped: 0, truncated: false}\n      - findings: {at_least: [syn-flood], none: ['zero-*']}\n      - snapshot: {file: x, ignore: [y]}")
	f.Add("tests: [{pcap: x, expect: [{every: a, how: [rst, fin]}, {max: 3, where: b}, {none: c}]}]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x.yaml", []byte(text))
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.What == "") {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && len(file.Tests) == 0 {
			t.Fatalf("%q: nothing, and no error", text)
		}
	})
}
