package capture

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/nettest"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// fill hands a block of packets of these times, nanoseconds, over as the kernel does; number counts blocks of the ring.
func (r *ring) fill(number int, times ...uint32) {
	b := makeBlock(make([]ringPacket, len(times))...)
	for i, t := range times {
		binary.NativeEndian.PutUint32(b[blockHead+96*i+packetSeconds:], 0)
		binary.NativeEndian.PutUint32(b[blockHead+96*i+packetNanos:], t)
	}
	binary.NativeEndian.PutUint32(b[blockStatus:], unix.TP_STATUS_USER)
	copy(r.mem[number*blockSize:], b)
}

// Packets of several rings come in the order of their times, each as soon as no ring can bring an earlier one.
func TestRingsMerge(t *testing.T) {
	rings := func(upTo int64) *live {
		s := &live{lag: time.Hour}
		for range 2 {
			s.rings = append(s.rings, &ring{fd: -1, mem: make([]byte, 4*blockSize), upTo: upTo})
		}
		return s
	}
	given := func(s *live) (times []int64) {
		for s.at != nil || s.choose() {
			if s.next() {
				times = append(times, s.packet.time)
			} else if s.at != nil {
				s.release()
			}
		}
		return times
	}
	expect := func(what string, got []int64, want ...int64) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", what, got, want)
		}
	}
	s := rings(0)
	s.watched.at = time.Now().Add(time.Hour)
	s.lag = 0
	s.rings[0].fill(0, 3, 5, 6)
	s.rings[0].fill(1, 9, 9)
	s.rings[1].fill(0, 2, 4, 5)
	s.rings[1].fill(1, 7, 10)
	expect("both", given(s), 2, 3, 4, 5, 5, 6, 7, 9, 9, 10)

	// Ring 1 may still bring what is earlier than 5, until the time is over in which it would have.
	s = rings(4)
	s.watched.at = time.Now().Add(time.Hour)
	s.lag = 1 << 62
	s.rings[0].fill(0, 3, 5, 6)
	expect("up to what ring 1 has given", given(s), 3)
	s.rings[1].fill(0, 4)
	expect("and on", given(s), 4)
	s.rings[0].opened = time.Now().Add(-s.lag)
	expect("nothing came for long", given(s), 5, 6)

	// A timer is late: packets lie in ring 1 that are not handed over. They are waited for, though not for ever.
	for _, hangs := range []bool{false, true} {
		s = rings(0)
		s.watched.at = time.Now().Add(time.Hour)
		s.lag = time.Millisecond
		s.rings[0].fill(0, 3, 5)
		s.rings[1].fill(0, 4)
		atomic.StoreUint32(s.rings[1].status(0), unix.TP_STATUS_KERNEL)
		expect("lies in ring 1", given(s))
		s.rings[0].opened = time.Now().Add(-timersHang / 2)
		expect("still does", given(s))
		if hangs {
			s.rings[0].opened = time.Now().Add(-timersHang)
			expect("hangs", given(s), 3, 5)
			continue
		}
		atomic.StoreUint32(s.rings[1].status(0), unix.TP_STATUS_USER)
		expect("handed over late", given(s), 3, 4, 5)
	}

	// Half a ring is not waited with.
	s = rings(0)
	s.watched.at = time.Now().Add(time.Hour)
	s.lag = 1 << 62
	for i := range 2 {
		s.rings[0].fill(i, uint32(i+1))
	}
	expect("half of it is free", given(s))
	s.rings[0].fill(2, 3)
	expect("it fills", given(s), 1)
}

// spread is what came through several rings.
type spread struct {
	used        map[*ring]int // packets
	connections map[tcp.FlowKey]*ring
	parted      int // packets that came through another ring than the first of their connection
	backwards   int // packets earlier than the one before
	err         error
}

// readSpread reads to the end.
func readSpread(s *live) (p spread) {
	p.used, p.connections = map[*ring]int{}, map[tcp.FlowKey]*ring{}
	last := int64(0)
	for seg := make([]tcp.Segment, 1); p.err == nil; {
		var n int
		if n, p.err = s.Read(seg); n == 0 {
			continue
		}
		p.used[s.at]++
		if r := p.connections[seg[0].Flow]; r != nil && r != s.at {
			p.parted++
		}
		p.connections[seg[0].Flow] = s.at
		if seg[0].Time < last {
			p.backwards++
		}
		last = seg[0].Time
	}
	return p
}

// The kernel spreads connections over all rings, both directions of each to the same, and their packets come in order.
func TestFanOutSpreads(t *testing.T) {
	nettest.Run(t, func() {
		src, err := Live([]string{"lo"}, LiveOptions{Backend: BackendRing, Rings: 3})
		if err != nil {
			t.Error(err)
			return
		}
		defer src.Close()
		read := make(chan spread)
		go func() { read <- readSpread(src.(*live)) }()
		const connections = 200
		for range connections {
			if c, err := net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}); err == nil {
				c.Close()
			}
		}
		src.Stop()
		p, st := <-read, src.Stats()
		if p.err != io.EOF || len(p.used) != 3 || len(p.connections) != connections || p.parted+p.backwards > 0 || st.Packets != 2*connections || st.Received != st.Packets || st.Dropped != 0 {
			t.Errorf("%v, %d rings used, %d connections, %d packets in another ring, %d too late, %+v", p.err, len(p.used), len(p.connections), p.parted, p.backwards, st)
		}
	})
}

// What is too much for one ring goes to another, and what is too much for all is counted.
func TestFanOutRollsOver(t *testing.T) {
	nettest.Run(t, func() {
		rollOver(t, 2600, true) // 156 MB of one flow into 128 MiB
		for range 20 {
			if took := rollOver(t, 1200, false); took < time.Second { // 72 MB
				return
			}
		}
		t.Log("the machine is too busy to fill a ring before its time is over")
	})
}

// rollOver sends so many large packets to two rings before they are read, and returns how long that took: with time,
// blocks are handed over half empty.
func rollOver(t *testing.T, packets int, lost bool) (took time.Duration) {
	src, err := Live([]string{"lo"}, LiveOptions{Backend: BackendRing, Snap: MaxSnap, Rings: 2})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer src.Close()
	if RingSize(src) != 2*ringSize {
		t.Logf("the kernel has only %d octets for rings", RingSize(src))
		return 0
	}
	began := time.Now()
	flood(t, packets)
	took = time.Since(began)
	src.Stop()
	for segs := make([]tcp.Segment, 64); err == nil; {
		_, err = src.Read(segs)
	}
	s := src.Stats()
	if err != io.EOF || s.Packets+s.Dropped != uint64(packets) || s.Received != uint64(packets) || lost && (s.Dropped == 0 || s.Freezes == 0) || !lost && s.Dropped > 0 && took < time.Second {
		t.Errorf("%d packets in %v: %v, %+v", packets, took, err, s)
	}
	return took
}

// flood sends large packets of one flow over lo.
func flood(t *testing.T, packets int) {
	to, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return
	}
	defer to.Close()
	for b := make([]byte, 60000); packets > 0; packets-- {
		if _, err := to.WriteTo(b, to.LocalAddr()); err != nil {
			t.Error(err)
			return
		}
	}
}

// More rings than there can be are refused before anything is opened.
func TestTooManyRings(t *testing.T) {
	for _, n := range []int{-1, MaxRings + 1} {
		if _, err := Live([]string{"lo"}, LiveOptions{Rings: n}); err == nil {
			t.Errorf("%d rings are taken", n)
		}
	}
}
