package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/sockets"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// life is one connection of real sockets, as it was left.
type life struct {
	name           string
	client, server net.Conn
	hidden         bool // the server has closed behind the client's shut window
	dark           bool // nothing reaches the client any more
}

func (l *life) port() uint16 { return l.client.LocalAddr().(*net.TCPAddr).AddrPort().Port() }

// stall has the server write until neither host takes more: the client does not read.
func stall(server net.Conn) {
	for err := error(nil); err == nil; {
		server.SetWriteDeadline(time.Now().Add(400 * time.Millisecond)) // of each write: the machine may be slow
		_, err = server.Write(make([]byte, 1<<16))
	}
}

// leaveInEveryState makes connections to host 1 and leaves each in another state. The hidden close comes last, and when it
// came is returned.
func (h *hosts) leaveInEveryState(t *testing.T) (lives []life, closed time.Time) {
	t.Helper()
	ip(t, fmt.Sprintf("-n %s addr add 10.99.0.11/24 dev h0", h.names[0]))
	var l net.Listener
	var err error
	h.threads[1].Do(func() { l, err = net.Listen("tcp4", "10.99.0.2:0") })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	reads := func(c net.Conn) { c.Read(make([]byte, 1)) }
	for _, left := range []struct {
		life
		end func(client, server *net.TCPConn)
	}{
		{life{name: "open"}, func(client, server *net.TCPConn) {}},
		{life{name: "client closes"}, func(client, server *net.TCPConn) { client.Close(); reads(server); server.Close() }},
		{life{name: "server closes"}, func(client, server *net.TCPConn) { server.Close(); reads(client); client.Close() }},
		{life{name: "client resets"}, func(client, server *net.TCPConn) { client.SetLinger(0); client.Close() }},
		{life{name: "server resets"}, func(client, server *net.TCPConn) { server.SetLinger(0); server.Close() }},
		{life{name: "client half closes"}, func(client, server *net.TCPConn) { client.CloseWrite(); reads(server); server.Write([]byte("more")) }},
		{life{name: "server half closes"}, func(client, server *net.TCPConn) { server.CloseWrite(); reads(client) }},
		{life{name: "leak"}, func(client, server *net.TCPConn) { client.Close() }},
		{life{name: "reader stops"}, func(client, server *net.TCPConn) { stall(server) }},
		{life{name: "dark path", dark: true}, func(client, server *net.TCPConn) {
			ip(t, fmt.Sprintf("-n %s neigh replace 10.99.0.11 lladdr 02:00:00:00:00:99 dev h1", h.names[1]))
			server.Close()
		}},
		{life{name: "hidden close", hidden: true}, func(client, server *net.TCPConn) {
			stall(server)
			closed = time.Now()
			server.Close()
		}},
	} {
		from := net.IPv4(10, 99, 0, 1)
		if left.dark {
			from = net.IPv4(10, 99, 0, 11)
		}
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: patience}
		h.threads[0].Do(func() { left.client, err = d.Dial("tcp4", l.Addr().String()) })
		if err != nil {
			t.Fatal(err)
		}
		if left.server, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { left.client.Close(); left.server.Close() })
		left.client.Write([]byte("request"))
		left.server.Read(make([]byte, 100))
		left.server.Write([]byte("answer"))
		left.client.Read(make([]byte, 100))
		left.end(left.client.(*net.TCPConn), left.server.(*net.TCPConn))
		lives = append(lives, left.life)
	}
	return lives, closed
}

// kernelSays returns the states of the sockets of a host, by own and peer's address.
func (h *hosts) kernelSays(t *testing.T, host int) map[[2]string]tcp.State {
	t.Helper()
	says := map[[2]string]tcp.State{}
	var err error
	h.threads[host].Do(func() {
		var r *sockets.Reader
		if r, err = sockets.Open(); err != nil {
			return
		}
		defer r.Close()
		err = r.Scan(^tcp.StateSet(0), func(s *sockets.Socket) bool {
			says[[2]string{s.Local.String(), s.Remote.String()}] = s.State
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return says
}

// stateLine is what the test reads of a line of JSON.
type stateLine struct {
	Event, Side, To, Code, Status string
	Time                          time.Time
	Client, Server                struct {
		IP   string
		Port uint16
	}
	Possible []string
	Hidden   string `json:"hidden_close"`
	Kernel   struct {
		Side, State, Timer, Owner string
		Send                      int `json:"send_queue"`
		Compared, Differences     int
	}
	came time.Time
}

// reporter reads lines as they come.
type reporter struct {
	mu    sync.Mutex
	text  []string
	lines []stateLine
	over  chan struct{}
}

func report(t *testing.T, s *started) *reporter {
	r := &reporter{over: make(chan struct{})}
	go func() {
		defer close(r.over)
		for text := range s.lines {
			line := stateLine{came: time.Now()}
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			r.mu.Lock()
			r.text, r.lines = append(r.text, text), append(r.lines, line)
			r.mu.Unlock()
		}
	}()
	return r
}

// claimed returns the latest claim on an end of the connection from that port.
func (r *reporter) claimed(port uint16, side string) (state string, possible []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.lines {
		if x := &r.lines[i]; x.Event == "transition" && x.Client.Port == port && x.Side == side {
			state, possible = x.To, x.Possible
		}
	}
	return state, possible
}

// find returns the first line for which want says so, waiting for it.
func (r *reporter) find(t *testing.T, want func(*stateLine) bool) stateLine {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r.mu.Lock()
		lines := r.lines // it is only appended to
		r.mu.Unlock()
		if i := slices.IndexFunc(lines, func(x stateLine) bool { return want(&x) }); i >= 0 {
			return lines[i]
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Fatalf("no such line in\n%s", strings.Join(r.text, "\n"))
	return stateLine{}
}

// Real connections are left in every ordinary state. Live tcptrack, at the server, says of both ends what their kernels say;
// --sockets confirms the hidden close within two seconds, with the send queue, the timer and that nobody owns it; and
// reading what was saved gives the same JSON.
func TestKernelsAgree(t *testing.T) {
	h := newHosts(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	file := t.TempDir() + "/saved.pcapng"
	args := []string{"live", "--netns", h.names[1], "-i", "h1", "-o", "json", "--events", "all"}
	wire := startLive(ctx, t, append(args, "-w", file)...)
	heard := startLive(ctx, t, append(args, "--sockets")...)
	fromWire, withKernel := report(t, wire), report(t, heard)

	lives, closed := h.leaveInEveryState(t)
	hidden := lives[len(lives)-1].port()
	confirmed := withKernel.find(t, func(x *stateLine) bool {
		return x.Event == "finding" && x.Code == "fin-wait1-zero-window" && x.Client.Port == hidden
	})
	d := confirmed.came.Sub(closed)
	t.Logf("the hidden close is confirmed after %v", d)
	if d > 10*time.Second { // 0.3 s on an idle machine, and scans are a second apart
		t.Error("that is too late")
	}
	if k := confirmed.Kernel; confirmed.Hidden != "confirmed" || k.State != "FIN_WAIT1" || k.Send == 0 || k.Timer != "persist" || k.Owner != "none" || k.Side != "server" {
		t.Errorf("the hidden close: %+v", confirmed)
	}
	time.Sleep(3 * time.Second) // sockets and connections are compared each second
	var kernels [2]map[[2]string]tcp.State
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) { // until all rest
		kernels = [2]map[[2]string]tcp.State{h.kernelSays(t, 0), h.kernelSays(t, 1)}
		wrong := unlike(lives, kernels, fromWire, withKernel)
		if len(wrong) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Error(strings.Join(wrong, "\n"))
			break
		}
	}
	countsAgree(t, h.names[1], kernels[1])
	finish(t, h)
	interrupt()
	for _, r := range []*reporter{fromWire, withKernel} {
		select {
		case <-r.over:
		case <-time.After(patience):
			t.Fatal("does not end")
		}
	}
	if s := withKernel.lines[len(withKernel.lines)-1]; s.Event != "summary" || s.Kernel.Compared < len(lives) || s.Kernel.Differences != 0 {
		t.Errorf("the account: %+v", s)
	}
	read := strings.Split(strings.TrimSpace(runOutput(t, "read", "-o", "json", "--events", "all", file)), "\n")
	for i := range read {
		read[i] = times.ReplaceAllString(read[i], "TIME")
	}
	for i := range fromWire.text {
		fromWire.text[i] = times.ReplaceAllString(fromWire.text[i], "TIME")
	}
	live, read := byConn(fromWire.text), byConn(read)
	if at, equal := firstUnequal(live, read); !equal {
		t.Errorf("live and read, line %d:\n%s\n%s", at, lineAt(live, at), lineAt(read, at))
	}
}

// unlike says of which ends the two reporters claim what their kernels do not.
func unlike(lives []life, kernels [2]map[[2]string]tcp.State, fromWire, withKernel *reporter) (wrong []string) {
	for _, l := range lives {
		client, server := l.client.LocalAddr().String(), l.client.RemoteAddr().String()
		for _, end := range []struct {
			side      string
			own, peer string
			host      int
		}{{"client", client, server, 0}, {"server", server, client, 1}} {
			kernel, ok := kernels[end.host][[2]string{end.own, end.peer}]
			if !ok {
				kernel = tcp.Closed
			}
			state, possible := fromWire.claimed(l.port(), end.side)
			if !slices.Contains(possible, kernel.String()) || state != kernel.String() && !(l.hidden && end.side == "server") {
				wrong = append(wrong, fmt.Sprintf("%s: the %s is %s, possible %v, and its kernel says %v", l.name, end.side, state, possible, kernel))
			}
			if state, possible := withKernel.claimed(l.port(), end.side); state != kernel.String() || end.side == "server" && l.name != "reader stops" && len(possible) != 1 && !l.dark {
				wrong = append(wrong, fmt.Sprintf("%s, the kernel heard: the %s is %s, possible %v, and its kernel says %v", l.name, end.side, state, possible, kernel))
			}
		}
	}
	return wrong
}

// countsAgree holds what stats counts to the sockets of the server's host.
func countsAgree(t *testing.T, namespace string, kernel map[[2]string]tcp.State) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for _, state := range kernel {
		want[state.String()]++
	}
	for line := range strings.Lines(runOutput(t, "stats", "--kernel", "--netns", namespace, "-o", "json", "--busiest", "1")) {
		var x struct {
			Event, Side, State, IP string
			Connections, Orphans   int
			Busiest                struct{ IP string }
		}
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatal(err)
		}
		switch x.Event {
		case "count":
			got[x.State] += x.Connections
			if x.State == "FIN_WAIT1" && x.Orphans != 2 {
				t.Errorf("no process owns the hidden close, nor that in the dark: %s", line)
			}
			if x.Side != "server" {
				t.Errorf("no client here: %s", line)
			}
		case "peer":
			if x.IP != "10.99.0.1" {
				t.Errorf("the busiest is not the client: %s", line)
			}
		}
	}
	if !maps.Equal(want, got) {
		t.Errorf("stats counts %v, the kernel has %v", got, want)
	}
}

// finish makes a connection that is refused: a last packet, after which no timer runs for long.
func finish(t *testing.T, h *hosts) {
	t.Helper()
	h.threads[0].Do(func() {
		to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.99.0.2:1"))
		if c, err := net.DialTCP("tcp4", nil, to); err == nil {
			c.Close()
			t.Error("somebody listens on port 1")
		}
	})
}
