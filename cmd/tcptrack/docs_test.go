package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
		got := runDocument(t, withFindings(string(text)))
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		} else if got != string(text) {
			t.Errorf("%s: %s", filepath.Base(name), firstDifference(string(text), got))
		}
	}
}

// withFindings writes the table of the findings, from the rules' manuals, between its marks.
func withFindings(text string) string {
	head, rest, ok := strings.Cut(text, "<!-- findings:")
	mark, rest, more := strings.Cut(rest, "-->\n")
	_, tail, end := strings.Cut(rest, "<!-- end of findings -->")
	if !ok || !more || !end {
		return text
	}
	var b strings.Builder
	b.WriteString("\n| code | at first | what it says | whom it blames |\n|---|---|---|---|\n")
	for _, r := range anomaly.Rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Code, r.Severity, r.Title, r.Culprits)
	}
	return head + "<!-- findings:" + mark + "-->\n" + b.String() + "\n<!-- end of findings -->" + tail
}

// The README's table names every finding, each with a page of its own.
func TestFindingsTable(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "<!-- end of findings -->") || !*update && withFindings(string(text)) != string(text) {
		t.Error("README.md has another table of findings than the rules; go test -update writes it")
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
