package pipeline_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// TestNoAllocationPerPacket: capture, tracker and judges together allocate for what they begin, not for what they read:
// three times the packets of the same connections cost no more.
func TestNoAllocationPerPacket(t *testing.T) {
	const packets = 60_000
	mallocs := func(packets int) uint64 {
		c := &conversations{left: packets, flows: 500}
		src, err := capture.Open([]string{"-"}, capture.Options{Stdin: c})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := pipeline.Run(context.Background(), src, pipeline.Config{Sink: deaf{}, Transitions: true, Connections: true})
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if r.Tracker.Segments != uint64(packets) || r.Tracker.Connections != uint64(c.flows) {
			t.Fatalf("%d segments of %d connections, want %d of %d", r.Tracker.Segments, r.Tracker.Connections, packets, c.flows)
		}
		return after.Mallocs - before.Mallocs
	}
	mallocs(packets) // what is allocated once
	few, many := mallocs(packets), mallocs(3*packets)
	if many > few+200 {
		t.Errorf("%d allocations for %d packets, %d for %d", few, packets, many, 3*packets)
	}
}

type deaf struct{}

func (deaf) Transition(*tracker.Transition) {}
func (deaf) Connection(*tracker.Connection) {}
func (deaf) Finding(*anomaly.Finding)       {}
func (deaf) Flush() error                   { return nil }

// conversations is a classic pcap in which every connection, begun by a handshake, goes on with data and its ACK.
type conversations struct {
	left, flows, n int
	buf            bytes.Buffer
}

func (c *conversations) Read(p []byte) (int, error) {
	if c.n == 0 {
		c.buf.Write([]byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0})
	}
	for c.buf.Len() < len(p) && c.left > 0 {
		c.packet()
		c.left--
		c.n++
	}
	n, _ := c.buf.Read(p)
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// packet writes the next record: a round of SYNs, one of SYN-ACKs, one of ACKs, then rounds of data and of ACKs.
func (c *conversations) packet() {
	round, flow := c.n/c.flows, c.n%c.flows
	length, flags, fromServer := 0, byte(0x10), round%2 == 1
	switch {
	case round < 2:
		flags = []byte{0x02, 0x12}[round]
	case round > 2 && !fromServer:
	case round > 2:
		flags, length = 0x18, 100 // a server that talks
	}
	sent := max(round-1, 0) / 2 * 100 // by the server, until this round
	if length > 0 {
		sent -= 100
	}
	seq := [2]uint32{1000, uint32(5000 + max(sent, 0))}
	if round > 0 {
		seq[0]++
	}
	if round > 1 {
		seq[1]++
	}
	var b [14 + 40 + 100]byte
	eth := b[:14+40+length]
	eth[12], eth[13] = 8, 0
	ip := eth[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, 6
	binary.BigEndian.PutUint16(ip[2:], uint16(40+length))
	binary.BigEndian.PutUint16(ip[4:], uint16(1+c.n/c.flows))
	client, server := []byte{10, 0, byte(flow >> 8), byte(flow)}, []byte{192, 0, 2, 1}
	tcp := ip[20:]
	copy(ip[12:], client)
	copy(ip[16:], server)
	binary.BigEndian.PutUint16(tcp[0:], 40000)
	binary.BigEndian.PutUint16(tcp[2:], 443)
	me, peer := 0, 1
	if fromServer {
		me, peer = 1, 0
		copy(ip[12:], server)
		copy(ip[16:], client)
		binary.BigEndian.PutUint16(tcp[0:], 443)
		binary.BigEndian.PutUint16(tcp[2:], 40000)
	}
	binary.BigEndian.PutUint32(tcp[4:], seq[me])
	if flags&0x10 != 0 {
		binary.BigEndian.PutUint32(tcp[8:], seq[peer])
	}
	tcp[12], tcp[13] = 5<<4, flags
	binary.BigEndian.PutUint16(tcp[14:], 60000)
	var head [16]byte
	at := 1_700_000_000_000_000 + c.n*10
	binary.LittleEndian.PutUint32(head[0:], uint32(at/1_000_000))
	binary.LittleEndian.PutUint32(head[4:], uint32(at%1_000_000))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(eth)))
	binary.LittleEndian.PutUint32(head[12:], uint32(len(eth)))
	c.buf.Write(head[:])
	c.buf.Write(eth)
}
