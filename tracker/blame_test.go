package tracker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// lines keeps the connections' lines.
type lines []Connection

func (*lines) Transition(*Transition)     {}
func (l *lines) Connection(c *Connection) { *l = append(*l, *c) }

// blamed runs a trace and returns its connections' lines.
func blamed(tr *trace.Trace, move shift) lines {
	var l lines
	t := New(Config{Sink: &l, Connections: true, Blame: true})
	for i := range tr.Items {
		switch it := &tr.Items[i]; it.Kind {
		case trace.Segment:
			t.Observe([]tcp.Segment{move.segment(it.Segment)})
		case trace.Advance:
			t.Advance(it.Time)
		}
	}
	t.Close()
	return l
}

// words spells a blame line: what was nothing is left out.
func (b Blame) words() string {
	var parts []string
	for class, ns := range b {
		if ns != 0 {
			parts = append(parts, fmt.Sprintf("%v %v", BlameClass(class), time.Duration(ns)))
		}
	}
	return strings.Join(parts, ", ")
}

const opened = `
0.000 A > B: S    99:99(0)            win 65535 <mss 1000,wscale 0>
0.010 B > A: S.   299:299(0) ack 100  win 65535 <mss 1000,wscale 0>
0.020 A > B: .    100:100(0) ack 300  win 65535
`

// Each story in the milliseconds of its classes. A is the client.
var blameStories = []struct {
	name, trace, client, server string
	half                        time.Duration
}{
	{
		name: "a request, its answer, and a close", trace: opened + `
0.020 A > B: P.   100:200(100) ack 300 win 65535
0.030 B > A: P.   300:400(100) ack 200 win 65535
0.040 A > B: .    200:200(0) ack 400   win 65535
1.040 A > B: F.   200:200(0) ack 400   win 65535
1.050 B > A: F.   400:400(0) ack 201   win 65535
1.060 A > B: .    201:201(0) ack 401   win 65535
@ +120s
`,
		client: "flowing 1.02s, handshake 20ms, closing 20ms",
		server: "flowing 1.03s, handshake 20ms, closing 10ms",
		half:   10 * time.Millisecond,
	},
	{
		name: "one SYN and no answer: the input's end does not count", trace: `
0.000 A > B: S    99:99(0)            win 65535 <mss 1000,wscale 0>
1.000 A > B: S    99:99(0)            win 65535 <mss 1000,wscale 0>
@ +600s
`,
		client: "handshake 1s",
		server: "handshake 1s",
	},
	{
		name: "the reader stops, a persist timer asks, the reader reads on", trace: opened + `
0.020 B > A: .    300:1300(1000) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 1300  win 0
0.240 B > A: .    1299:1299(0) ack 100 win 65535
0.250 A > B: .    100:100(0) ack 1300  win 0
0.650 B > A: .    1299:1299(0) ack 100 win 65535
0.660 A > B: .    100:100(0) ack 1300  win 0
2.030 A > B: .    100:100(0) ack 1300  win 65535
2.040 B > A: P.   1300:2300(1000) ack 100 win 65535
2.050 A > B: .    100:100(0) ack 2300  win 65535
`,
		client: "flowing 2.03s, handshake 20ms",
		server: "flowing 30ms, handshake 20ms, window_shut 2s",
	},
	{
		name: "the same, and the segment that opens the window is lost behind the tap: the sender asks once more", trace: opened + `
0.020 B > A: .    300:1300(1000) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 1300  win 0
0.240 B > A: .    1299:1299(0) ack 100 win 65535
0.250 A > B: .    100:100(0) ack 1300  win 0
0.650 B > A: .    1299:1299(0) ack 100 win 65535
0.660 A > B: .    100:100(0) ack 1300  win 0
1.430 B > A: .    1299:1299(0) ack 100 win 65535
1.440 A > B: .    100:100(0) ack 1300  win 0
1.530 A > B: .    100:100(0) ack 1300  win 65535
3.030 B > A: .    1299:1299(0) ack 100 win 65535
3.040 A > B: .    100:100(0) ack 1300  win 65535
3.050 B > A: P.   1300:2300(1000) ack 100 win 65535
3.060 A > B: .    100:100(0) ack 2300  win 65535
`,
		client: "flowing 3.04s, handshake 20ms",
		server: "flowing 40ms, handshake 20ms, window_shut 3s",
	},
	{
		name: "the same, too short for a probe: what comes as soon as the window opens had waited", trace: opened + `
0.020 B > A: .    300:1300(1000) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 1300  win 0
0.130 A > B: .    100:100(0) ack 1300  win 65535
0.140 B > A: P.   1300:2300(1000) ack 100 win 65535
0.150 A > B: .    100:100(0) ack 2300  win 65535
`,
		client: "flowing 130ms, handshake 20ms",
		server: "flowing 30ms, handshake 20ms, window_shut 100ms",
	},
	{
		name: "a shut window that nothing waits for: the answer fitted, and the next request opens it", trace: opened + `
0.020 B > A: P.   300:1300(1000) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 1300  win 0
5.030 A > B: P.   100:200(100) ack 1300 win 65535
5.040 B > A: P.   1300:2300(1000) ack 200 win 65535
5.050 A > B: .    200:200(0) ack 2300  win 65535
`,
		client: "flowing 5.03s, handshake 20ms",
		server: "flowing 5.03s, handshake 20ms",
	},
	{
		name: "all was acknowledged; one RTO before the first probe the application wrote more", trace: opened + `
0.020 B > A: P.   300:1300(1000) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 1300  win 0
9.030 B > A: .    1299:1299(0) ack 100 win 65535
9.040 A > B: .    100:100(0) ack 1300  win 0
9.430 B > A: .    1299:1299(0) ack 100 win 65535
9.440 A > B: .    100:100(0) ack 1300  win 0
10.230 B > A: .   1299:1299(0) ack 100 win 65535
10.240 A > B: .   100:100(0) ack 1300  win 0
`,
		client: "flowing 10.22s, handshake 20ms",
		server: "flowing 8.81s, handshake 20ms, window_shut 1.41s",
	},
	{
		name: "a timeout, then the repeat is acknowledged: the wait before it counts", trace: opened + `
0.020 A > B: P.   100:200(100) ack 300 win 65535
0.230 A > B: P.   100:200(100) ack 300 win 65535
0.240 B > A: .    300:300(0) ack 200   win 65535
0.340 B > A: P.   300:310(10) ack 200  win 65535
`,
		client: "flowing 100ms, handshake 20ms, loss_recovery 220ms",
		server: "flowing 320ms, handshake 20ms",
	},
	{
		name: "lost before the tap: a hole that is filled a round trip later", trace: opened + `
0.020 A > B: P.   100:1100(1000) ack 300 win 65535
0.021 B > A: .    300:300(0) ack 1100  win 65535
0.030 A > B: P.   2100:3100(1000) ack 300 win 65535
0.031 B > A: .    300:300(0) ack 1100  win 65535 <sack 2100-3100>
0.230 A > B: P.   1100:2100(1000) ack 300 win 65535
0.231 B > A: .    300:300(0) ack 3100  win 65535
`,
		client: "flowing 11ms, handshake 20ms, loss_recovery 200ms",
		server: "flowing 211ms, handshake 20ms",
	},
	{
		name: "nobody answers any more: three repeats", trace: opened + `
0.020 B > A: P.   300:400(100) ack 100 win 65535
0.030 A > B: .    100:100(0) ack 400   win 65535
1.020 A > B: P.   100:200(100) ack 400 win 65535
1.220 A > B: P.   100:200(100) ack 400 win 65535
1.620 A > B: P.   100:200(100) ack 400 win 65535
2.420 A > B: P.   100:200(100) ack 400 win 65535
4.020 A > B: P.   100:200(100) ack 400 win 65535
4.030 B > A: .    400:400(0) ack 200   win 65535
5.030 B > A: P.   400:410(10) ack 200  win 65535
`,
		client: "flowing 2s, handshake 20ms, peer_silent 3.01s",
		server: "flowing 5.01s, handshake 20ms",
	},
	{
		name: "keepalives that nobody answers", trace: opened + `
5.020 A > B: .    99:99(0) ack 300     win 65535
6.020 A > B: .    99:99(0) ack 300     win 65535
7.020 A > B: .    99:99(0) ack 300     win 65535
8.020 A > B: R.   100:100(0) ack 300   win 65535
`,
		client: "flowing 5s, handshake 20ms, peer_silent 3s",
		server: "flowing 8s, handshake 20ms",
	},
	{
		name: "a listener that never took the handshake's ACK", trace: opened + `
0.020 A > B: P.   100:200(100) ack 300 win 65535
1.010 B > A: S.   299:299(0) ack 100   win 65535 <mss 1000,wscale 0>
1.020 A > B: .    200:200(0) ack 300   win 65535
`,
		client: "handshake 1.02s",
		server: "handshake 1.02s",
	},
	{
		name: "octets acknowledged that the capture does not hold, in a hole and at the end", trace: opened + `
0.020 A > B: P.   100:200(100) ack 300 win 65535
0.030 B > A: .    300:300(0) ack 200   win 65535
2.030 A > B: P.   300:400(100) ack 300 win 65535
2.040 B > A: .    300:300(0) ack 400   win 65535
4.030 B > A: .    300:300(0) ack 500   win 65535
4.040 B > A: .    300:300(0) ack 500   win 65535
`,
		client: "handshake 20ms, capture_gap 4.02s",
		server: "flowing 4.02s, handshake 20ms",
	},
	{
		name: "half a close, and a reset", trace: opened + `
1.020 A > B: F.   100:100(0) ack 300   win 65535
1.030 B > A: .    300:300(0) ack 101   win 65535
4.020 B > A: R.   300:300(0) ack 101   win 65535
`,
		client: "flowing 1s, handshake 20ms, closing 3s",
		server: "flowing 4s, handshake 20ms",
		half:   3 * time.Second,
	},
}

func TestBlame(t *testing.T) {
	for _, story := range blameStories {
		t.Run(story.name, func(t *testing.T) {
			tr, err := trace.Parse("", []byte("# "+story.name+"\n"+story.trace))
			if err != nil {
				t.Fatal(err)
			}
			for _, way := range ways {
				l := blamed(tr, newShift(tr, way))
				if len(l) != 1 || l[0].Blamed == false {
					t.Fatalf("%s: %+v", way.name, l)
				}
				c := &l[0]
				if have := c.Client.Blame.words(); have != story.client {
					t.Errorf("%s: client: %s\n want %s", way.name, have, story.client)
				}
				if have := c.Server.Blame.words(); have != story.server {
					t.Errorf("%s: server: %s\n want %s", way.name, have, story.server)
				}
				if c.Half != (story.half != 0) || c.HalfClosed != int64(story.half) {
					t.Errorf("%s: half closed for %v, want %v", way.name, time.Duration(c.HalfClosed), story.half)
				}
			}
		})
	}
}

// Whatever happens, each direction's classes sum to the life, none is below nothing, and nothing of them is kept.
func TestBlameSumsToTheLife(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for _, way := range ways {
			for _, c := range blamed(f.Trace, newShift(f.Trace, way)) {
				for _, e := range []*End{&c.Client, &c.Server} {
					if e.Blame.Sum() != c.Life || c.Life < c.Last-c.Start {
						t.Errorf("%s, %s: conn %d lives for %d ns, to be blamed are %d: %s", f.name, way.name, c.Conn, c.Life, e.Blame.Sum(), e.Blame.words())
					}
					for class, ns := range e.Blame {
						if ns < 0 {
							t.Errorf("%s, %s: conn %d: %v for %d ns", f.name, way.name, c.Conn, BlameClass(class), ns)
						}
					}
				}
			}
		}
	}
}

// What was sent and never acknowledged, SYN and FIN apart; of a peer that was never heard nothing is known.
func TestUnackedBytes(t *testing.T) {
	for _, c := range []struct {
		trace          string
		client, server uint64
		acked          bool
	}{
		{opened + "1.0 A > B: P. 100:350(250) ack 300 win 65535\n1.1 B > A: . 300:300(0) ack 150 win 65535\n1.2 A > B: F. 350:350(0) ack 300 win 65535", 200, 0, true},
		{opened + "1.0 A > B: FP. 100:350(250) ack 300 win 65535\n1.1 B > A: . 300:310(10) ack 351 win 65535", 0, 10, true},
		{"0.0 A > B: S 99:99(0) win 65535\n1.0 A > B: S 99:99(0) win 65535", 0, 0, false},
	} {
		tr, err := trace.Parse("", []byte("# x\n"+c.trace+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		l := blamed(tr, newShift(tr, ways[0]))[0]
		if l.Client.UnackedBytes != c.client || l.Server.UnackedBytes != c.server || l.Client.Acked != c.acked {
			t.Errorf("%s\n client %d %v, server %d", c.trace, l.Client.UnackedBytes, l.Client.Acked, l.Server.UnackedBytes)
		}
	}
}

// counts is a Sink that looks at nothing.
type counts struct{ n int }

func (*counts) Transition(*Transition)   {}
func (c *counts) Connection(*Connection) { c.n++ }

// The account is taken from an arena and given back: once it has grown, blame costs no allocation, and without Blame
// none is taken at all.
func TestBlameCostsNoAllocation(t *testing.T) {
	var segs []tcp.Segment
	for _, story := range blameStories {
		tr, err := trace.Parse("", []byte("# x\n"+story.trace))
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range tr.Items {
			if it.Kind == trace.Segment {
				it.Segment.Flow.PortA += uint16(len(segs)) // each story a flow of its own
				segs = append(segs, it.Segment)
			}
		}
	}
	for _, on := range []bool{true, false} {
		var c counts
		tk := New(Config{Sink: &c, Connections: true, Blame: on})
		round := func() {
			for i := range segs {
				segs[i].Time += 1000 * second
			}
			tk.Observe(segs)
		}
		round()
		for range 100 {
			round()
		}
		if n := testing.AllocsPerRun(100, round); n >= 1 {
			t.Errorf("blame %v: %v allocations", on, n)
		}
		if live := tk.blames.len(); !on && live != 0 {
			t.Errorf("%d accounts that nobody asked for", live)
		}
	}
}
