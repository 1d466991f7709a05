//go:build libpcap && cgo

package capture

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	libpcap "github.com/google/gopacket/pcap"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// pcapBackend is the only one where there is no ring.
var pcapBackend = []backend{{BackendPcap, openPcap}}

const (
	// pcapTimeout is how long libpcap gathers packets, and how long we then wait for one: a lone packet is seen after
	// twice that, and behind an interface that is silent after pcapLag more.
	pcapTimeout = 20 * time.Millisecond

	// pcapLag is how long ago a packet must have been captured to have been handed out surely: what libpcap gathers
	// at most and what timers of a busy machine may be late.
	pcapLag = 2*pcapTimeout + 50*time.Millisecond

	// pcapBuffer is shared by the interfaces, but none gets less than leastBuffer.
	pcapBuffer  = 64 << 20
	leastBuffer = 4 << 20

	// stopWait bounds the wait for the last packets, should the clock be set meanwhile: more than a busy machine takes.
	stopWait = 5 * time.Second
)

// pcapLive captures through libpcap: a goroutine for each interface copies packets into mouthfuls, and Read merges those
// in the order of time.
//
//	handle -> mouth -> mouthfuls -> merge -> decoder
type pcapLive struct {
	opt     LiveOptions
	asker   asker
	watched watched
	mouths  []*mouth // by name, or one for all
	full    chan *mouthful
	done    chan struct{}
	quit    sync.Once
	running sync.WaitGroup
	failed  bool // it was told that an interface cannot be opened again

	dec     decoder
	stats   Stats
	skipped [numSkips]uint64
	shower  shower
	now     int64
	ended   bool
	stopped atomic.Int64 // when, nanoseconds since 1970 UTC; 0: not yet
}

// openPcap captures through libpcap.
func openPcap(names []string, opt LiveOptions) (LiveSource, error) {
	if slices.Contains(names, AnyInterface) {
		names = []string{AnyInterface}
	}
	indexes, err := interfaceIndexes(names)
	if err != nil {
		return nil, err
	}
	s := &pcapLive{opt: opt, watched: watchNames(names, indexes), now: time.Now().UnixNano(), done: make(chan struct{})}
	s.dec.checksum = opt.Checksum
	s.shower.to = opt.Recorder
	if s.asker, err = newAsker(); err != nil {
		return nil, err
	}
	n := max(fewestMouthfuls, manyMouthfuls/len(names))
	s.full = make(chan *mouthful, n*len(names))
	for i := range names {
		m := newMouth(i, n)
		if err := m.open(names[i], indexes[i], s); err != nil {
			s.Close()
			return nil, err
		}
		s.mouths = append(s.mouths, m)
	}
	s.watched.look(time.Now(), s.asker.ask, s.stats.warn)
	for _, m := range s.mouths {
		s.run(m)
	}
	return s, nil
}

// openHandle opens one interface as the options say.
func openHandle(name string, opt *LiveOptions, share int) (*libpcap.Handle, error) {
	promiscuous := opt.Promiscuous && name != AnyInterface
	h, err := tryHandle(name, opt, share, promiscuous)
	if promiscuous && err != nil && err.Error() == "Cannot set as promisc" { // gopacket keeps its type to itself
		h, err = tryHandle(name, opt, share, false)
	}
	if err == nil {
		return h, nil
	}
	switch text := err.Error(); {
	case strings.Contains(text, "Permission Denied") || strings.Contains(text, "permission"):
		err = fs.ErrPermission
	case strings.Contains(text, "No Such Device"):
		return nil, unknownInterface(name)
	default:
		err = errors.New(strings.TrimPrefix(strings.TrimPrefix(text, "Error: "), "Warning: "))
	}
	return nil, fmt.Errorf("capture: %s: %w", name, err)
}

// tagRoom is what libpcap may add to a packet: a VLAN tag, or the cooked header instead of Ethernet's.
const tagRoom = 4

func tryHandle(name string, opt *LiveOptions, share int, promiscuous bool) (*libpcap.Handle, error) {
	h, err := libpcap.NewInactiveHandle(name)
	if err != nil {
		return nil, err
	}
	defer h.CleanUp()
	for _, err := range []error{
		h.SetSnapLen(opt.Snap + tagRoom), h.SetPromisc(promiscuous), h.SetTimeout(pcapTimeout),
		h.SetBufferSize(max(pcapBuffer/share, leastBuffer)),
	} {
		if err != nil {
			return nil, err
		}
	}
	return h.Activate()
}

// run has a mouth take in packets, until it fails or all is closed.
func (s *pcapLive) run(m *mouth) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		m.run(s.full, s.done)
	}()
}

// Read returns when nothing more is ready, and when nothing has come for a while, so that timers run.
func (s *pcapLive) Read(segs []tcp.Segment) (n int, err error) {
	if now := time.Now(); now.Sub(s.watched.at) >= watchEvery {
		s.watch(now)
	}
	for took := false; n < len(segs); {
		if s.ended || s.isClosed() {
			break
		}
		if s.opt.MaxPackets > 0 && s.stats.Packets >= s.opt.MaxPackets {
			s.ended = true
		} else if m := s.first(); m != nil {
			took = true
			n += s.take(m, &segs[n])
		} else if took {
			s.now = max(s.now, s.stats.Last)
			return n, nil
		} else if !s.wait() {
			break
		}
	}
	return n, s.end(n)
}

func (s *pcapLive) isClosed() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// end returns the error that a batch of n segments ends with: none while the capture goes on.
func (s *pcapLive) end(n int) error {
	if n == 0 && (s.ended || s.isClosed()) {
		return io.EOF
	}
	return nil
}

// first returns the mouth with the earliest packet, nil as long as another may still bring an earlier one.
func (s *pcapLive) first() (best *mouth) {
	for {
		select {
		case c := <-s.full:
			s.mouths[c.mouth].queue(c)
			continue
		default:
		}
		break
	}
	for _, m := range s.mouths {
		if m.next() && (best == nil || m.time() < best.time()) {
			best = m
		}
	}
	if best == nil {
		return nil
	}
	for _, m := range s.mouths {
		if !m.ended && m.upTo < best.time() && !m.next() {
			return nil
		}
	}
	return best
}

// wait waits for packets and says whether one can be taken. Without, the time goes on.
func (s *pcapLive) wait() bool {
	timer := time.NewTimer(pcapTimeout)
	defer timer.Stop()
	select {
	case c := <-s.full:
		s.mouths[c.mouth].queue(c)
		if s.first() != nil {
			return true
		}
	case <-timer.C:
	case <-s.done:
		return false
	}
	now := time.Now()
	upTo := now.Add(-pcapLag).UnixNano()
	for _, m := range s.mouths {
		if !m.ended {
			upTo = min(upTo, m.upTo)
		}
	}
	s.now = max(s.now, upTo)
	if t := s.stopped.Load(); t != 0 && (upTo >= t || now.UnixNano()-t > int64(stopWait)) {
		s.ended = true
	}
	return false
}

// take decodes the next packet of a mouth into seg and returns how many segments came of it.
func (s *pcapLive) take(m *mouth, seg *tcp.Segment) (n int) {
	rec := m.take()
	st := &s.stats
	if t := s.stopped.Load(); t != 0 && rec.time > t {
		s.now = max(s.now, rec.time)
		s.ended = s.passed(t)
		return 0
	}
	st.Packets++
	if st.Packets == 1 {
		st.First = rec.time
	}
	st.Last = rec.time
	if skip := s.dec.decode(&rec, seg); skip != taken {
		s.skipped[skip]++
		s.shower.skip = skip
	} else {
		seg.Number = st.Packets
		st.Segments++
		n = 1
	}
	if s.shower.to != nil {
		s.shower.show(&rec, st.Packets, m.shown, n, seg)
	}
	return n
}

// passed says that every mouth has got past a time.
func (s *pcapLive) passed(t int64) bool {
	return !slices.ContainsFunc(s.mouths, func(m *mouth) bool { return !m.ended && m.upTo < t })
}

// watch looks at the interfaces, and opens those again that came back.
func (s *pcapLive) watch(now time.Time) {
	s.watched.look(now, s.asker.ask, s.stats.warn)
	if s.stopped.Load() != 0 {
		return
	}
	if s.watched.abandoned() {
		s.stopped.Store(now.UnixNano())
		return
	}
	for i, m := range s.mouths {
		name := s.watched.names[i]
		if there := s.watched.index[i] != 0 && !s.watched.down[i] || name == AnyInterface; m.ended && there {
			if m.failed != nil && !s.failed {
				s.stats.warn(name, "libpcap: "+strings.TrimSpace(m.failed.Error()), "")
			}
			var err error
			s.opt.do(func() { err = m.open(name, s.watched.index[i], s) })
			switch {
			case err == nil:
				s.failed = false
				s.run(m)
			case !s.failed:
				s.failed = true
				s.stats.warn(name, "cannot be captured from again: "+strings.TrimPrefix(err.Error(), "capture: "), "it is tried on")
			}
		}
	}
}

func (s *pcapLive) Stats() Stats {
	st := s.stats
	for _, m := range s.mouths {
		st.Dropped += m.dropped.Load()
	}
	// libpcap counts each packet of the loopback interface twice, and hands it out once.
	st.Received = st.Packets + st.Dropped
	st.Skipped = listSkipped(&s.skipped)
	st.Evicted = s.dec.fragments.evicted
	return st
}

func (s *pcapLive) Now() int64 { return s.now }

// Stop lets what is captured until now be handed out, and nothing later.
func (s *pcapLive) Stop() { s.stopped.CompareAndSwap(0, time.Now().UnixNano()) }

// Close waits for the mouths to shut, for as long as libpcap gathers packets.
func (s *pcapLive) Close() error {
	s.quit.Do(func() {
		close(s.done)
		s.running.Wait()
		for _, m := range s.mouths {
			m.shut()
		}
		s.asker.Close()
	})
	return nil
}
