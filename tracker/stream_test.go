package tracker

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// streamRules is Wireshark 4.0's numbering of streams, a rule a case. Each line of a trace ends in "-> N", the
// tcp.stream that Wireshark gives the segment.
var streamRules = []struct {
	name  string
	trace string
	lines string // streams of the connection lines, in order of conn
}{
	{"streams count four-tuples in order of first packet", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.001 C > B: S  900:900(0) win 1000 -> 1
		0.002 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.003 D > B: .  500:500(0) ack 7 win 1000 -> 2
		0.004 B > C: S. 400:400(0) ack 901 win 1000 -> 1`, "[0] [1] [2]"},
	{"a repeated SYN goes on with its stream", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		1.000 A > B: S  100:100(0) win 1000 -> 0`, "[0]"},
	{"a SYN with another sequence number begins a stream, and both are the one incarnation's", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		1.000 A > B: S  200:200(0) win 1000 -> 1
		1.010 B > A: S. 300:300(0) ack 201 win 1000 -> 1
		1.020 A > B: .  201:201(0) ack 301 win 1000 -> 1`, "[0 1]"},
	{"even where no host would take it: in the middle of a connection", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.020 A > B: .  101:101(0) ack 301 win 1000 -> 0
		1.000 A > B: S  777:777(0) win 1000 -> 1
		1.010 B > A: .  301:301(0) ack 101 win 1000 -> 1
		1.020 A > B: P. 101:111(10) ack 301 win 1000 -> 1
		2.000 A > B: S  100:100(0) win 1000 -> 2`, "[0 1 2]"},
	{"even damaged: Wireshark does not look at checksums here", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.020 A > B: .  101:101(0) ack 301 win 1000 -> 0
		1.000 A > B: S  777:777(0) win 1000 badsum -> 1
		1.010 A > B: .  101:101(0) ack 301 win 1000 -> 1`, "[0 1]"},
	{"SYN with FIN or RST is a SYN", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.100 A > B: SF 200:200(0) win 1000 -> 1
		0.200 A > B: SR 300:300(0) win 1000 -> 2`, "[0 1 2]"},
	{"a SYN-ACK with another sequence number begins none, and is believed", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.020 B > A: S. 555:555(0) ack 101 win 1000 -> 0
		0.030 B > A: S  555:555(0) win 1000 -> 0
		0.040 B > A: S  300:300(0) win 1000 -> 1`, "[0 1]"},
	{"a SYN the other way belongs to the stream while its sender is not known: simultaneous open", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.001 B > A: S  300:300(0) win 1000 -> 0
		0.010 A > B: S. 100:100(0) ack 301 win 1000 -> 0
		0.011 B > A: S. 300:300(0) ack 101 win 1000 -> 0`, "[0]"},
	{"a SYN the other way with another number than acknowledged begins one", `
		0.000 A > B: .  101:101(0) ack 301 win 1000 -> 0
		1.000 B > A: S  300:300(0) win 1000 -> 0
		2.000 B > A: S  301:301(0) win 1000 -> 1`, "[0 1]"},
	{"from mid-stream the ISN is taken for one below the first octet seen", `
		0.000 A > B: P. 101:111(10) ack 301 win 1000 -> 0
		1.000 A > B: S  100:100(0) win 1000 -> 0
		2.000 A > B: S  110:110(0) win 1000 -> 1`, "[0 1]"},
	{"a SYN captured behind its SYN-ACK", `
		0.000 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.001 A > B: S  100:100(0) win 1000 -> 0
		0.002 A > B: .  101:101(0) ack 301 win 1000 -> 0`, "[0]"},
	{"the refusal's sequence number 0 stands for its sender's ISN", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: R. 0:0(0) ack 101 win 0 -> 0
		0.020 B > A: S  4294967295:4294967295(0) win 1000 -> 0
		0.030 B > A: S  0:0(0) win 1000 -> 1`, "[0] [0 1]"},
	{"both ends the same endpoint: both directions are one", `
		0.000 A > A: S  100:100(0) win 1000 -> 0
		0.010 A > A: S. 100:100(0) ack 101 win 1000 -> 0
		0.020 A > A: S  300:300(0) win 1000 -> 1`, "[0 1]"},
	{"TIME-WAIT reused: a stream and an incarnation", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: S. 300:300(0) ack 101 win 1000 -> 0
		0.020 A > B: F. 101:101(0) ack 301 win 1000 -> 0
		0.030 B > A: F. 301:301(0) ack 102 win 1000 -> 0
		0.040 A > B: .  102:102(0) ack 302 win 1000 -> 0
		1.000 A > B: S  5000:5000(0) win 1000 -> 1
		1.010 B > A: S. 9000:9000(0) ack 5001 win 1000 -> 1`, "[0] [1]"},
	{"what comes after the connection's line was written is of its stream, as incarnation of its own", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: R. 0:0(0) ack 101 win 0 -> 0
		0.020 C > B: S  100:100(0) win 1000 -> 1
		300.0 B > A: R. 0:0(0) ack 101 win 0 -> 0
		301.0 D > B: S  100:100(0) win 1000 -> 2`, "[0] [1] [0] [2]"},
	{"Wireshark 4.0 takes the same ISN for a repetition, even minutes behind a RST; 4.2 does not", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: R. 0:0(0) ack 101 win 0 -> 0
		300.0 A > B: S  100:100(0) win 1000 -> 0
		600.0 A > B: S  101:101(0) win 1000 -> 1`, "[0] [0 1]"},
	{"and a SYN with another begins one, however late", `
		0.000 A > B: S  100:100(0) win 1000 -> 0
		0.010 B > A: R. 0:0(0) ack 101 win 0 -> 0
		300.0 A > B: S  200:200(0) win 1000 -> 1`, "[0] [1]"},
}

func TestStreamRules(t *testing.T) {
	for _, rule := range streamRules {
		t.Run(rule.name, func(t *testing.T) {
			var src strings.Builder
			var want []uint32
			fmt.Fprintf(&src, "# %s\n", rule.name)
			for line := range strings.Lines(strings.TrimSpace(rule.trace)) {
				segment, stream, ok := strings.Cut(strings.TrimSpace(line), " -> ")
				fmt.Fprintln(&src, segment)
				if ok {
					var n uint32
					fmt.Sscan(stream, &n)
					want = append(want, n)
				}
			}
			tr, err := trace.Parse(rule.name, []byte(src.String()))
			if err != nil {
				t.Fatal(err)
			}
			for _, way := range []way{{}, {mirrored: true}} {
				move := newShift(tr, way)
				var lines streamLines
				tk := New(Config{Sink: &lines, Connections: true})
				for i := range tr.Items {
					s := move.segment(tr.Items[i].Segment)
					if have := streamOf(tk, &s); have != want[i] {
						t.Errorf("line %d, mirrored %v: stream %d, want %d", tr.Items[i].Line-1, way.mirrored, have, want[i])
					}
				}
				tk.Close()
				if have := lines.String(); have != rule.lines {
					t.Errorf("mirrored %v: connections have streams %s, want %s", way.mirrored, have, rule.lines)
				}
			}
		})
	}
}

// streamOf lets the tracker see a segment and says which stream it found.
func streamOf(t *Tracker, s *tcp.Segment) uint32 {
	t.Observe([]tcp.Segment{*s})
	n := t.find(aim{hash: t.index.hash(&s.Flow)}, &s.Flow)
	if n&stubBit != 0 {
		return t.stubs.at(n).stream
	}
	return t.conns.at(n).stream
}

// streamLines is a Sink that keeps the streams of each connection, by conn.
type streamLines struct{ of [][]uint32 }

func (l *streamLines) Transition(*Transition) {}

func (l *streamLines) Connection(c *Connection) {
	for uint64(len(l.of)) <= c.Conn {
		l.of = append(l.of, nil)
	}
	l.of[c.Conn] = slices.Clone(c.Streams)
}

func (l *streamLines) String() string {
	s := fmt.Sprint(l.of)
	return s[1 : len(s)-1]
}

// TestStreamsAgainstTheObvious holds the numbering, which forgets what has retired, to one that forgets nothing and
// knows no connections.
func TestStreamsAgainstTheObvious(t *testing.T) {
	type conversation struct {
		stream uint32
		base   map[tcp.Dir]tcp.Seq
	}
	flags := []tcp.Flags{tcp.SYN, tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.FIN | tcp.ACK, tcp.RST, tcp.RST | tcp.ACK, tcp.SYN | tcp.FIN, 0}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		tk := New(Config{MaxConnections: int(seed % 3)})
		latest := map[tcp.FlowKey]*conversation{}
		var begun uint32
		begin := func(k tcp.FlowKey) *conversation {
			c := &conversation{begun, map[tcp.Dir]tcp.Seq{}}
			begun++
			latest[k] = c
			return c
		}
		now := int64(1)
		for number := range uint64(300) {
			now += []int64{1, millisecond, second, 100 * second}[r.IntN(4)]
			s := tcp.Segment{Time: now, Number: number + 1, Seq: tcp.Seq(r.IntN(3)) - 1, Ack: tcp.Seq(r.IntN(3)), Flags: flags[r.IntN(len(flags))],
				Window: uint16(r.IntN(3)), IPLen: 40, TTL: uint8(r.IntN(2)), Sum: tcp.Sum(r.IntN(4))}
			s.Flow, s.Dir = tcp.MakeFlow(tcp.AddrFrom4(uint32(r.IntN(3))), tcp.AddrFrom4(uint32(r.IntN(3))), 1, 1, false)

			c := latest[s.Flow]
			if c == nil {
				c = begin(s.Flow)
			}
			base, known := c.base[s.Dir]
			switch s.Flags & (tcp.SYN | tcp.ACK) {
			case tcp.SYN:
				if known && base != s.Seq {
					c = begin(s.Flow)
				}
				c.base[s.Dir] = s.Seq
			case tcp.SYN | tcp.ACK:
				c.base[s.Dir] = s.Seq
			default:
				if !known {
					c.base[s.Dir] = s.Seq - 1
				}
			}
			if _, known := c.base[s.Dir.Other()]; !known && s.Flags.Has(tcp.ACK) {
				c.base[s.Dir.Other()] = s.Ack - 1
			}
			if have := streamOf(tk, &s); have != c.stream {
				t.Fatalf("seed %d, packet %d: stream %d, want %d", seed, s.Number, have, c.stream)
			}
		}
	}
}

// TestStreamBounds: what more streams than are kept cost is told, and no more.
func TestStreamBounds(t *testing.T) {
	var x streams
	var c conn
	x.next(&c.numbered)
	for range maxMoreStreams + 3 {
		x.leave(2, &c)
	}
	if x.forgotten != 3 || len(x.list(nil, 2, &c)) != maxMoreStreams+1 {
		t.Errorf("%d forgotten, %d listed", x.forgotten, len(x.list(nil, 2, &c)))
	}
	x.retire(2, &c)
	if x.held != 0 || len(x.more) != 0 {
		t.Errorf("%d still held", x.held)
	}
}

// A record may be stamped with the end of time; timers set then must not lie before it, for ever due.
func TestTimersAtTheEndOfTime(t *testing.T) {
	tk := New(Config{})
	for i, flags := range []tcp.Flags{tcp.SYN, tcp.SYN | tcp.ACK, tcp.RST, tcp.ACK} {
		s := tcp.Segment{Time: math.MaxInt64, Number: uint64(i + 1), Flags: flags, Dir: tcp.Dir(i & 1)}
		tk.Observe([]tcp.Segment{s})
	}
	tk.Close()
}
