package zabbix

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// kernel are the values of a host with a server at port 443 and a client of port 5432.
func kernel() *Values {
	v := NewValues(FromKernel)
	v.Listen(443)
	for state, n := range map[tracker.State]int{tracker.Established: 5, tracker.FinWait1: 3, tracker.TimeWait: 2} {
		v.Add(443, tracker.Server, state, uint64(n))
	}
	v.Add(5432, tracker.Client, tracker.CloseWait, 1)
	return v
}

func ask(t *testing.T, v *Values, key string) string {
	t.Helper()
	k, err := ParseKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := v.Answer(k)
	if err != nil {
		t.Errorf("%s: %v", key, err)
	}
	return text
}

// The keys of the classic script, and states as others spell them.
func TestStates(t *testing.T) {
	v := NewValues(FromKernel)
	for s := range tracker.State(tcp.NumStates) {
		for range int(s) {
			v.States.add(s, 1)
		}
	}
	for state, spelled := range map[tracker.State]string{
		tracker.Established: "established ESTABLISHED ESTAB estab", tracker.SynSent: "synsent SYN_SENT syn-sent", tracker.SynRecv: "synrecv SYN_RECV syn-recv SYN_RECEIVED SYN_RCVD syn-received",
		tracker.FinWait1: "finwait1 FIN_WAIT1 fin-wait-1 FIN_WAIT_1 fin_wait1", tracker.FinWait2: "finwait2 FIN_WAIT2 fin-wait-2", tracker.TimeWait: "timewait TIME_WAIT time-wait",
		tracker.Closed: "closed CLOSED close CLOSE unconn", tracker.CloseWait: "closewait CLOSE_WAIT close-wait", tracker.LastAck: "lastack LAST_ACK last-ack",
		tracker.Listen: "listen LISTEN listening LISTENING", tracker.Closing: "closing CLOSING",
	} {
		for name := range strings.FieldsSeq(spelled) {
			if got := ask(t, v, "tcp.status["+name+"]"); got != fmt.Sprint(int(state)) {
				t.Errorf("%s: %s, not %d", name, got, state)
			}
		}
	}
}

func TestAnswers(t *testing.T) {
	for key, want := range map[string]string{
		"tcp.status[established]":                 "5",
		`tcp.status["FIN_WAIT1"]`:                 "3",
		"tcp.status[ finwait1 ]":                  "3",
		"tcp.status[all]":                         "11",
		"tcp.status[listen]":                      "1",
		"tcp.status.port[443,finwait1]":           "3",
		"tcp.status.port[443,finwait1,]":          "3",
		"tcp.status.port[443,all,server]":         "10",
		"tcp.status.port[443,all,client]":         "0",
		"tcp.status.port[5432,closewait]":         "0",
		`tcp.status.port[5432,"",client]`:         "!",
		"tcp.status.port[5432,closed]":            "0",
		"tcp.status.port[9,established]":          "0",
		"tcp.status.port[0,established]":          "!",
		"tcp.status.port[70000,finwait1]":         "!",
		"tcp.status.port[443,finwait1,x]":         "!",
		"tcp.status.port[443,finwait1,,9]":        "!",
		"tcptrack.connections":                    "11",
		"tcptrack.connections[]":                  "11",
		"tcptrack.connections[443]":               "10",
		"tcptrack.source":                         "kernel",
		"tcp.status[]":                            "!",
		"tcp.status[nix]":                         "!",
		"tcp.status[unknown]":                     "!",
		"tcp.status":                              "!",
		"tcptrack.stuck":                          "serve",
		"tcptrack.stuck[443]":                     "serve",
		"tcptrack.zerowindow":                     "serve",
		"tcptrack.finding[fin-unacked]":           "serve",
		"tcptrack.findings[critical]":             "serve",
		"tcptrack.age":                            "serve",
		"vfs.fs.size[/]":                          "!",
		"tcp.status.port[5432,CLOSE_WAIT,client]": "1",
	} {
		k, err := ParseKey(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := kernel().Answer(k)
		switch {
		case want == "!" && (err == nil || errors.Is(err, ErrServe)), want == "serve" && !errors.Is(err, ErrServe):
			t.Errorf("%s: %q, %v", key, got, err)
		case want != "!" && want != "serve" && (err != nil || got != want):
			t.Errorf("%s: %q, %v, not %s", key, got, err, want)
		}
	}
	for _, bad := range []string{"tcp.status[a", `tcp.status["a]`, `tcp.status["a"b]`, strings.Repeat("x", 3000)} {
		if k, err := ParseKey(bad); err == nil {
			t.Errorf("%.40s is read as %v", bad, k)
		}
	}
	if k, err := ParseKey(`x["a\"b",c d,,"",]`); err != nil || !slices.Equal(k.Parameters, []string{`a"b`, "c d", "", "", ""}) {
		t.Errorf("%q %v", k, err)
	}
}

// watched is a census of one stalled and one half-open connection.
func watched() *census.Census {
	c := census.New(nil)
	tr := tracker.New(tracker.Config{Sink: c, Connections: true, Seed: 1})
	n := uint64(0)
	server := tcp.Endpoint{Addr: tcp.AddrFrom4(1), Port: 443}
	send := func(from, to tcp.Endpoint, flags tcp.Flags, seq, ack tcp.Seq, window uint16, length int) {
		n++
		s := tcp.Segment{Time: int64(n) * 1e9, Number: n, Flags: flags, Seq: seq, Ack: ack, Window: window, Len: length, IPLen: 40 + length, TTL: 60}
		s.Flow, s.Dir = tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
		tr.Observe([]tcp.Segment{s})
	}
	client := tcp.Endpoint{Addr: tcp.AddrFrom4(2), Port: 1000}
	send(client, server, tcp.SYN, 99, 0, 60000, 0)
	send(server, client, tcp.SYN|tcp.ACK, 299, 100, 60000, 0)
	send(client, server, tcp.ACK, 100, 300, 60000, 0)
	send(server, client, tcp.ACK, 300, 100, 60000, 100)
	send(client, server, tcp.ACK, 100, 400, 0, 0)
	client.Port++
	server.Port = 8443
	send(client, server, tcp.SYN, 99, 0, 60000, 0)
	f := anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "0-zero-window-stall-1", Severity: anomaly.Critical}
	f.Server.Port = 443
	c.Finding(&f)
	for wall := int64(1e18); ; wall += 1e9 {
		c.Look(tr, func() census.Meters { return census.Meters{Packets: n, Dropped: 7} }, wall)
		if r, _ := c.Latest(); r.Wall != 0 {
			return c
		}
	}
}

func TestOfCensus(t *testing.T) {
	c := watched()
	r, _ := c.Latest()
	v := Of(c, 9, r.Wall+5e8)
	v.Listen(443)
	v.Listen(22) // nobody's business
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	said := NewValues(FromServe) // as it comes over the socket
	if err := json.Unmarshal(text, said); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"tcp.status[established]": "1", "tcp.status[closed]": "1", "tcp.status[listen]": "2", "tcp.status.port[443,established]": "1", "tcp.status.port[8443,synsent,client]": "1",
		"tcp.status.port[443,listen]": "1", "tcptrack.connections": "2", "tcptrack.stuck": "1", "tcptrack.stuck[443]": "1", "tcptrack.stuck[8443]": "0", "tcptrack.stuck[9]": "0", "tcptrack.stuck[10]": "0",
		"tcptrack.zerowindow": "1.000", "tcptrack.zerowindow[443]": "1.000", "tcptrack.zerowindow[8443]": "0.000", "tcptrack.finding[zero-window-stall]": "1", "tcptrack.finding[fin-unacked]": "0",
		"tcptrack.findings[critical]": "1", "tcptrack.findings[info]": "0", "tcptrack.findings": "1", "tcptrack.packets": "6", "tcptrack.dropped": "7", "tcptrack.evicted": "0", "tcptrack.age": "0.500", "tcptrack.source": "serve",
		"tcptrack.discovery": `[{"{#PORT}":"443","{#SERVICE}":"443"},{"{#PORT}":"8443","{#SERVICE}":"8443"}]`,
	} {
		if got := ask(t, said, key); got != want {
			t.Errorf("%s: %s, not %s", key, got, want)
		}
	}
	for _, key := range []string{"tcptrack.finding[nix]", "tcptrack.findings[nix]"} {
		k, _ := ParseKey(key)
		if got, err := said.Answer(k); err == nil {
			t.Errorf("%s: %s", key, got)
		}
	}
}

// Of the kernel's ports the fullest stay, those with listeners first, and the one that was asked for; listeners are discovered.
func TestBound(t *testing.T) {
	v := NewValues(FromKernel)
	v.Listen(22)
	v.Listen(8080)
	for port := range uint16(200) {
		v.Add(1000+port, tracker.Client, tracker.Established, uint64(port%7+1))
	}
	v.Bound(5, 1000)
	got, err := v.Discovery(func(port uint16) string { return map[uint16]string{22: "ssh"}[port] })
	if want := `[{"{#PORT}":"22","{#SERVICE}":"ssh"},{"{#PORT}":"8080","{#SERVICE}":"8080"}]`; err != nil || got != want {
		t.Errorf("%s %v", got, err)
	}
	if len(v.Ports) != 6 || v.Ports["1000"] == nil || v.Ports["1006"] == nil || v.Connections != 200/7*28+1+2+3+4 {
		t.Errorf("%d ports, %d connections", len(v.Ports), v.Connections)
	}
	if got := ask(t, v, "tcp.status.port[1000,all,client]"); got != "1" {
		t.Error(got)
	}
}

// FuzzParseKey: no key is taken that is not answered or refused.
func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"tcp.status[a]", `x["a\"b",,]`, "x[", "[]", `x["\"]`} {
		f.Add(s)
	}
	v := kernel()
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		k.Port()
		v.Answer(k)
	})
}
