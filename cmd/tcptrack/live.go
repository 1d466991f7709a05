package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/rights"
	"github.com/tcptrack/tcptrack/output"
)

// liveOptions are the flags of live: those of read but for the files, and its own.
type liveOptions struct {
	readOptions
	interfaces []string
	snap       uint
	own        bool // not promiscuous
	duration   time.Duration
	capturing  capturing
	socketOptions
}

const liveExample = `  tcptrack live                               the interface of the default route
  tcptrack -i eth0 -i lo                      several, -i any for all
  tcptrack live -i eth0 tcp port 443          some of the packets
  tcptrack live -i eth0 -o json | jq .        JSON Lines, each at once
  tcptrack live -i eth0 --duration 30s --fail-on critical`

// newLive builds the command that captures.
func newLive() *cobra.Command {
	var o liveOptions
	cmd := &cobra.Command{
		Use:     "live [-i INTERFACE]... [FILTER]",
		Short:   "Watch interfaces: connections and findings as they happen",
		Example: liveExample,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && len(o.interfaces) == 0 {
				return &problem{fmt.Errorf("%s: live reads no file", args[0]), "interfaces are named by -i, and what stands behind is a filter; files are for tcptrack read"}
			}
			return o.filtering.words(args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return o.runLive(cmd) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.liveFlags(f)
	o.packetFlags(f)
	o.saving.add(f)
	o.formatFlags(f, "table")
	o.selection.add(cmd)
	f.Lookup("output").Usage += "; json where the output is no terminal"
	return cmd
}

// liveFlags adds the flags of capturing.
func (o *liveOptions) liveFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.interfaces, "interface", "i", nil, "capture from `INTERFACE`, as often as there are several; any for all")
	f.DurationVar(&o.duration, "duration", 0, "end the capture after `TIME`, as 30s or 5m")
	f.UintVarP(&o.snap, "snaplen", "s", capture.DefaultSnap, "keep `N` octets of each packet, 0 all; with -w all unless told")
	o.socketOptions.add(f)
	f.BoolVarP(&o.own, "no-promiscuous-mode", "p", false, "only what is addressed to this host")
	o.capturing.add(f)
}

// Flags that would say nothing where the other kind of source is read.
var (
	liveOnly = []string{"duration", "snaplen", "sockets", "no-promiscuous-mode", "backend", "netns", "fanout", "relinquish-privileges"}
	fileOnly = []string{"follow"}
)

// fits refuses flags that would do nothing: those of a live capture where captures are read, and the other way round.
func (o *liveOptions) fits(f *pflag.FlagSet, live bool) error {
	wrong, text, next := liveOnly, "a live capture, and nothing is captured here", "leave it out, or name an interface: -i INTERFACE"
	if live {
		wrong, text, next = fileOnly, "files, and an interface is captured from", "leave it out"
	}
	for _, name := range wrong {
		if f.Changed(name) {
			return &problem{fmt.Errorf("--%s is about %s", name, text), next}
		}
	}
	return nil
}

// take takes the arguments: behind -i or -r the words of a filter, else files.
func (o *liveOptions) take(cmd *cobra.Command, args []string) error {
	if len(o.interfaces) == 0 {
		return o.name(args)
	}
	if len(o.files) > 0 {
		return &problem{errors.New("an interface and a file at once"), fmt.Sprintf("%s -i INTERFACE captures, %[1]s FILE reads", cmd.CommandPath())}
	}
	return o.filtering.words(args)
}

// runLive captures until it is told to end, and shows what happens meanwhile.
func (o *liveOptions) runLive(cmd *cobra.Command) error {
	stop, err := profile(o.cpuProfile)
	if err != nil {
		return err
	}
	defer stop()
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	if !cmd.Flags().Changed("output") && (o.destination != "" && o.destination != "-" || !isTerminal(stdout)) {
		o.format = "json"
	}
	if o.duration < 0 {
		return &problem{fmt.Errorf("--duration %s: already over", o.duration), "a time to capture, as 30s or 5m"}
	}
	o.asItHappens = true
	ctx := cmd.Context()
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	if o.saving.name != "" && !cmd.Flags().Changed("snaplen") {
		o.snap = 0 // who saves packets wants them whole
	}
	o.liveOut = &liveOutput{name: o.answerName(), stderr: stderr}
	if o.tableWanted(stdout) {
		stderr = o.liveOut.open(stderr)
	}
	defer o.liveOut.screen.close()
	if err := o.capturing.begin(); err != nil {
		return err
	}
	defer o.capturing.end()
	o.opened = func() error {
		return o.capturing.relinquish(ctx, o.capturing.thread, &o.saving, stderr, o.quiet)
	}
	watch := watcher{stderr: stderr}
	if o.sockets {
		o.capturing.keep = []rights.Capability{rights.SysPtrace, rights.DACReadSearch} // to see whose a socket is
		if o.kernel, err = openKernel(o.capturing.thread.Do, stderr); err != nil {
			return err
		}
		if o.format == "json" && !cmd.Flags().Changed("events") {
			o.events += ",socket"
		}
	}
	open := func(checksum capture.ChecksumMode) (capture.Source, error) { return o.capture(checksum, stderr) }
	return o.track(ctx, stdout, stderr, time.Now().UnixNano(), open, watch.see, func(r *pipeline.Result) { o.account(stderr, &watch, r) })
}

// answerName is where the answer goes, in words.
func (o *liveOptions) answerName() string {
	if o.destination != "" && o.destination != "-" {
		return o.destination
	}
	return "standard output"
}

// capture opens the interfaces, that of the default route if none is named.
func (o *liveOptions) capture(checksum capture.ChecksumMode, stderr io.Writer) (capture.Source, error) {
	if err := o.capturing.fanning.check(); err != nil {
		return nil, err
	}
	names, why := o.interfaces, ""
	if len(names) == 0 {
		var name string
		var err error
		o.capturing.thread.Do(func() { name, err = capture.DefaultInterface() })
		if err != nil {
			return nil, &problem{err, "name an interface: tcptrack live -i any"}
		}
		names, why = []string{name}, ", where the default route leads"
	}
	snap := capture.MaxSnap
	if o.snap > 0 {
		snap = int(min(o.snap, capture.MaxSnap))
	}
	filter, err := o.filtering.parse()
	if err != nil {
		return nil, err
	}
	src, err := capture.Live(names, capture.LiveOptions{
		Backend: o.capturing.backend, Do: o.capturing.thread.Do,
		Checksum: checksum, MaxPackets: o.packets, Snap: snap, Promiscuous: !o.own, Filter: filter,
		Recorder: o.looksOn(), Rings: int(o.capturing.rings),
	})
	if err != nil {
		return nil, liveProblem(err, names)
	}
	o.liveOut.source = printable(strings.Join(names, ", "))
	if !o.quiet {
		fmt.Fprintf(stderr, "tcptrack: listening on %s%s; Ctrl-C ends\n", o.liveOut.source, why)
	}
	return src, nil
}

// liveProblem says what to do about an interface that cannot be opened.
func liveProblem(err error, names []string) error {
	var unknown *capture.NoInterfaceError
	var absent *capture.NoBackendError
	var alone *capture.FanOutError
	switch {
	case errors.As(err, &alone):
		return fanOutProblem(alone)
	case errors.As(err, &absent):
		return backendProblem(absent)
	case errors.As(err, &unknown):
		return &problem{err, nearestOf(unknown.Name, unknown.Have, "there are "+strings.Join(append(unknown.Have, capture.AnyInterface), ", "))}
	case errors.Is(err, fs.ErrPermission) && runtime.GOOS == "linux":
		return &problem{
			fmt.Errorf("%s: no right to capture", strings.Join(names, ", ")),
			fmt.Sprintf("give it to this program, once: sudo setcap cap_net_raw+ep %s\n  without it: sudo tcpdump -i %s -U -s %d -w - tcp | tcptrack read -, and all of read, diagnose and explain",
				quoted(thisBinary()), quoted(names[0]), capture.DefaultSnap),
		}
	}
	return err
}

// thisBinary is the path of the file that runs.
func thisBinary() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// watcher tells of what befalls the interfaces, at once.
type watcher struct {
	stderr io.Writer
	told   int // warnings
}

// see tells of the warnings that are new.
func (w *watcher) see(s capture.Stats) {
	for ; w.told < len(s.Warnings); w.told++ {
		fmt.Fprintf(w.stderr, "tcptrack: %s\n", printable(s.Warnings[w.told].String()))
	}
}

// account tells at the end what was captured and what came of it.
func (o *liveOptions) account(stderr io.Writer, w *watcher, r *pipeline.Result) {
	w.see(r.Capture)
	o.selection.account(stderr, &o.readOptions, r)
	if o.quiet {
		return
	}
	c, found := &r.Capture, 0
	for _, n := range r.Findings {
		found += n
	}
	frozen := ""
	if c.Freezes > 0 {
		frozen = fmt.Sprintf(" (the ring was full %s)", output.Count(c.Freezes, "time"))
	}
	fmt.Fprintf(stderr, "tcptrack: %s captured, %d dropped by the kernel%s, %s, %s\n", output.Count(c.Packets, "packet"), c.Dropped, frozen,
		output.Count(r.Tracker.Connections, "connection"), output.Count(uint64(found), "finding"))
}
