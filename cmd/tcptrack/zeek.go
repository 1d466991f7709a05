package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/tracker"
)

// formatZeek is Zeek's conn.log.
const formatZeek = "zeek"

// zeekOptions are the flags of what Zeek would say.
type zeekOptions struct {
	list    string
	servers *tracker.Ports // nil: Zeek's own list
}

// zeekDefault stands for the ports of Zeek's default scripts.
const zeekDefault = "zeek"

func (z *zeekOptions) add(f *pflag.FlagSet) {
	f.StringVar(&z.list, "zeek-server-ports", zeekDefault,
		"`PORTS` where conn_state and history expect servers if the SYN was not seen: zeek (its likely_server_ports), none, or as zeek,8443,9000-9010")
}

// parse reads the list of ports.
func (z *zeekOptions) parse() error {
	if z.list == zeekDefault || z.list == "" { // or the command has no such flag
		return nil
	}
	z.servers = new(tracker.Ports)
	if z.list == "none" {
		return nil
	}
	for _, item := range strings.Split(z.list, ",") {
		if item = strings.TrimSpace(item); item == zeekDefault {
			for _, port := range tracker.ZeekServers {
				z.servers.Add(port)
			}
			continue
		}
		first, last, isRange := strings.Cut(item, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 16)
		to, wrong := strconv.ParseUint(last, 10, 16)
		if err != nil || wrong != nil || from > to {
			return &problem{fmt.Errorf("--zeek-server-ports: %q is not a port", item), "give ports and ranges of them, as zeek,8443,9000-9010, or none"}
		}
		for port := from; port <= to; port++ {
			z.servers.Add(uint16(port))
		}
	}
	return nil
}
