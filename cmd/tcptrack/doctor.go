package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/rights"
	"github.com/tcptrack/tcptrack/internal/sockets"
)

// health is how a check ended.
type health string

const (
	fine health = "ok"
	mind health = "note" // it works, and this should be known
	ill  health = "bad"  // capturing is impossible
)

// exam is one line of the doctor's.
type exam struct {
	Check string `json:"check"`
	State health `json:"state"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what helps
}

// newDoctor builds the command that says what would work here.
func newDoctor() *cobra.Command {
	var format string
	var where capturing
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether capturing works here, what may be lost, and what to do about it",
		Long:  "Say whether capturing works here, what may be lost, and what to do about it.\n\nExit code 0 when it works, 2 when it is impossible.",
		Args:  noWords,
		RunE:  func(cmd *cobra.Command, _ []string) error { return where.doctor(cmd.OutOrStdout(), format) },
	}
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`FORMAT`: table, json (JSON Lines)")
	where.addPlace(cmd.Flags())
	return cmd
}

// doctor makes all checks and writes them.
func (c *capturing) doctor(w io.Writer, format string) error {
	if format != "table" && format != "json" {
		return unknownWord("format", format, []string{"table", "json"})
	}
	if err := c.begin(); err != nil {
		return err
	}
	defer c.end()
	checks := []exam{c.backEnds(), effectiveRights(), c.opens()}
	checks = append(checks, c.offloads()...)
	checks = append(checks, backlog(readProc("/proc/net/softnet_stat")), clock(readProc("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
		socketsAtHand(), kernelVersion())
	possible := true
	for _, k := range checks {
		possible = possible && k.State != ill
		if err := k.write(w, format); err != nil {
			return err
		}
	}
	if !possible {
		return &verdict{exitUsage, "capturing is impossible here"}
	}
	return nil
}

func (k *exam) write(w io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(k)
	}
	_, err := fmt.Fprintf(w, "%-5s %-10s %s\n", k.State, k.Check, printable(k.Says))
	if err == nil && k.Do != "" {
		_, err = fmt.Fprintf(w, "%-16s %s\n", "", printable(k.Do))
	}
	return err
}

func (c *capturing) backEnds() exam {
	have := capture.Backends()
	switch {
	case len(have) == 0:
		return exam{"back ends", ill, "none in this build", "build with libpcap: go build -tags libpcap ./cmd/tcptrack"}
	case len(have) == 1 && have[0] == capture.BackendRing:
		return exam{"back ends", fine, "ring; without libpcap, which nothing here needs", ""}
	}
	return exam{"back ends", fine, strings.Join(have, ", "), ""}
}

// opens tries to capture from all interfaces.
func (c *capturing) opens() exam {
	src, err := capture.Live([]string{capture.AnyInterface}, capture.LiveOptions{Backend: c.backend, Do: c.thread.Do})
	if err != nil {
		text, next := shortReason(err), ""
		if errors.Is(err, fs.ErrPermission) {
			next = "give this program the right, once: " + setcapLine()
		}
		return exam{"capture", ill, text, next}
	}
	defer src.Close()
	size := capture.RingSize(src)
	switch {
	case size == 0:
		return exam{"capture", fine, "works through " + c.usual(), ""}
	case size < 64<<20:
		return exam{"capture", mind, fmt.Sprintf("works, but the kernel has only %d MiB for the ring instead of 64", size>>20), "free memory; until then bursts may be dropped, which is counted and told"}
	}
	return exam{"capture", fine, fmt.Sprintf("works, with a ring of %d MiB", size>>20), ""}
}

// offloads tells of interfaces whose packets are joined before they are captured.
func (c *capturing) offloads() (list []exam) {
	var ports []capture.Port
	var err error
	c.thread.Do(func() { ports, err = capture.Ports() })
	if err != nil {
		return []exam{{"offload", mind, err.Error(), ""}}
	}
	for _, p := range ports {
		if p.Link == "loopback" || !p.Up || len(p.Offload) == 0 {
			continue
		}
		list = append(list, exam{"offload", mind, fmt.Sprintf("%s: %s: segments are captured joined, sums of what is sent unfinished; states and findings stand, counts of segments are less",
			p.Name, strings.Join(p.Offload, ", ")), fmt.Sprintf("to see what is on the wire: sudo ethtool -K %s %s off", quoted(p.Name), strings.Join(p.Offload, " off "))})
	}
	if len(list) == 0 {
		list = []exam{{"offload", fine, "no interface joins segments", ""}}
	}
	return list
}

// backlog reads the kernel's counts of packets that it dropped before anybody could capture them.
func backlog(text string) exam {
	var dropped, squeezed uint64
	for line := range strings.Lines(text) {
		f := strings.Fields(line) // processed, dropped, squeezed, ... in base 16, a line a processor
		if len(f) < 3 {
			continue
		}
		d, _ := strconv.ParseUint(f[1], 16, 64)
		s, _ := strconv.ParseUint(f[2], 16, 64)
		dropped, squeezed = dropped+d, squeezed+s
	}
	switch {
	case text == "":
		return exam{"drops", mind, "what the kernel drops before the capture is not told here", ""}
	case dropped > 0:
		return exam{"drops", mind, fmt.Sprintf("the kernel has dropped %d packets since it started, before they could be captured", dropped),
			"raise the backlog: sudo sysctl net.core.netdev_max_backlog=10000"}
	}
	return exam{"drops", fine, fmt.Sprintf("the kernel has dropped none before the capture (out of time %d times)", squeezed), ""}
}

// clock judges what stamps the packets.
func clock(source string) exam {
	switch source {
	case "":
		return exam{"clock", mind, "what stamps packets is not told here", ""}
	case "hpet", "acpi_pm", "jiffies", "refined-jiffies", "pit":
		return exam{"clock", mind, source + ": slow or coarse; each packet's stamp costs, and round trips are blurred",
			"a machine with a stable tsc stamps better: see dmesg on clocksource"}
	}
	return exam{"clock", fine, source + ", stamps of the kernel to the nanosecond", ""}
}

func socketsAtHand() exam {
	if err := sockets.Available(); err != nil {
		return exam{"sockets", mind, "the kernel's own sockets cannot be read: " + err.Error(), "live --sockets needs INET_DIAG: sudo modprobe inet_diag tcp_diag"}
	}
	return exam{"sockets", fine, "INET_DIAG answers: live --sockets can ask the kernel", ""}
}

// shortReason is an error without what it is about.
func shortReason(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "no right to capture"
	}
	return strings.TrimPrefix(err.Error(), "capture: ")
}

func setcapLine() string {
	return "sudo setcap " + rights.NetRaw.String() + "+ep " + quoted(thisBinary())
}

// readProc reads a file of the kernel's, "" if there is none.
func readProc(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func kernelVersion() exam {
	if v := readProc("/proc/sys/kernel/osrelease"); v != "" {
		return exam{"kernel", fine, "Linux " + v, ""}
	}
	return exam{"kernel", mind, "not Linux: libpcap alone captures here", ""}
}
