package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/output/tui"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Every command in the documents prints what they say. A block fenced "console" holds commands behind "$ ", each
// followed by its output; one fenced "console-manual" needs root or a network and is not run. go test -update writes
// the outputs anew.
func TestDocuments(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(docs, "../../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := runDocument(t, withMade(string(text)))
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		} else if got != string(text) {
			t.Errorf("%s: %s", filepath.Base(name), firstDifference(string(text), got))
		}
	}
}

// made are the parts of documents that are written from the code, by the mark in front of them.
var made = map[string]func() string{
	"findings":  findingsTable,
	"fields":    query.Table,
	"keys":      keyTables,
	"metrics":   metricsTable,
	"agentkeys": agentKeyTable,
	"stats":     statsKeys,
	"top":       topFrame,
	"topkeys":   tui.KeyTable,
}

// topFrame is what top shows of the zero-window hang on a terminal of 80 columns, to which output/tui's tests hold it.
func topFrame() string {
	text, err := os.ReadFile("../../output/tui/testdata/hang-open-80.txt")
	if err != nil {
		return err.Error()
	}
	return "```\n" + string(text) + "```\n"
}

// withMade writes the parts that are made between their marks.
func withMade(text string) string {
	for what, write := range made {
		head, rest, ok := strings.Cut(text, "<!-- "+what+":")
		mark, rest, more := strings.Cut(rest, "-->\n")
		_, tail, end := strings.Cut(rest, "<!-- end of "+what+" -->")
		if ok && more && end {
			text = head + "<!-- " + what + ":" + mark + "-->\n\n" + write() + "\n<!-- end of " + what + " -->" + tail
		}
	}
	return text
}

// findingsTable lists the findings, from the rules' manuals.
func findingsTable() string {
	var b strings.Builder
	b.WriteString("| code | at first | what it says | whom it blames |\n|---|---|---|---|\n")
	for _, r := range anomaly.Rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Title, r.Culprits)
	}
	return b.String()
}

// Each part that is made has its place in the documents, so that none of the tables is forgotten.
func TestMadePartsHavePlaces(t *testing.T) {
	for what, file := range map[string]string{"findings": "docs/findings.md", "fields": "docs/selection.md", "keys": "docs/fields.md", "metrics": "docs/metrics.md", "agentkeys": "docs/zabbix.md", "stats": "docs/fields.md", "top": "README.md", "topkeys": "docs/top.md"} {
		text, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "<!-- end of "+what+" -->") || !*update && withMade(string(text)) != string(text) {
			t.Errorf("%s has another table of %s than the code; go test -update writes it", file, what)
		}
	}
}

// TestDocumentsLink: what a document links to in this repository is there.
func TestDocumentsLink(t *testing.T) {
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, name := range append(docs, "../../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(name), m[1])
			}
		}
	}
}

// runDocument returns the document with the outputs that its commands print now.
func runDocument(t *testing.T, text string) string {
	var out strings.Builder
	console := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "```"):
			console = strings.TrimSpace(line) == "```console"
		case console && strings.HasPrefix(line, "$ "):
			out.WriteString(line)
			out.WriteString(shell(t, strings.TrimPrefix(line, "$ ")))
			continue
		case console:
			continue // what it printed before
		}
		out.WriteString(line)
	}
	return out.String()
}

// shell runs a command at the top of the repository and returns all that it prints.
func shell(t *testing.T, command string) string {
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "COLUMNS=80", "NO_COLOR=1")
	text, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return string(text)
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return "it says\n" + w[i] + "\nand the command prints\n" + g[i]
		}
	}
	return "one is longer than the other"
}
