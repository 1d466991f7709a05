package capture

import (
	"encoding/binary"
	"math/bits"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// verify checks a whole segment against its checksum (RFC 9293 3.1). Which end sent it does not matter: the sum is the
// same.
func verify(b []byte, flow *tcp.FlowKey) tcp.Sum {
	pseudo := pseudoHeader(len(b), flow)
	if fold(sum(b)+uint64(pseudo)) == 0xffff {
		return tcp.SumGood
	}
	// Linux leaves the pseudo-header's sum for the network card to go on from.
	if binary.BigEndian.Uint16(b[16:]) == pseudo {
		return tcp.SumPartial
	}
	return tcp.SumBad
}

// pseudoHeader is the folded sum over addresses, protocol and length.
func pseudoHeader(n int, flow *tcp.FlowKey) uint16 {
	s := uint64(n)&0xffff + uint64(n)>>16 + protoTCP
	if flow.V6 != 0 {
		s += words(flow.A.Hi) + words(flow.A.Lo) + words(flow.B.Hi) + words(flow.B.Lo)
	} else {
		s += words(flow.A.Lo&0xffffffff) + words(flow.B.Lo&0xffffffff)
	}
	return fold(s)
}

// words sums the four 16-bit words of v.
func words(v uint64) uint64 { return v>>48 + v>>32&0xffff + v>>16&0xffff + v&0xffff }

// sum is the ones' complement sum of b as big-endian words, folded to less than 2^34.
func sum(b []byte) uint64 {
	var s, carry uint64
	for len(b) >= 32 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	t := words(s) + carry
	for len(b) >= 2 {
		t += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		t += uint64(b[0]) << 8
	}
	return t
}

// fold brings a sum to 16 bits with end-around carry.
func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
