package anomaly

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// told notes what is found.
type told []string

func (l *told) Finding(f *Finding) {
	*l = append(*l, fmt.Sprintf("%d %d %s %v since %d until %d: %s", f.Time, f.Packet, f.ID, f.Status, f.Since, f.Until, f.Summary))
}

// talk is segments in the making.
type talk struct {
	r    *rand.Rand
	now  int64
	segs []tcp.Segment
}

func newTalk(seed uint64) *talk { return &talk{r: rand.New(rand.NewPCG(3, seed)), now: 1e18} }

// put adds one, so much later than the one before at the most.
func (w *talk) put(later int64, from, to tcp.Endpoint, flags tcp.Flags, seq, ack tcp.Seq) {
	flow, dir := tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
	w.now += w.r.Int64N(later)
	n := len(w.segs) + 1
	w.segs = append(w.segs, tcp.Segment{Time: w.now, Number: uint64(n), Flow: flow, Dir: dir, Flags: flags, Seq: seq, Ack: ack, IPLen: 40, Window: 60000, TTL: 64, IPID: uint16(n)})
}

func host(last byte, port int) tcp.Endpoint {
	return tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, last}), uint16(port)))
}

// floods are so many handshakes, many of which are floods and scans.
func floods(n int) []tcp.Segment {
	w := newTalk(4)
	for i := range n {
		client, server := host(byte(w.r.IntN(4)), 1024+i%60_000), host(100+byte(w.r.IntN(3)), 80)
		kind := w.r.IntN(3)
		switch i / 2000 % 3 {
		case 1:
			server.Port = uint16(i % 500) // a scan
		case 2:
			kind = w.r.IntN(8) // a flood
		}
		w.put(100_000, client, server, tcp.SYN, 999, 0)
		switch kind {
		case 0, 1:
			w.put(100_000, server, client, tcp.SYN|tcp.ACK, 4999, 1000)
			w.put(100_000, client, server, tcp.ACK, 1000, 5000)
			if kind == 0 {
				w.put(100_000, client, server, tcp.RST, 1000, 0)
			}
		case 2:
			w.put(100_000, server, client, tcp.RST|tcp.ACK, 0, 1000)
		}
		if w.r.IntN(500) == 0 {
			w.now += w.r.Int64N(3 * nsPerSecond)
		}
	}
	return w.segs
}

// TestOpeningsWait: that openings wait for each other changes nothing of what is found, nor when.
func TestOpeningsWait(t *testing.T) {
	segs := floods(20_000)
	find := func(most int) string {
		var l told
		bench := NewBench(Rules, nil, &l)
		bench.openings.most = most
		tr := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts(), Seed: 1})
		for i := range segs {
			tr.Observe(segs[i : i+1])
		}
		tr.Advance(segs[len(segs)-1].Time + 200*nsPerSecond)
		tr.Close()
		return strings.Join(l, "\n")
	}
	one, many := find(1), find(maxOpenings)
	if one != many {
		t.Errorf("one by one:\n%.3000s\nseveral at once:\n%.3000s", one, many)
	}
	for _, code := range []string{SYNFlood.Code, PortScan.Code} {
		if !strings.Contains(one, code) {
			t.Errorf("no %s", code)
		}
	}
}
