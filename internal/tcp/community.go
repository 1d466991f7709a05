package tcp

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
)

// AppendCommunityID appends the Community ID of a connection between two endpoints, as other monitors compute it
// (version 1, seed 0): 1: and 28 characters. The order of the two does not matter.
func AppendCommunityID(to []byte, x, y Endpoint) []byte {
	if y.Addr.less(x.Addr) || y.Addr == x.Addr && y.Port < x.Port {
		x, y = y, x
	}
	const protocol = 6 // TCP
	var room [2 + 2*16 + 2 + 2*2]byte
	b := append(room[:0], 0, 0) // the seed
	b = x.appendBytes(b)
	b = y.appendBytes(b)
	b = append(b, protocol, 0)
	b = binary.BigEndian.AppendUint16(b, x.Port)
	b = binary.BigEndian.AppendUint16(b, y.Port)
	sum := sha1.Sum(b)
	return base64.StdEncoding.AppendEncode(append(to, "1:"...), sum[:])
}

// appendBytes appends the address in network order: 4 bytes for IPv4, 16 for IPv6.
func (e Endpoint) appendBytes(b []byte) []byte {
	if !e.V6 {
		return binary.BigEndian.AppendUint32(b, uint32(e.Addr.Lo))
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, e.Addr.Hi), e.Addr.Lo)
}
