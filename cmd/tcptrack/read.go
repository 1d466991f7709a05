package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
)

// readOptions are the flags of read.
type readOptions struct {
	files          []string
	format         string
	events         string
	all            bool
	packets        uint64
	checksum       string
	follow         bool
	maxConnections uint
	jobs           uint
	destination    string
	quiet          bool
	color          string
	failOn         string
	thresholds     thresholds
	filtering      filtering
	saving         saving
	selection      selection
	zeek           zeekOptions
	cpuProfile     string
	recorder       capture.Recorder // shown each packet unless they are saved; nil: nobody looks
	opened         func() error     // called when all is open
	asItHappens    bool             // the table is written line by line
	liveOut        *liveOutput      // how what happens live is shown; nil: it is none
	kernel         *kernel          // nil: it is not asked
}

const readExample = `  tcptrack read hang.pcap                     worst connections first
  tcptrack read --all a.pcap b.pcap           several files, one capture in time order
  tcptrack read -o json --events all x.pcap   every change of state, for programs
  tcptrack read -r x.pcap tcp port 443        some of the packets
  tcpdump -U -w - tcp | tcptrack read -o json -`

// newRead builds the command that reads captures.
func newRead() *cobra.Command { return readCommand(&readOptions{}) }

// readCommand builds it around its options.
func readCommand(o *readOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "read FILE...",
		Short:   "Read captures and show their connections, the worst first",
		Example: readExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.name(args); err != nil {
				return err
			}
			stop, err := profile(o.cpuProfile)
			if err != nil {
				return err
			}
			defer stop()
			return o.run(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.sourceFlags(f)
	f.UintVar(&o.jobs, "jobs", 0, "let at most `N` processors track where nothing but the summary is told; 0: as many as pay")
	o.saving.add(f)
	o.formatFlags(f, "table")
	o.selection.add(cmd)
	return cmd
}

// formatFlags adds the flags that say how the answer looks, where it goes, and what is judged.
func (o *readOptions) formatFlags(f *pflag.FlagSet, format string) {
	f.StringVarP(&o.format, "output", "o", format, "`FORMAT`: table, json (JSON Lines), csv, zeek (conn.log), summary, trace")
	f.StringVar(&o.events, "events", usualEvents, "`LIST` of the lines of json: transition, connection, finding, socket (of live --sockets), summary, all")
	f.BoolVar(&o.all, "all", false, "healthy connections too")
	o.zeek.add(f)
	o.outputFlags(f)
	o.judgeFlags(f)
	numericFlag(f)
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile to `FILE`")
	f.MarkHidden("cpuprofile")
}

// sourceFlags adds the flags that say what is read, and how.
func (o *readOptions) sourceFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.files, "read", "r", nil, "read `FILE`, as if named alone; - is standard input; words behind it are a filter")
	f.BoolVar(&o.follow, "follow", false, "wait for more at the end of a file that still grows")
	o.packetFlags(f)
}

// packetFlags adds the flags that say what of the packets is taken.
func (o *readOptions) packetFlags(f *pflag.FlagSet) {
	o.filtering.add(f)
	f.Uint64VarP(&o.packets, "count", "c", 0, "stop after `N` packets that pass the filter")
	f.StringVar(&o.checksum, "checksum", "auto", "verify `WHICH` checksums: auto (SYN, FIN and RST), off, all")
	boundFlag(f, &o.maxConnections)
}

// outputFlags adds the flags that say where the answer goes.
func (o *readOptions) outputFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.destination, "out", "O", "", "write to `FILE` instead of standard output")
	f.StringVar(&o.color, "color", "auto", "colours `WHEN`: auto, always, never")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors")
}

// judgeFlags adds the flags that say what is a finding, and what it does to the exit code.
func (o *readOptions) judgeFlags(f *pflag.FlagSet) {
	f.StringVar(&o.failOn, "fail-on", "", "exit with 1 when a finding of `LEVEL` or worse stands: info, notice, warning, critical; with 3 when the capture leaves that open")
	o.thresholds.register(f)
}

// run reads the captures and shows them.
func (o *readOptions) run(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	collectLate()
	if len(o.files) == 0 {
		return &problem{errors.New("no file to read"), "name a capture, or - for standard input"}
	}
	bar := newProgress(stderr)
	return o.track(ctx, stdout, stderr, 0, func(checksum capture.ChecksumMode) (capture.Source, error) {
		return o.open(checksum, stdin)
	}, bar.show(), func(r *pipeline.Result) {
		bar.clear()
		warn(stderr, r.Capture)
		o.selection.account(stderr, o, r)
	})
}

// track checks what the flags ask for, opens the source, follows it to its end, and shows what was found. start is when
// a live capture begins, else 0. progress is called after each batch unless it is nil, ended at the end of the source.
func (o *readOptions) track(ctx context.Context, stdout, stderr io.Writer, start int64, open func(capture.ChecksumMode) (capture.Source, error),
	progress func(capture.Stats), ended func(*pipeline.Result)) error {
	shape, err := o.shape()
	if err != nil {
		return err
	}
	limits, err := o.thresholds.limits()
	if err == nil {
		err = o.zeek.parse()
	}
	if err == nil {
		err = o.saving.check()
	}
	if err != nil {
		return err
	}
	want, err := o.selection.parse()
	if err != nil {
		return err
	}
	src, err := open(shape.checksum)
	if err != nil {
		return err
	}
	o.saving.quiet = o.quiet
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if o.saving.name == "-" {
		stdout = o.liveOut.packetsTo(ctx, stdout)
	}
	if err := o.saving.begin(o.files, start, stdout, stderr, stop); err != nil {
		src.Close()
		return err
	}
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		src.Close()
		return err
	}
	if o.opened != nil {
		if err := o.opened(); err != nil {
			src.Close()
			return err
		}
	}
	if o.liveOut != nil {
		out, closeOut = o.liveOut.through(ctx, out, closeOut)
	}
	writer := shape.writer(out)
	config, watch, selected := o.config(&shape, writer, want)
	config.Rules, config.Progress = limits, progress
	o.saving.pipe(&config)
	o.liveOut.pipe(&config)
	endAsking := o.kernel.join(&config, writer, selected)
	config.CountFindings = config.Sink == pipeline.Sink(writer) && !shape.findings()
	config.Jobs, config.Again = int(o.jobs), func() (capture.Source, error) { return open(shape.checksum) }
	result, err := pipeline.Run(ctx, src, config)
	endAsking()
	ended(&result)
	unsaved := errors.Join(o.saving.end(&result), o.liveOut.packetsEnd())
	if err != nil {
		return errors.Join(err, unsaved)
	}
	summary := summarise(result)
	summary.Selected = o.selection.told
	o.kernel.summarise(summary)
	writer.Summary(summary)
	if err := errors.Join(writer.Flush(), closeOut(), unsaved); err != nil || watch == nil {
		return err
	}
	return watch.verdict(&result)
}

// config leads a run through what stands between the tracker and the writer: --fail-on's gate, nil without, and -Y's sieve,
// nil without.
func (o *readOptions) config(s *shape, writer output.Writer, want *query.Selection) (c pipeline.Config, watch *gate, selected *sieve) {
	c.Sink = writer
	if o.failOn != "" {
		watch = newGate(writer, s.failOn)
		c.Sink = watch
	}
	if want != nil {
		selected = newSieve(c.Sink, want, o.asItHappens)
		c.Sink, o.selection.told = selected, selected.told
		o.liveOut.choose(selected.means)
	}
	if w, ok := writer.(interface{ Segments([]tcp.Segment) }); ok {
		c.Segments = w.Segments
	}
	lines := func(formats ...string) bool { return s.events.Connection && slices.Contains(formats, s.format) }
	c.Transitions, c.Connections = s.events.Transition, s.events.Connection || want != nil
	c.Blame, c.Analysis, c.Zeek = lines("json", "csv"), lines("json", "csv"), lines("json", formatZeek)
	measure(&c, want)
	c.LikelyServers, c.MaxConnections = o.zeek.servers, bound(o.maxConnections, c.Zeek, c.Analysis)
	return c, watch, selected
}

// destine makes the destination of -O and -q, else takes standard output.
func (o *readOptions) destine(stdout io.Writer) (io.Writer, func() error, error) {
	nothing := func() error { return nil }
	switch {
	case o.destination != "" && o.destination != "-":
		f, err := create(o.destination, o.files)
		if err != nil {
			return nil, nil, err
		}
		return f, f.Close, nil
	case o.quiet || o.saving.name == "-":
		return io.Discard, nothing, nil
	}
	return stdout, nothing, nil
}

// summarise puts the counts of a run in the form that the formats show.
func summarise(r pipeline.Result) *output.Summary {
	return &output.Summary{
		Packets:      r.Capture.Packets,
		Segments:     r.Capture.Segments,
		Skipped:      skipped(r.Capture),
		Received:     max(r.Capture.Received, r.Capture.Packets+r.Capture.Dropped),
		Dropped:      r.Capture.Dropped,
		Last:         r.Capture.Last,
		Tracker:      r.Tracker,
		Findings:     r.Findings,
		FindingsLost: r.FindingsLost,
		Damage:       damage(r.Capture),
	}
}

// skipped names the reasons for which records were left out.
func skipped(s capture.Stats) map[string]uint64 {
	reasons := map[string]uint64{}
	for _, skip := range s.Skipped {
		reasons[skip.Reason.String()] = skip.Packets
	}
	return reasons
}

// damage words what is wrong with the files.
func damage(s capture.Stats) (list []string) {
	for _, w := range s.Warnings {
		list = append(list, printable(w.String()))
	}
	return list
}

// maxWarnings bounds the lines about damage.
const maxWarnings = 20

// warn tells of what is damaged in the files.
func warn(stderr io.Writer, s capture.Stats) {
	for i, w := range s.Warnings {
		if i == maxWarnings {
			fmt.Fprintf(stderr, "tcptrack: %d more warnings\n", len(s.Warnings)-i)
			break
		}
		fmt.Fprintf(stderr, "tcptrack: %s\n", printable(w.String()))
	}
}
