package capture

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Marks says that segments that the filter leaves out are handed out too.
func (s *files) Marks() bool { return s.screen != nil }

// suits finds out whether there can be the filter for a file that has one link type.
func (s *files) suits(in *input) error {
	if s.screen == nil || in.pcap == nil {
		return nil
	}
	if err := s.screen.prepare(in.pcap.link); err != nil {
		in.close()
		return fmt.Errorf("capture: %s: %w", in.name, err)
	}
	return nil
}

// sift is decode behind a filter. A segment that is left out is handed out too, marked so: connections and streams are
// numbered as without a filter. A datagram counts as passed when all its fragments do.
func (s *files) sift(in *input, rec *record, seg *tcp.Segment) int {
	c := s.screen
	c.passed = false
	skip := SkipNotPacket
	if !rec.other {
		skip = s.judge(in, rec)
	}
	if skip == SkipLinkType || skip == SkipNotPacket {
		s.skipped[skip]++
		return 0
	}
	pieces := c.all.fragments.added
	whole := c.all.decode(rec, seg)
	if c.passed {
		skip = whole
		if c.all.fragments.added != pieces {
			var mine tcp.Segment
			if skip = s.dec.decode(rec, &mine); skip == taken {
				*seg, whole = mine, taken
			}
		}
	}
	if skip != taken {
		s.skipped[skip]++
	} else {
		s.stats.Segments++
	}
	if skip == SkipLinkType {
		s.warnLink(in, rec.link)
	}
	if whole != taken {
		return 0
	}
	seg.Number, seg.Filtered = s.stats.Packets, skip != taken
	return 1
}

// judge says whether a record passes the filter: taken, SkipFiltered, or SkipLinkType where that cannot be said.
func (s *files) judge(in *input, rec *record) Skip {
	c := s.screen
	if rec.link != c.link || c.programs == nil {
		if err := c.prepare(rec.link); err != nil && len(c.programs) == 1 {
			s.fatal, s.refused = err, true
		} else if err != nil {
			what, _, _ := strings.Cut(err.Error(), "\n")
			s.warn(&Warning{File: in.name, Packet: in.packets, What: what, Next: "its packets are skipped"})
		}
	}
	switch {
	case c.program == nil:
		return SkipLinkType
	case c.match(rec):
		c.passed = true
		return taken
	}
	return SkipFiltered
}
