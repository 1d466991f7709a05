package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/ladder"
	pages "github.com/tcptrack/tcptrack/output/report"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const reportExample = `  tcptrack report hang.pcap -O hang.html               one page: what is wrong, the connections, the worst drawn
  tcptrack report a.pcap b.pcap -O - | gzip >ab.html.gz
  tcptrack report hang.pcap -Y 'port:443' -O 443.html   of port 443 alone`

// reportOptions are the flags of report.
type reportOptions struct {
	readOptions
	rows, drawings uint
}

// newReport builds the command that makes one page of a capture.
func newReport() *cobra.Command {
	o := reportOptions{readOptions: readOptions{format: formatStory}}
	cmd := &cobra.Command{
		Use:     "report FILE...",
		Short:   "Make one HTML page of captures: what is wrong, the connections, the worst drawn",
		Example: reportExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.name(args); err != nil {
				return err
			}
			return o.report(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&o.files, "read", "r", nil, "read `FILE`, as if named alone; words behind it are a filter")
	f.StringVarP(&o.destination, "out", "O", "", "write the page to `FILE`; - is standard output")
	f.UintVar(&o.rows, "rows", 1000, "at most `N` connections in the table, the worst; up to 20000")
	f.UintVar(&o.drawings, "draw", 10, "draw the worst `N` connections on which something was found, up to 100")
	o.packetFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors")
	o.thresholds.register(f)
	o.selection.add(cmd)
	numericFlag(f)
	o.color = "never"
	return cmd
}

// report reads the captures, draws the worst connections in a second pass, and writes the page.
func (o *reportOptions) report(ctx context.Context, stdout, stderr io.Writer) error {
	switch {
	case len(o.files) == 0:
		return &problem{errors.New("no file to read"), "name a capture"}
	case readOnce(o.files) != "":
		return &problem{fmt.Errorf("the capture is read twice, and %s can be read once", readOnce(o.files)), "save it first: cat >hang.pcap; tcptrack report hang.pcap -O hang.html"}
	case o.destination == "" && isTerminal(stdout):
		return &problem{errors.New("a page of HTML is not for a terminal"), "tcptrack report " + again(o.files) + " -O report.html"}
	case o.rows < 1 || o.rows > pages.MaxRows:
		return &problem{fmt.Errorf("--rows %d is out of bounds", o.rows), fmt.Sprintf("1 to %d", pages.MaxRows)}
	case o.drawings > pages.MaxDrawings:
		return &problem{fmt.Errorf("--draw %d is out of bounds", o.drawings), fmt.Sprintf("0 to %d", pages.MaxDrawings)}
	}
	shape, err := o.shape()
	if err != nil {
		return err
	}
	page, err := o.collect(ctx, shape.checksum, stderr)
	if err != nil {
		return err
	}
	drawings, err := o.drawWorst(ctx, page.Worst(int(o.drawings)), shape.checksum)
	if err != nil {
		return err
	}
	quiet := o.quiet
	o.quiet = false // silence is for what is said beside the page
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	err = page.Write(w, drawings, version)
	if err = errors.Join(err, w.Flush(), closeOut()); err == nil && !quiet && o.destination != "" && o.destination != "-" {
		fmt.Fprintf(stderr, "tcptrack: %s: written\n", printable(o.destination))
	}
	return err
}

// manyFiles is how long the names of the captures are where commands on the page no longer spell them.
const manyFiles = 120

// collect is the first pass.
func (o *reportOptions) collect(ctx context.Context, checksum capture.ChecksumMode, stderr io.Writer) (*pages.Collector, error) {
	limits, err := o.thresholds.limits()
	if err != nil {
		return nil, err
	}
	want, err := o.selection.parse()
	if err != nil {
		return nil, err
	}
	src, err := o.open(checksum, nil)
	if err != nil {
		return nil, err
	}
	files := again(o.files)
	if len(files) > manyFiles {
		files = "FILE..."
	}
	page := pages.NewCollector(pages.Config{Title: printable(strings.Join(o.files, ", ")), Files: files, Rows: int(o.rows)})
	var sink pipeline.Sink = page
	var chosen *sieve
	if want != nil {
		chosen = newSieve(page, want, false)
		sink = chosen
	}
	bar := newProgress(stderr)
	config := pipeline.Config{Sink: sink, Connections: true, Rules: limits, Progress: bar.show()}
	measure(&config, want)
	config.MaxConnections = bound(o.maxConnections, config.Zeek, config.Analysis)
	result, err := pipeline.Run(ctx, src, config)
	bar.clear()
	if !o.quiet {
		warn(stderr, result.Capture)
	}
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, err
	}
	sum := summarise(result)
	if chosen != nil {
		sum.Selected = chosen.told
	}
	page.Summary(sum)
	return page, nil
}

// drawnPoints are the points of windows and flights in a page's drawing: half as many as pixels.
const drawnPoints = 200

// drawWorst is the second pass: it draws connections as they are tracked once more.
func (o *reportOptions) drawWorst(ctx context.Context, lines []pages.Line, checksum capture.ChecksumMode) ([]*ladder.Drawing, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	limits, err := o.thresholds.limits()
	if err != nil {
		return nil, err
	}
	src, err := o.open(checksum, nil)
	if err != nil {
		return nil, err
	}
	easel := &easel{of: map[uint64]*ladder.Drawing{}, flows: map[tcp.FlowKey][]canvas{}}
	drawings := make([]*ladder.Drawing, len(lines))
	for i := range lines {
		drawings[i] = easel.put(&lines[i])
	}
	_, err = pipeline.Run(ctx, src, pipeline.Config{Sink: easel, Transitions: true, Rules: limits, MaxConnections: int(o.maxConnections), Facts: ladder.Facts, Fact: easel.fact,
		Segments: easel.segments, Settled: func(*tracker.Tracker) { easel.settle() }})
	if err == nil {
		err = ctx.Err()
	}
	easel.settle()
	return drawings, err
}

// easel draws several connections at once while they are tracked.
type easel struct {
	of      map[uint64]*ladder.Drawing
	flows   map[tcp.FlowKey][]canvas
	waiting []tcp.Segment // of the batch that is tracked
}

// canvas is a drawing with which packets of its flow it takes.
type canvas struct {
	*ladder.Drawing
	first uint64
	last  int64
}

// put begins a drawing.
func (e *easel) put(l *pages.Line) *ladder.Drawing {
	d := ladder.New(ladder.Config{Conn: l.Conn, Head: usualRows - usualRows/3, Tail: usualRows / 3, Points: drawnPoints})
	d.Between(l.Client.Endpoint, l.Server.Endpoint)
	for i := range l.Evidence {
		for _, packet := range l.Evidence[i].Evidence {
			d.Evidence(packet, l.Evidence[i].Rule.Code)
		}
	}
	key := flowOf(&l.Connection)
	e.of[l.Conn], e.flows[key] = d, append(e.flows[key], canvas{d, l.First, l.Last})
	return d
}

func (e *easel) Transition(t *tracker.Transition) {
	if d := e.of[t.Conn]; d != nil {
		d.Transition(t)
	}
}

func (e *easel) fact(f *tracker.Fact) {
	if d := e.of[f.Conn.Num()]; d != nil {
		d.Fact(f)
	}
}

func (*easel) Connection(*tracker.Connection) {}
func (*easel) Finding(*anomaly.Finding)       {}
func (*easel) Flush() error                   { return nil }

// segments keeps those of a batch that are drawn.
func (e *easel) segments(batch []tcp.Segment) {
	for i := range batch {
		if e.flows[batch[i].Flow] != nil {
			e.waiting = append(e.waiting, batch[i])
		}
	}
}

// settle draws them once the batch is tracked.
func (e *easel) settle() {
	for i := range e.waiting {
		s := &e.waiting[i]
		for _, c := range e.flows[s.Flow] {
			if s.Number >= c.first && s.Time <= c.last {
				c.Segment(s)
			}
		}
	}
	e.waiting = e.waiting[:0]
}
