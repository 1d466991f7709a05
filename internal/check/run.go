package check

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Verdict is how a test ended, the graver the greater.
type Verdict uint8

const (
	Pass         Verdict = iota
	Inconclusive         // the capture leaves it open
	Fail
	Broken // it could not be run
)

// String spells the verdict as reports have it.
func (v Verdict) String() string {
	return [...]string{"PASS", "INCONCLUSIVE", "FAIL", "BROKEN"}[v]
}

// Outcome is what came of one test on one capture.
type Outcome struct {
	File     *File
	Test     *Test
	Captures []string // one, or all of a test that merges
	Verdict  Verdict
	Problems []Problem
	Seconds  float64 // set by who has a clock
	Updated  []string
}

// Name is the test's, with the capture where it runs on several.
func (o *Outcome) Name() string {
	if o.Test.Merge || len(o.Test.Captures) == 1 && !strings.ContainsAny(o.Test.Captures[0].Text, "*?[") || len(o.Captures) != 1 {
		return o.Test.Name
	}
	return o.Test.Name + " (" + filepath.Base(o.Captures[0]) + ")"
}

// Problem is one expectation that does not hold, or cannot be said to.
type Problem struct {
	Verdict  Verdict
	Place    Place
	Expect   string // as it is written
	What     string // what is so instead
	Next     string
	Examples []Example
}

// Lines writes the lines of a golden file: a pipeline.Sink that is told of the end.
type Lines interface {
	pipeline.Sink
	End(*pipeline.Result) error
}

// Runner runs tests.
type Runner struct {
	Open           func(files []string) (capture.Source, error)
	Lines          func(io.Writer) Lines
	Update         bool // write golden files instead of comparing them
	Rules          map[string]anomaly.Limits
	MaxConnections int
}

// Jobs lists on which captures a test runs: on each, or on all at once. What is named must be there; errors are *Error.
func (f *File) Jobs(t *Test) (jobs [][]string, err error) {
	var all []string
	for _, p := range t.Captures {
		name := p.Text
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(f.Name), name)
		}
		names, err := filepath.Glob(name)
		if err != nil {
			return nil, &Error{f.Name, p.Place, fmt.Sprintf("pcap: %s: %v", p.Text, err), ""}
		}
		if len(names) == 0 && exists(name) {
			names = []string{name} // with a bracket in it
		}
		if len(names) == 0 {
			return nil, &Error{f.Name, p.Place, fmt.Sprintf("pcap: there is no %s", name), "paths are relative to the file of expectations"}
		}
		all = append(all, names...)
	}
	if t.Merge {
		return [][]string{all}, nil
	}
	for _, name := range all {
		jobs = append(jobs, []string{name})
	}
	return jobs, nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Run runs a test on captures. A test that cannot be run is an Outcome as well.
func (r *Runner) Run(ctx context.Context, f *File, t *Test, captures []string) *Outcome {
	o := &Outcome{File: f, Test: t, Captures: captures}
	broken := func(at Place, next string, err error) *Outcome {
		o.add(Problem{Verdict: Broken, Place: at, Expect: "cannot be run", What: err.Error(), Next: next})
		return o
	}
	if t.SHA256 != "" {
		sum, err := hashOf(captures[0])
		if err != nil {
			return broken(t.SHAPlace, "", err)
		}
		if !strings.EqualFold(sum, t.SHA256) {
			o.add(Problem{Verdict: Fail, Place: t.SHAPlace, Expect: "sha256: " + t.SHA256, What: "the recording is another: " + sum})
			return o
		}
	}
	src, err := r.Open(captures)
	if err != nil {
		return broken(t.Captures[0].Place, "", err)
	}
	j := newJudge(t.Expect)
	cfg := pipeline.Config{Sink: j, Rules: r.Rules, MaxConnections: r.MaxConnections}
	j.config(&cfg)
	goldens, err := r.goldens(f, t, &cfg)
	if err != nil {
		src.Close()
		return broken(t.Place, "", err)
	}
	result, err := pipeline.Run(ctx, src, cfg)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return broken(t.Captures[0].Place, "", err)
	}
	for _, tally := range j.tallies {
		if p := tally.problem(&result); p != nil {
			o.add(*p)
		}
	}
	for _, g := range goldens {
		g.end(o, &result, r.Update)
	}
	slices.SortStableFunc(o.Problems, func(a, b Problem) int { return a.Place.Line - b.Place.Line })
	return o
}

func (o *Outcome) add(p Problem) {
	o.Problems = append(o.Problems, p)
	o.Verdict = max(o.Verdict, p.Verdict)
}

// hashOf is a file's SHA-256 in hexadecimal.
func hashOf(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
