package incident

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Ring keeps the latest TCP packets in one flat buffer, the oldest giving way. Packets of one bucket of connections are
// linked from the latest back. A position is an octet's number in all that was ever written; 0 is none.
//
//	packet: time, number, position before, hash of the flow, length, captured, interface | frame, to a multiple of 8
type Ring struct {
	buf        []byte
	tail, head uint64
	latest     []uint64 // by bucket, the position of its latest packet
	seed       [3]uint64
	on         []*capture.Interface
	ids        map[capture.Interface]uint32
	last       *capture.Interface // and its number
	lastID     uint32

	packets uint64 // kept at any time
	evicted uint64 // of them, gone
	gone    int64  // time of the latest that is gone
	refused uint64 // larger than the ring, or of an interface too many
}

// Offsets in the head of a packet in the ring.
const (
	atTime     = 0
	atNumber   = 8
	atBefore   = 16
	atHash     = 24
	atLength   = 32
	atCaptured = 36
	atOn       = 40
	ringHead   = 48

	wrapped = 1<<32 - 1 // in place of the octets captured: the ring goes on at its beginning
)

// Bounds of a Ring: of its size in octets, and of the interfaces that it remembers.
const (
	MinRing     = 64 << 10
	maxRingOn   = 1 << 16
	perBucket   = 512 // octets of the ring for each bucket: about a packet of headers, and the sum of its linkage
	fewestHeads = 64
)

// NewRing makes a ring of so many octets, at least MinRing.
func NewRing(size int) *Ring {
	size = max(size, MinRing) &^ 7
	heads := fewestHeads
	for heads < size/perBucket {
		heads *= 2
	}
	return &Ring{
		buf: make([]byte, size), head: uint64(size), tail: uint64(size), latest: make([]uint64, heads), seed: [3]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64() | 1},
		ids: map[capture.Interface]uint32{},
	}
}

// hash is by what a flow is known: keyed, so that nobody can make two flows one.
func (r *Ring) hash(k *tcp.FlowKey) uint64 {
	ports := uint64(k.PortA)<<48 | uint64(k.PortB)<<32 | uint64(k.V6)
	hi, lo := bits.Mul64(k.A.Lo^r.seed[0], k.B.Lo^ports^r.seed[1])
	if k.V6 != 0 {
		h2, l2 := bits.Mul64(k.A.Hi^r.seed[1], k.B.Hi^r.seed[0])
		hi, lo = hi^l2, lo^h2
	}
	hi, lo = bits.Mul64(hi^lo^ports, r.seed[2])
	return hi ^ lo
}

// hostsHash is by what the fragments between two hosts are known: it cannot be told whose they are.
func (r *Ring) hostsHash(a, b tcp.Addr) uint64 {
	k, _ := tcp.MakeFlow(a, b, 0, 0, false)
	return r.hash(&k)
}

// push keeps a packet of the flow with that hash and returns its position; 0 if it cannot be kept.
func (r *Ring) push(p *capture.Record, hash uint64) uint64 {
	size := uint64(len(r.buf))
	need := uint64(ringHead+len(p.Data)+7) &^ 7
	on, ok := r.id(p.Interface)
	if need > size || !ok {
		r.refused++
		return 0
	}
	at := r.head
	if left := size - at%size; need > left {
		at += left
	}
	r.makeRoom(at + need)
	if at != r.head && at-r.head >= ringHead {
		binary.NativeEndian.PutUint32(r.buf[r.head%size+atCaptured:], wrapped)
	}
	r.head = at + need
	if r.tail == 0 {
		r.tail = at
	}
	h := r.buf[at%size:][:need]
	bucket := &r.latest[hash&uint64(len(r.latest)-1)]
	binary.NativeEndian.PutUint64(h[atTime:], uint64(p.Time))
	binary.NativeEndian.PutUint64(h[atNumber:], p.Number)
	binary.NativeEndian.PutUint64(h[atBefore:], *bucket)
	binary.NativeEndian.PutUint64(h[atHash:], hash)
	binary.NativeEndian.PutUint32(h[atLength:], uint32(p.Length))
	binary.NativeEndian.PutUint32(h[atCaptured:], uint32(len(p.Data)))
	binary.NativeEndian.PutUint32(h[atOn:], on)
	copy(h[ringHead:], p.Data)
	*bucket = at
	r.packets++
	return at
}

// makeRoom evicts what would lie under octets up to end. When nothing is left, tail is 0 until push sets it.
func (r *Ring) makeRoom(end uint64) {
	size := uint64(len(r.buf))
	for end-r.tail > size {
		if r.tail == r.head {
			r.tail = 0
			return
		}
		next, packet := r.step(r.tail)
		if packet {
			r.evicted++
			r.gone = max(r.gone, r.timeAt(r.tail))
		}
		r.tail = next
	}
}

// step returns the position behind what is at a position below head, and whether that is a packet.
func (r *Ring) step(at uint64) (next uint64, packet bool) {
	size := uint64(len(r.buf))
	if left := size - at%size; left < ringHead {
		return at + left, false
	}
	n := binary.NativeEndian.Uint32(r.buf[at%size+atCaptured:])
	if n == wrapped {
		return at + size - at%size, false
	}
	return at + (uint64(ringHead)+uint64(n)+7)&^7, true
}

// id returns the number of an interface in the ring, and whether there is one.
func (r *Ring) id(on *capture.Interface) (uint32, bool) {
	if on == r.last {
		return r.lastID, true
	}
	id, ok := r.ids[*on]
	if !ok {
		if len(r.on) == maxRingOn {
			return 0, false
		}
		id = uint32(len(r.on))
		r.ids[*on] = id
		r.on = append(r.on, on)
	}
	r.last, r.lastID = on, id
	return id, true
}

// holds says whether what was at a position is still there.
func (r *Ring) holds(at uint64) bool { return at >= r.tail && at < r.head }

func (r *Ring) timeAt(at uint64) int64 {
	return int64(binary.NativeEndian.Uint64(r.buf[at%uint64(len(r.buf))+atTime:]))
}

func (r *Ring) numberAt(at uint64) uint64 {
	return binary.NativeEndian.Uint64(r.buf[at%uint64(len(r.buf))+atNumber:])
}

func (r *Ring) hashAt(at uint64) uint64 {
	return binary.NativeEndian.Uint64(r.buf[at%uint64(len(r.buf))+atHash:])
}

// beforeAt is the position of the packet before it in its bucket, 0 for none.
func (r *Ring) beforeAt(at uint64) uint64 {
	return binary.NativeEndian.Uint64(r.buf[at%uint64(len(r.buf))+atBefore:])
}

// record fills p with the packet at a position that the ring holds, whose data is valid until the next push.
func (r *Ring) record(at uint64, p *capture.Record) {
	h := r.buf[at%uint64(len(r.buf)):]
	n := int(binary.NativeEndian.Uint32(h[atCaptured:]))
	*p = capture.Record{
		Time: r.timeAt(at), Number: r.numberAt(at), Length: int(binary.NativeEndian.Uint32(h[atLength:])),
		Data: h[ringHead : ringHead+n : ringHead+n], Interface: r.on[binary.NativeEndian.Uint32(h[atOn:])],
	}
}

// find appends the positions of a flow's packets not older than from, the latest first.
func (r *Ring) find(list []uint64, hash uint64, from int64) []uint64 {
	for at := r.latest[hash&uint64(len(r.latest)-1)]; at != 0 && r.holds(at) && r.timeAt(at) >= from; {
		if r.hashAt(at) == hash {
			list = append(list, at)
		}
		at = r.beforeAt(at)
	}
	return list
}

// flows returns the hashes of the flows that packets of these numbers, in rising order, belong to, as far as the ring
// holds them.
func (r *Ring) flows(numbers []uint64) (hashes []uint64) {
	for at := r.tail; at < r.head && len(numbers) > 0; {
		next, packet := r.step(at)
		if packet {
			n := r.numberAt(at)
			for len(numbers) > 0 && numbers[0] < n {
				numbers = numbers[1:]
			}
			if len(numbers) > 0 && numbers[0] == n {
				hashes = append(hashes, r.hashAt(at))
			}
		}
		at = next
	}
	return hashes
}
