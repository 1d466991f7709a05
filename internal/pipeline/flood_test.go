package pipeline_test

import (
	"context"
	"flag"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

var floodRate = flag.Int("flood", 60, "SYNs a second of TestFloodMemory, for an hour of packet time; 3000 fill a bound of a million connections")

// flood is an hour of SYNs from ever other addresses, answered or not, and among them real connections: some that last
// and send every ten seconds, and short ones.
type flood struct {
	rate, lasting int
	answered      bool // the listener sends SYN-ACKs

	at      int64
	n       uint64 // segments handed out
	begun   int    // short connections
	second  int
	buffer  []tcp.Segment // of a second
	pending []tcp.Segment // of buffer, not handed out
	stats   capture.Stats
	watch   func(second int)
}

const floodStart = int64(1_700_000_000e9)

var floodServer = tcp.Addr{Lo: 10<<24 | 1}

func (f *flood) segment(client uint64, port uint16, fromServer bool, flags tcp.Flags, seq, ack tcp.Seq, length int) {
	f.n++
	a, p, b, q := tcp.Addr{Lo: client}, port, floodServer, uint16(443)
	if fromServer {
		a, p, b, q = b, q, a, p
	}
	s := tcp.Segment{Time: f.at, Number: f.n, Seq: seq, Ack: ack, Flags: flags, Window: 64240, Len: length, IPLen: 40 + length, TTL: 60, IPID: uint16(f.n)}
	s.Flow, s.Dir = tcp.MakeFlow(a, b, p, q, false)
	if flags&tcp.SYN != 0 {
		s.Options = tcp.Options{Has: tcp.HasMSS, MSS: 1460}
	}
	f.buffer = append(f.buffer, s)
}

// fill makes the segments of the next second.
func (f *flood) fill() {
	f.watch(f.second)
	begin := floodStart + int64(f.second)*1e9
	for i := range f.rate {
		f.at = begin + int64(i)*1e9/int64(f.rate)
		client := 20<<24 + uint64(f.second*f.rate+i)
		f.segment(client, uint16(1024+i%50000), false, tcp.SYN, tcp.Seq(i), 0, 0)
		if f.answered {
			f.segment(client, uint16(1024+i%50000), true, tcp.SYN|tcp.ACK, 7, tcp.Seq(i).Add(1), 0)
		}
		if i%20 == 0 && i/20 < f.lasting { // in their first second the handshakes, then an exchange every ten
			f.real(uint64(i/20), f.second)
		}
		if i%100 == 0 {
			f.short()
		}
	}
	f.second++
}

// real is what lasting connection i does in a second.
func (f *flood) real(i uint64, second int) {
	client, port := 9<<24+i, uint16(5000)
	if second == 0 {
		f.segment(client, port, false, tcp.SYN, 99, 0, 0)
		f.segment(client, port, true, tcp.SYN|tcp.ACK, 299, 100, 0)
		f.segment(client, port, false, tcp.ACK, 100, 300, 0)
		return
	}
	if uint64(second)%10 != i%10 {
		return
	}
	sent := tcp.Seq(100 * ((second - 1) / 10))
	f.segment(client, port, false, tcp.ACK|tcp.PSH, 100+sent, 300, 100)
	f.segment(client, port, true, tcp.ACK, 300, 200+sent, 0)
}

// short is a whole connection.
func (f *flood) short() {
	client, port := 8<<24+uint64(f.begun), uint16(6000)
	f.begun++
	f.segment(client, port, false, tcp.SYN, 99, 0, 0)
	f.segment(client, port, true, tcp.SYN|tcp.ACK, 299, 100, 0)
	f.segment(client, port, false, tcp.ACK, 100, 300, 0)
	f.segment(client, port, false, tcp.ACK|tcp.PSH, 100, 300, 100)
	f.segment(client, port, true, tcp.ACK|tcp.FIN, 300, 200, 0)
	f.segment(client, port, false, tcp.ACK|tcp.FIN, 200, 301, 0)
	f.segment(client, port, true, tcp.ACK, 301, 201, 0)
}

func (f *flood) Read(segs []tcp.Segment) (int, error) {
	if len(f.pending) == 0 {
		if f.second == 3600 {
			return 0, io.EOF
		}
		f.buffer = f.buffer[:0]
		f.fill()
		f.pending = f.buffer
	}
	n := copy(segs, f.pending)
	f.pending = f.pending[n:]
	f.stats.Packets += uint64(n)
	f.stats.Segments += uint64(n)
	return n, nil
}

func (f *flood) Stats() capture.Stats { return f.stats }
func (f *flood) Close() error         { return nil }

// survivors counts what becomes of the real connections.
type survivors struct {
	lasting, short, evicted int
	damaged                 int // not as they were
}

func (s *survivors) Transition(*tracker.Transition) {}
func (s *survivors) Finding(*anomaly.Finding)       {}
func (s *survivors) Flush() error                   { return nil }

func (s *survivors) Connection(c *tracker.Connection) {
	if c.Evicted {
		s.evicted++
	}
	switch c.Client.Endpoint.Addr.Lo >> 24 {
	case 9:
		s.lasting++
		if c.Evicted || c.Client.State != tracker.Established || c.Server.State != tracker.Established || c.Client.MissedBytes > 0 {
			s.damaged++
		}
	case 8:
		s.short++
		if c.How != tracker.HowFIN {
			s.damaged++
		}
	}
}

// resident is this process' memory in octets.
func resident(t *testing.T) uint64 {
	text, err := os.ReadFile("/proc/self/smaps_rollup")
	if err != nil {
		t.Skip("needs Linux to tell what is resident")
	}
	const key = "\nRss:"
	var kb uint64
	for i := 0; i+len(key) < len(text); i++ {
		if string(text[i:i+len(key)]) == key {
			for _, b := range text[i+len(key):] {
				if b >= '0' && b <= '9' {
					kb = kb*10 + uint64(b-'0')
				} else if b == 'k' {
					return kb << 10
				}
			}
		}
	}
	return 0
}

// An hour of SYN flood at the bound takes no more memory at its end than when the bound was reached, evicts what is to be
// spared, counts it, and leaves every real connection alone.
func TestFloodMemory(t *testing.T) {
	for _, answered := range []bool{false, true} {
		t.Run("answered="+strconv.FormatBool(answered), func(t *testing.T) { floodMemory(t, answered) })
	}
}

func floodMemory(t *testing.T, answered bool) {
	rate := *floodRate
	bound := rate * 1_000_000 / 3000
	var full, last, most uint64 // once the bound was reached; at the end; ever since
	f := &flood{rate: rate, lasting: rate / 20, answered: answered}
	f.watch = func(second int) {
		if second%300 != 0 && second != 3599 {
			return
		}
		runtime.GC()
		debug.FreeOSMemory()
		last = resident(t)
		t.Logf("%4d s: %d MiB", second, last>>20)
		if second == 1200 {
			full = last
		}
		if second >= 1200 {
			most = max(most, last)
		}
	}
	var s survivors
	r, err := pipeline.Run(context.Background(), f, pipeline.Config{Sink: &s, Connections: true, MaxConnections: bound})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d SYNs a second, bound %d: %d connections, %d evicted, findings %v", rate, bound, r.Tracker.Connections, r.Tracker.Evicted, r.Findings)
	const slack = 4 << 20 // of the collector and the test itself
	if most > full+full/20+slack {
		t.Errorf("%d MiB when the bound was reached, later %d MiB", full>>20, most>>20)
	}
	flooded := uint64(3600 * rate)
	if want := flooded + uint64(f.lasting+f.begun); r.Tracker.Connections != want {
		t.Errorf("%d connections, not %d", r.Tracker.Connections, want)
	}
	if uint64(s.evicted) != r.Tracker.Evicted || r.Tracker.Evicted < flooded-uint64(bound)-uint64(rate*200) {
		t.Errorf("%d of %d connections evicted, %d told", r.Tracker.Evicted, r.Tracker.Connections, s.evicted)
	}
	if s.lasting != f.lasting || s.short != f.begun || s.damaged > 0 {
		t.Errorf("%d of %d lasting and %d of %d short connections, %d damaged", s.lasting, f.lasting, s.short, f.begun, s.damaged)
	}
	if r.Findings["syn-flood"] == 0 {
		t.Error("no syn-flood found")
	}
}
