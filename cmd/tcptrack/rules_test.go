package main

import (
	"io"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output/text"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Whatever a rules file holds, reading it ends in thresholds that exist or in an error.
func FuzzRules(f *testing.F) {
	for _, seed := range []string{"zero-window-stall:\n  notice: 5s\n", "zero-window-stall: {notice: 1, warning: 2m}", "a: [", "? {}\n: 1", "&a *a", "- 1\n---\nx: y", "zero-window-stall: !!map\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set := map[string]anomaly.Limits{}
		if parseRules("rules.yaml", text, set) != nil {
			return
		}
		for code, limits := range set {
			for name, v := range limits {
				if limitOf(anomaly.Find(code), name) == nil || !(v >= 0) {
					t.Errorf("%s %s %v", code, name, v)
				}
			}
		}
	})
}

// What is withdrawn, or has become milder, does not fail a run; a bad capture leaves it open.
func TestGate(t *testing.T) {
	g := newGate(text.NewBrief(io.Discard, 80), anomaly.Warning)
	f := anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "0-zero-window-stall-1", Severity: anomaly.Critical}
	code := func(r pipeline.Result) int {
		if v, ok := g.verdict(&r).(*verdict); ok {
			return v.code
		}
		return exitFine
	}
	if g.Finding(&f); code(pipeline.Result{}) != exitFailed {
		t.Error("a finding of that level does not fail the run")
	}
	if c := code(pipeline.Result{Capture: capture.Stats{Dropped: 1}}); c != exitFailed {
		t.Errorf("a bad capture hides it: %d", c)
	}
	f.Status = anomaly.Withdrawn
	if g.Finding(&f); code(pipeline.Result{}) != exitFine {
		t.Error("a withdrawn finding fails the run")
	}
	for _, s := range []capture.Stats{{Dropped: 1}, {Warnings: []capture.Warning{{What: "cut short"}}}, {Skipped: []capture.Skipped{{Reason: capture.SkipTruncated, Packets: 1}}}} {
		if c := code(pipeline.Result{Capture: s}); c != exitInconclusive {
			t.Errorf("%+v: %d", s, c)
		}
	}
}
