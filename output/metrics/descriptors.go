package metrics

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Descriptor is the manual of one metric.
type Descriptor struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Labels []string
	Help   string

	desc *prometheus.Desc
}

// Descriptors lists the metrics in the order of the manual.
func Descriptors() []*Descriptor { return descriptors }

// other is the label of the ports that are not named.
const other = "other"

var descriptors []*Descriptor

func describe(kind, name, help string, labels ...string) *Descriptor {
	d := &Descriptor{name, kind, labels, help, prometheus.NewDesc(name, help, labels, nil)}
	descriptors = append(descriptors, d)
	return d
}

var (
	connections = describe("gauge", "tcptrack_connections", fmt.Sprintf(
		"Connections that live, by the server's port (the %d fullest, and other) and by the state of each end. A half-open one is SYN_SENT and CLOSED.", census.MaxPorts),
		"server_port", "client_state", "server_state")
	begun = describe("counter", "tcptrack_connections_begun_total", "Connections seen, those that began before the capture too.")
	ended = describe("counter", "tcptrack_connections_ended_total",
		"Connections that ended, by how: fin, rst, refused, half-closed, unopened, timeout, or open where they were evicted or the input ended.", "how")
	evicted = describe("counter", "tcptrack_connections_evicted_total",
		"Connections forgotten because --max-connections was reached: the finished first, the stuck last.")
	stuck = describe("gauge", "tcptrack_stuck_connections",
		"Connections on which nothing moves: an open finding of "+codes(census.Stuck)+". By the server's port.", "server_port")
	zeroWindow = describe("gauge", "tcptrack_zero_window_longest_seconds",
		"For how long the longest shut window has been shut, 0 for none: "+anomaly.ZeroWindow.Cause+" By the server's port.", "server_port")
	open = describe("gauge", "tcptrack_findings_open",
		"Findings that go on, by code and present severity; tcptrack explain CODE has the manual.", "code", "severity")
	found     = describe("counter", "tcptrack_findings_total", "Findings, by code and the severity that they have at first.", "code", "severity")
	withdrawn = describe("counter", "tcptrack_findings_withdrawn_total", "Findings that turned out otherwise.", "code")
	manual    = describe("gauge", "tcptrack_finding_info", "What each code means; always 1.", "code", "severity", "title", "culprits")
	duration  = describe("histogram", "tcptrack_connection_duration_seconds", "Time from first to last packet of connections that ended.")
	roundTrip = describe("histogram", "tcptrack_round_trip_seconds",
		"Mean round trip from where the capture is taken to that side and back, of connections that ended.", "side")
	packets = describe("counter", "tcptrack_packets_total",
		"Packets read, by verdict: followed, duplicate (captured twice), bad-checksum, or why they were not followed.", "verdict")
	dropped = describe("counter", "tcptrack_dropped_packets_total",
		"Packets lost, by place: kernel (its ring was full, or so the file says), fragments (datagrams that were never complete).", "place")
	ringFull  = describe("counter", "tcptrack_ring_full_total", "How often the kernel's ring was full.")
	backwards = describe("counter", "tcptrack_time_backwards_total", "Packets stamped earlier than one before them.")
	captured  = describe("gauge", "tcptrack_capture_time_seconds", "How far the capture has come, Unix time; it stands still where nothing is captured any more.")
	build     = describe("gauge", "tcptrack_build_info", "This program; always 1.", "version", "goversion", "backend")
)

// codes lists the codes of rules with what they say.
func codes(rules []*anomaly.Rule) string {
	var list []string
	for _, r := range rules {
		list = append(list, r.Code+" ("+r.Title+")")
	}
	return strings.Join(list, ", ")
}
