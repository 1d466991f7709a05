package anomaly

import (
	"net/netip"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// ear is a Sink that reads nothing.
type ear struct{}

func (ear) Finding(*Finding) {}

// BenchmarkFact times the tracker with all judges on short lives: a handshake, a request and its answer, and the end, each
// from a port of its own to one of 64 listeners. What it takes without judges is that of "nobody".
func BenchmarkFact(b *testing.B) {
	for _, end := range []string{"fin", "rst", "refused", "silent"} {
		for _, who := range []string{"nobody", "counted", "told"} {
			b.Run(end+"/"+who, func(b *testing.B) {
				cfg := tracker.Config{Seed: 1}
				var facts counter
				switch who {
				case "counted":
					facts.Bench = NewBench(Rules, nil, nil)
				case "told":
					facts.Bench = NewBench(Rules, nil, ear{})
				}
				if facts.Bench != nil {
					cfg.Witness, cfg.Facts = &facts, facts.Facts()
				}
				t := tracker.New(cfg)
				b.ReportAllocs()
				var segs []tcp.Segment
				number := uint64(0)
				for i := range b.N {
					segs = life(segs[:0], i, end)
					for j := range segs {
						number++
						segs[j].Number = number
					}
					t.Observe(segs)
				}
				b.ReportMetric(float64(facts.n)/float64(b.N), "facts/op")
			})
		}
	}
}

// counter counts the facts on their way to the Bench.
type counter struct {
	*Bench
	n int
}

func (c *counter) Fact(f *tracker.Fact) {
	c.n++
	c.Bench.Fact(f)
}

// life is connection i, 100 us after the one before.
func life(segs []tcp.Segment, i int, end string) []tcp.Segment {
	client := tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 16), byte(i >> 8)}), uint16(40000+i%20000)))
	server := tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 64)}), 443))
	now := 1e18 + int64(i)*100_000
	put := func(fromServer bool, flags tcp.Flags, seq, ack tcp.Seq, n int) {
		from, to := client, server
		if fromServer {
			from, to = server, client
		}
		flow, dir := tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
		now += 1000
		segs = append(segs, tcp.Segment{Time: now, Flow: flow, Dir: dir, Flags: flags, Seq: seq, Ack: ack, Len: n, IPLen: 40 + n, Window: 60000, TTL: 64, IPID: uint16(len(segs) + 1)})
	}
	put(false, tcp.SYN, 999, 0, 0)
	switch end {
	case "silent":
		return segs
	case "refused":
		put(true, tcp.RST|tcp.ACK, 0, 1000, 0)
		return segs
	}
	put(true, tcp.SYN|tcp.ACK, 4999, 1000, 0)
	put(false, tcp.ACK, 1000, 5000, 0)
	put(false, tcp.PSH|tcp.ACK, 1000, 5000, 200)
	put(true, tcp.PSH|tcp.ACK, 5000, 1200, 1000)
	put(false, tcp.ACK, 1200, 6000, 0)
	if end == "rst" {
		put(false, tcp.RST|tcp.ACK, 1200, 6000, 0)
		return segs
	}
	put(true, tcp.FIN|tcp.ACK, 6000, 1200, 0)
	put(false, tcp.FIN|tcp.ACK, 1200, 6001, 0)
	put(true, tcp.ACK, 6001, 1201, 0)
	return segs
}
