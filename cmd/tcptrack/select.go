package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// selection is the flag that says which connections are shown.
type selection struct {
	text string
	told *output.Selected // what came of it
}

// add adds -Y to a command.
func (s *selection) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&s.text, "where", "Y", "", "show the connections that `EXPR` means, as 'port:443 state:fin_wait1'; tcptrack help selection")
	cmd.RegisterFlagCompletionFunc("where", func(_ *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		return query.Complete(text), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	})
}

// parse reads the expression, nil where there is none.
func (s *selection) parse() (*query.Selection, error) {
	if strings.TrimSpace(s.text) == "" {
		return nil, nil
	}
	q, err := query.Parse(s.text)
	var bad *query.Error
	if errors.As(err, &bad) {
		return nil, &problem{fmt.Errorf("-Y: %s\n    %s", bad.What, strings.ReplaceAll(bad.Caret(), "\n", "\n    ")), bad.Next}
	}
	return q, err
}

// measure has a run measure what a selection asks for beside the states; nil asks for nothing.
func measure(c *pipeline.Config, want *query.Selection) {
	if want != nil {
		c.Blame, c.Analysis, c.Zeek = c.Blame || want.Blamed(), c.Analysis || want.Blamed(), c.Zeek || want.Zeeked()
	}
}

// account tells how much was shown where the format has no place for it.
func (s *selection) account(stderr io.Writer, o *readOptions, r *pipeline.Result) {
	if s.told != nil && (o.format == "csv" || o.format == formatZeek) && !o.quiet {
		fmt.Fprintf(stderr, "tcptrack: %s\n", printable(s.told.Line(r.Tracker.Connections)))
	}
}

// newSelectionHelp is the page of the manual about the language; it runs nothing.
func newSelectionHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "selection",
		Short: "The language of -Y: which connections are shown",
		Long:  strings.TrimRight(query.Help(), "\n"),
	}
}

// meant is the number of the one connection that a selection means; command is what asks.
func (o *readOptions) meant(ctx context.Context, command string, want *query.Selection, checksum capture.ChecksumMode) (uint64, error) {
	if len(o.files) == 0 {
		return 0, &problem{errors.New("-Y selects among the connections of captures, and none is named"), "tcptrack " + command + " FILE -Y EXPR"}
	}
	if once := readOnce(o.files); once != "" {
		return 0, &problem{fmt.Errorf("%s reads a capture more than once, and %s can be read once", command, once), "save it first: cat >hang.pcap"}
	}
	limits, err := o.thresholds.limits()
	if err != nil {
		return 0, err
	}
	src, err := o.open(checksum, nil)
	if err != nil {
		return 0, err
	}
	meant := &numbers{}
	config := pipeline.Config{Sink: newSieve(meant, want, false), Connections: true, Rules: limits}
	measure(&config, want)
	config.MaxConnections = bound(o.maxConnections, config.Zeek, config.Analysis)
	result, err := pipeline.Run(ctx, src, config)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return 0, err
	}
	switch {
	case meant.all == 0:
		return 0, &problem{fmt.Errorf("%s means none of %s", want, output.Count(result.Tracker.Connections, "connection")),
			"tcptrack read --all " + again(o.files) + " lists them"}
	case meant.all > 1:
		return 0, &problem{fmt.Errorf("%s means %d connections: %s", want, meant.all, meant), fmt.Sprintf("name one: tcptrack %s %s %d", command, again(o.files), meant.first[0])}
	}
	return meant.first[0], nil
}

// numbers keeps the first of the connections that come.
type numbers struct {
	first []uint64
	all   int
}

func (*numbers) Transition(*tracker.Transition) {}
func (*numbers) Finding(*anomaly.Finding)       {}
func (*numbers) Flush() error                   { return nil }

func (n *numbers) Connection(c *tracker.Connection) {
	if n.all++; len(n.first) < 10 {
		n.first = append(n.first, c.Conn)
	}
}

func (n *numbers) String() string {
	text := strings.Trim(strings.ReplaceAll(fmt.Sprint(n.first), " ", ", "), "[]")
	if n.all > len(n.first) {
		text += ", …"
	}
	return text
}
