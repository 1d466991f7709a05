package csv

import (
	"bytes"
	"encoding/csv"
	"errors"
	"net/netip"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

func TestRow(t *testing.T) {
	var out bytes.Buffer
	w := New(&out)
	c := &tracker.Connection{Conn: 7, Streams: []uint32{7, 9}, Start: 1_500_000_000, Last: 3_750_000_000, Closed: true, ClosedBy: tracker.Server, How: tracker.HowFIN, Findings: []string{"zero-window-stall", "port-reuse"}}
	c.Client = tracker.End{Endpoint: tcp.EndpointFrom(netip.MustParseAddrPort("[2001:db8::1]:4000")), State: tracker.TimeWait, Basis: tracker.Proven,
		Possible: tcp.Set(tracker.TimeWait, tracker.Closed), ShutTotal: 1_250_000_000, RTT: tracker.RTT{N: 1, Min: 250_000, Mean: 500_000, Max: 1_000_000}}
	c.Server.Endpoint = tcp.EndpointFrom(netip.MustParseAddrPort("[2001:db8::2]:80"))
	c.Blamed, c.Life, c.Half, c.HalfClosed = true, 2_250_000_000, true, 125_000
	c.Client.Blame[tracker.BlameWindowShut] = 1_250_000_001
	c.Server.Analysis[tracker.DuplicateACK] = 3
	c.Client.Acked, c.Client.UnackedBytes = true, 11
	w.Connection(c)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%q, %v", rows, err)
	}
	cell := map[string]string{}
	for i, name := range rows[0] {
		cell[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"conn": "7", "streams": "7 9", "start": "1970-01-01T00:00:01.500000000Z", "duration_s": "2.25", "closed_by": "server", "how": "fin", "findings": "zero-window-stall port-reuse",
		"client_ip": "2001:db8::1", "client_port": "4000", "client_state": "TIME_WAIT", "client_basis": "proven", "client_possible": "CLOSED|TIME_WAIT",
		"client_zero_window_s": "1.25", "client_rtt_min_ms": "0.25", "client_rtt_max_ms": "1", "server_rtt_min_ms": "", "life_ms": "2250", "half_closed_ms": "0.125",
		"client_blame_window_shut_ms": "1250.000001", "client_blame_flowing_ms": "0", "client_unacked_bytes": "11", "server_unacked_bytes": "", "server_analysis_duplicate_ack": "3", "client_analysis_duplicate_ack": "0", "community_id": "1:umfOxHs35YmadlXe8r6wD4dUrMM=", "server_state": "UNKNOWN",
	} {
		if cell[name] != want {
			t.Errorf("%s is %q, not %q", name, cell[name], want)
		}
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestFlushTellsOfAFailedWrite(t *testing.T) {
	if err := New(full{}).Flush(); err != errFull {
		t.Errorf("%v", err)
	}
}
