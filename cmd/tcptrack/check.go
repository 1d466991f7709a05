package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/check"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/draw"
	"github.com/tcptrack/tcptrack/output/jsonl"
)

// checkOptions are the flags of check.
type checkOptions struct {
	init, run      string
	junit, sarif   string // files, - for standard output
	update, github bool
	quiet          bool
	thresholds     thresholds
	maxConnections uint
}

const checkExample = `  tcptrack check --init hang.pcap >tcptrack.yaml    write down what is so today
  tcptrack check                                    hold the captures to tcptrack.yaml
  tcptrack check --run upload --junit report.xml 'tests/*.yaml'
  tcptrack check --github                           in a GitHub workflow`

// newCheck builds the command that holds captures to expectations.
func newCheck() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:     "check [EXPECTATIONS.yaml...]",
		Short:   "Hold captures to expectations in YAML, for CI",
		Example: checkExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.init != "" {
				if err := o.checkInit(cmd.Flags(), args); err != nil {
					return err
				}
			}
			return o.check(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.init, "init", "", "print expectations that hold today of the capture `FILE`")
	f.BoolVar(&o.update, "update", false, "write the golden files of snapshot anew")
	f.StringVar(&o.run, "run", "", "only the tests whose names match `REGEX`")
	f.StringVar(&o.junit, "junit", "", "write a JUnit report to `FILE`; - is standard output, and what is for people goes to standard error then")
	f.StringVar(&o.sarif, "sarif", "", "write what does not hold to `FILE` as SARIF 2.1.0, for code scanning; - as with --junit")
	f.BoolVar(&o.github, "github", false, "annotate the lines in GitHub, and write the step's summary")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors")
	boundFlag(f, &o.maxConnections)
	o.thresholds.register(f)
	return cmd
}

// checkInit refuses what --init cannot do.
func (o *checkOptions) checkInit(f *pflag.FlagSet, args []string) error {
	if once := readOnce([]string{o.init}); once != "" {
		return &problem{fmt.Errorf("--init %s: tests name a file, and %s is none that stays", o.init, once), "save it first: cat >hang.pcap; tcptrack check --init hang.pcap"}
	}
	if len(args) > 0 || slices.ContainsFunc([]string{"update", "run", "junit", "sarif", "github", "quiet"}, f.Changed) {
		return &problem{fmt.Errorf("--init %s writes expectations, and holds nothing to any", o.init), "tcptrack check --init CAPTURE >tcptrack.yaml, then tcptrack check"}
	}
	return nil
}

// check runs the tests and reports them.
func (o *checkOptions) check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	limits, err := o.thresholds.limits()
	if err != nil {
		return err
	}
	runner := &check.Runner{Open: openFiles, Lines: goldenLines, Update: o.update, Rules: limits, MaxConnections: bound(o.maxConnections, true, true)}
	if o.init != "" {
		text, err := runner.Init(ctx, o.init)
		if err != nil {
			return err
		}
		_, err = io.WriteString(stdout, text)
		return err
	}
	if o.junit == "-" && o.sarif == "-" {
		return &problem{errors.New("--junit - and --sarif - want standard output each for itself"), "name a file for one of them"}
	}
	only, err := regexp.Compile(o.run)
	if err != nil {
		return &problem{fmt.Errorf("--run %s: %w", o.run, err), "a regular expression, as --run 'upload|hang'"}
	}
	jobs, err := o.jobs(args, only)
	if err != nil {
		return err
	}
	out := stdout
	switch {
	case o.quiet:
		out = io.Discard
	case o.junit == "-" || o.sarif == "-":
		out = stderr
	}
	var totals check.Totals
	var outcomes []*check.Outcome
	for _, j := range jobs {
		begun := time.Now()
		outcome := runner.Run(ctx, j.file, j.test, j.captures)
		outcome.Seconds = time.Since(begun).Seconds()
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		outcomes = append(outcomes, outcome)
		totals.Add(outcome)
		io.WriteString(out, printable(outcome.Text()))
		if o.github {
			io.WriteString(out, printable(outcome.Annotations()))
		}
	}
	fmt.Fprintln(out, totals.String())
	if err := o.report(ctx, outcomes, stdout); err != nil {
		return err
	}
	codes := map[check.Verdict]int{check.Fail: exitFailed, check.Inconclusive: exitInconclusive, check.Broken: exitUsage}
	code, bad := codes[totals.Worst()]
	switch {
	case !bad:
		return nil
	case o.quiet:
		return &verdict{code, totals.String()}
	}
	return &verdict{code: code} // the totals stand at the report's foot
}

// job is one test on one capture, or on all of a test that merges them.
type job struct {
	file     *check.File
	test     *check.Test
	captures []string
}

// jobs reads the files of expectations and lists what is to be run.
func (o *checkOptions) jobs(args []string, only *regexp.Regexp) ([]job, error) {
	names, err := expectationFiles(args)
	if err != nil {
		return nil, err
	}
	var list []job
	for _, name := range names {
		f, err := check.Load(name)
		if err != nil {
			return nil, checkProblem(err)
		}
		for _, t := range f.Tests {
			if !only.MatchString(t.Name) {
				continue
			}
			captures, err := f.Jobs(t)
			if err != nil {
				return nil, checkProblem(err)
			}
			for _, c := range captures {
				list = append(list, job{f, t, c})
			}
		}
	}
	if len(list) == 0 {
		return nil, &problem{fmt.Errorf("no test has a name that matches --run %s", o.run), "tcptrack check lists the names"}
	}
	return list, nil
}

// expectationFiles lists the files that are named, globs resolved; tcptrack.yaml and *.tcptrack.yaml if none is.
func expectationFiles(args []string) ([]string, error) {
	usual := len(args) == 0
	if usual {
		args = []string{"tcptrack.yaml", "*.tcptrack.yaml"}
	}
	var names []string
	for _, a := range args {
		found, err := filepath.Glob(a)
		if err != nil || len(found) == 0 {
			found = []string{a}
			if usual {
				continue
			}
		}
		for _, name := range found {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return nil, &problem{errors.New("there is no tcptrack.yaml here"), "name a file of expectations, or begin one: tcptrack check --init CAPTURE >tcptrack.yaml"}
	}
	return names, nil
}

// checkProblem gives an error of a file of expectations its next step.
func checkProblem(err error) error {
	var bad *check.Error
	if errors.As(err, &bad) && bad.Next != "" {
		return &problem{err, bad.Next}
	}
	return err
}

// openFiles opens captures, or a text trace.
func openFiles(files []string) (capture.Source, error) {
	o := readOptions{files: files}
	return o.open(capture.ChecksumAuto, nil)
}

// goldenWriter writes the lines of a golden file: those of -o json.
type goldenWriter struct{ output.Writer }

func goldenLines(w io.Writer) check.Lines {
	return goldenWriter{jsonl.New(w, output.Events{Connection: true, Finding: true, Summary: true})}
}

func (g goldenWriter) End(r *pipeline.Result) error {
	g.Summary(summarise(*r))
	return g.Flush()
}

// report writes the reports.
func (o *checkOptions) report(ctx context.Context, outcomes []*check.Outcome, stdout io.Writer) error {
	for _, r := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{o.junit, func(w io.Writer) error { return check.JUnit(w, outcomes) }},
		{o.sarif, func(w io.Writer) error { return check.SARIF(w, version, outcomes) }},
	} {
		if err := into(r.name, stdout, r.write); err != nil {
			return err
		}
	}
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if !o.github || name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("summary: %w", err)
	}
	_, err = io.WriteString(f, check.Markdown(outcomes, o.ladders(ctx)))
	return errors.Join(err, f.Close())
}

// into writes to a file of that name, - for standard output, nothing where there is none.
func into(name string, stdout io.Writer, write func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return write(stdout)
	}
	f, err := create(name, nil)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// maxDiagrams bounds the diagrams of a summary: GitHub takes one of 1 MiB.
const maxDiagrams = 20

// ladders draws connections as Mermaid sequence diagrams.
func (o *checkOptions) ladders(ctx context.Context) func(*check.Outcome, check.Example) string {
	drawn := 0
	return func(outcome *check.Outcome, e check.Example) string {
		if drawn++; drawn > maxDiagrams {
			return ""
		}
		r := readOptions{files: outcome.Captures, maxConnections: o.maxConnections, thresholds: o.thresholds}
		life, _, err := r.live(ctx, e.Conn, capture.ChecksumAuto, io.Discard)
		if err != nil {
			return ""
		}
		var b bytes.Buffer
		draw.Mermaid(&b, life.Drawing())
		return b.String()
	}
}
