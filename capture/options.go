package capture

import (
	"encoding/binary"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Option kinds (IANA, TCP parameters).
const (
	optEnd      = 0
	optNop      = 1
	optMSS      = 2
	optWScale   = 3
	optSACKOK   = 4
	optSACK     = 5
	optTS       = 8
	optMD5      = 19
	optUTO      = 28
	optAO       = 29
	optMPTCP    = 30
	optFastOpen = 34
	optExp      = 254
)

// stamps decodes what nearly every segment of a modern host has: exactly NOP, NOP, timestamps (RFC 7323 appendix A).
func stamps(b []byte, o *tcp.Options) bool {
	if len(b) != 12 || binary.BigEndian.Uint32(b) != optNop<<24|optNop<<16|optTS<<8|10 {
		return false
	}
	o.Has = tcp.HasTS
	o.TSVal, o.TSEcr = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	return true
}

// options decodes the options in b into o, which is zero. snapped says that b ends early: an option that runs past the
// end was then cut by the capture and is no fault of the sender's.
func options(b []byte, snapped bool, o *tcp.Options) {
	if stamps(b, o) {
		return
	}
	for len(b) > 0 {
		kind := b[0]
		if kind == optEnd {
			return
		}
		if kind == optNop {
			b = b[1:]
			continue
		}
		if len(b) < 2 || int(b[1]) > len(b) {
			if !snapped {
				o.Has |= tcp.OptionBroken
			}
			return
		}
		n := int(b[1])
		if n < 2 || !option(kind, b[2:n], o) {
			o.Has |= tcp.OptionBroken
		}
		if n < 2 {
			return
		}
		b = b[n:]
	}
}

// option decodes the data of one option. It says whether the length fits the kind; unknown kinds always do.
func option(kind uint8, v []byte, o *tcp.Options) bool {
	switch kind {
	case optMSS:
		if len(v) != 2 {
			return false
		}
		o.Has |= tcp.HasMSS
		o.MSS = binary.BigEndian.Uint16(v)
	case optWScale:
		if len(v) != 1 {
			return false
		}
		o.Has |= tcp.HasWScale
		o.WScale = v[0]
	case optSACKOK:
		if len(v) != 0 {
			return false
		}
		o.Has |= tcp.HasSACKOK
	case optSACK:
		return sack(v, o)
	case optTS:
		if len(v) != 8 {
			return false
		}
		o.Has |= tcp.HasTS
		o.TSVal, o.TSEcr = binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])
	case optMD5:
		if len(v) != 16 {
			return false
		}
		o.Has |= tcp.HasMD5
	case optUTO:
		if len(v) != 2 {
			return false
		}
		o.Has |= tcp.HasUTO
	case optAO:
		if len(v) < 2 {
			return false
		}
		o.Has |= tcp.HasAO
	case optMPTCP:
		if len(v) < 1 {
			return false
		}
		o.Has |= tcp.HasMPTCP
		o.MPTCPSub = v[0] >> 4
	case optFastOpen:
		return fastOpen(v, o)
	case optExp:
		if len(v) >= 2 && v[0] == 0xf9 && v[1] == 0x89 { // RFC 7413 appendix A's experimental form
			return fastOpen(v[2:], o)
		}
	}
	return true
}

// sack decodes blocks (RFC 2018 3); there is room for four in a header.
func sack(v []byte, o *tcp.Options) bool {
	if len(v) == 0 || len(v)%8 != 0 || len(v) > 32 {
		return false
	}
	o.Has |= tcp.HasSACK
	o.NSACK = uint8(len(v) / 8)
	for i := range o.NSACK {
		w := v[8*i:]
		o.SACK[i] = tcp.Range{Lo: tcp.Seq(binary.BigEndian.Uint32(w)), Hi: tcp.Seq(binary.BigEndian.Uint32(w[4:]))}
	}
	return true
}

// fastOpen decodes a cookie or, empty, a request for one (RFC 7413 4.1.1: 4 to 16 octets, even).
func fastOpen(v []byte, o *tcp.Options) bool {
	if len(v) != 0 && (len(v) < 4 || len(v) > 16 || len(v)%2 != 0) {
		return false
	}
	o.Has |= tcp.HasFastOpen
	o.Cookie = uint8(len(v))
	return true
}
