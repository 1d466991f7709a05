package stats

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/tracker"
)

// end is one end of a connection with 10.0.0.PEER.
func end(port int, side tracker.Side, state tracker.State, peer int) *End {
	return &End{Key: Key{uint16(port), side, state}, Peer: netip.AddrFrom4([4]byte{10, 0, 0, byte(peer)})}
}

// crowd is a server of two ports, one of them ill, and a client of a database.
func crowd() *Tally {
	t := New()
	for i := range 12 {
		t.Add(end(443, tracker.Server, tracker.Established, i%4))
	}
	for i := range 5 {
		e := end(443, tracker.Server, tracker.FinWait1, 7+i/4)
		e.Orphan, e.SendQueue, e.Memory = true, 2_500_000, 2_600_000
		t.Add(e)
	}
	t.Add(&End{Key: Key{443, tracker.Server, tracker.Listen}, RecvQueue: 2, SendQueue: 128})
	waits := end(8080, tracker.Server, tracker.CloseWait, 1)
	waits.Unaccepted = true
	t.Add(waits)
	t.Add(end(5432, tracker.Client, tracker.Established, 200))
	return t
}

const wide = `PORT  SIDE    STATE        CONNS  PEERS  BUSIEST PEER    ORPHANS  RECV-Q  SEND-Q  MEMORY
 443  server  LISTEN           1                                       2     128
 443  server  ESTABLISHED     12      4  10.0.0.0 (3)
 443  server  FIN_WAIT1        5      2  10.0.0.7 (4)          5             12M     13M
 443  server  all             17      6  10.0.0.7 (4)          5             12M     13M
5432  client  ESTABLISHED      1      1  10.0.0.200 (1)
8080  server  CLOSE_WAIT       1      1  10.0.0.1 (1)

PEER      CONNS  IN STATE
10.0.0.1      4  ESTABLISHED 3, CLOSE_WAIT 1
10.0.0.7      4  FIN_WAIT1 4
19 connections with 7 peers; 5 that no process owns any more; 1 that wait for accept(); 13M octets
  of kernel memory
`

func TestTable(t *testing.T) {
	var b strings.Builder
	answer := &Answer{Tally: crowd(), Source: "kernel", Busiest: 2}
	answer.Rows() // counting twice changes nothing
	if err := answer.Table(&b, 100); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != wide {
		t.Errorf("got\n%s\nwant\n%s", got, wide)
	}
	for _, width := range []int{80, 60, 45} {
		b.Reset()
		answer.Table(&b, width)
		for line := range strings.Lines(b.String()) {
			if len(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("wider than %d: %s", width, line)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := (&Answer{Tally: crowd(), Source: "kernel", Busiest: 1}).JSON(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, want := range map[int]string{
		0: `{"event":"count","source":"kernel","port":443,"side":"server","state":"LISTEN","connections":1,"peers":0,"orphans":0,"unaccepted":0,"receive_queue":2,"send_queue":128,"memory":0}`,
		2: `{"event":"count","source":"kernel","port":443,"side":"server","state":"FIN_WAIT1","connections":5,"peers":2,"busiest":{"ip":"10.0.0.7","connections":4},"orphans":5,"unaccepted":0,"receive_queue":0,"send_queue":12500000,"memory":13000000}`,
		5: `{"event":"peer","source":"kernel","ip":"10.0.0.1","connections":4,"states":{"CLOSE_WAIT":1,"ESTABLISHED":3}}`,
		6: `{"event":"total","source":"kernel","connections":19,"peers":7,"busiest":{"ip":"10.0.0.1","connections":4},"orphans":5,"unaccepted":1,"receive_queue":0,"send_queue":12500000,"memory":13000000,"states":{"CLOSE_WAIT":1,"ESTABLISHED":13,"FIN_WAIT1":5,"LISTEN":1}}`,
	} {
		if len(lines) != 7 || lines[i] != want {
			t.Errorf("line %d of %d: %s, want\n%s", i, len(lines), lines[i], want)
		}
	}
}

func TestCSV(t *testing.T) {
	var b strings.Builder
	if err := (&Answer{Tally: crowd(), Source: "kernel"}).CSV(&b, true); err != nil {
		t.Fatal(err)
	}
	if want := "kernel,443,server,FIN_WAIT1,5,2,10.0.0.7,4,5,0,0,12500000,13000000,,\n"; !strings.Contains(b.String(), want) {
		t.Errorf("%s lacks %s", b.String(), want)
	}
}

// Addresses beyond the bound are counted as connections.
func TestPeersAreBounded(t *testing.T) {
	tally := New()
	tally.bound = 300
	for i := range 303 {
		tally.Add(&End{Key: Key{Port: 443, Side: tracker.Server, State: tracker.Established}, Peer: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
	}
	if sum := tally.Total(); sum.Connections != 303 || sum.Peers != 300 || tally.Unnamed != 3 {
		t.Errorf("%d connections of %d peers, %d unnamed", sum.Connections, sum.Peers, tally.Unnamed)
	}
}
