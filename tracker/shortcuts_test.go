package tracker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
)

// What is there for speed and memory only, stubs and the weighing of claims, must not show in what is told.

// TestShortcutsDoNotShowInTraces runs every trace with them and without.
func TestShortcutsDoNotShowInTraces(t *testing.T) {
	files, err := traceFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		run := func(tr *Tracker) {
			for i := range f.Items {
				switch it := &f.Items[i]; it.Kind {
				case trace.Segment:
					tr.Observe([]tcp.Segment{it.Segment})
				case trace.Advance:
					tr.Advance(it.Time)
				}
			}
		}
		if d := differ(run); d != "" {
			t.Errorf("%s: %s", f.name, d)
		}
	}
}

// TestShortcutsDoNotShowInChaos runs what no host would send: flags, numbers and times at random on few four-tuples, so
// that they collide.
func TestShortcutsDoNotShowInChaos(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 6))
		segs := make([]tcp.Segment, 600)
		now := int64(1e18)
		for i := range segs {
			segs[i] = chaotic(r, i, &now)
		}
		run := func(tr *Tracker) {
			for left := segs; len(left) > 0; {
				n := min(len(left), 1+int(seed)%40)
				tr.Observe(left[:n])
				left = left[n:]
			}
		}
		if d := differ(run); d != "" {
			t.Fatalf("seed %d: %s", seed, d)
		}
	}
}

func chaotic(r *rand.Rand, i int, now *int64) tcp.Segment {
	*now += []int64{0, 1000, millisecond, 30 * millisecond, 300 * millisecond, 20 * second, 200 * second}[min(r.IntN(7), r.IntN(8))]
	k, client := key(uint32(r.IntN(5)))
	s := tcp.Segment{
		Time: *now, Number: uint64(i + 1), Flow: k, Dir: client, TTL: 64, IPID: uint16(i), IPLen: 40,
		Flags:  []tcp.Flags{tcp.SYN, tcp.SYN, tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK, tcp.ACK, tcp.ACK | tcp.PSH, tcp.ACK | tcp.FIN, tcp.RST, tcp.RST | tcp.ACK, 0, tcp.SYN | tcp.FIN, tcp.SYN | tcp.ECE | tcp.CWR}[r.IntN(13)],
		Seq:    tcp.Seq(1000 + []int{0, 0, 1, 1, 2, 100, 101, 1 << 20}[r.IntN(8)]),
		Window: []uint16{0, 1, 512, 65535}[r.IntN(4)],
		Sum:    tcp.Sum(r.IntN(4) * r.IntN(2) * r.IntN(2)),
	}
	if r.IntN(3) == 0 {
		s.Dir = client.Other()
	}
	if s.Flags&tcp.ACK != 0 {
		s.Ack = tcp.Seq(1000 + []int{0, 1, 1, 2, 100, 101, 102, 1 << 20}[r.IntN(8)])
	}
	if s.Flags&tcp.SYN == 0 {
		s.Len = []int{0, 0, 1, 99}[r.IntN(4)]
	}
	if s.Flags&tcp.SYN != 0 {
		s.Options = tcp.Options{Has: tcp.HasMSS | tcp.HasWScale, MSS: 1460, WScale: uint8(r.IntN(16))}
	}
	if r.IntN(2) == 0 {
		s.Options.Has |= tcp.HasTS
		s.Options.TSVal = uint32(*now/1e6) - uint32(r.IntN(3))
	}
	return s
}

// differ runs trackers with shortcuts, with every SYN folded as where many wait and with few, and one without, and says
// where what they tell first differs; then the same where nobody listens for transitions.
func differ(run func(*Tracker)) string {
	for _, transitions := range []bool{true, false} {
		var told [3]recorder
		var stats [3]Stats
		for i := range told {
			tr := New(Config{Sink: &told[i], Transitions: transitions, Connections: true, Blame: true, Zeek: true, Analysis: true, Witness: &told[i], Facts: ^FactKind(0)})
			tr.plain = i == 0
			if i == 1 {
				tr.asking = fewAsking
			}
			run(tr)
			tr.Close()
			stats[i] = tr.Stats()
		}
		for i := 1; i < len(told); i++ {
			if d := told[i].differs(told[0]); d != "" {
				return d
			}
			if stats[i] != stats[0] {
				return fmt.Sprintf("the counts are %+v, without shortcuts %+v", stats[i], stats[0])
			}
		}
	}
	return ""
}

// TestHalfOpenAreCountedUntold: the states in which a flood ends are counted the same where nobody reads their lines.
func TestHalfOpenAreCountedUntold(t *testing.T) {
	const flood = 3 * fewAsking
	var stats [2]Stats
	for i := range stats {
		var told recorder
		tr := New(Config{Sink: &told, Connections: i == 0})
		for n := range uint32(flood) {
			k, client := key(n)
			tr.Observe([]tcp.Segment{{Time: int64(n), Number: uint64(n) + 1, Flow: k, Dir: client, Flags: tcp.SYN, IPLen: 40}})
		}
		tr.Close()
		if told := len(told); i == 0 && told != flood || i > 0 && told != 0 {
			t.Errorf("%d lines are told of %d", told, flood)
		}
		stats[i] = tr.Stats()
	}
	if stats[0] != stats[1] || stats[0].States[SynSent][Closed] != flood {
		t.Errorf("the counts are %+v with lines, %+v without", stats[0], stats[1])
	}
}

func (r recorder) differs(plain recorder) string {
	for i := range r {
		if i >= len(plain) {
			return "more is told with shortcuts: " + r[i]
		}
		if r[i] != plain[i] {
			return fmt.Sprintf("with shortcuts\n%s\nwithout\n%s", r[i], plain[i])
		}
	}
	if len(plain) > len(r) {
		return "more is told without shortcuts: " + plain[len(r)]
	}
	return ""
}

// recorder writes down all that is told.
type recorder []string

func (r *recorder) Transition(x *Transition) {
	var now Connection
	x.View.Connection(&now)
	told := *x
	told.View = View{}
	*r = append(*r, fmt.Sprintf("transition %+v of %+v", told, now))
}
func (r *recorder) Connection(c *Connection) { *r = append(*r, fmt.Sprintf("connection %+v", *c)) }

func (r *recorder) Fact(f *Fact) {
	if f.Kind != Began {
		f.Conn.Follow()
	}
	cl, sv := f.Conn.End(Client), f.Conn.End(Server)
	*r = append(*r, fmt.Sprintf("fact %d of %d %v at %d: %v to %v; %v %v, %v %v", f.Kind, f.Conn.Num(), f.Side, f.Time, f.From, f.To,
		cl.State(), cl.Possible(), sv.State(), sv.Possible()))
}

func (r *recorder) Next() int64           { return never }
func (r *recorder) Advance(int64, uint64) {}
