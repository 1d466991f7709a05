package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
)

const extractExample = `  tcptrack extract hang.pcap --conn 3 -w three.pcapng         one connection
  tcptrack extract *.pcap --finding zero-window-stall -w stuck.pcapng
  tcptrack extract hang.pcap -Y 'port:443 idle:>30s' -w - | wireshark -k -i -
  tcptrack extract hang.pcap --conn 3 --anonymize -w to-the-vendor.pcapng`

// extraction are the flags of extract.
type extraction struct {
	readOptions
	conns     []uint
	streams   []uint
	findings  []string
	context   uint
	anonymize bool
	key       string
	keyFile   string
}

// maxContext bounds --context: the numbers of so many packets are kept for each pair of hosts.
const maxContext = 10_000

// newExtract builds the command that takes connections out of captures.
func newExtract() *cobra.Command {
	var o extraction
	cmd := &cobra.Command{
		Use:     "extract FILE... -w OUT",
		Short:   "Save the packets of chosen connections, with the verdicts as comments that Wireshark shows",
		Example: extractExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.name(args); err != nil {
				return err
			}
			if err := o.checkKey(cmd.Flags()); err != nil {
				return err
			}
			return o.extract(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&o.files, "read", "r", nil, "read `FILE`, as if named alone; words behind it are a filter")
	f.StringVarP(&o.destination, "write", "w", "", "save in `FILE`: pcapng, or pcap where it ends so; - is standard output")
	f.StringVarP(&o.destination, "out", "O", "", "the same as -w `FILE`")
	f.UintSliceVar(&o.conns, "conn", nil, "connections by their `NUMBER`, the column CONN of read")
	f.UintSliceVar(&o.streams, "stream", nil, "connections by Wireshark's tcp.stream `NUMBER`")
	f.Lookup("conn").DefValue, f.Lookup("stream").DefValue = "", ""
	f.StringSliceVar(&o.findings, "finding", nil, "connections of which `CODE` was found")
	cmd.RegisterFlagCompletionFunc("finding", cobra.FixedCompletions(codes(), cobra.ShellCompDirectiveNoFileComp))
	o.selection.add(cmd)
	f.Lookup("where").Usage = "connections that `EXPR` means; tcptrack help selection"
	f.UintVar(&o.context, "context", 0, "also `N` packets before and after each, of the same two hosts")
	f.BoolVar(&o.anonymize, "anonymize", false, "map addresses, prefixes kept, and cut off what the packets carry")
	f.StringVar(&o.key, "key", "", "with --anonymize: map addresses under `SECRET`, alike in every file; without, at random. The list of processes shows it: --key-file does not")
	f.StringVar(&o.keyFile, "key-file", "", "the same, with the secret that `FILE` holds")
	o.packetFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors")
	o.thresholds.register(f)
	return cmd
}

// where joins what the flags select; all of them must hold.
func (o *extraction) where() (*query.Selection, error) {
	if _, err := o.selection.parse(); err != nil { // alone, so that the caret stands under what was written
		return nil, err
	}
	var terms []string
	for _, list := range []struct {
		field   string
		numbers []uint
	}{{"conn", o.conns}, {"stream", o.streams}} {
		if len(list.numbers) > 0 {
			var words []string
			for _, n := range list.numbers {
				words = append(words, strconv.FormatUint(uint64(n), 10))
			}
			terms = append(terms, list.field+":"+strings.Join(words, ","))
		}
	}
	for _, code := range o.findings {
		if !slices.Contains(codes(), kebab(code)) {
			return nil, unknownWord("finding", code, codes())
		}
	}
	if len(o.findings) > 0 {
		terms = append(terms, "finding:"+kebab(strings.Join(o.findings, ",")))
	}
	if text := strings.TrimSpace(o.selection.text); text != "" {
		terms = append(terms, "("+text+")")
	}
	if len(terms) == 0 {
		return nil, &problem{errors.New("which connections?"), "--conn N, --stream N, --finding CODE or -Y EXPR; tcptrack read " + again(o.files) + " shows what there is"}
	}
	return query.Parse(strings.Join(terms, " "))
}

// extract finds the connections in one pass over the captures and saves their packets in another.
func (o *extraction) extract(ctx context.Context, stdout, stderr io.Writer) error {
	switch {
	case len(o.files) == 0:
		return &problem{errors.New("no file to read"), "tcptrack extract FILE --conn N -w OUT"}
	case readOnce(o.files) != "":
		return &problem{fmt.Errorf("extract reads a capture twice, and %s can be read once", readOnce(o.files)), "save it first: cat >hang.pcap"}
	case len(o.files) == 1 && isTrace(o.files[0]):
		return &problem{fmt.Errorf("%s: is a text trace, and holds no packets", o.files[0]), "name a pcap or pcapng file"}
	case o.destination == "":
		return &problem{errors.New("nothing says where to"), "-w FILE, or -w - for standard output"}
	case o.destination == "-" && isTerminal(stdout):
		return &problem{errors.New("-w -: standard output is a terminal, and packets are no text"), "name a file, or add a pipe"}
	case o.context > maxContext:
		return &problem{fmt.Errorf("--context %d: at most %d", o.context, maxContext), "a larger part of a capture is better cut by time: editcap -A START -B END"}
	}
	want, err := o.where()
	if err != nil {
		return err
	}
	o.format, o.color = formatStory, "auto"
	shape, err := o.shape()
	if err != nil {
		return err
	}
	limits, err := o.thresholds.limits()
	if err != nil {
		return err
	}
	src, err := o.open(shape.checksum, nil)
	if err != nil {
		return err
	}
	p := newPicker(want)
	config := pipeline.Config{Sink: p, Transitions: true, Connections: true, Rules: limits}
	measure(&config, want)
	config.MaxConnections = bound(o.maxConnections, config.Zeek, config.Analysis)
	result, err := pipeline.Run(ctx, src, config)
	warn(stderr, result.Capture)
	if err = cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	if p.connections == 0 && len(p.crowd) == 0 {
		return &problem{fmt.Errorf("%s means none of %s", want, output.Count(result.Tracker.Connections, "connection")),
			"tcptrack read --all " + again(o.files) + " lists them"}
	}
	if err := o.gather(ctx, shape.checksum, p); err != nil {
		return err
	}
	return o.save(ctx, shape.checksum, p, want, stdout, stderr)
}

// packets shows each packet of the captures once more.
func (o *extraction) packets(ctx context.Context, checksum capture.ChecksumMode, show capture.Recorder) (capture.Stats, error) {
	filter, err := o.filtering.parse()
	if err != nil {
		return capture.Stats{}, err
	}
	src, err := capture.Open(o.files, capture.Options{Checksum: checksum, MaxPackets: o.readOptions.packets, Filter: filter, Recorder: show})
	if err != nil {
		return capture.Stats{}, err
	}
	defer src.Close()
	err = scan(ctx, src, func(*tcp.Segment) {})
	if err == nil {
		err = ctx.Err()
	}
	return src.Stats(), err
}

// gather looks for what only the packets tell: whose the evidence about populations is, and the context.
func (o *extraction) gather(ctx context.Context, checksum capture.ChecksumMode, p *picker) error {
	if len(p.crowd) > 0 {
		if _, err := o.packets(ctx, checksum, p.whose); err != nil {
			return err
		}
	}
	if o.context == 0 {
		return nil
	}
	near := newNearby(p, int(o.context))
	_, err := o.packets(ctx, checksum, near.see)
	p.near = near.numbers
	return err
}

// save writes what was picked.
func (o *extraction) save(ctx context.Context, checksum capture.ChecksumMode, p *picker, want *query.Selection, stdout, stderr io.Writer) (err error) {
	var out io.Writer = stdout
	name := "standard output"
	if o.destination != "-" {
		f, err := create(o.destination, o.files)
		if err != nil {
			return err
		}
		defer f.Close()
		out, name = f, o.destination
	}
	text := fmt.Sprintf("extracted by tcptrack: %s", want)
	comment := func(s string) string { return s }
	var hide *capture.Anonymizer
	if o.anonymize {
		if hide, err = o.anonymizer(); err != nil {
			return err
		}
		comment = hide.Text
		text += "; addresses are not the true ones, payloads are cut off"
	}
	w := capture.NewWriter(out, capture.FormatOf(o.destination), "tcptrack "+version, comment(text))
	var around, hidden, left uint64
	var failed error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stats, err := o.packets(ctx, checksum, func(r *capture.Record, seg *tcp.Segment) {
		picked := p.picks(r, seg)
		if _, near := p.near[r.Number]; failed != nil || !picked && !near {
			return
		}
		rewritten := *r
		if hide != nil {
			var ok bool
			if rewritten, ok = hide.Packet(r); !ok {
				hidden++
				return
			}
		}
		var comments []string
		if picked {
			for _, c := range p.said(r, seg) {
				comments = append(comments, comment(c))
			}
		} else {
			around++
		}
		var leftOut *capture.LeftOutError
		switch err := w.Write(&rewritten, comments...); {
		case errors.As(err, &leftOut):
			left++
		case err != nil:
			failed = err
			stop()
		}
	})
	if failed == nil && err == nil {
		failed = w.Finish(stats.Dropped)
	}
	if failed != nil {
		return &problem{fmt.Errorf("save %s: %v: %d packets are saved", name, plainError(failed), w.Saved()), "make room or name another place"}
	}
	if err != nil {
		return err
	}
	o.account(stderr, name, w.Saved(), around, hidden, p)
	if left > 0 {
		return &problem{fmt.Errorf("save %s: %s left out: a classic pcap file holds one link type", name, output.Count(left, "packet")), "a name ending in .pcapng takes all"}
	}
	return nil
}

// account tells what was saved.
func (o *extraction) account(stderr io.Writer, name string, saved, around, hidden uint64, p *picker) {
	var more string
	if around > 0 {
		more += fmt.Sprintf(", %d of them context", around)
	}
	if hidden > 0 {
		more += fmt.Sprintf("; left out: %d that cannot be made anonymous (not plain TCP over IP)", hidden)
	}
	if capture.FormatOf(o.destination) == capture.Pcap {
		more += "; without comments, which a name ending in .pcapng keeps"
	}
	if p.lost > 0 {
		more += fmt.Sprintf("; %d connections have no comments: too many", p.lost)
	}
	if !o.quiet || hidden > 0 {
		fmt.Fprintf(stderr, "tcptrack: %s of %s saved in %s%s\n", output.Count(saved, "packet"), output.Count(p.connections, "connection"), printable(name), more)
	}
}
