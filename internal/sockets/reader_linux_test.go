package sockets

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// blackHole has 192.0.2.9 swallow all.
var blackHole = []string{"link add hole type veth peer name bottom",
	"addr add 192.0.2.1/24 dev hole", "link set hole up", "link set bottom up", "neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev hole"}

// connected makes two connected sockets.
func connected(t *testing.T, l net.Listener, network string) (client, server *net.TCPConn) {
	t.Helper()
	c, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// fill writes until neither the reader's buffer nor the writer's takes more.
func fill(c *net.TCPConn) {
	for err := error(nil); err == nil; {
		c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)) // of each write: the machine may be slow
		_, err = c.Write(make([]byte, 1<<16))
	}
	c.SetWriteDeadline(time.Time{})
}

func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func ends(c net.Conn) [2]string {
	return [2]string{c.LocalAddr().String(), c.RemoteAddr().String()}
}

// Every state of a real kernel is read as /proc/net/tcp has it, IPv6 and v4-mapped sockets among them.
func TestScanAgreesWithProc(t *testing.T) {
	nettest.Run(t, func() { scanAgrees(t) }, blackHole...)
}

func scanAgrees(t *testing.T) {
	want := map[[2]string]tcp.State{}
	l := listen(t, "tcp4", "127.0.0.1:0")

	open, openPeer := connected(t, l, "tcp4")
	openPeer.Write([]byte("unread"))
	want[ends(open)], want[ends(openPeer)] = tcp.Established, tcp.Established

	closed, closedPeer := connected(t, l, "tcp4")
	closed.Close()
	closedPeer.Close()
	want[ends(closed)] = tcp.TimeWait

	half, leak := connected(t, l, "tcp4")
	half.CloseWrite()
	want[ends(half)], want[ends(leak)] = tcp.FinWait2, tcp.CloseWait

	stalled, hidden := connected(t, l, "tcp4")
	fill(hidden)
	hidden.Close()
	want[ends(stalled)], want[ends(hidden)] = tcp.Established, tcp.FinWait1

	first, last := connected(t, l, "tcp4")
	first.CloseWrite()
	last.Read(make([]byte, 1))
	fill(last)
	last.Close()
	want[ends(first)], want[ends(last)] = tcp.FinWait2, tcp.LastAck

	cross, crossPeer := connected(t, l, "tcp4")
	fill(crossPeer)
	crossPeer.Close()
	cross.CloseWrite()
	want[ends(cross)], want[ends(crossPeer)] = tcp.FinWait2, tcp.Closing

	// A listener that defers leaves the client's ACK with the request.
	deferring := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, 30) })
	}}
	lazy, err := deferring.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	eager, err := net.Dial("tcp4", lazy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer eager.Close()
	want[ends(eager)] = tcp.Established
	want[[2]string{eager.RemoteAddr().String(), eager.LocalAddr().String()}] = tcp.SynRecv

	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}, Port: 4321})
	syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{192, 0, 2, 9}, Port: 80})
	want[[2]string{"192.0.2.1:4321", "192.0.2.9:80"}] = tcp.SynSent

	six, sixPeer := connected(t, listen(t, "tcp6", "[::1]:0"), "tcp6")
	want[ends(six)], want[ends(sixPeer)] = tcp.Established, tcp.Established
	both := listen(t, "tcp", ":0")
	toBoth, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", both.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatal(err)
	}
	defer toBoth.Close()
	fromBoth, err := both.Accept() // an IPv6 socket with mapped addresses
	if err != nil {
		t.Fatal(err)
	}
	defer fromBoth.Close()
	want[ends(toBoth)], want[ends(fromBoth)] = tcp.Established, tcp.Established
	queued, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer queued.Close()
	waiting := [2]string{queued.RemoteAddr().String(), queued.LocalAddr().String()}
	want[ends(queued)], want[waiting] = tcp.Established, tcp.Established
	time.Sleep(100 * time.Millisecond)

	r, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	proc := procSockets(t)
	got := map[[2]string]Socket{}
	if err := r.Scan(^tcp.StateSet(0), func(s *Socket) bool {
		got[[2]string{s.Local.String(), s.Remote.String()}] = *s
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for pair, state := range want {
		if got[pair].State != state {
			t.Errorf("%v: %v, want %v", pair, got[pair].State, state)
		}
	}
	if len(got) != len(proc) || len(got) != len(want)+4 {
		t.Errorf("%d sockets, /proc has %d, made were %d with four listeners", len(got), len(proc), len(want)+4)
	}
	for pair, p := range proc {
		g, ok := got[pair]
		if ok && g.State == tcp.Listen {
			g.SendQueue = p.SendQueue // there its backlog, in /proc nothing
		}
		have := procSocket{g.State, g.RecvQueue, g.SendQueue, uint8(g.Timer), g.UID, g.Inode}
		if !ok || have != p {
			t.Errorf("%v: %+v, /proc has %+v", pair, have, p)
		}
	}

	h := got[ends(hidden)]
	if !h.Orphan() || h.Timer != Persist || h.SendQueue == 0 || h.Info.Unsent == 0 || !h.Info.HasWindow || h.Info.PeerWindow != 0 || h.Memory.Total() == 0 || h.Expires <= 0 {
		t.Errorf("the hidden close: %+v", h)
	}
	if o := got[ends(open)]; o.Orphan() || o.RecvQueue != 6 || o.Unaccepted() {
		t.Errorf("the open connection: %+v", o)
	}
	if w := got[waiting]; !w.Unaccepted() {
		t.Errorf("the connection not accepted: %+v", w)
	}
	asked(t, r, got)
	owned(t, got[ends(leak)].Inode)
}

// asked holds the answer about one socket to the scan's.
func asked(t *testing.T, r *Reader, all map[[2]string]Socket) {
	for pair, s := range all {
		if s.State == tcp.Listen {
			continue
		}
		one, err := r.Ask(s.Local, s.Remote)
		if err != nil || one == nil || one.State != s.State || one.Inode != s.Inode || one.SendQueue != s.SendQueue {
			t.Errorf("asked about %v: %+v, %v; the scan says %+v", pair, one, err, s)
		}
		other := s.Remote
		other.Port++ // the listener would take it
		if one, err := r.Ask(s.Local, other); one != nil || err != nil {
			if _, there := all[[2]string{pair[0], other.String()}]; !there {
				t.Errorf("asked about a connection that is not: %+v, %v", one, err)
			}
		}
	}
	n := 0
	if err := r.Scan(tcp.Set(tcp.Established), func(s *Socket) bool {
		if n++; s.State != tcp.Established {
			t.Errorf("asked for ESTABLISHED, got %v", s.State)
		}
		return n < 3
	}); err != nil || n != 3 {
		t.Errorf("%d sockets shown to a visitor that wanted 3, %v", n, err)
	}
}

func owned(t *testing.T, inode uint32) {
	name, _ := os.ReadFile("/proc/self/comm")
	const nobodys = 4_000_000_000
	got := new(Owners).Find([]uint32{inode, nobodys})
	if o := got[inode]; o.PID != os.Getpid() || o.Command+"\n" != string(name) || o.Denied {
		t.Errorf("the owner is %+v, want process %d, %s", o, os.Getpid(), name)
	}
	if o, ok := got[nobodys]; !ok || o.PID != 0 {
		t.Errorf("the owner of no socket is %+v", o)
	}
}

// procSocket is what /proc/net/tcp tells of a socket.
type procSocket struct {
	State                tcp.State
	RecvQueue, SendQueue uint32
	Timer                uint8
	UID, Inode           uint32
}

func procSockets(t *testing.T) map[[2]string]procSocket {
	t.Helper()
	all := map[[2]string]procSocket{}
	for _, file := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			f := strings.Fields(line)
			number := func(s string, base int) uint32 {
				v, err := strconv.ParseUint(s, base, 32)
				if err != nil {
					t.Fatalf("%s: %s: %v", file, line, err)
				}
				return uint32(v)
			}
			send, receive, _ := strings.Cut(f[4], ":")
			p := procSocket{states[number(f[3], 16)], number(receive, 16), number(send, 16), uint8(number(f[5][:2], 16)), number(f[7], 10), number(f[9], 10)}
			all[[2]string{procAddress(t, f[1]), procAddress(t, f[2])}] = p
		}
	}
	return all
}

// procAddress spells an address of /proc/net/tcp: hexadecimal words in the host's order, and the port.
func procAddress(t *testing.T, s string) string {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, _ := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(n)).String()
}

func TestAvailable(t *testing.T) {
	if err := Available(); err != nil {
		t.Errorf("a Linux without INET_DIAG? %v", err)
	}
}

// A message that is cut off, or whose attributes lie about their size, is read as far as it goes.
func FuzzParse(f *testing.F) {
	f.Add(make([]byte, messageSize))
	f.Add(append(make([]byte, messageSize), 8, 0, 2, 0, 1, 2, 3, 4, 3, 0, 7, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Socket
		if s.parse(b) {
			_ = s.Timer.String()
			_, _ = s.Flow()
			_ = s.State.String()
		}
	})
}

// Without a /proc to look through nothing is claimed.
func TestOwnerNotPermitted(t *testing.T) {
	o := Owners{Proc: t.TempDir() + "/none"}
	if got := o.Find([]uint32{7})[7]; got != (Owner{Denied: true}) {
		t.Errorf("%+v", got)
	}
}

// Glance shows the sockets that Scan shows, but for what it does not ask.
func TestGlance(t *testing.T) {
	nettest.Run(t, func() {
		l := listen(t, "tcp4", "127.0.0.1:0")
		defer l.Close()
		c, s := connected(t, l, "tcp4")
		defer c.Close()
		defer s.Close()
		r, err := Open()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var full, bare []Socket
		note := func(to *[]Socket) func(*Socket) bool {
			return func(s *Socket) bool {
				x := *s
				x.Memory, x.Info, x.Expires = Memory{}, Info{}, 0
				*to = append(*to, x)
				if to == &bare && (s.Memory != Memory{} || s.Info != Info{}) {
					t.Errorf("%+v", s)
				}
				return true
			}
		}
		if err := errors.Join(r.Scan(^tcp.StateSet(0), note(&full)), r.Glance(^tcp.StateSet(0), note(&bare))); err != nil || len(full) != 3 || !slices.Equal(full, bare) {
			t.Errorf("%v: %v, %v", err, full, bare)
		}
	}, blackHole...)
}
