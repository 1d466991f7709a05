package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/rights"
)

// hosts are two network namespaces of this test, joined by a cable from h0 in the first to h1 in the second.
type hosts struct {
	names   [2]string
	threads [2]*rights.Thread
	knocks  int
}

var hostsMade atomic.Int32

// ip runs ip with arguments separated by spaces.
func ip(t *testing.T, command string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Skipf("ip %s: %v %s", command, err, out)
	}
}

// newHosts makes them, or skips the test.
func newHosts(t *testing.T) *hosts {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces of its own")
	}
	h := &hosts{}
	serial := hostsMade.Add(1)
	for i := range h.names {
		name := fmt.Sprintf("tcptrack-test-%d-%d-%d", os.Getpid(), serial, i)
		ip(t, "netns add "+name)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
		h.names[i] = name
		h.threads[i] = rights.NewThread()
		t.Cleanup(h.threads[i].Close)
		h.threads[i].Do(func() {
			if err := capture.EnterNamespace(name); err != nil {
				t.Error(err)
			}
		})
		ip(t, "-n "+name+" link set lo up")
	}
	h.cable(t)
	return h
}

// cable joins them.
func (h *hosts) cable(t *testing.T) {
	t.Helper()
	ip(t, fmt.Sprintf("-n %s link add h0 type veth peer name h1 netns %s", h.names[0], h.names[1]))
	for i, name := range h.names {
		ip(t, fmt.Sprintf("-n %s link set h%d addrgenmode none", name, i)) // no IPv6, which speaks unasked
		ip(t, fmt.Sprintf("-n %s addr add 10.99.0.%d/24 dev h%d", name, i+1, i))
		ip(t, fmt.Sprintf("-n %s link set h%d up", name, i))
	}
}

// talk lets host 0 be the client of host 1: one connection of each ordinary end.
func (h *hosts) talk(t *testing.T) {
	t.Helper()
	var l net.Listener
	var err error
	h.threads[1].Do(func() { l, err = net.Listen("tcp4", "10.99.0.2:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, end := range []func(client, server *net.TCPConn){
		func(client, server *net.TCPConn) { client.Close(); server.Read(make([]byte, 1)); server.Close() },
		func(client, server *net.TCPConn) { server.Close(); client.Read(make([]byte, 1)); client.Close() },
		func(client, server *net.TCPConn) { client.SetLinger(0); client.Close(); server.Close() },
		func(client, server *net.TCPConn) {
			client.CloseWrite()
			server.Read(make([]byte, 1))
			server.Write(make([]byte, 9000))
			server.Close()
			io.Copy(io.Discard, client)
			client.Close()
		},
	} {
		var client net.Conn
		h.threads[0].Do(func() { client, err = net.DialTimeout("tcp4", l.Addr().String(), patience) })
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		client.Write([]byte("request"))
		server.Read(make([]byte, 100))
		server.Write([]byte("answer"))
		client.Read(make([]byte, 100))
		end(client.(*net.TCPConn), server.(*net.TCPConn))
	}
	time.Sleep(50 * time.Millisecond)
}

// tagged sends frames with VLAN tags from host 0 that tell of a connection and its reset, in two VLANs and in a stack of
// tags.
func (h *hosts) tagged(t *testing.T) {
	var fd int
	var err error
	var from *net.Interface
	h.threads[0].Do(func() {
		if from, err = net.InterfaceByName("h0"); err == nil {
			fd, err = syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, 0)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for _, tags := range []string{"\x81\x00\x00\x07", "\x81\x00\x20\x08", "\x88\xa8\x00\x09\x81\x00\x00\x07"} {
		for i, flags := range []byte{2, 16, 24, 4} { // SYN, ACK, PSH ACK, RST
			b := []byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01" + tags + "\x08\x00")
			b = append(b, 0x45, 0, 0, 60, 0, byte(i), 0, 0, 64, 6, 0, 0, 10, 9, 9, 1, 10, 9, 9, 2)
			b = append(b, 4, 1, 0, 80, 0, 0, 1, byte(min(i, 1)), 0, 0, 2, 1, 0x50, flags, 2, 0, 0, 0, 0, 0)
			b = append(b, make([]byte, 20)...)
			if err := syscall.Sendto(fd, b, 0, &syscall.SockaddrLinklayer{Ifindex: from.Index, Halen: 6}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// times are what two sockets may see otherwise: each stamps what another host on the same machine sends by itself.
var times = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]+Z"|"(blame_ms|rtt_ms)":\{[^}]*\}|"\w+_(ms|s)":[0-9.e-]+|[0-9.]+ [mµ]?s\b`)

// byConn puts lines in the order of their connections: what timers tell comes between the packets of others on a machine
// that is quick, and behind them on one that is not.
func byConn(lines []string) []string {
	conn := func(line string) int {
		_, rest, ok := strings.Cut(line, `"conn":`)
		digits, _, _ := strings.Cut(rest, ",")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil {
			return -1
		}
		return n
	}
	slices.SortStableFunc(lines, func(a, b string) int { return conn(a) - conn(b) })
	return lines
}

// ready is what somebody says on standard error.
type ready struct {
	mu   sync.Mutex
	text []byte
}

func (r *ready) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, b...)
	return len(b), nil
}

// wait waits until something was said.
func (r *ready) wait(t *testing.T, what string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		text := string(r.text)
		r.mu.Unlock()
		if strings.Contains(text, what) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("no %q: %s", what, text)
		}
	}
}

// startLive runs a command line that captures, and returns when it does.
func startLive(ctx context.Context, t *testing.T, args ...string) *started {
	t.Helper()
	s, _ := startHeard(ctx, t, args...)
	return s
}

// startHeard does so, with what it says.
func startHeard(ctx context.Context, t *testing.T, args ...string) (*started, *ready) {
	t.Helper()
	r := &ready{}
	s := startTelling(ctx, nil, r, args...)
	r.wait(t, "istening on")
	return s, r
}

// all reads what is printed to its end, by connection.
func (s *started) all(t *testing.T) (lines []string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.end(t)
				return byConn(lines)
			}
			lines = append(lines, times.ReplaceAllString(line, "TIME"))
		case <-timeout:
			t.Fatal("does not end")
		}
	}
}

// The back ends that this build has say the same of the same packets, and reading what tcpdump wrote of them says it
// too: on a cable, with VLAN tags, on several interfaces at once, and on all.
func TestBackEndsAgree(t *testing.T) {
	h := newHosts(t)
	cases := []agreement{
		{"cable", 0, []string{"h0"}, []func(*testing.T){h.talk}, 40, "h0", ""},
		{"tags", 1, []string{"h1"}, []func(*testing.T){h.tagged, h.talk}, 50, "h1", ""},
		{"any", 1, []string{"any"}, []func(*testing.T){h.talk}, 40, "any", ""},
		{"several", 0, []string{"h0", "lo"}, []func(*testing.T){h.talk}, 40, "h0", ""},
		{"one direction", 0, []string{"h0"}, []func(*testing.T){h.talk}, 20, "h0", "tcp and src host 10.99.0.1"},
		{"flags, on any", 1, []string{"any"}, []func(*testing.T){h.talk}, 12, "any", "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0 and net 10.99"},
		{"flags, on several", 0, []string{"lo", "h0"}, []func(*testing.T){h.talk}, 12, "h0", "tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0"},
		{"a tag", 1, []string{"h1"}, []func(*testing.T){h.tagged, h.talk}, 4, "h1", "vlan 7"},
		{"tags or not", 1, []string{"h1"}, []func(*testing.T){h.tagged, h.talk}, 8, "h1", "tcp port 1025 or vlan 8"},
		{"no tag", 1, []string{"h1"}, []func(*testing.T){h.tagged, h.talk}, 40, "h1", "not vlan"},
		{"a stack of tags", 1, []string{"h1"}, []func(*testing.T){h.tagged}, 4, "h1", "vlan 9 and vlan 7 and dst port 80"},
	}
	if slices.Contains(capture.Backends(), capture.BackendPcap) {
		cases = append(cases, agreement{"what libpcap alone knows", 1, []string{"h1"}, []func(*testing.T){h.talk}, 10, "h1", "ether[12:2] = 0x800 and ip[9] = 6 and not icmp"},
			agreement{"the same of tags", 1, []string{"h1"}, []func(*testing.T){h.tagged, h.talk}, 8, "h1", "vlan and greater 40"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var otherwise []string
			for range 5 { // each stamps by itself: on a busy machine one may see a longer path than the other, but not each time
				if otherwise = c.disagree(t, h); len(otherwise) == 0 {
					return
				}
				t.Logf("once more: %s", otherwise)
			}
			t.Error(strings.Join(otherwise, "\n"))
		})
	}
}

// agreement is what all who capture are to say the same of.
type agreement struct {
	name       string
	at         int // number of the host that captures
	interfaces []string
	traffic    []func(*testing.T)
	lines      int    // at least
	dump       string // what tcpdump captures from for the same
	filter     string // words behind the interfaces, tcpdump's too
}

// disagree captures the traffic with all back ends and tcpdump, and returns in what they differ.
func (c *agreement) disagree(t *testing.T, h *hosts) (otherwise []string) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	names := capture.Backends()
	var running []*started
	for _, backend := range names {
		args := []string{"live", "--netns", h.names[c.at], "--backend", backend, "-o", "json", "--events", "all"}
		for _, i := range c.interfaces {
			args = append(args, "-i", i)
		}
		args = append(args, strings.Fields(c.filter)...)
		running = append(running, startLive(ctx, t, args...))
	}
	file := t.TempDir() + "/dump.pcap"
	dump := exec.Command("ip", "netns", "exec", h.names[c.at], "tcpdump", "--immediate-mode", "--time-stamp-precision=nano", "-s", "260", "-U", "-w", file, "-i", c.dump)
	dump.Args = append(dump.Args, strings.Fields(c.filter)...)
	listens := &ready{}
	dump.Stderr = listens
	_, err := exec.LookPath("tcpdump")
	dumping := err == nil && dump.Start() == nil
	if dumping {
		listens.wait(t, "istening on")
	}
	for _, f := range c.traffic {
		f(t)
	}
	interrupt()
	var said [][]string
	for _, s := range running {
		said = append(said, s.all(t))
	}
	if n := len(said[0]); n < c.lines {
		otherwise = append(otherwise, fmt.Sprintf("%d lines only: %s", n, strings.Join(said[0], "\n")))
	}
	if dumping {
		text := strings.Join(said[0], "\n")
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // it leaves what is still in its buffer
			if n, err := countPackets(file); err == nil && strings.Contains(text, fmt.Sprintf(`"event":"summary","schema":1,"packets":%d,`, n)) {
				break
			}
		}
		dump.Process.Signal(os.Interrupt)
		dump.Wait()
		text = runOutput(t, "read", "-o", "json", "--events", "all", file)
		names = append(names, "tcpdump")
		said = append(said, byConn(strings.Split(strings.TrimSpace(times.ReplaceAllString(text, "TIME")), "\n")))
	}
	for i := range said {
		if at, equal := firstUnequal(said[0], said[i]); !equal {
			otherwise = append(otherwise, fmt.Sprintf("%s and %s, line %d:\n%s\n%s", names[0], names[i], at, lineAt(said[0], at), lineAt(said[i], at)))
		}
	}
	return otherwise
}

// An interface that goes down, comes up, goes away and comes back is told of and captured from again; when it stays away
// the capture ends by itself, with what it knows.
func TestInterfaceGoesAndComes(t *testing.T) {
	h := newHosts(t)
	var all []*started
	var lines []*reporter
	var heard []*ready
	for _, backend := range capture.Backends() {
		s, r := startHeard(t.Context(), t, "live", "--netns", h.names[0], "-i", "h0", "--backend", backend, "-o", "json", "--events", "transition,connection")
		all, lines, heard = append(all, s), append(lines, report(t, s)), append(heard, r)
	}
	told := func(what string) {
		for _, r := range heard {
			r.wait(t, what)
		}
	}
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link set h0 down")
	told("h0: the interface is down")
	ip(t, "-n "+h.names[0]+" link set h0 up")
	told("h0: the interface is up")
	h.knock(t, lines) // libpcap's handle may have to be opened again, which is tried each second
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link del h0")
	told("h0: the interface is gone")
	h.cable(t)
	told("h0: the interface is back")
	h.knock(t, lines)
	h.talk(t)
	ip(t, "-n "+h.names[0]+" link del h0")
	for i, s := range all {
		select {
		case <-lines[i].over:
		case <-time.After(patience):
			t.Fatal("does not end")
		}
		s.end(t)
		talks, connections := 0, 0
		for _, x := range lines[i].lines {
			if x.Event == "connection" {
				if connections++; x.Server.Port != 1 {
					talks++
				}
			}
		}
		if talks != 12 {
			t.Errorf("%d connections, not 12:\n%s", talks, strings.Join(lines[i].text, "\n"))
		}
		heard[i].wait(t, fmt.Sprintf("%d connections", connections))
	}
}

// knock has host 1 refuse connections until all who report have seen the same one.
func (h *hosts) knock(t *testing.T, all []*reporter) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		h.knocks++
		port := 2000 + h.knocks
		h.threads[0].Do(func() {
			from, to := &net.TCPAddr{IP: net.IPv4(10, 99, 0, 1), Port: port}, &net.TCPAddr{IP: net.IPv4(10, 99, 0, 2), Port: 1}
			if c, err := net.DialTCP("tcp4", from, to); err == nil {
				c.Close()
				t.Error("somebody listens on port 1")
			}
		})
		time.Sleep(200 * time.Millisecond)
		if !slices.ContainsFunc(all, func(r *reporter) bool { state, _ := r.claimed(uint16(port), "client"); return state == "" }) {
			return
		}
	}
	t.Fatal("not all capture")
}
