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
	why  string // empty where it has been said
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
	if doubts := r.Doubts(); len(doubts) > 0 {
		return &verdict{exitInconclusive, fmt.Sprintf("inconclusive: no finding of %s or worse, but %s", g.level, strings.Join(doubts, ", "))}
	}
	return nil
}
