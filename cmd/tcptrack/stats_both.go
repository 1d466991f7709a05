package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/netip"
	"time"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/tracker"
)

// comparing is the look of stats --both at the kernel's sockets and at the wire at the same moment.
type comparing struct {
	reader *sockets.Reader
	local  map[netip.Addr]bool // this host's
	moment time.Time
	asked  chan inventory // the kernel's answer, one
	both   *stats.Both    // nil before the moment
	err    error
}

// inventory is what the kernel has at a moment.
type inventory struct {
	listens listeners
	states  map[socket]tracker.State
	leftOut uint64
	err     error
}

// checkBoth refuses what --both cannot do.
func (o *statsOptions) checkBoth() error {
	switch {
	case o.kernel:
		return &problem{errors.New("--both has the kernel's sockets in it"), "leave --kernel out"}
	case len(o.files) > 0 || len(o.interfaces) == 0 || o.duration <= 0:
		return &problem{errors.New("--both looks at an interface and at this host's sockets at the same time"), "tcptrack stats --both -i INTERFACE --duration 30s"}
	case o.at != "" || o.every > 0 || o.selection.text != "":
		return &problem{errors.New("--both is about all sockets, at the end of --duration"), "leave --at, --every and -Y out"}
	}
	return nil
}

// compare lets a run be compared with what the kernel says at the end of --duration. It is asked until stop is called.
func (o *statsOptions) compare(ctx context.Context, config *pipeline.Config) (c *comparing, stop func(), err error) {
	c = &comparing{local: map[netip.Addr]bool{}, asked: make(chan inventory, 1), moment: time.Now().Add(o.duration)}
	var addrs []net.Addr
	o.capturing.thread.Do(func() { // while the rights for that are there
		if addrs, err = net.InterfaceAddrs(); err == nil {
			c.reader, err = sockets.Open()
		}
	})
	if err != nil {
		return nil, nil, &problem{err, "without --both all is counted from the wire alone"}
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			c.local[prefix.Addr().WithZone("")] = true
		}
	}
	config.Moments = []pipeline.Moment{{Time: c.moment.UnixNano()}}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(ctx)
	}()
	return c, func() {
		cancel()
		<-ended
	}, nil
}

// run asks the kernel at the moment.
func (c *comparing) run(ctx context.Context) {
	defer c.reader.Close()
	defer close(c.asked)
	timer := time.NewTimer(time.Until(c.moment))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		c.asked <- takeInventory(c.reader)
	}
}

// takeInventory asks for all sockets, of which maxSockets are kept.
func takeInventory(r *sockets.Reader) inventory {
	v := inventory{listens: listeners{}, states: map[socket]tracker.State{}}
	v.err = r.Scan(tcp.Set(tcp.Listen), func(s *sockets.Socket) bool {
		v.listens[s.Local] = true
		return true
	})
	if v.err != nil {
		return v
	}
	v.err = r.Scan(connected, func(s *sockets.Socket) bool {
		if len(v.states) >= maxSockets {
			v.leftOut++
			return true
		}
		flow, local := s.Flow()
		v.states[socket{flow, local}] = s.State
		return true
	})
	return v
}

// at compares. The packets of the moment have come by now, or later ones: the kernel has been asked, and answers soon.
func (c *comparing) at(living iter.Seq[tracker.View]) {
	v, ok := <-c.asked
	if !ok {
		return // told to end
	}
	c.both, c.err = stats.NewBoth(), v.err
	c.both.LeftOut = v.leftOut
	for w := range living {
		client, server := w.Endpoints()
		flow, dir := tcp.MakeFlow(client.Addr, server.Addr, client.Port, server.Port, client.V6)
		for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
			own, at := client, socket{flow, dir}
			if side == tracker.Server {
				own, at = server, socket{flow, dir.Other()}
			}
			end, k := w.End(side), stats.Key{Port: server.Port, Side: side}
			switch state, has := v.states[at]; {
			case has:
				k.State = state
				c.both.Seen(k, end.State(), end.Possible())
				delete(v.states, at)
			case c.local[own.IP()] && end.State() != tracker.Closed && v.leftOut == 0:
				k.State = end.State()
				c.both.Lone(k)
			}
		}
	}
	for s, state := range v.states {
		local, remote := s.flow.Ends()
		if s.local == tcp.FromB {
			local, remote = remote, local
		}
		k := stats.Key{Port: remote.Port, Side: tracker.Client, State: state}
		if v.listens.serves(local, remote) {
			k.Port, k.Side = local.Port, tracker.Server
		}
		c.both.Silent(k)
	}
}

// end prints what came of it.
func (c *comparing) end(o *statsOptions, out io.Writer, width int) error {
	switch {
	case c.err != nil:
		return &problem{c.err, "this needs a kernel with CONFIG_INET_TCP_DIAG; without --both all is counted from the wire alone"}
	case c.both == nil:
		return &problem{errors.New("ended before the moment at which kernel and wire are compared"), "--duration says when that is"}
	case o.format == "json":
		return c.both.JSON(out)
	case o.format == "csv":
		return c.both.CSV(out)
	}
	return c.both.Table(out, width)
}
