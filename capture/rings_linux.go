package capture

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A ring: 64 MiB hold a sixth of a second of the most that two cores can send. A block that is not full is handed
// over after blockTimeout, or after twice that when its first packet came just behind the kernel's timer.
const (
	ringSize     = 64 << 20
	smallestRing = 4 << 20 // what is still worth it where the kernel gives no more
	blockSize    = 1 << 20
	blockTimeout = 60 * time.Millisecond

	// sharedTimeout is for one of several rings, whose packets wait for those of the others too.
	sharedTimeout = blockTimeout / 2

	// timersLate is what timers may be late, timersHang what they may where the whole machine stands still: so long a
	// block is waited for in which packets are seen to lie.
	timersLate = 30 * time.Millisecond
	timersHang = time.Second

	// heldLook is how often rings are looked at while a packet waits for those of another ring: a network card of
	// 10 Gb/s fills a fifth of one meanwhile.
	heldLook = 10 * time.Millisecond
)

// ring is memory that the kernel fills with packets, and its socket.
type ring struct {
	fd     int // -1 after close
	mem    []byte
	turn   int       // number of the block that is read or comes next
	held   bool      // that block is ours
	opened time.Time // when it was found handed over; meaningful iff held
	block  block     // what of it is not yet read
	packet packet    // the next of it, meaningful iff front
	front  bool
	upTo   int64 // nanoseconds since 1970 UTC: what was captured until then has been read; meaningful iff not front
}

// socket opens the socket. Protocol 0: nothing is received before all is set up.
func (r *ring) socket() (err error) {
	r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	return err
}

// share makes the memory, less where the kernel does not have it.
func (r *ring) share(timeout time.Duration) (err error) {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("TPACKET_V3: %w", err)
	}
	for size := ringSize; size >= smallestRing; size /= 2 {
		const frame = 2048 // only divides the block: packets lie behind each other
		err = unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
			Block_size: blockSize, Block_nr: uint32(size / blockSize), Frame_size: frame, Frame_nr: uint32(size / frame),
			Retire_blk_tov: uint32(timeout / time.Millisecond),
		})
		if err == nil {
			r.mem, err = unix.Mmap(r.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.ENOMEM) {
			break
		}
	}
	return fmt.Errorf("ring: %w", err)
}

// bind has the socket receive from an interface, 0 for all.
func (r *ring) bind(index int) error {
	all := &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(unix.ETH_P_ALL), Ifindex: index}
	if nativeIsBig() {
		all.Protocol = unix.ETH_P_ALL
	}
	return unix.Bind(r.fd, all)
}

func nativeIsBig() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}

// shut is the filter that lets nothing pass.
var shut = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}

func (r *ring) filter(program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(r.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// fanOut makes the rings a group of their own, over which the kernel spreads packets by a hash of their flow; one whose
// ring is full goes to another. The hash is the same for both directions, but not inside VXLAN, nor for some addresses
// in older kernels; as the rings are read in the order of time, nothing depends on it. Fragments are not put together
// in front of the rings: -w would not see them.
func (s *live) fanOut() error {
	const spread = unix.PACKET_FANOUT_HASH | unix.PACKET_FANOUT_FLAG_ROLLOVER
	group := 0
	for i, r := range s.rings {
		how := spread
		if i == 0 {
			how |= unix.PACKET_FANOUT_FLAG_UNIQUEID
		}
		err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, how<<16|group)
		if err == nil && i == 0 {
			group, err = unix.GetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
			group &= math.MaxUint16
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// status is the word through which the kernel and we hand a block to each other; ahead counts blocks from the one whose
// turn it is.
func (r *ring) status(ahead int) *uint32 {
	n := (r.turn + ahead) % (len(r.mem) / blockSize)
	return (*uint32)(unsafe.Pointer(&r.mem[n*blockSize+blockStatus]))
}

func (r *ring) ready() bool { return atomic.LoadUint32(r.status(0))&unix.TP_STATUS_USER != 0 }

// filling says that packets lie in the block whose turn it is, handed over or not yet.
func (r *ring) filling() bool { return atomic.LoadUint32(r.packets()) != 0 }

// packets is the word in which the kernel counts what it puts into that block.
func (r *ring) packets() *uint32 {
	return (*uint32)(unsafe.Pointer(&r.mem[r.turn*blockSize+blockPackets]))
}

// pressed says that half of the ring waits to be read.
func (r *ring) pressed() bool {
	return atomic.LoadUint32(r.status(len(r.mem)/blockSize/2))&unix.TP_STATUS_USER != 0
}

// bring brings the next packet to the front, if one was handed over.
func (r *ring) bring() bool {
	for !r.front {
		if r.held && r.block.left == 0 {
			r.giveBack()
		}
		if !r.held {
			if !r.ready() {
				return false
			}
			r.held, r.opened = true, time.Now()
			r.block = openBlock(r.mem[r.turn*blockSize:][:blockSize])
		}
		r.front = r.block.next(&r.packet)
	}
	return true
}

// giveBack hands the block back to the kernel, and says whether packets were dropped since the drops were counted.
func (r *ring) giveBack() (losing bool) {
	losing = atomic.LoadUint32(r.status(0))&unix.TP_STATUS_LOSING != 0
	atomic.StoreUint32(r.packets(), 0) // until the kernel opens it again
	atomic.StoreUint32(r.status(0), unix.TP_STATUS_KERNEL)
	r.held = false
	if r.turn++; r.turn == len(r.mem)/blockSize {
		r.turn = 0
	}
	return losing
}

func (r *ring) close() error {
	if r.fd < 0 {
		return nil
	}
	if r.mem != nil {
		unix.Munmap(r.mem)
		r.mem = nil
	}
	r.block, r.packet, r.front = block{}, packet{}, false
	err := unix.Close(r.fd)
	r.fd = -1
	return err
}
