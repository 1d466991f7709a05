package capture

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// The ring: 64 MiB hold a sixth of a second of the most that two cores can send. A block that is not full is handed
// over after blockTimeout, or after twice that when its first packet came just behind the kernel's timer.
const (
	ringSize     = 64 << 20
	smallestRing = 4 << 20 // what is still worth it where the kernel gives no more
	blockSize    = 1 << 20
	blockTimeout = 60 * time.Millisecond

	// lag is how long ago a packet must have been captured to have been handed over surely: twice the timeout and
	// what timers may be late.
	lag = 2*blockTimeout + 30*time.Millisecond
)

// live captures from interfaces through one ring, so that packets of all of them come in the order of their capture.
type live struct {
	opt  LiveOptions
	pass []bpf.RawInstruction // the filter's program; nil: there is none
	mu   sync.Mutex           // held by Read, and by Close to take the ring away
	fd   int                  // -1 after Close
	ring []byte

	dec     decoder
	turn    int   // number of the block that is read or comes next
	held    bool  // that block is ours
	block   block // what of it is not yet read
	packet  packet
	shower  shower
	ports   ports // for the shower
	stats   Stats
	skipped [numSkips]uint64
	now     int64
	watched watched
	ended   bool

	stopped  atomic.Int64 // when, nanoseconds since 1970 UTC; 0: not yet
	closed   atomic.Bool
	filterMu sync.Mutex // guards fd between Stop and Close
}

// ringBackend is the usual one.
var ringBackend = []backend{{BackendRing, openRing}}

// openRing captures through a ring.
func openRing(names []string, opt LiveOptions) (LiveSource, error) {
	indexes, err := interfaceIndexes(names)
	if err != nil {
		return nil, err
	}
	s := &live{opt: opt, watched: watchNames(names, indexes), now: time.Now().UnixNano()}
	s.dec.checksum = opt.Checksum
	s.shower.to = opt.Recorder
	// Protocol 0: nothing is received before all is set up.
	if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, fmt.Errorf("capture: %s: %w", strings.Join(names, ", "), err)
	}
	if err := s.setUp(); err != nil {
		s.Close()
		return nil, fmt.Errorf("capture: %s: %w", strings.Join(names, ", "), err)
	}
	s.watch(time.Now())
	return s, nil
}

// setUp makes the ring and begins to capture.
func (s *live) setUp() (err error) {
	if s.pass, err = s.filterProgram(); err != nil {
		return err
	}
	if err := s.filter(s.program()); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("TPACKET_V3: %w", err)
	}
	if err := s.makeRing(); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return s.attach()
}

// captured are the indexes of the interfaces to capture from; none stands for all.
func (s *live) captured() []int {
	if slices.Contains(s.watched.names, AnyInterface) {
		return nil
	}
	return s.watched.index
}

// program is the filter as the interfaces are now.
func (s *live) program() []unix.SockFilter { return captureFilter(s.captured(), s.opt.Snap, s.pass) }

// attach has the socket receive from the interfaces as they are now.
func (s *live) attach() error {
	indexes := s.captured()
	for _, i := range indexes {
		if s.opt.Promiscuous && i != 0 {
			// An interface that cannot be promiscuous, as lo, gives what it has.
			unix.SetsockoptPacketMreq(s.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(i), Type: unix.PACKET_MR_PROMISC})
		}
	}
	all := &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(unix.ETH_P_ALL)}
	if nativeIsBig() {
		all.Protocol = unix.ETH_P_ALL
	}
	if len(indexes) == 1 {
		if indexes[0] == 0 { // it is gone, and 0 would be all
			return nil
		}
		all.Ifindex = indexes[0]
	}
	return unix.Bind(s.fd, all)
}

// reattach follows interfaces that went and came.
func (s *live) reattach() {
	s.filterMu.Lock()
	defer s.filterMu.Unlock()
	if s.stopped.Load() != 0 {
		return
	}
	err := s.filter(s.program())
	if err == nil {
		err = s.attach()
	}
	if err != nil {
		s.warn(strings.Join(s.watched.names, ", "), err.Error(), "begin the capture anew")
	}
}

func nativeIsBig() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 0
}

// makeRing asks for the ring, for a smaller one where the kernel does not have the memory.
func (s *live) makeRing() (err error) {
	for size := ringSize; size >= smallestRing; size /= 2 {
		const frame = 2048 // only divides the block: packets lie behind each other
		err = unix.SetsockoptTpacketReq3(s.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
			Block_size: blockSize, Block_nr: uint32(size / blockSize), Frame_size: frame, Frame_nr: uint32(size / frame),
			Retire_blk_tov: uint32(blockTimeout / time.Millisecond),
		})
		if err == nil {
			s.ring, err = unix.Mmap(s.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
			return err
		}
		if !errors.Is(err, unix.ENOMEM) {
			return err
		}
	}
	return err
}

func (s *live) filter(program []unix.SockFilter) error {
	return unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// status is the word through which the kernel and we hand a block to each other.
func (s *live) status() *uint32 {
	return (*uint32)(unsafe.Pointer(&s.ring[s.turn*blockSize+blockStatus]))
}

func (s *live) ready() bool { return atomic.LoadUint32(s.status())&unix.TP_STATUS_USER != 0 }

// Read returns at the end of each block, and when nothing has come for the block's timeout, so that timers run.
func (s *live) Read(segs []tcp.Segment) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(segs) {
		switch {
		case s.closed.Load() || s.ended:
			return n, s.end(n)
		case s.opt.MaxPackets > 0 && s.stats.Packets >= s.opt.MaxPackets:
			s.ended = true
			s.count()
		case s.block.next(&s.packet):
			n += s.take(&segs[n])
		case s.held:
			s.release()
			return n, nil
		case s.ready() || s.wait():
			s.held = true
			s.block = openBlock(s.ring[s.turn*blockSize:][:blockSize])
		default:
			return n, s.end(n)
		}
	}
	return n, nil
}

// end returns the error that a batch of n segments ends with: none while the capture goes on.
func (s *live) end(n int) error {
	if n == 0 && (s.closed.Load() || s.ended) {
		return io.EOF
	}
	return nil
}

// take decodes the packet into seg, shows it to who asked for it, and returns how many segments came of it.
func (s *live) take(seg *tcp.Segment) int {
	n := s.decode(seg)
	if s.shower.to != nil {
		s.show(n, seg)
	}
	return n
}

// decode decodes the packet into seg and returns how many segments came of it.
func (s *live) decode(seg *tcp.Segment) int {
	st := &s.stats
	st.Packets++
	if st.Packets == 1 {
		st.First = s.packet.time
	}
	st.Last = s.packet.time
	if skip := s.dec.decodePacket(&s.packet, seg); skip != taken {
		s.skipped[skip]++
		s.shower.skip = skip
		return 0
	}
	seg.Number = st.Packets
	st.Segments++
	return 1
}

// release hands the block back to the kernel.
func (s *live) release() {
	s.now = max(s.now, s.stats.Last)
	if atomic.LoadUint32(s.status())&unix.TP_STATUS_LOSING != 0 { // dropped since it was asked last: say so soon
		s.count()
	}
	atomic.StoreUint32(s.status(), unix.TP_STATUS_KERNEL)
	s.held = false
	if s.turn++; s.turn == len(s.ring)/blockSize {
		s.turn = 0
	}
	if now := time.Now(); now.Sub(s.watched.at) >= watchEvery {
		s.watch(now)
	}
}

// wait waits for a block, and says whether one has come. Without, the time goes on.
func (s *live) wait() bool {
	unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}, int(blockTimeout/time.Millisecond))
	now := time.Now()
	if s.ready() {
		return true
	}
	s.now = max(s.now, now.Add(-lag).UnixNano())
	// The socket says once that its interface went down, and would say so at each poll until asked.
	down, _ := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if down != 0 || now.Sub(s.watched.at) >= watchEvery {
		s.watch(now)
	}
	if t := s.stopped.Load(); t != 0 && now.UnixNano()-t >= int64(lag) {
		s.ended = true
		s.count()
	}
	return false
}

// watch looks at the kernel's counts and at the interfaces. When none of them is left for long, the capture ends.
func (s *live) watch(now time.Time) {
	s.count()
	if s.watched.look(now, func(name string) (int, bool, error) { return askSocket(s.fd, name) }, s.warn) {
		s.reattach()
	}
	if s.watched.abandoned() && s.stopped.Load() == 0 {
		s.stopped.Store(now.UnixNano())
	}
}

func (s *live) warn(name, what, next string) { s.stats.warn(name, what, next) }

// count adds the kernel's counts, which asking sets back to 0.
func (s *live) count() {
	if k, err := unix.GetsockoptTpacketStatsV3(s.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		s.stats.Received += uint64(k.Packets)
		s.stats.Dropped += uint64(k.Drops)
		s.stats.Freezes += uint64(k.Freeze_q_cnt)
	}
}

func (s *live) Stats() Stats {
	st := s.stats
	st.Skipped = listSkipped(&s.skipped)
	st.Evicted = s.dec.fragments.evicted
	return st
}

func (s *live) Now() int64 { return s.now }

// Stop has the kernel take nothing more; what it has taken is handed out within lag.
func (s *live) Stop() {
	s.filterMu.Lock()
	defer s.filterMu.Unlock()
	if s.fd >= 0 && s.stopped.Load() == 0 {
		s.filter([]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}})
		s.stopped.Store(time.Now().UnixNano())
	}
}

// Close waits for a Read under way, for as long as the block's timeout.
func (s *live) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filterMu.Lock()
	defer s.filterMu.Unlock()
	if s.fd < 0 {
		return nil
	}
	if s.ring != nil {
		unix.Munmap(s.ring)
		s.ring = nil
	}
	s.block = block{}
	err := unix.Close(s.fd)
	s.fd = -1
	return err
}
