package tracker

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// retired is a Sink that remembers the connections that retired, by the last octet of what they are: see play.
type retired []*Connection

func (l *retired) Transition(*Transition) {}
func (l *retired) Connection(c *Connection) {
	d := *c
	*l = append(*l, &d)
}

func (l retired) ports() string {
	var p []string
	for _, c := range l {
		if c.Evicted {
			p = append(p, fmt.Sprint(c.Client.Endpoint.Port-40000))
		}
	}
	return strings.Join(p, " ")
}

// play makes a connection from port 40000+id: a letter a segment, capitals of the client. S SYN, A ACK, D data, F FIN, R RST,
// z a window of zero.
type play struct {
	tr     *Tracker
	now    int64
	number uint64
	seq    map[int]*[2]tcp.Seq
}

func newPlay(cfg Config) *play {
	return &play{tr: New(cfg), now: 1e18, seq: map[int]*[2]tcp.Seq{}}
}

func (p *play) segment(id int, letter byte) tcp.Segment {
	p.now += millisecond
	p.number++
	if p.seq[id] == nil || letter == 'S' {
		p.seq[id] = &[2]tcp.Seq{tcp.Seq(1000 * id), tcp.Seq(7000 * id)}
	}
	from := 0
	if letter >= 'a' {
		from = 1
	}
	a, b := tcp.Endpoint{Addr: tcp.AddrFrom4(0x0a000001), Port: uint16(40000 + id)}, tcp.Endpoint{Addr: tcp.AddrFrom4(0x0a000002), Port: 80}
	if from == 1 {
		a, b = b, a
	}
	k, d := tcp.MakeFlow(a.Addr, b.Addr, a.Port, b.Port, false)
	seq := p.seq[id]
	s := tcp.Segment{Time: p.now, Number: p.number, Flow: k, Dir: d, Seq: seq[from], Ack: seq[1-from], Flags: tcp.ACK, Window: 1000, IPLen: 40, TTL: 64}
	switch letter &^ 0x20 {
	case 'S':
		s.Flags |= tcp.SYN
		if from == 0 {
			s.Flags, s.Ack = tcp.SYN, 0
		}
	case 'D':
		s.Len = 10
	case 'F':
		s.Flags |= tcp.FIN
	case 'R':
		s.Flags |= tcp.RST
	case 'Z':
		s.Window = 0
	}
	seq[from] = s.End()
	return s
}

func (p *play) run(id int, letters string) {
	for i := range len(letters) {
		p.tr.Observe([]tcp.Segment{p.segment(id, letters[i])})
	}
}

// TestEvictionOrder fills a table of eight and goes on: the finished go first, the longest gone before the others, then the
// never answered, then the longest idle, those that are stuck last.
func TestEvictionOrder(t *testing.T) {
	var told retired
	p := newPlay(Config{Sink: &told, Connections: true, MaxConnections: 8, Seed: 1})
	p.run(1, "SsADa")   // healthy, idle for longest
	p.run(2, "SsADdAz") // a shut window
	p.run(3, "S")       // half open
	p.run(4, "SsAFfA")  // TIME_WAIT
	p.run(5, "SsAf")    // CLOSE_WAIT
	p.run(6, "SsADa")   // healthy
	p.run(7, "SsADR")   // reset
	p.run(8, "SS")      // never answered, asked twice
	p.run(6, "Da")      // no longer idle
	for id := 9; id <= 16; id++ {
		p.run(id, "SsADa")
	}
	if have, want := told.ports(), "7 4 3 8 1 6 9 10"; have != want {
		t.Errorf("evicted %s, want %s", have, want)
	}
	if s := p.tr.Stats(); s.Evicted != 8 || s.Live != 8 {
		t.Errorf("%d evicted, %d live", s.Evicted, s.Live)
	}
	p.tr.Close()
	if len(told) != 16 {
		t.Errorf("%d lines of 16 connections", len(told))
	}
	if s := p.tr.Stats(); s.Connections != 16 || s.Live != 0 {
		t.Errorf("%d connections, %d live after Close", s.Connections, s.Live)
	}
}

// TestEvictedIsContinued: what comes later of an evicted connection says so, what begins anew does not.
func TestEvictedIsContinued(t *testing.T) {
	for _, c := range []struct {
		name, first, later string
		want               bool
	}{
		{"data of an established one", "SsAD", "d", true},
		{"the SYN-ACK to a SYN", "S", "s", true},
		{"the same SYN again", "S", "S", true},
	} {
		var told retired
		p := newPlay(Config{Sink: &told, Connections: true, MaxConnections: 1, Seed: 1})
		p.run(1, c.first)
		p.run(2, "SsA")
		p.run(1, c.later)
		p.tr.Close()
		if len(told) != 3 || !told[0].Evicted || told[2].Client.Endpoint.Port+told[2].Server.Endpoint.Port != 40081 || told[2].Continued != c.want || told[0].Continued || told[1].Continued {
			t.Errorf("%s: %d lines, the last continued: %v", c.name, len(told), told[len(told)-1].Continued)
		}
	}
	var told retired
	p := newPlay(Config{Sink: &told, Connections: true, MaxConnections: 1, Seed: 1})
	p.run(1, "SsAD")
	p.run(2, "SsA")
	s := p.segment(1, 'S')
	s.Seq += 5555
	p.tr.Observe([]tcp.Segment{s})
	p.tr.Close()
	if len(told) != 3 || told[2].Continued {
		t.Errorf("a SYN with another number continues what was evicted")
	}
}

// TestTheSameTwice: what is evicted, and remembered of it, depends on the packets alone, not on the seed of the flow hash.
func TestTheSameTwice(t *testing.T) {
	var told [2]retired
	continues := 0
	for i := range told {
		tr := New(Config{Sink: &told[i], Connections: true, MaxConnections: 4000})
		whole := newTraffic(6000, 1)
		for n := range uint32(60_000) {
			var segs [2]tcp.Segment
			whole.next(&segs[0])
			segs[1] = syn(1<<20+n, whole.now) // a flood is among it
			segs[1].Number = segs[0].Number
			tr.Observe(segs[:1+n%2])
		}
		tr.Close()
	}
	for i, c := range told[0] {
		again := told[1][min(i, len(told[1])-1)]
		c.Findings, c.Zeek, c.Streams, again.Findings, again.Zeek, again.Streams = nil, nil, nil, nil, nil, nil // the tracker's own
		if !reflect.DeepEqual(c, again) {
			t.Fatalf("the first time %+v\nthe second time %+v", c, again)
		}
		if c.Continued {
			continues++
		}
	}
	if continues < 1000 || len(told[0]) != len(told[1]) {
		t.Errorf("%d of %d and %d connections are continued", continues, len(told[0]), len(told[1]))
	}
}

// TestMemoryIsBounded: a flood of SYNs, or of whole handshakes, at the bound does not grow the heap, whatever is in it.
func TestMemoryIsBounded(t *testing.T) {
	const bound = 1 << 16
	for _, c := range []struct {
		name  string
		each  int
		flood func(segs []tcp.Segment, id uint32, at int64) []tcp.Segment
	}{
		{"SYNs", HalfOpenBytes, func(segs []tcp.Segment, id uint32, at int64) []tcp.Segment { return append(segs, syn(id, at)) }},
		{"SYNs, each twice", ConnectionBytes, func(segs []tcp.Segment, id uint32, at int64) []tcp.Segment {
			return append(segs, syn(id, at), syn(id, at))
		}},
		{"data of unknown connections", ConnectionBytes, func(segs []tcp.Segment, id uint32, at int64) []tcp.Segment {
			s := syn(id, at)
			s.Flags, s.Len, s.Ack, s.Options = tcp.ACK, 100, 1, tcp.Options{}
			return append(segs, s)
		}},
		{"resets", ConnectionBytes, func(segs []tcp.Segment, id uint32, at int64) []tcp.Segment {
			s := syn(id, at)
			s.Flags = tcp.RST
			return append(segs, s)
		}},
	} {
		tr := New(Config{MaxConnections: bound, Seed: 1})
		tr.asking = fewAsking // the others are few
		before := heapBytes()
		id, at := uint32(0), int64(1e18)
		var segs []tcp.Segment
		flood := func(n int) {
			for range n {
				id++
				at += 1000
				if segs = c.flood(segs, id, at); len(segs) >= 64 {
					tr.Observe(segs)
					segs = segs[:0]
				}
				if tr.Live() > bound {
					t.Fatalf("%s: %d connections live", c.name, tr.Live())
				}
			}
		}
		flood(2 * bound)
		after := heapBytes()
		flood(2 * bound)
		if grown := heapBytes() - after; grown > 1<<18 {
			t.Errorf("%s: the heap grows by %d KiB while the table is full", c.name, grown>>10)
		}
		const untouched = 4 << 20 // what zeroed leaves over of two chunks
		if used := after - before - maxMarks*8 - untouched; used > bound*c.each*5/4 {
			t.Errorf("%s: %d bytes each, at most %d", c.name, used/bound, c.each)
		}
		if s := tr.Stats(); s.Evicted+uint64(s.Live) < s.Connections-uint64(bound) || s.Evicted == 0 {
			t.Errorf("%s: %d evicted and %d live of %d", c.name, s.Evicted, s.Live, s.Connections)
		}
		runtime.KeepAlive(tr)
	}
}

func heapBytes() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestBytesPerConnection: what the bound on memory is made from is what connections take.
func TestBytesPerConnection(t *testing.T) {
	const many = 1 << 16
	for _, c := range []struct {
		name string
		each int
		most int
	}{{"half open", HalfOpenBytes, 192}, {"whole", ConnectionBytes, 1280}} {
		before := heapBytes()
		tr := New(Config{Seed: 1})
		tr.asking = fewAsking
		for id := range uint32(many) {
			s := syn(id, 1e18+int64(id))
			tr.Observe([]tcp.Segment{s})
			if c.name == "whole" {
				tr.Observe([]tcp.Segment{s})
			}
		}
		const untouched = 2 << 20 // what zeroed leaves over of a chunk
		each := (heapBytes() - before - untouched*(len(tr.conns.chunks)+len(tr.stubs.arena.chunks))) / many
		t.Logf("%s: %d bytes, at most %d", c.name, each, c.each)
		if each > c.each+c.each/8 || c.each > c.most {
			t.Errorf("%s: %d bytes each, at most %d are promised, %d are the goal", c.name, each, c.each, c.most)
		}
		runtime.KeepAlive(tr)
	}
}
