package tracker

import (
	"math/rand/v2"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// traffic makes segments without end: flows connections at once, each a handshake, data both ways, and a close, then
// another in its place.
type traffic struct {
	r      *rand.Rand
	flows  []flow
	at     int // the flow that speaks
	now    int64
	gap    int64
	number uint64
	data   int // segments of data each way
}

type flow struct {
	id   uint32
	step int
	seq  [2]tcp.Seq
}

func newTraffic(flows, data int) *traffic {
	t := &traffic{r: rand.New(rand.NewPCG(uint64(flows), 5)), flows: make([]flow, flows), now: 1e18, data: data}
	// As many are in TIME-WAIT as are open.
	t.gap = max(1000, lasts[timeWaitTimer]/int64(flows*min(3+data, 1<<20)))
	for i := range t.flows {
		t.flows[i].id = uint32(i)
	}
	return t
}

// key is the four-tuple of the id-th connection, whose client is 10/8 and server 192.0.2/24.
func key(id uint32) (k tcp.FlowKey, client tcp.Dir) {
	return tcp.MakeFlow(tcp.AddrFrom4(0x0a000000+id>>8), tcp.AddrFrom4(0xc0000200+id%7), uint16(1024+id%60000), 443, false)
}

// next makes the next segment: of the flow that speaks, until its peer has answered, then of another at random.
func (t *traffic) next(s *tcp.Segment) {
	f := &t.flows[t.at]
	t.now += 10_000
	t.number++
	k, client := key(f.id)
	*s = tcp.Segment{Time: t.now, Number: t.number, Flow: k, Dir: client, TTL: 64, IPID: uint16(t.number), Window: 512, Flags: tcp.ACK}
	s.Options = tcp.Options{Has: tcp.HasTS, TSVal: uint32(t.now / 1e6)}
	from, speaks := 0, true
	switch last := 3 + 2*t.data; {
	case f.step < 2:
		if f.step == 0 {
			f.seq = [2]tcp.Seq{tcp.Seq(f.id * 77), tcp.Seq(f.id * 91)}
			s.Flags = 0
		}
		from = f.step
		s.Flags |= tcp.SYN
		s.Options = tcp.Options{Has: tcp.HasMSS | tcp.HasWScale | tcp.HasSACKOK | tcp.HasTS, MSS: 1460, WScale: 7, TSVal: uint32(t.now / 1e6)}
	case f.step == 2:
		speaks = false
	case f.step < last: // data and its ACK, from the one side and then from the other
		from, speaks = (f.step-3)/2%2, f.step%2 == 1
		if speaks {
			s.Len = 1000
			s.Flags |= tcp.PSH
		} else {
			from = 1 - from
		}
	default: // FIN, FIN, ACK
		from = (f.step - last) % 2
		if speaks = f.step < last+2; speaks {
			s.Flags |= tcp.FIN
		}
	}
	if from == 1 {
		s.Dir = client.Other()
	}
	s.Seq = f.seq[from]
	if s.Flags&tcp.ACK != 0 {
		s.Ack = f.seq[1-from]
	}
	s.IPLen = 52 + s.Len
	f.seq[from] = s.End()
	if f.step++; f.step == 6+2*t.data {
		*f = flow{id: f.id + uint32(len(t.flows))}
	}
	if !speaks {
		t.at = t.r.IntN(len(t.flows))
		t.now += t.gap
	}
}

// syn is a SYN of the id-th connection.
func syn(id uint32, at int64) tcp.Segment {
	k, client := key(id)
	return tcp.Segment{
		Time: at, Number: uint64(id) + 1, Flow: k, Dir: client, Seq: tcp.Seq(id * 77), Flags: tcp.SYN, Window: 64240, IPLen: 60, TTL: 64,
		Options: tcp.Options{Has: tcp.HasMSS | tcp.HasWScale | tcp.HasSACKOK | tcp.HasTS, MSS: 1460, WScale: 7, TSVal: uint32(at / 1e6)},
	}
}
