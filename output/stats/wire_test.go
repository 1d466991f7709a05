package stats

import (
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// line is a connection of client 10.0.0.PEER with a server's port, in two states.
func conn(num uint64, peer byte, port uint16, client, server tracker.State) *tracker.Connection {
	c := &tracker.Connection{Conn: num}
	c.Client.Endpoint = tcp.Endpoint{Addr: tcp.AddrFrom4(10<<24 | uint32(peer)), Port: 40000 + uint16(num)}
	c.Server.Endpoint = tcp.Endpoint{Addr: tcp.AddrFrom4(192<<24 | 1), Port: port}
	c.Client.State, c.Server.State = client, server
	return c
}

// Connections are counted once, by the states of the side that is asked for, those alone that are selected.
func TestWire(t *testing.T) {
	want, err := query.Parse("port:443")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWire(tracker.Server, want)
	f := &anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "1-zero-window-stall-1", Severity: anomaly.Critical, Hidden: tracker.HiddenLikely}
	f.Conn = 1
	w.Finding(f)
	hides := conn(1, 2, 443, tracker.Established, tracker.Established)
	hides.Server.Possible = tcp.Set(tracker.Established, tracker.FinWait1)
	seen := 0
	w.Seen = func(_ *tracker.Connection, ill bool) {
		if seen++; ill != (seen == 2) {
			t.Errorf("ill: %v", ill)
		}
	}
	for _, c := range []*tracker.Connection{
		conn(0, 1, 443, tracker.Closed, tracker.TimeWait), hides, conn(2, 2, 443, tracker.TimeWait, tracker.Closed),
		conn(3, 2, 443, tracker.Established, tracker.Unknown), conn(4, 3, 80, tracker.Established, tracker.Established),
	} {
		w.Connection(c)
	}
	a := w.Whole()
	a.Busiest = 1
	var b strings.Builder
	if err := a.Table(&b, 120); err != nil || seen != 4 {
		t.Fatal(err, seen)
	}
	if got := b.String(); got != wire {
		t.Errorf("got\n%s\nwant\n%s", got, wire)
	}
	b.Reset()
	a.Table(&b, 50) // the matrix does not fit: a list
	if !strings.Contains(b.String(), "ESTABLISHED  UNKNOWN          1\n") {
		t.Errorf("no list in\n%s", b.String())
	}
}

const wire = `PORT  SIDE    STATE        CONNS  CLIENTS  BUSIEST CLIENT  ILL  WHICH MEANS
 443  server  UNKNOWN          1        1  10.0.0.2 (1)
 443  server  CLOSED           1        1  10.0.0.2 (1)
 443  server  ESTABLISHED      1        1  10.0.0.2 (1)      1
 443  server  TIME_WAIT        1        1  10.0.0.1 (1)         it closed first
 443  server  all              4        2  10.0.0.2 (3)      1

CLIENT \ SERVER  UNKNOWN  CLOSED  ESTABLISHED  TIME_WAIT
CLOSED                                                 1
ESTABLISHED            1                    1
TIME_WAIT                      1

CLIENT    CONNS  IN STATE
10.0.0.2      3  UNKNOWN 1, CLOSED 1, ESTABLISHED 1
4 connections of 2 clients; something was found on 1 of them; behind a shut window 1 may hide a close (FIN_WAIT1 to the
  kernel, not yet on the wire)
`

// A scan's ports do not fill the screen; what is left out is counted.
func TestPortsAreBounded(t *testing.T) {
	tally := New()
	for port := range 30 {
		for range 1 + port/29 {
			tally.Add(end(1000+port, tracker.Server, tracker.Closed, 1))
		}
	}
	var b strings.Builder
	if err := (&Answer{Tally: tally, Source: "capture", Ports: 20}).Table(&b, 80); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "\n10 ports more: --all lists them (10 connections)\n") || !strings.Contains(got, "\n1018 ") || strings.Contains(got, "\n1019 ") {
		t.Error(got)
	}
}
