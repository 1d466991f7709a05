package pipeline_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// notebook is a Sink that notes the latest states and the findings.
type notebook struct {
	mu       sync.Mutex
	ends     map[string]tracker.Transition // by own port and peer's
	findings []string
}

func (b *notebook) Transition(t *tracker.Transition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	own, peer := t.Client.Port, t.Server.Port
	if t.Side == tracker.Server {
		own, peer = peer, own
	}
	b.ends[fmt.Sprintf("%d-%d", own, peer)] = *t
}

func (b *notebook) Finding(f *anomaly.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, f.Rule.Code)
}

func (b *notebook) Connection(*tracker.Connection) {}
func (b *notebook) Flush() error                   { return nil }

// kernelStates reads the states of this thread's sockets, by own port and peer's.
func kernelStates(t *testing.T) map[string]tracker.State {
	text, err := os.ReadFile("/proc/thread-self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	codes := []tracker.State{1: tracker.Established, tracker.SynSent, tracker.SynRecv, tracker.FinWait1, tracker.FinWait2, tracker.TimeWait,
		tracker.Closed, tracker.CloseWait, tracker.LastAck, tracker.Listen, tracker.Closing}
	states := map[string]tracker.State{}
	for _, line := range strings.Split(string(text), "\n")[1:] {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		port := func(s string) uint16 {
			b, _ := hex.DecodeString(s[strings.IndexByte(s, ':')+1:])
			return binary.BigEndian.Uint16(b)
		}
		code, _ := strconv.ParseUint(f[3], 16, 8)
		states[fmt.Sprintf("%d-%d", port(f[1]), port(f[2]))] = codes[code]
	}
	return states
}

// pair connects two sockets.
func pair(t *testing.T, l *net.TCPListener) (client, server *net.TCPConn) {
	client, err := net.DialTCP("tcp4", nil, l.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	client.Write([]byte("request"))
	server.Read(make([]byte, 100))
	server.Write([]byte("answer"))
	client.Read(make([]byte, 100))
	return client, server
}

func keyOf(c *net.TCPConn) string {
	return fmt.Sprintf("%d-%d", c.LocalAddr().(*net.TCPAddr).Port, c.RemoteAddr().(*net.TCPAddr).Port)
}

// The states of live sockets at rest are the kernel's, a close behind a shut window is possible, and a threshold is
// reached while no packet comes.
func TestLiveAgreesWithTheKernel(t *testing.T) {
	var wrong []string
	for range 3 { // the round trip that a busy machine shows at first may tell of another path
		nettest.Run(t, func() { wrong = liveAgrees(t) })
		if len(wrong) == 0 || t.Failed() {
			return
		}
		t.Log(strings.Join(wrong, "\n"))
	}
	t.Error("not as the kernel has it")
}

// liveAgrees returns in what they differ.
func liveAgrees(t *testing.T) (wrong []string) {
	src, err := capture.Live([]string{"lo"}, capture.LiveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	book := &notebook{ends: map[string]tracker.Transition{}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan pipeline.Result, 1)
	go func() {
		r, err := pipeline.Run(ctx, src, pipeline.Config{
			Sink: book, Transitions: true, Rules: map[string]anomaly.Limits{"close-wait-stuck": {"notice": 0.2}},
		})
		if err != nil {
			t.Error(err)
		}
		ended <- r
	}()

	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	open, openPeer := pair(t, l)
	closed, closedPeer := pair(t, l)
	closed.Close()
	closedPeer.Close()
	reset, resetPeer := pair(t, l)
	reset.SetLinger(0)
	reset.Close()
	half, halfPeer := pair(t, l)
	half.CloseWrite()
	stalled, hidden := pair(t, l)
	for err = nil; err == nil; { // until the reader's buffer and ours are full
		hidden.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)) // of each write: the machine may be slow
		_, err = hidden.Write(make([]byte, 1<<16))
	}
	hidden.Close()
	ends := []shown{
		{"open client", open, tracker.Established}, {"open server", openPeer, tracker.Established},
		{"closed client", closed, tracker.TimeWait}, {"closed server", closedPeer, tracker.Closed},
		{"resetting client", reset, tracker.Closed}, {"reset server", resetPeer, tracker.Closed},
		{"half-closed client", half, tracker.FinWait2}, {"half-closed server", halfPeer, tracker.CloseWait},
		{"stalled reader", stalled, tracker.Established}, {"hidden close", hidden, tracker.Established},
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) { // until all rest; TIME_WAIT is over in a minute
		kernel := kernelStates(t)
		wrong = book.unlike(ends, kernel)
		if kernel[keyOf(hidden)] != tracker.FinWait1 {
			wrong = append(wrong, fmt.Sprintf("the kernel says %s of the hidden close", kernel[keyOf(hidden)]))
		}
		if len(wrong) == 0 {
			break
		}
		if time.Now().After(end) {
			break
		}
	}

	stop()
	select {
	case r := <-ended:
		if c := r.Capture; c.Dropped != 0 || c.Packets == 0 || c.Received != c.Packets || r.Tracker.Duplicates != 0 || r.Tracker.TimeBackwards != 0 || r.Tracker.Connections != 5 {
			t.Errorf("%+v %+v", r.Capture, r.Tracker)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("does not end")
	}
	return wrong
}

// shown is an end of a connection, and what shows of it on the wire.
type shown struct {
	what string
	conn *net.TCPConn
	want tracker.State
}

// unlike says of which ends something else is noted than they show, or than the kernel says, and what is not found.
func (b *notebook) unlike(ends []shown, kernel map[string]tracker.State) (wrong []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range ends {
		key := keyOf(c.conn)
		word, ok := kernel[key]
		if !ok {
			word = tracker.Closed
		}
		e := b.ends[key]
		if e.To != c.want || !e.Possible.Has(word) || word != e.To && c.what != "hidden close" {
			wrong = append(wrong, fmt.Sprintf("%s: %s, possible %v, and the kernel says %s", c.what, e.To, e.Possible, word))
		}
	}
	if !slices.Contains(b.findings, "close-wait-stuck") {
		wrong = append(wrong, fmt.Sprintf("no close-wait-stuck while no packet came: %v", b.findings))
	}
	return wrong
}
