//go:build libpcap && cgo

package capture

import (
	"sync/atomic"
	"time"

	libpcap "github.com/google/gopacket/pcap"
)

// Mouthfuls: so many for all interfaces together, but for each not fewer than its fewest. When all are on their way,
// packets wait in libpcap's buffer, and the kernel counts those for which it has no room.
const (
	manyMouthfuls   = 64
	fewestMouthfuls = 4
	mouthfulBytes   = 256 << 10
	mouthfulPackets = 1024

	// mouthfulAge is how long a mouthful is filled while packets trickle.
	mouthfulAge = 20 * time.Millisecond
)

// mouthful is a handful of packets, copied out of libpcap's buffer.
type mouthful struct {
	mouth   int
	data    []byte
	packets []pcapPacket
	upTo    int64 // all that was captured until then is in this mouthful or one before
	failed  error // the mouth is shut
}

// pcapPacket is a packet in a mouthful.
type pcapPacket struct {
	time  int64
	end   int // of its octets in data; they begin where the packet before ended
	orig  int
	start int
}

// mouth is where packets of one interface come in. open and the fields from handle to free belong to whoever runs it,
// the others to the reader.
type mouth struct {
	number int
	handle *libpcap.Handle
	link   uint32
	free   chan *mouthful
	counts uint32 // libpcap's count of the dropped, as last seen

	dropped atomic.Uint64

	shown  *Interface
	got    []*mouthful
	at     int // number of the packet in got[0] that is next
	upTo   int64
	ended  bool
	failed error // why, nil if it never began
}

func newMouth(number, mouthfuls int) *mouth {
	m := &mouth{number: number, free: make(chan *mouthful, mouthfuls), ended: true}
	for range mouthfuls {
		m.free <- &mouthful{mouth: number}
	}
	return m
}

// open opens the interface, at first or again.
func (m *mouth) open(name string, index int, s *pcapLive) error {
	m.shut()
	h, err := openHandle(name, &s.opt, len(s.watched.names))
	if err != nil {
		return err
	}
	m.handle, m.counts, m.ended = h, 0, false
	m.link = linkOf(h)
	// The kernel cuts, so that a packet has as many octets as through the ring, its link header counted.
	keep := s.opt.Snap
	if m.link == linkSLL {
		keep = max(keep-14, 1)
	}
	program, err := s.opt.Filter.program(h, uint32(keep))
	if err != nil {
		return err
	}
	if err := h.SetBPFInstructionFilter(program); err != nil {
		return err
	}
	m.shown = &Interface{ID: uint32(index), Link: m.link, Snap: uint32(s.opt.Snap + tagRoom), Name: name}
	return nil
}

// linkOf is the link type, of which gopacket drops what goes beyond eight bits.
func linkOf(h *libpcap.Handle) uint32 {
	switch link := uint32(h.LinkType()); link {
	case linkPktap & 0xff:
		return linkPktap
	case linkSLL2 & 0xff:
		return linkSLL2
	default:
		return link
	}
}

func (m *mouth) shut() {
	if m.handle != nil {
		m.handle.Close()
		m.handle = nil
	}
}

// run takes in packets until the handle fails or done is closed.
func (m *mouth) run(full chan<- *mouthful, done <-chan struct{}) {
	counted := time.Now()
	for {
		var c *mouthful
		select {
		case c = <-m.free:
		case <-done:
			return
		}
		c.data, c.packets, c.upTo = c.data[:0], c.packets[:0], 0
		c.failed = m.fill(c)
		if now := time.Now(); c.failed != nil || now.Sub(counted) >= watchEvery/4 {
			counted = now
			m.count()
		}
		select {
		case full <- c:
		case <-done:
			return
		}
		if c.failed != nil {
			return
		}
	}
}

// fill takes in packets until the mouthful is full or old enough, or none comes.
func (m *mouth) fill(c *mouthful) error {
	begun := time.Now() // before the buffer is looked at: this goroutine may rest at any point behind that
	for {
		data, info, err := m.handle.ZeroCopyReadPacketData()
		switch err {
		case nil:
		case libpcap.NextErrorTimeoutExpired:
			c.upTo = max(c.upTo, begun.Add(-pcapLag).UnixNano())
			return nil
		case libpcap.NextErrorReadError:
			return m.handle.Error()
		default:
			return err
		}
		t := info.Timestamp.UnixNano()
		start := len(c.data)
		c.data = append(c.data, data...)
		c.packets = append(c.packets, pcapPacket{t, len(c.data), info.Length, start})
		c.upTo = t
		if len(c.data) >= mouthfulBytes || len(c.packets) >= mouthfulPackets || t-c.packets[0].time >= int64(mouthfulAge) {
			return nil
		}
	}
}

// count adds what libpcap's counter of dropped packets, of 32 bits, has grown by.
func (m *mouth) count() {
	if st, err := m.handle.Stats(); err == nil {
		n := uint32(st.PacketsDropped)
		m.dropped.Add(uint64(n - m.counts))
		m.counts = n
	}
}

// queue takes a mouthful that has come.
func (m *mouth) queue(c *mouthful) {
	m.upTo = max(m.upTo, c.upTo)
	m.got = append(m.got, c)
	m.skip()
}

// skip gives back mouthfuls that are read.
func (m *mouth) skip() {
	for len(m.got) > 0 && m.at == len(m.got[0].packets) {
		c := m.got[0]
		if c.failed != nil {
			m.ended, m.failed = true, c.failed
		}
		m.got = append(m.got[:0], m.got[1:]...)
		m.at = 0
		m.free <- c
	}
}

// next says whether there is a packet; the one taken before is then no longer valid.
func (m *mouth) next() bool {
	m.skip()
	return len(m.got) > 0
}

// time of the next packet; meaningful iff there is one.
func (m *mouth) time() int64 { return m.got[0].packets[m.at].time }

// take returns the next packet, which is valid until the next is asked for.
func (m *mouth) take() record {
	p := &m.got[0].packets[m.at]
	m.at++
	return record{time: p.time, frame: m.got[0].data[p.start:p.end:p.end], orig: p.orig, link: m.link}
}
