package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// socketOptions are the flags of live that ask the kernel.
type socketOptions struct{ sockets bool }

func (o *socketOptions) add(f *pflag.FlagSet) {
	f.BoolVar(&o.sockets, "sockets", false, "ask this host's kernel as well, each second and at findings: states, queues, timers, owners")
}

// kernel merges what the local kernel says into the events of a run. It is a pipeline.Kernel, and stands between the
// events and their writer; all of it runs on the goroutine that tracks.
type kernel struct {
	pipeline.Sink
	tell   func(*output.Socket) // nil: the format does not show it
	asker  *asker
	stderr io.Writer

	selected *sieve // nil: all
	now      answers
	at       int                   // of now.words, which is heard next
	hearing  *tracker.Word         // while the tracker does
	known    map[uint64]*knowledge // by number of the connection
	count    output.Kernel
}

// knowledge is what the kernel has said of a connection of which an end closes or something waits, and who asked.
type knowledge struct {
	latest [2]*tracker.Word // by side
	asked  map[*anomaly.Rule]anomaly.Severity
}

// about is the knowledge of a connection.
func (k *kernel) about(conn uint64) *knowledge {
	x := k.known[conn]
	if x == nil {
		x = &knowledge{}
		k.known[conn] = x
	}
	return x
}

// openKernel makes ready to ask the kernel of the network namespace in which do runs a function.
func openKernel(do func(func()), stderr io.Writer) (*kernel, error) {
	a, err := newAsker(do)
	if err != nil {
		return nil, err
	}
	return &kernel{asker: a, stderr: stderr, known: map[uint64]*knowledge{}}, nil
}

// join puts the kernel's word into a run: it stands before the sink, and writer shows what it has to say itself of the
// connections that are selected, of all with nil. It is asked until stop is called.
func (k *kernel) join(cfg *pipeline.Config, writer output.Writer, selected *sieve) (stop func()) {
	if k == nil {
		return func() {}
	}
	k.Sink = cfg.Sink
	k.selected = selected
	if w, ok := writer.(interface{ Socket(*output.Socket) }); ok {
		k.tell = w.Socket
	}
	cfg.Sink, cfg.Kernel, cfg.Connections = k, k, true
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.asker.run(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// summarise counts what came of it.
func (k *kernel) summarise(s *output.Summary) {
	if k != nil {
		s.Kernel = &k.count
	}
}

// Next is pipeline.Kernel's.
func (k *kernel) Next(now int64) *tracker.Word {
	for k.at == len(k.now.words) {
		select {
		case k.now = <-k.asker.answers:
			k.at = 0
			k.count.Scans = k.now.scans
			k.count.LeftOut += k.now.leftOut
			if err := k.now.failed; err != nil {
				fmt.Fprintf(k.stderr, "tcptrack: %s; what it does not say is told from the wire alone\n", printable(err.Error()))
			}
		default:
			return nil
		}
	}
	w := &k.now.words[k.at]
	if w.Hearable() > now {
		return nil
	}
	k.at++
	k.hearing = w
	return w
}

// Heard is pipeline.Kernel's.
func (k *kernel) Heard(w *tracker.Word, h tracker.Heard) {
	k.hearing = nil
	if h.Answer == tracker.Unfollowed {
		return
	}
	k.count.Words++
	if h.Answer != tracker.Restless {
		k.count.Compared++
	}
	switch h.Answer {
	case tracker.Settled:
		k.count.Settled++
	case tracker.Differed:
		k.count.Differences++
	}
	k.keep(h.View.Num(), h.Side, w)
	if k.tell == nil || !k.now.asked && h.Answer != tracker.Differed {
		return
	}
	if k.selected != nil && !k.selected.passes(h.View.Num(), func() (tracker.View, bool) { return h.View, true }) {
		return
	}
	s := output.Socket{Word: *w, Conn: h.View.Num(), Packet: h.View.Packet(), Side: h.Side, Wire: h.Wire, Possible: h.Possible, Differs: h.Answer == tracker.Differed}
	s.Client, s.Server = h.View.Endpoints()
	k.tell(&s)
}

// keep remembers the latest word on an end, for the findings to come, where there is anything to it.
func (k *kernel) keep(conn uint64, side tracker.Side, w *tracker.Word) {
	if w.State == tracker.Established && w.SendQueue == 0 && w.RecvQueue == 0 && w.PID == 0 {
		if x := k.known[conn]; x != nil {
			x.latest[side] = nil
		}
		return
	}
	x, word := k.about(conn), *w
	if old := x.latest[side]; old != nil && word.Owner() == "unknown" {
		word.PID, word.Command, word.Denied = old.PID, old.Command, old.Denied // nobody has looked again
	}
	x.latest[side] = &word
}

// Finding shows what the kernel says beside the finding, and asks it about what is new.
func (k *kernel) Finding(f *anomaly.Finding) {
	if !f.Population {
		k.attach(f)
		if f.Status == anomaly.Open {
			k.ask(f)
		}
	}
	k.Sink.Finding(f)
}

// ask asks the kernel about a finding that is new or graver than before.
func (k *kernel) ask(f *anomaly.Finding) {
	x := k.about(f.Conn)
	if last, ok := x.asked[f.Rule]; ok && f.Severity <= last {
		return
	}
	if x.asked == nil {
		x.asked = map[*anomaly.Rule]anomaly.Severity{}
	}
	x.asked[f.Rule] = f.Severity
	select {
	case k.asker.questions <- question{f.Client, f.Server}:
	default:
		k.count.LeftOut++
	}
}

// attach puts the word on the end that the finding is about beside it: that which waits where a window is shut.
func (k *kernel) attach(f *anomaly.Finding) {
	f.Kernel = nil
	if k.hearing != nil { // it has raised the finding
		w := new(*k.hearing)
		own, peer := w.Flow.Ends()
		if w.Local == tcp.FromB {
			own, peer = peer, own
		}
		if own == f.Client && peer == f.Server {
			f.Kernel, f.KernelSide = w, tracker.Client
			return
		}
		if own == f.Server && peer == f.Client {
			f.Kernel, f.KernelSide = w, tracker.Server
			return
		}
	}
	x := k.known[f.Conn]
	if x == nil {
		return
	}
	side := f.Side
	if f.Rule == &anomaly.ZeroWindow {
		side = side.Other()
	}
	for _, s := range [...]tracker.Side{side, side.Other()} {
		if x.latest[s] != nil {
			f.Kernel, f.KernelSide = x.latest[s], s
			return
		}
	}
}

// Connection forgets a connection that retires.
func (k *kernel) Connection(c *tracker.Connection) {
	delete(k.known, c.Conn)
	k.Sink.Connection(c)
}
