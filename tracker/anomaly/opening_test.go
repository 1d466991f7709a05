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

// TestOpeningsWait: that openings wait for each other changes nothing of what is found, nor when.
func TestOpeningsWait(t *testing.T) {
	find := func(most int) string {
		var l told
		bench := NewBench(Rules, nil, &l)
		bench.openings.most = most
		tr := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts(), Seed: 1})
		r := rand.New(rand.NewPCG(3, 4))
		now, number := int64(1e18), uint64(0)
		put := func(from, to tcp.Endpoint, flags tcp.Flags, seq, ack tcp.Seq) {
			flow, dir := tcp.MakeFlow(from.Addr, to.Addr, from.Port, to.Port, false)
			now += r.Int64N(100_000)
			number++
			tr.Observe([]tcp.Segment{{Time: now, Number: number, Flow: flow, Dir: dir, Flags: flags, Seq: seq, Ack: ack, IPLen: 40, Window: 60000, TTL: 64}})
		}
		at := func(host byte, port int) tcp.Endpoint {
			return tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, host}), uint16(port)))
		}
		for i := range 20_000 {
			client, server := at(byte(r.IntN(4)), 1024+i%60_000), at(100+byte(r.IntN(3)), 80)
			kind := r.IntN(3)
			switch i / 2000 % 3 {
			case 1:
				server.Port = uint16(i % 500) // a scan
			case 2:
				kind = r.IntN(8) // a flood
			}
			put(client, server, tcp.SYN, 999, 0)
			switch kind {
			case 0, 1:
				put(server, client, tcp.SYN|tcp.ACK, 4999, 1000)
				put(client, server, tcp.ACK, 1000, 5000)
				if kind == 0 {
					put(client, server, tcp.RST, 1000, 0)
				}
			case 2:
				put(server, client, tcp.RST|tcp.ACK, 0, 1000)
			}
			if r.IntN(500) == 0 {
				now += r.Int64N(3 * nsPerSecond)
			}
		}
		tr.Advance(now + 200*nsPerSecond)
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
