package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// wireless decodes IEEE 802.11 behind any of the headers that drivers put in front of it.
func (d *decoder) wireless(kind uint32, b []byte, seg *tcp.Segment) Skip {
	switch kind {
	case linkWLAN:
		return d.wlan(b, false, seg)
	case linkRadiotap:
		return d.radiotap(b, seg)
	}
	if len(b) < 8 {
		return SkipTruncated
	}
	var n int
	switch kind {
	case linkPrism:
		if m := binary.BigEndian.Uint32(b); m>>8 == 0x802110 { // AVS under Prism's number
			n = int(binary.BigEndian.Uint32(b[4:]) & 0xffff)
			break
		}
		n = int(min(binary.LittleEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[4:])))
	case linkAVS:
		n = int(binary.BigEndian.Uint32(b[4:]) & 0xffff)
	case linkPPI:
		n = int(binary.LittleEndian.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return SkipTruncated
		}
		if inner := binary.LittleEndian.Uint32(b[4:]); inner != linkWLAN {
			if d.deeper() {
				return SkipNested
			}
			return d.link(inner, b[n:], seg)
		}
	}
	if n < 8 || n > len(b) {
		return SkipTruncated
	}
	return d.wlan(b[n:], false, seg)
}

// radiotap steps over the radiotap header, and learns from its flags of padding and of a check sequence at the end.
func (d *decoder) radiotap(b []byte, seg *tcp.Segment) Skip {
	if len(b) < 8 {
		return SkipTruncated
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return SkipTruncated
	}
	at := 8
	for present := b[4:]; present[3]&0x80 != 0; at += 4 { // more words of presence bits
		if at+4 > n {
			return SkipTruncated
		}
		present = b[at:]
	}
	var flags byte
	if b[4]&2 != 0 {
		if b[4]&1 != 0 { // the timer's value stands in front, aligned to 8
			at = (at+7)&^7 + 8
		}
		if at < n {
			flags = b[at]
		}
	}
	body := b[n:]
	if flags&0x10 != 0 && len(body)+d.missing >= 4 {
		body = d.cut(body, len(body)+d.missing-4)
	}
	return d.wlan(body, flags&0x20 != 0, seg)
}

// wlan decodes an IEEE 802.11 data frame. padded says that the header is filled up to a multiple of four.
func (d *decoder) wlan(b []byte, padded bool, seg *tcp.Segment) Skip {
	if len(b) < 24 {
		return SkipTruncated
	}
	const (
		bothDS    = 3
		moreFrags = 4
		protected = 0x40
		order     = 0x80
	)
	kind, flags := b[0], b[1]
	if kind&0x0c != 8 || kind&0x40 != 0 || flags&protected != 0 {
		return SkipNotIP // management, control, without data, encrypted
	}
	if flags&moreFrags != 0 || b[22]&15 != 0 {
		return SkipFragment
	}
	n, aggregate := 24, false
	if flags&bothDS == bothDS {
		n += 6
	}
	if kind&0x80 != 0 { // quality of service
		if len(b) < n+2 {
			return SkipTruncated
		}
		aggregate = b[n]&0x80 != 0
		n += 2
		if flags&order != 0 {
			n += 4
		}
	}
	if padded {
		n = (n + 3) &^ 3
	}
	if aggregate {
		n += 14 // the first of the frames put together
	}
	if len(b) < n {
		return SkipTruncated
	}
	return d.llc(b[n:], seg)
}
