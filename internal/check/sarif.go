package check

import (
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
)

// The objects of a SARIF 2.1.0 log, as far as they are written (OASIS, sarif-v2.1.0, 3.13 to 3.33).
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID    string    `json:"id"`
		Short sarifText `json:"shortDescription"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			Line   int `json:"startLine"`
			Column int `json:"startColumn"`
		} `json:"region"`
	}
)

// sarifRules are the kinds of results, in the order of the verdicts from Fail on, and sarifLevels their levels.
var (
	sarifRules = []sarifRule{
		{"expectation-fails", sarifText{"A capture is not as it is expected to be"}},
		{"expectation-inconclusive", sarifText{"The capture lacks packets that an expectation rests on"}},
		{"test-cannot-run", sarifText{"A capture or a golden file cannot be read"}},
	}
	sarifLevels = []string{"error", "warning", "error"}
)

// SARIF writes outcomes as a SARIF 2.1.0 log: a result for each expectation that does not hold, or cannot be said to, at
// its place in the file of expectations. What holds is not in it. version is the program's.
func SARIF(w io.Writer, version string, outcomes []*Outcome) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{"tcptrack check", version, sarifRules}}, Results: []sarifResult{}}
	for _, o := range outcomes {
		for i := range o.Problems {
			p := &o.Problems[i]
			kind := map[Verdict]int{Fail: 0, Inconclusive: 1, Broken: 2}[p.Verdict]
			r := sarifResult{RuleID: sarifRules[kind].ID, RuleIndex: kind, Level: sarifLevels[kind], Message: sarifText{o.Name() + "\n" + strings.TrimSpace(p.text(o, ""))}}
			var at sarifPhysical
			at.Artifact.URI = reference(o.File.Name)
			at.Region.Line, at.Region.Column = max(p.Place.Line, 1), max(p.Place.Column, 1)
			r.Locations = []sarifLocation{{at}}
			run.Results = append(run.Results, r)
		}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// reference is a file's name as a URI reference (RFC 3986 4.1): relative to where the checkout lies, as GitHub wants it.
func reference(name string) string {
	var b strings.Builder
	for _, c := range []byte(filepath.ToSlash(name)) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + string("0123456789ABCDEF"[c>>4]) + string("0123456789ABCDEF"[c&15]))
		}
	}
	return b.String()
}
