package capture

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// live captures from interfaces through one ring, or several that are read as one, so that packets of all of them come
// in the order of their capture.
type live struct {
	opt     LiveOptions
	pass    []bpf.RawInstruction // the filter's program; nil: there is none
	mu      sync.Mutex           // held by Read, and by Close to take the rings away
	rings   []*ring
	timeout time.Duration // after which the kernel hands over a block that is not full
	lag     time.Duration // how long ago a packet must have been captured to have been handed over surely

	dec     decoder
	at      *ring // whose block is read; nil: choose one
	until   int64 // time of the last packet that it may give before the others are looked at
	polled  []unix.PollFd
	packet  *packet // at hand
	shower  shower
	ports   ports // for the shower
	stats   Stats
	skipped [numSkips]uint64
	now     int64
	watched watched
	ended   bool

	stopped  atomic.Int64 // when, nanoseconds since 1970 UTC; 0: not yet
	closed   atomic.Bool
	filterMu sync.Mutex // guards the rings' sockets between Stop and Close
}

// ringBackend is the usual one.
var ringBackend = []backend{{BackendRing, openRing}}

// openRing captures through as many rings as the options say.
func openRing(names []string, opt LiveOptions) (LiveSource, error) {
	indexes, err := interfaceIndexes(names)
	if err != nil {
		return nil, err
	}
	s := &live{opt: opt, watched: watchNames(names, indexes), now: time.Now().UnixNano(), timeout: blockTimeout}
	if opt.Rings > 1 {
		s.timeout = sharedTimeout
	}
	s.lag = 2*s.timeout + timersLate
	s.dec.checksum = opt.Checksum
	s.shower.to = opt.Recorder
	if err := s.setUp(); err != nil {
		s.Close()
		return nil, fmt.Errorf("capture: %s: %w", strings.Join(names, ", "), err)
	}
	s.watch(time.Now())
	return s, nil
}

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
		case s.next():
			n += s.take(&segs[n])
		case s.at != nil:
			s.release()
			return n, nil
		case s.choose():
		case n > 0 || !s.wait():
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
	if skip := s.dec.decodePacket(s.packet, seg); skip != taken {
		s.skipped[skip]++
		s.shower.skip = skip
		return 0
	}
	seg.Number = st.Packets
	st.Segments++
	return 1
}

// release hands the block that is read back to the kernel.
func (s *live) release() {
	s.now = max(s.now, s.stats.Last)
	if s.at.giveBack() { // dropped since it was asked last: say so soon
		s.count()
	}
	s.at = nil
	if now := time.Now(); now.Sub(s.watched.at) >= watchEvery {
		s.watch(now)
	}
}

// wait waits for a block, and says whether a packet can be taken. Without, the time goes on.
func (s *live) wait() bool {
	s.poll()
	now := time.Now()
	s.stamp(now)
	if s.choose() {
		return true
	}
	s.now = max(s.now, s.settled())
	down := 0
	for _, r := range s.rings {
		// A socket says once that its interface went down, and would say so at each poll until asked.
		e, _ := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		down |= e
	}
	if down != 0 || now.Sub(s.watched.at) >= watchEvery {
		s.watch(now)
	}
	if t := s.stopped.Load(); t != 0 && now.UnixNano()-t >= int64(s.patience()) && s.drained() {
		s.ended = true
		s.count()
	}
	return false
}

// watch looks at the kernel's counts and at the interfaces. When none of them is left for long, the capture ends.
func (s *live) watch(now time.Time) {
	s.count()
	if s.watched.look(now, func(name string) (int, bool, error) { return askSocket(s.socket(), name) }, s.warn) {
		s.reattach()
	}
	if s.watched.abandoned() && s.stopped.Load() == 0 {
		s.stopped.Store(now.UnixNano())
	}
}

func (s *live) warn(name, what, next string) { s.stats.warn(name, what, next) }

// count adds the kernel's counts, which asking sets back to 0.
func (s *live) count() {
	for _, r := range s.rings {
		if k, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.stats.Received += uint64(k.Packets)
			s.stats.Dropped += uint64(k.Drops)
			s.stats.Freezes += uint64(k.Freeze_q_cnt)
		}
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
	if s.stopped.Load() == 0 {
		s.filter(shut)
		s.stopped.Store(time.Now().UnixNano())
	}
}

// Close waits for a Read under way, for as long as the block's timeout.
func (s *live) Close() (err error) {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filterMu.Lock()
	defer s.filterMu.Unlock()
	s.at, s.packet = nil, nil
	for _, r := range s.rings {
		err = errors.Join(err, r.close())
	}
	return err
}
