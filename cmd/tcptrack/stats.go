package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/output/stats"
)

// statsOptions are the flags of stats.
type statsOptions struct {
	liveOptions
	kernel  bool
	both    bool
	busiest int
	ports   bool // all of them
	side    string
	at      string
	every   time.Duration
	days    dayOptions
	headed  bool // csv has its head
}

const statsExample = `  tcptrack stats hang.pcap                    connections by port and state, and who has most
  tcptrack stats --at 8.0s hang.pcap          as it was 8 seconds after the first packet
  tcptrack stats --every 10s hang.pcap        as a time line
  tcptrack stats -Y 'port:443' --busiest 100 hang.pcap
                                              the addresses that came to one port
  tcptrack stats -i eth0 --duration 30s       of an interface
  tcptrack stats --both -i eth0 --duration 30s
                                              and this host's sockets beside them
  tcptrack stats --days DIR *.pcap            and note the clients of each day
  tcptrack stats --days DIR                   clients by day, new ones, and who comes again
  tcptrack stats --redis redis://localhost/0 *.pcap
                                              the same, in a Redis server
  tcptrack stats --kernel                     this host's sockets by port and state
  tcptrack stats --kernel -o csv              for a spreadsheet
  sudo tcptrack stats --kernel --netns PID    of a container`

// portsShown is how many ports the table lists unless all are asked for: a scan has thousands.
const portsShown = 20

var (
	statsFormats = []string{"table", "json", "csv"}
	sideWords    = []string{"server", "client"}
)

// newStats builds the command that counts.
func newStats() *cobra.Command {
	var o statsOptions
	cmd := &cobra.Command{
		Use:     "stats {FILE... | -i INTERFACE [FILTER] | --kernel}",
		Short:   "Count connections by port, state and client, as scripts around netstat do",
		Example: statsExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.take(cmd, args); err != nil {
				return err
			}
			return o.count(cmd)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.countFlags(f)
	o.sourceFlags(f)
	f.StringArrayVarP(&o.interfaces, "interface", "i", nil, "capture from `INTERFACE`, as often as there are several; any for all")
	f.DurationVar(&o.duration, "duration", 0, "end the capture after `TIME`, as 30s or 5m")
	f.UintVarP(&o.snap, "snaplen", "s", capture.DefaultSnap, "keep `N` octets of each packet, 0 all")
	f.BoolVarP(&o.own, "no-promiscuous-mode", "p", false, "only what is addressed to this host")
	o.capturing.add(f)
	o.selection.add(cmd)
	f.Lookup("where").Usage = "count the connections that `EXPR` means, as 'port:443 state:fin_wait1'; tcptrack help selection"
	return cmd
}

// countFlags adds the flags that say what is counted, and how the answer looks.
func (o *statsOptions) countFlags(f *pflag.FlagSet) {
	f.BoolVar(&o.kernel, "kernel", false, "count this host's sockets; no right to capture is needed")
	f.BoolVar(&o.both, "both", false, "compare what passes by -i for --duration with this host's sockets at its end")
	f.StringVar(&o.at, "at", "", "count what lives at `MOMENT`: 8.0s since the first packet, #902 behind a packet, 2026-11-22T06:43:29Z")
	f.DurationVar(&o.every, "every", 0, "count what lives every `TIME`, as 10s: a time line")
	f.StringVar(&o.side, "side", "server", "count by the states of `SIDE`: server, client")
	o.days.add(f)
	f.IntVar(&o.busiest, "busiest", 5, "list the `N` addresses with most connections too")
	f.BoolVar(&o.ports, "all", false, fmt.Sprintf("every port in the table, not the %d fullest", portsShown))
	f.StringVarP(&o.format, "output", "o", "table", "`FORMAT`: table, json (JSON Lines), csv")
	f.StringVarP(&o.destination, "out", "O", "", "write to `FILE` instead of standard output")
	numericFlag(f)
}

// count counts what is asked for, and prints it.
func (o *statsOptions) count(cmd *cobra.Command) error {
	o.liveOut = &liveOutput{}
	if err := o.checkCounting(cmd.Flags()); err != nil {
		return err
	}
	if o.days.asked() && len(o.files)+len(o.interfaces) == 0 {
		return o.tellDays(cmd.OutOrStdout())
	}
	if o.kernel {
		tally, err := o.tallyKernel()
		if err != nil {
			return err
		}
		return o.print(cmd.OutOrStdout(), &stats.Answer{Tally: tally, Source: "kernel"})
	}
	return o.countCapture(cmd)
}

// checkCounting refuses what does not go together, before anything is opened.
func (o *statsOptions) checkCounting(f *pflag.FlagSet) error {
	asked := 0
	for _, is := range []bool{o.kernel, len(o.files) > 0, len(o.interfaces) > 0} {
		if is {
			asked++
		}
	}
	switch {
	case asked == 0 && !o.both && !o.days.asked() && len(o.days.overlap) == 0:
		return &problem{errors.New("what is to be counted?"), "tcptrack stats FILE counts the connections of a capture, stats -i INTERFACE those that pass by, stats --kernel this host's sockets"}
	case o.kernel && asked > 1:
		return &problem{errors.New("--kernel counts sockets, and no capture at the same time"), "leave --kernel out, or the captures"}
	case !slices.Contains(statsFormats, o.format):
		return unknownWord("format", o.format, statsFormats)
	case !slices.Contains(sideWords, o.side):
		return unknownWord("side", o.side, sideWords)
	case o.busiest < 0:
		return &problem{fmt.Errorf("--busiest %d: less than none", o.busiest), "name how many addresses are to be listed"}
	case o.at != "" && f.Changed("every"):
		return &problem{errors.New("--at is one moment, --every many"), "choose one of them"}
	case f.Changed("every") && o.every < time.Millisecond:
		return &problem{fmt.Errorf("--every %s: too often", o.every), "1ms is the least, 10s is usual"}
	}
	if err := o.checkDays(asked); err != nil {
		return err
	}
	switch {
	case o.both:
		return o.checkBoth()
	case o.kernel:
		return o.checkKernel(f)
	}
	return o.fits(f, len(o.interfaces) > 0)
}

// checkKernel refuses the flags of captures where sockets are counted.
func (o *statsOptions) checkKernel(f *pflag.FlagSet) error {
	names := append([]string{"at", "every", "where", "side", "filter", "count", "checksum", "max-connections"}, append(liveOnly, fileOnly...)...)
	for _, name := range names {
		if f.Changed(name) && name != "netns" { // there are sockets in others
			return &problem{fmt.Errorf("--%s is about a capture, and --kernel looks at the sockets of now", name), "leave it out, or name a capture instead of --kernel"}
		}
	}
	return nil
}

// checkDays refuses what --days, --redis and --overlap cannot do; asked says whether something is counted.
func (o *statsOptions) checkDays(asked int) error {
	switch {
	case o.days.directory == "--redis":
		return &problem{errors.New("--days wants a directory, and --redis a URL"), "--redis URL stands in the place of --days DIR"}
	case o.days.directory != "" && o.days.redis != "":
		return &problem{errors.New("--days and --redis are two places for the same"), "name one of them"}
	case !o.days.asked() && len(o.days.overlap) == 0:
		return nil
	case !o.days.asked() || len(o.days.overlap) > 0 && asked > 0:
		return &problem{errors.New("--overlap is about the days that --days or --redis has noted"), "tcptrack stats --days DIR --overlap 2026-11-21,2026-11-22"}
	case o.kernel || o.both || o.at != "" || o.every > 0:
		return &problem{errors.New("--days and --redis note all clients of a capture"), "leave --kernel, --both, --at and --every out"}
	}
	return nil
}

// print writes one answer to where it goes.
func (o *statsOptions) print(stdout io.Writer, a *stats.Answer) error {
	out, closeOut, err := o.destine(stdout)
	if err != nil {
		return err
	}
	return errors.Join(o.write(out, a, widthOf(out)), closeOut())
}

// write writes an answer in the format asked for.
func (o *statsOptions) write(out io.Writer, a *stats.Answer, width int) error {
	a.Busiest = o.busiest
	if !o.ports {
		a.Ports = portsShown
	}
	switch o.format {
	case "json":
		return a.JSON(out)
	case "csv":
		head := !o.headed
		o.headed = true
		return a.CSV(out, head)
	}
	return a.Table(out, width)
}
