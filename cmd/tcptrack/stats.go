package main

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/stats"
	"github.com/tcptrack/tcptrack/tracker"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	readOptions // where the answer goes
	kernel      bool
	namespace   string
	busiest     int
}

const statsExample = `  tcptrack stats --kernel                     this host's connections by port and state
  tcptrack stats --kernel --busiest 10        and the addresses that have most of them
  tcptrack stats --kernel -o csv              for a spreadsheet
  sudo tcptrack stats --kernel --netns PID    of a container`

var statsFormats = []string{"table", "json", "csv"}

// newStats builds the command that counts.
func newStats() *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:     "stats --kernel",
		Short:   "Count connections by port and state, as scripts around netstat do",
		Example: statsExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &problem{fmt.Errorf("%s: stats reads no file yet", args[0]), "tcptrack read -o summary counts what is in a capture"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return o.count(cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.kernel, "kernel", false, "count this host's sockets; no right to capture is needed")
	f.IntVar(&o.busiest, "busiest", 0, "list the `N` addresses with most connections too")
	f.StringVar(&o.namespace, "netns", "", "inside the network namespace `NAME|PID`, as of a container")
	f.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: table, json (JSON Lines), csv")
	f.StringVarP(&o.destination, "out", "O", "", "write to `FILE` instead of standard output")
	return cmd
}

// count asks the kernel, and prints the counts.
func (o *statsOptions) count(stdout io.Writer) error {
	switch {
	case !o.kernel:
		return &problem{errors.New("what is to be counted?"), "tcptrack stats --kernel counts this host's connections, tcptrack read -o summary FILE those of a capture"}
	case !slices.Contains(statsFormats, o.format):
		return unknownWord("format", o.format, statsFormats)
	case o.busiest < 0:
		return &problem{fmt.Errorf("--busiest %d: less than none", o.busiest), "name how many addresses are to be listed"}
	}
	tally, err := o.tallyKernel()
	if err != nil {
		return err
	}
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	switch o.format {
	case "json":
		err = stats.JSON(out, tally, o.busiest, "kernel")
	case "csv":
		err = stats.CSV(out, tally, "kernel")
	default:
		err = stats.Table(out, tally, o.busiest, widthOf(out))
	}
	return errors.Join(err, closeOut())
}

// tallyKernel counts the sockets of this host, or of a network namespace of it.
func (o *statsOptions) tallyKernel() (*stats.Tally, error) {
	within := capturing{namespace: o.namespace}
	if err := within.begin(); err != nil {
		return nil, err
	}
	defer within.end()
	var r *sockets.Reader
	var err error
	within.thread.Do(func() { r, err = sockets.Open() })
	if err != nil {
		return nil, err
	}
	defer r.Close()

	// Who listens is asked first: it says which ends are a server's.
	tally, listens := stats.New(), listeners{}
	err = r.Scan(tcp.Set(tcp.Listen), func(s *sockets.Socket) bool {
		listens[s.Local] = true
		tally.Add(endOf(s, true))
		return true
	})
	if err == nil {
		err = r.Scan(connected, func(s *sockets.Socket) bool {
			tally.Add(endOf(s, listens.at(s.Local) || s.Local.Port < s.Remote.Port && !listens.at(s.Remote)))
			return true
		})
	}
	if err != nil {
		return nil, &problem{err, "this needs a kernel with CONFIG_INET_TCP_DIAG; netstat -tan reads /proc instead"}
	}
	return tally, nil
}

// listeners are where somebody listens.
type listeners map[tcp.Endpoint]bool

// at says that a connection to there is a listener's: one of that address, or one of all; that of all IPv6 addresses takes
// IPv4 too.
func (l listeners) at(e tcp.Endpoint) bool {
	return l[e] || !e.V6 && l[tcp.Endpoint{Addr: tcp.AddrFrom4(0), Port: e.Port}] || l[tcp.Endpoint{Port: e.Port, V6: true}]
}

// endOf puts a socket in the words of the counts. A server's is one at whose address somebody listens; where its listener has gone, and no
// listener is known of the other port either, the one with the lower port, as a client's comes from the high ones.
func endOf(s *sockets.Socket, server bool) *stats.End {
	e := &stats.End{Orphan: s.Orphan(), Unaccepted: s.Unaccepted(), RecvQueue: uint64(s.RecvQueue), SendQueue: uint64(s.SendQueue), Memory: s.Memory.Total()}
	e.Key = stats.Key{Port: s.Remote.Port, Side: tracker.Client, State: s.State}
	if server {
		e.Port, e.Side = s.Local.Port, tracker.Server
	}
	if s.State != tcp.Listen {
		e.Peer = s.Remote.IP()
	}
	return e
}
