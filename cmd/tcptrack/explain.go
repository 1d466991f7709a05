package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/story"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const explainExample = `  tcptrack explain                       the codes and the states
  tcptrack explain zero-window-stall     what a finding means, whose fault, what to do
  tcptrack explain fin-wait-1            what a state means and what keeps it
  tcptrack explain hang.pcap 3           all about connection 3
  tcptrack explain hang.pcap -Y 'client.port:40481'
                                         all about the connection so selected`

// The rows of a ladder: as many as a person reads, or with --all as many as fit a terminal's memory.
const (
	usualRows = 60
	allRows   = 100_000
)

// newExplain builds the command that explains a finding, a state or one connection.
func newExplain() *cobra.Command {
	o := readOptions{format: formatStory}
	cmd := &cobra.Command{
		Use:     "explain [CODE | STATE | FILE... N]",
		Short:   "Explain a finding, a state, or everything about one connection",
		Example: explainExample,
		Args:    cobra.ArbitraryArgs,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return explained(), cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.explain(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().SortFlags = false
	o.lifeFlags(cmd)
	return cmd
}

// lifeFlags adds the flags of what tells of one connection.
func (o *readOptions) lifeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.files, "read", "r", nil, "read `FILE`, as if named in front of the number")
	f.BoolVar(&o.all, "all", false, "every row of the ladder")
	o.packetFlags(f)
	f.Lookup("filter").Usage = "take the packets that `EXPR` means, as 'tcp port 443'; tcptrack help filters"
	o.outputFlags(f)
	o.thresholds.register(f)
	o.selection.add(cmd)
	f.Lookup("where").Usage = "the connection that `EXPR` means, in place of its number; tcptrack help selection"
	numericFlag(f)
}

// one takes the arguments of what tells of one connection: files, unless -r has named them, and its number, or with -Y
// files alone. It says which connection is meant.
func (o *readOptions) one(ctx context.Context, command string, args []string, want *query.Selection, checksum capture.ChecksumMode) (conn uint64, err error) {
	use := fmt.Sprintf("tcptrack %s FILE N; the column CONN of tcptrack read FILE has the numbers", command)
	if want != nil {
		o.files = append(o.files, args...)
		return o.meant(ctx, command, want, checksum)
	}
	if last := len(args) - 1; last >= 0 {
		o.files = append(o.files, args[:last]...)
		if conn, err = strconv.ParseUint(args[last], 10, 64); err != nil && len(o.files) > 0 {
			return 0, &problem{fmt.Errorf("%q is no connection's number", args[last]), use}
		}
	}
	if len(args) == 0 || len(o.files) == 0 {
		return 0, &problem{fmt.Errorf("%s needs a capture and the number of a connection", command), use}
	}
	return conn, nil
}

// explain decides what is to be explained.
func (o *readOptions) explain(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	want, err := o.selection.parse()
	if err != nil {
		return err
	}
	shape, err := o.shape()
	if err != nil {
		return err
	}
	print := func(tell func(io.Writer, story.Style) error) error {
		out, closeOut, err := o.destine(stdout)
		if err != nil {
			return err
		}
		return errors.Join(tell(out, story.Style{Width: widthOf(out), Color: useColor(o.color, out), All: o.all}), closeOut())
	}
	switch {
	case want != nil || len(o.files) > 0 || len(args) > 1:
	case len(args) == 0:
		return print(story.Contents)
	default:
		if r := anomaly.Find(kebab(args[0])); r != nil {
			return print(func(w io.Writer, s story.Style) error { return story.Rule(w, r, s) })
		}
		if state, ok := tcp.ParseState(args[0]); ok && state != tcp.Unknown {
			return print(func(w io.Writer, s story.Style) error { return story.State(w, state, s) })
		}
		return unexplained(args[0])
	}
	conn, err := o.one(ctx, "explain", args, want, shape.checksum)
	if err != nil {
		return err
	}
	return o.explainConn(ctx, conn, shape.checksum, stderr, print)
}

// printer opens the destination and lets the story be told there.
type printer func(tell func(io.Writer, story.Style) error) error

// explainConn tells the life of one connection.
func (o *readOptions) explainConn(ctx context.Context, conn uint64, checksum capture.ChecksumMode, stderr io.Writer, print printer) error {
	life, sum, err := o.live(ctx, conn, checksum, stderr)
	if err != nil {
		return err
	}
	return print(func(w io.Writer, s story.Style) error { return life.Tell(w, s, sum) })
}

func kebab(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// explained lists the codes and the states.
func explained() []string {
	words := codes()
	for _, m := range output.States {
		words = append(words, kebab(m.State.String()))
	}
	return words
}

// unexplained is the problem of a word that is neither code nor state: a file without a number, or a mistake.
func unexplained(word string) error {
	if _, err := os.Stat(word); err == nil || word == "-" {
		return &problem{fmt.Errorf("%s: which connection of it?", word),
			"tcptrack explain FILE N; the column CONN of tcptrack read FILE has the numbers"}
	}
	next := nearestOf(kebab(word), explained(), "tcptrack explain lists the codes and the states")
	return &problem{fmt.Errorf("%q is no finding's code and no state", word), next}
}

// live gathers the life of one connection in two passes over the captures.
func (o *readOptions) live(ctx context.Context, conn uint64, checksum capture.ChecksumMode, stderr io.Writer) (*story.Life, *output.Summary, error) {
	if once := readOnce(o.files); once != "" {
		return nil, nil, &problem{fmt.Errorf("the capture is read twice, and %s can be read once", once),
			fmt.Sprintf("save it first: cat >hang.pcap; then name hang.pcap and %d", conn)}
	}
	limits, err := o.thresholds.limits()
	if err != nil {
		return nil, nil, err
	}
	src, err := o.open(checksum, nil)
	if err != nil {
		return nil, nil, err
	}
	rows := usualRows
	if o.all {
		rows = allRows
	}
	life := story.NewLife(conn, rows)
	result, err := pipeline.Run(ctx, src, pipeline.Config{
		Sink: life, Transitions: true, Connections: true, Blame: true, Rules: limits, MaxConnections: int(o.maxConnections), Facts: story.Facts, Fact: life.Fact,
	})
	warn(stderr, result.Capture)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return nil, nil, err
	}
	if found, n := life.Found(); !found {
		next := fmt.Sprintf("it has connections 0 to %d; the column CONN of tcptrack read FILE has the numbers", n-1)
		switch n {
		case 0:
			next = "it has no TCP connection at all"
		case 1:
			next = "it has connection 0 alone"
		}
		if o.filtering.text != "" {
			next = "the filter may leave it out; " + next
		}
		return nil, nil, &problem{fmt.Errorf("%s: no connection %d", strings.Join(o.files, " "), conn), next}
	}
	if src, err = o.open(checksum, nil); err != nil {
		return nil, nil, err
	}
	defer src.Close()
	err = scan(ctx, src, life.Segment)
	return life, summarise(result), cmp.Or(err, ctx.Err())
}

// scan shows every segment of a source that passes its filter.
func scan(ctx context.Context, src capture.Source, show func(*tcp.Segment)) error {
	segs := make([]tcp.Segment, 256)
	for ctx.Err() == nil {
		n, err := src.Read(segs)
		for i := range segs[:n] {
			if !segs[i].Filtered {
				show(&segs[i])
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
