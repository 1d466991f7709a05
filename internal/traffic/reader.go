package traffic

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Format is that of a capture file.
type Format uint8

const (
	Pcap   Format = iota // classic, microseconds
	Pcapng               // one section, one interface, microseconds
)

// Start is the time of the first packet, nanoseconds since 1970 UTC.
const Start = int64(1_700_000_000e9)

// Reader is a capture without end, as an io.Reader that never fails.
type Reader struct {
	shape   Shape
	seed    uint64
	format  Format
	order   order
	life    uint64
	round   uint64
	turn    uint64 // of the round
	packets uint64
	record  []byte // reused
	rest    []byte // of record, not yet read
}

// NewReader makes the capture of a shape and a seed.
func NewReader(shape Shape, seed uint64, format Format) *Reader {
	r := &Reader{shape: shape, seed: mix(seed + 1), format: format, order: newOrder(shape.Flows), life: shape.life()}
	r.order.begin(r.seed, 0)
	le := binary.LittleEndian
	if format == Pcapng {
		r.record = r.block(0x0a0d0d0a, func(b []byte) []byte {
			return le.AppendUint64(le.AppendUint32(le.AppendUint32(b, 0x1a2b3c4d), 1), ^uint64(0))
		})
		r.record = r.block(1, func(b []byte) []byte { return le.AppendUint32(le.AppendUint32(b, 1), uint32(shape.Snap)) })
	} else {
		for _, v := range []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 1 << 18, 1} {
			r.record = le.AppendUint32(r.record, v)
		}
	}
	r.rest = r.record
	return r
}

// Packets is how many packets have been begun.
func (r *Reader) Packets() uint64 { return r.packets }

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.rest) == 0 {
			r.record = r.record[:0]
			r.next()
			r.rest = r.record
		}
		m := copy(p[n:], r.rest)
		n, r.rest = n+m, r.rest[m:]
	}
	return n, nil
}

// next makes the record of the next packet.
func (r *Reader) next() {
	for {
		if r.turn == r.order.flows {
			r.turn = 0
			r.round++
			r.order.begin(r.seed, r.round)
		}
		flow := r.order.at(r.turn)
		r.turn++
		age := r.round
		if !r.shape.Together {
			if wait := mix(flow^r.seed) % r.life; age >= wait {
				age -= wait
			} else {
				continue
			}
		}
		id := flow + age/r.life*r.order.flows
		if s, speaks := r.shape.step(id, r.seed, age%r.life); speaks {
			r.put(id, &s)
			return
		}
	}
}

// put appends a packet's record, cut at the snap length.
func (r *Reader) put(id uint64, s *segment) {
	now := Start + int64(r.packets)*int64(r.shape.Gap)
	r.packets++
	var head [maxHeaders]byte
	n := frame(&head, id, s, now)
	whole := n + s.length
	kept := whole
	if r.shape.Snap > 0 {
		kept = min(kept, r.shape.Snap)
	}
	le, us := binary.LittleEndian, uint64(now/1000)
	if r.format == Pcapng {
		r.record = r.block(6, func(b []byte) []byte {
			for _, v := range []uint32{0, uint32(us >> 32), uint32(us), uint32(kept), uint32(whole)} {
				b = le.AppendUint32(b, v)
			}
			return appendFrame(b, head[:n], kept)
		})
		return
	}
	b := r.record
	for _, v := range []uint32{uint32(us / 1e6), uint32(us % 1e6), uint32(kept), uint32(whole)} {
		b = le.AppendUint32(b, v)
	}
	r.record = appendFrame(b, head[:n], kept)
}

var zeros [1 << 16]byte

// appendFrame appends what is kept of headers and of a payload of zeros.
func appendFrame(b, headers []byte, kept int) []byte {
	if kept <= len(headers) {
		return append(b, headers[:kept]...)
	}
	b = append(b, headers...)
	return append(b, zeros[:kept-len(headers)]...)
}

// block appends a block of pcapng to the record.
func (r *Reader) block(kind uint32, body func([]byte) []byte) []byte {
	le, at := binary.LittleEndian, len(r.record)
	b := body(le.AppendUint64(r.record, uint64(kind)))
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	n := uint32(len(b) - at + 4)
	le.PutUint32(b[at+4:], n)
	return le.AppendUint32(b, n)
}

// Capture is a capture of so many packets, in memory.
func Capture(shape Shape, seed uint64, format Format, packets int) []byte {
	var b bytes.Buffer
	r := NewReader(shape, seed, format)
	b.Write(r.rest)
	for range packets {
		r.record = r.record[:0]
		r.next()
		b.Write(r.record)
	}
	return b.Bytes()
}

var _ io.Reader = (*Reader)(nil)
