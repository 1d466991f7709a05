package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// plainly says that records of the input may be read plainly: a little-endian classic file of Ethernet that nobody filters
// or copies.
func (s *files) plainly(in *input) bool {
	p := in.pcap
	return p != nil && !p.swapped && !p.old && p.head == 16 && p.link == linkEthernet && s.screen == nil && s.shower.to == nil
}

// plain takes the records at the front of the window that straight decodes, up to the first that it does not, and returns
// how many. It does what next and take would do, without a call and a record in memory for each: reading and
// decoding take a quarter fewer instructions. FuzzPlain holds the two equal.
func (s *files) plain(in *input, segs []tcp.Segment) int {
	p, w, st := in.pcap, &in.w, &s.stats
	if limit := s.opt.MaxPackets; limit > 0 {
		segs = segs[:min(uint64(len(segs)), limit-st.Packets)]
	}
	b, n, last := w.buf[w.lo:w.hi], 0, st.Last
	for n < len(segs) && len(b) >= 16 {
		h := (*[16]byte)(b)
		have := binary.LittleEndian.Uint32(h[8:])
		if have > maxRecord || len(b)-16 < int(have) {
			break
		}
		at := int64(binary.LittleEndian.Uint32(h[:]))*1e9 + int64(binary.LittleEndian.Uint32(h[4:]))*p.unit
		seg := &segs[n]
		if !s.dec.straight(b[16:16+have], int(binary.LittleEndian.Uint32(h[12:])), seg) {
			break
		}
		n++
		seg.Time, seg.Number = at, st.Packets+uint64(n)
		last = at
		b = b[16+have:]
	}
	if n > 0 && st.Packets == 0 {
		st.First = segs[0].Time
	}
	w.lo = w.hi - len(b)
	in.packets += uint64(n)
	st.Packets += uint64(n)
	st.Segments += uint64(n)
	st.Last = last
	return n
}
