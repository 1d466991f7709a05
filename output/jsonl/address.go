package jsonl

import (
	"strconv"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// appendAddress writes the two members that name an endpoint, without braces; key ends with `"ip":"`.
func appendAddress(b []byte, key string, e tcp.Endpoint) []byte {
	b = append(b, key...)
	if e.V6 {
		b = e.IP().AppendTo(b)
	} else {
		v := uint32(e.Addr.Lo)
		for shift := 24; shift >= 0; shift -= 8 {
			o := &octets[v>>shift&0xff]
			b = append(b, o.text[:]...)
			b = b[:len(b)-len(o.text)+int(o.n)]
		}
		b = b[:len(b)-1]
	}
	return appendDigits(append(b, `","port":`...), uint64(e.Port))
}

// octets are the numbers of an IPv4 address, each with the dot behind it.
var octets = func() (list [256]struct {
	text [4]byte
	n    uint8
}) {
	for v := range list {
		list[v].n = uint8(len(append(strconv.AppendInt(list[v].text[:0], int64(v), 10), '.')))
		list[v].text[list[v].n-1] = '.'
	}
	return list
}()

func appendEndpoint(b []byte, key string, e tcp.Endpoint) []byte {
	return append(appendAddress(append(b, key...), `{"ip":"`, e), '}')
}
