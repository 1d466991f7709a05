package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/output/draw"
	"github.com/tcptrack/tcptrack/output/ladder"
)

const drawExample = `  tcptrack draw hang.pcap 0                     connection 0: states and windows over time, then its packets
  tcptrack draw hang.pcap -Y 'finding:zero-*'   the connection so selected
  tcptrack draw hang.pcap 0 --as timeline       states, windows and octets in flight alone
  tcptrack draw hang.pcap 0 -o svg -O hang.svg  a picture
  tcptrack draw hang.pcap 0 -o mermaid          for a page in Markdown`

var (
	drawForms = []string{"text", "svg", "mermaid"}
	drawParts = []string{"both", "ladder", "timeline"}
)

// drawOptions are the flags of draw.
type drawOptions struct {
	readOptions
	form, as string
	width    uint
	ascii    bool
}

// newDraw builds the command that draws one connection.
func newDraw() *cobra.Command {
	o := drawOptions{readOptions: readOptions{format: formatStory}}
	cmd := &cobra.Command{
		Use:     "draw FILE... N",
		Short:   "Draw one connection: its packets between both states, its windows over time",
		Example: drawExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.draw(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&o.form, "output", "o", "text", "`FORMAT`: text, svg, mermaid")
	f.StringVar(&o.as, "as", "both", "`WHAT` is drawn: ladder, timeline, both; of mermaid the ladder")
	f.UintVar(&o.width, "width", 0, "columns of text, by default the terminal's; pixels of a picture, by default 960")
	f.BoolVar(&o.ascii, "ascii", false, "lines and arrows of ASCII alone")
	o.lifeFlags(cmd)
	return cmd
}

// draw gathers the connection and paints it.
func (o *drawOptions) draw(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if err := o.parts(); err != nil {
		return err
	}
	want, err := o.selection.parse()
	if err != nil {
		return err
	}
	shape, err := o.shape()
	if err != nil {
		return err
	}
	conn, err := o.one(ctx, "draw", args, want, shape.checksum)
	if err != nil {
		return err
	}
	life, _, err := o.live(ctx, conn, shape.checksum, stderr)
	if err != nil {
		return err
	}
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	o.paint(&b, life.Drawing(), out)
	_, err = out.Write(b.Bytes())
	return errors.Join(err, closeOut())
}

// parts checks the flags of what is drawn, and how.
func (o *drawOptions) parts() error {
	least := map[string]uint{"text": draw.MinWidth, "svg": draw.MinPicture}[o.form]
	switch {
	case !slices.Contains(drawForms, o.form):
		return unknownWord("format", o.form, drawForms)
	case !slices.Contains(drawParts, o.as):
		return unknownWord("part", o.as, drawParts)
	case o.form == "mermaid" && o.as == "timeline":
		return &problem{errors.New("a sequence diagram of Mermaid's has no scale of time"), "-o svg draws the time line"}
	case o.width > 0 && o.width < least:
		return &problem{fmt.Errorf("--width %d is too narrow", o.width), fmt.Sprintf("%s takes at least %d", o.form, least)}
	case o.width > 20_000:
		return &problem{fmt.Errorf("--width %d is too wide", o.width), "at most 20000"}
	}
	return nil
}

// paint draws what was asked for.
func (o *drawOptions) paint(b *bytes.Buffer, d *ladder.Drawing, out io.Writer) {
	title := fmt.Sprintf("Connection %d: client %s, server %s", d.Conn, d.Client, d.Server)
	switch o.form {
	case "mermaid":
		draw.Mermaid(b, d)
	case "svg":
		p := draw.Picture{Width: int(o.width), Title: title, Ladder: o.as != "timeline", Timeline: o.as != "ladder"}
		if p.Width == 0 {
			p.Width = 960
		}
		draw.SVG(b, d, p)
	default:
		s := draw.Style{Width: int(o.width), ASCII: o.ascii || asciiLocale(), Color: useColor(o.color, out)}
		if s.Width == 0 {
			s.Width = widthOf(out)
		}
		s.Width = max(s.Width, draw.MinWidth)
		b.Write(append(output.Wrap(nil, title, s.Width, "  "), '\n'))
		if o.as != "ladder" {
			draw.Timeline(b, d, s)
			b.WriteString("\n")
		}
		if o.as != "timeline" {
			draw.Ladder(b, d, s)
		}
	}
}

// asciiLocale says that the environment names a character set that is not UTF-8; one that names none is taken to have it,
// as the other commands do.
func asciiLocale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			_, set, named := strings.Cut(strings.ToUpper(v), ".")
			return named && !strings.HasPrefix(strings.ReplaceAll(set, "-", ""), "UTF8")
		}
	}
	return false
}
