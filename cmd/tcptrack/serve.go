package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/rights"
	"github.com/tcptrack/tcptrack/output/web"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

const serveExample = `  tcptrack serve -i eth0                      the page at http://127.0.0.1:9293/
  tcptrack serve                              of the interface of the default route
  tcptrack serve hang.pcap                    of a capture
  tcptrack serve -i any --listen 0.0.0.0:9293 --token-file /etc/tcptrack/token
  ssh -L 9293:127.0.0.1:9293 server           the page of a server, from here
  curl 'http://127.0.0.1:9293/api/v1/connections?q=state:fin_wait1'`

// serveOptions are the flags of serve: those of live, files, and its own.
type serveOptions struct {
	liveOptions
	serving serving
}

// newServe builds the command that serves the page.
func newServe() *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:     "serve {[-i INTERFACE [FILTER]] | FILE...}",
		Short:   "Serve a page, a JSON API and metrics of interfaces or captures",
		Example: serveExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.take(cmd, args); err != nil {
				return err
			}
			if err := o.fits(cmd.Flags(), len(o.files) == 0); err != nil {
				return err
			}
			return o.serve(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.serving.add(f)
	o.liveFlags(f)
	o.sourceFlags(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print nothing but errors")
	o.thresholds.register(f)
	numericFlag(f)
	return cmd
}

// serve follows the source and answers requests, until it is interrupted.
func (o *serveOptions) serve(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	o.format, o.color = formatStory, "auto"
	shape, err := o.shape()
	if err != nil {
		return err
	}
	limits, err := o.thresholds.limits()
	if err != nil {
		return err
	}
	if err := o.serving.check(); err != nil {
		return err
	}
	live := len(o.files) == 0
	if live {
		if err := o.capturing.begin(); err != nil {
			return err
		}
		defer o.capturing.end()
	}
	doors, err := o.serving.open()
	if err != nil {
		return err
	}
	defer doors.close()
	kept, err := o.keep(live, limits)
	if err != nil {
		return err
	}
	src, err := o.source(ctx, live, shape.checksum, stdin, stderr)
	if err != nil {
		return err
	}
	store := web.NewStore(int(o.serving.rows), !live)
	defer store.Close()
	var here func(func())
	if live {
		here = o.capturing.thread.Do
	}
	counts := countBeside(store, here)
	network, local := web.NewServers(web.Config{
		Metrics: counts.metrics(), Agent: counts.agent(),
		Store: store, Token: o.serving.token, Hosts: o.serving.hosts, Version: version, Source: o.watched(), Live: live, Now: time.Now,
		Packets: kept, Log: log.New(stderr, "tcptrack: ", 0),
	})
	failed := doors.serve(network, local)
	if !o.quiet {
		fmt.Fprintf(stderr, "tcptrack: %s; Ctrl-C ends\n", doors)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case err := <-failed:
			stop(err)
		case <-ctx.Done():
		}
	}()
	err = o.feed(ctx, src, live, counts, limits, stderr)
	if err == nil {
		if ctx.Err() == nil && !o.quiet {
			fmt.Fprintln(stderr, "tcptrack: all is read, and served until Ctrl-C")
		}
		<-ctx.Done()
	}
	doors.stop(network, local)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

// keep says where the packets of a connection come from when somebody asks: captures are read again, what is captured or
// comes by a pipe is kept in a ring. A text trace has none.
func (o *serveOptions) keep(live bool, limits map[string]anomaly.Limits) (web.Packets, error) {
	switch {
	case !live && len(o.files) == 1 && isTrace(o.files[0]):
		return nil, nil
	case !live && readOnce(o.files) == "":
		return packets{filePackets{&o.readOptions}, limits}, nil
	}
	size, err := ringSize(o.serving.ring)
	if err != nil {
		return nil, err
	}
	ring := incident.NewLatest(size)
	o.saving.also = ring.Record
	return packets{ringPackets{ring}, limits}, nil
}

// source opens the interfaces, and gives up what rights are needed no longer, or the captures.
func (o *serveOptions) source(ctx context.Context, live bool, checksum capture.ChecksumMode, stdin io.Reader, stderr io.Writer) (capture.Source, error) {
	if !live {
		return o.open(checksum, stdin)
	}
	o.liveOut = &liveOutput{}
	src, err := o.capture(checksum, stderr)
	if err != nil {
		return nil, err
	}
	if o.sockets {
		o.capturing.keep = []rights.Capability{rights.SysPtrace, rights.DACReadSearch} // to see whose a socket is
		o.kernel, err = openKernel(o.capturing.thread.Do, stderr)
	}
	if err == nil {
		err = o.capturing.relinquish(ctx, o.capturing.thread, &saving{}, stderr, o.quiet)
	}
	if err != nil {
		src.Close()
		return nil, err
	}
	return src, nil
}

// watched says what is watched.
func (o *serveOptions) watched() string {
	if o.liveOut != nil {
		return o.liveOut.source
	}
	return printable(strings.Join(o.files, ", "))
}

// feed leads the source to its end, into the store.
func (o *serveOptions) feed(ctx context.Context, src capture.Source, live bool, store *countedStore, limits map[string]anomaly.Limits, stderr io.Writer) error {
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	watch, bar := watcher{stderr: stderr}, newProgress(stderr)
	progress := bar.show()
	if live {
		progress = watch.see
	}
	config := pipeline.Config{
		Sink: store, Transitions: true, Connections: true, Blame: true, Analysis: true, Zeek: true, Rules: limits, MaxConnections: bound(o.maxConnections, true, true),
		Progress: func(s capture.Stats) {
			store.seen = s
			if progress != nil {
				progress(s)
			}
		},
		Settled: store.look,
	}
	endAsking := o.kernel.join(&config, nil, nil)
	result, err := pipeline.Run(ctx, src, config)
	endAsking()
	bar.clear()
	if live {
		o.account(stderr, &watch, &result)
	} else {
		warn(stderr, result.Capture)
	}
	summary := summarise(result)
	o.kernel.summarise(summary)
	store.end(&result.Capture, result.Tracker)
	store.End(summary, meters(&result.Capture), time.Now().UnixNano())
	return err
}

// meters are what the capture has counted, for the store.
func meters(s *capture.Stats) web.Meters {
	return web.Meters{Packets: s.Packets, Segments: s.Segments, Dropped: s.Dropped, First: s.First}
}
