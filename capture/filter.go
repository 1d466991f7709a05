package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/capture/filter"
)

// FilterError is what is wrong with a filter, and at which word.
type FilterError = filter.Error

// Filter is an expression in the language of pcap-filter(7) that says which packets are taken. Builds with libpcap know
// all of it, the others a subset.
type Filter struct {
	text string
	expr *filter.Expr // nil where libpcap alone knows the expression
}

// String is the expression.
func (f *Filter) String() string { return f.text }

// wrong is an error of no word in particular.
func (f *Filter) wrong(what string) error { return &FilterError{Text: f.text, At: -1, What: what} }

// screen runs a filter over the frames of files, whatever their link types.
type screen struct {
	filter   *Filter
	all      decoder                    // of packets left out too, for the numbers of connections and streams
	programs map[uint32]*filter.Program // by link type; nil for one that the filter cannot be made for
	link     uint32                     // of program
	program  *filter.Program
	passed   bool // the latest record did
}

// prepare makes the filter's program for a link type. The error is a *FilterError.
func (s *screen) prepare(link uint32) error {
	if p, ok := s.programs[link]; ok {
		s.link, s.program = link, p
		return nil
	}
	p, err := s.filter.compile(link)
	if wrong, ok := err.(*FilterError); ok && wrong.Never && len(s.programs) > 0 {
		p, err = filter.Nothing, nil // of other link types they can
	}
	if s.programs == nil {
		s.programs = map[uint32]*filter.Program{}
	}
	s.programs[link], s.link, s.program = p, link, p
	return err
}

// match says whether a record passes.
func (s *screen) match(rec *record) bool {
	switch rec.link {
	case linkNull, linkLoop, linkSLL2:
		return s.matchDisguised(rec)
	}
	return s.program.Match(rec.frame, rec.orig)
}

// matchDisguised writes the link's header in the form that programs are made for, as long as one looks at it: the
// families of a loopback header as Linux has them, and for libpcap SLL2 as SLL.
func (s *screen) matchDisguised(rec *record) bool {
	var was [20]byte
	frame, length := rec.frame, rec.orig
	n := copy(was[:], frame)
	order := binary.ByteOrder(binary.LittleEndian)
	switch {
	case len(frame) < 4:
	case rec.link == linkLoop:
		order = binary.BigEndian
		fallthrough
	case rec.link == linkNull:
		family := min(binary.LittleEndian.Uint32(frame), binary.BigEndian.Uint32(frame))
		switch family {
		case 23, 24, 28, 30: // IPv6 of Windows, NetBSD, FreeBSD and macOS
			family = 10
		}
		order.PutUint32(frame, family)
	case asSLL && len(frame) < 20:
		frame = nil
	case asSLL: // packet type, hardware type, address's length, address, protocol
		frame, length = frame[4:], length-4
		copy(frame, []byte{0, was[10], was[8], was[9], 0, was[11]})
		copy(frame[6:], was[12:20])
		copy(frame[14:], was[:2])
	}
	ok := s.program.Match(frame, length)
	copy(rec.frame, was[:n])
	return ok
}
