package main

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

var levelWords = []string{"info", "notice", "warning", "critical"}

// verdict is how a run ends that was asked a question: the exit code, and why.
type verdict struct {
	code int
	why  string
}

func (v *verdict) Error() string { return v.why }

// gate watches the findings on their way to a format and knows which of them stand at a level or worse.
type gate struct {
	output.Writer
	level anomaly.Severity
	stand map[string]bool // by ID; true: conclusive
}

// newGate puts a gate before a writer.
func newGate(w output.Writer, level anomaly.Severity) *gate {
	return &gate{Writer: w, level: level, stand: map[string]bool{}}
}

func (g *gate) Finding(f *anomaly.Finding) {
	// That packets were lost is a doubt about the findings, and none of them.
	if f.Severity >= g.level && f.Status != anomaly.Withdrawn && f.Rule != &anomaly.CaptureLoss {
		g.stand[f.ID] = !f.Inconclusive
	} else {
		delete(g.stand, f.ID)
	}
	g.Writer.Finding(f)
}

// verdict answers --fail-on: nil when nothing of the level stands and nothing in the capture leaves that open.
func (g *gate) verdict(r *pipeline.Result) error {
	sure := 0
	for _, conclusive := range g.stand {
		if conclusive {
			sure++
		}
	}
	if sure > 0 {
		return &verdict{exitFailed, fmt.Sprintf("%s of %s or worse", output.Count(uint64(len(g.stand)), "finding"), g.level)}
	}
	if n := len(g.stand); n > 0 {
		return &verdict{exitInconclusive, fmt.Sprintf("inconclusive: %s of %s or worse, but of packets that did not come, and the capture lost some meanwhile",
			output.Count(uint64(n), "finding"), g.level)}
	}
	if doubts := doubts(r); len(doubts) > 0 {
		return &verdict{exitInconclusive, fmt.Sprintf("inconclusive: no finding of %s or worse, but %s", g.level, strings.Join(doubts, ", "))}
	}
	return nil
}

// doubts lists what keeps a capture from being the whole truth.
func doubts(r *pipeline.Result) (list []string) {
	if n := r.Capture.Dropped; n > 0 {
		list = append(list, output.Count(n, "packet")+" lost by the capture")
	}
	if n := skipped(r.Capture)["truncated"]; n > 0 {
		list = append(list, output.Count(n, "packet")+" captured too short")
	}
	if n := r.Findings["capture-loss"]; n > 0 {
		list = append(list, "octets acknowledged that were never captured")
	}
	if n := r.Tracker.Evicted; n > 0 {
		list = append(list, output.Count(n, "connection")+" evicted")
	}
	if len(r.Capture.Warnings) > 0 && r.Capture.Received > 0 {
		list = append(list, "an interface was down or went away")
	} else if len(r.Capture.Warnings) > 0 {
		list = append(list, "a file is damaged or cut short")
	}
	return list
}
