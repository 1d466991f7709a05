package capture

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// files reads one or several files as one capture.
type files struct {
	opt      Options
	in       []*input
	merge    merge
	dec      decoder
	stats    Stats
	skipped  [numSkips]uint64
	gone     uint64   // Dropped of inputs that have ended
	strange  []uint32 // link types warned of
	fatal    error    // why nothing at all can be read
	refused  bool     // fatal, though there are packets: the filter is not for their link type
	screen   *screen  // nil: there is no filter
	shower   shower
	read     atomic.Int64
	awake    chan opened // sleepers, in the order of their turns
	mu       sync.Mutex  // held to put another input in its place, and by Close
	quit     chan struct{}
	quitOnce sync.Once
}

// Open opens capture files, "-" being standard input; several are one capture in time order. Regular files are looked
// into at once, streams and files that grow at the first Read. The errors name the file and the next step.
func Open(names []string, opt Options) (Source, error) {
	if len(names) == 0 {
		return nil, errors.New("capture: open: no file named")
	}
	s := &files{opt: opt, quit: make(chan struct{})}
	s.dec.checksum = opt.Checksum
	s.shower.to = opt.Recorder
	if opt.Filter != nil {
		s.screen = &screen{filter: opt.Filter}
		s.screen.all.checksum = opt.Checksum
	}
	for _, name := range names {
		in, err := openInput(name, &opt, s, len(names) > 1)
		if err == nil {
			err = s.look(in, len(names) > 1)
		}
		if err == nil && len(names) > 1 {
			in, err = s.sleep(in)
		}
		if err != nil {
			s.Close()
			return nil, err
		}
		s.stats.Size += in.size
		s.in = append(s.in, in)
	}
	for _, in := range s.in {
		if in.size == 0 {
			s.stats.Size = 0 // not known of all
		}
	}
	return s, nil
}

// look finds out the format of a regular file. Among several, an empty one is no error: a rotating capture has just
// begun it.
func (s *files) look(in *input, several bool) error {
	if in.stream || in.size == 0 && s.opt.Follow {
		return nil
	}
	err := errMore
	for err == errMore {
		if err = in.w.more(); err == nil {
			err = in.sniff()
		}
		if err == nil {
			return s.suits(in)
		}
	}
	if err == errWait {
		return nil
	}
	if several && err == io.EOF && in.w.hi == 0 {
		s.warn(&Warning{File: in.name, What: "empty", Next: "skipped"})
		in.close()
		return nil
	}
	err = in.unreadable(err)
	in.close()
	return err
}

// unreadable words the error of an input of which nothing can be read.
func (in *input) unreadable(err error) error {
	switch {
	case err == io.EOF && in.w.hi == 0:
		err = errors.New("empty: nothing was captured into it")
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		err = errors.New("needs more than 64 MiB to decompress; try: zstd -dc --long=31 FILE | tcptrack -")
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("cut short in its first octets: nothing can be read")
	}
	return fmt.Errorf("capture: open %s: %w", in.name, bare(err))
}

func (s *files) Read(segs []tcp.Segment) (int, error) {
	if len(segs) == 0 {
		return 0, s.fatal
	}
	if s.closed() {
		return 0, io.EOF
	}
	if len(s.in) == 1 {
		return s.readOne(segs)
	}
	return s.readMerged(segs)
}

// readOne reads the batch from the only input.
func (s *files) readOne(segs []tcp.Segment) (n int, err error) {
	in := s.in[0]
	var rec record
	for n < len(segs) {
		if in.done || s.enough() {
			return n, s.end(n)
		}
		if s.plainly(in) {
			if k := s.plain(in, segs[n:]); k > 0 {
				n += k
				continue
			}
		}
		err := in.next(&rec)
		if err == nil {
			n += s.take(in, &rec, &segs[n])
			continue
		}
		if err == errMore {
			if n > 0 {
				return n, nil
			}
			if err = in.more(); err == nil {
				continue
			}
		}
		if err == errWait {
			if s.wait() {
				continue
			}
			err = io.EOF
			in.w.lo = in.w.hi // what is half written is not damage
		}
		s.finish(in, err)
	}
	return n, nil
}

// take decodes a record into seg, shows it to who asked for it, and returns how many segments came of it.
func (s *files) take(in *input, rec *record, seg *tcp.Segment) int {
	n := s.decode(in, rec, seg)
	if s.shower.to != nil && !rec.other && (s.screen == nil || s.screen.passed) {
		shown := n
		if n > 0 && seg.Filtered {
			shown = 0
		}
		s.shower.show(rec, s.stats.Packets, in.where(rec), shown, seg)
	}
	return n
}

// decode decodes a record into seg and returns how many segments came of it.
func (s *files) decode(in *input, rec *record, seg *tcp.Segment) int {
	in.packets++
	st := &s.stats
	st.Packets++
	if st.Packets == 1 {
		st.First = rec.time
	}
	st.Last = rec.time
	if s.screen != nil {
		return s.sift(in, rec, seg)
	}
	skip := SkipNotPacket
	if !rec.other {
		skip = s.dec.decode(rec, seg)
	}
	if skip != taken {
		s.skipped[skip]++
		s.shower.skip = skip
		if skip == SkipLinkType {
			s.warnLink(in, rec.link)
		}
		return 0
	}
	seg.Number = st.Packets
	st.Segments++
	return 1
}

func (s *files) enough() bool {
	return s.refused || s.opt.MaxPackets > 0 && s.stats.Packets-s.skipped[SkipFiltered] >= s.opt.MaxPackets
}

// end returns the error that a batch of n segments ends with.
func (s *files) end(n int) error {
	switch {
	case n > 0:
		return nil
	case s.fatal != nil && (s.stats.Packets == 0 || s.refused):
		return s.fatal
	}
	return io.EOF
}

// wait pauses for a file to grow; false after Close.
func (s *files) wait() bool {
	select {
	case <-s.quit:
		return false
	case <-time.After(100 * time.Millisecond):
		return true
	}
}

// finish ends an input for the reason err.
func (s *files) finish(in *input, err error) {
	switch {
	case s.closed(): // the reader's own doing
	case !in.known(): // it was a stream: only now do we know
		s.fatal = in.unreadable(err)
		if len(s.in) > 1 {
			s.warn(&Warning{File: in.name, What: bare(err).Error()})
		}
	default:
		if w := in.ended(err); w != nil {
			s.warn(w)
		}
	}
	s.gone += in.ng.dropped()
	in.close()
}

func (s *files) warn(w *Warning) {
	if len(s.stats.Warnings) < maxWarnings {
		s.stats.Warnings = append(s.stats.Warnings, *w)
	}
}

// warnLink warns of a link type, once.
func (s *files) warnLink(in *input, link uint32) {
	if slices.Contains(s.strange, link) || len(s.strange) == maxWarnings {
		return
	}
	s.strange = append(s.strange, link)
	s.warn(&Warning{
		File: in.name, Packet: in.packets, What: fmt.Sprintf("link type %d is not known here, its packets are skipped", link),
		Next: "capture on an Ethernet or IP interface instead",
	})
}

func (s *files) Stats() Stats {
	st := s.stats
	st.Skipped = listSkipped(&s.skipped)
	st.Evicted = s.dec.fragments.evicted
	st.Bytes = s.read.Load()
	st.Dropped = s.gone
	for _, in := range s.in {
		if !in.done {
			st.Dropped += in.ng.dropped()
		}
	}
	return st
}

// eagerMean is from how many octets a packet on reading ahead pays.
const eagerMean = 256

// Ready is EagerSource's. Of a compressed file a decompressor is ahead already.
func (s *files) Ready() bool {
	for _, in := range s.in {
		if in.stream || in.unpack != nil {
			return false
		}
	}
	return !s.opt.Follow && s.opt.Recorder == nil
}

// Eager is EagerSource's: to copy the packets takes much of the time.
func (s *files) Eager() bool {
	taken := s.read.Load()
	for _, in := range s.in {
		taken -= int64(in.w.hi - in.w.lo)
	}
	return s.Ready() && taken >= eagerMean*int64(s.stats.Packets)
}

// Close makes the current Read or the next return io.EOF.
func (s *files) Close() error {
	s.quitOnce.Do(func() {
		close(s.quit)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, in := range s.in {
			if in.file != nil {
				in.file.Close()
			}
		}
	})
	return nil
}

func (s *files) closed() bool {
	select {
	case <-s.quit:
		return true
	default:
		return false
	}
}
