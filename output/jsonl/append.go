package jsonl

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// The append functions write JSON as encoding/json would, HTML escapes apart; a test holds them to it. Keys are
// written with their comma and colon by the caller, as in `,"packet":`.

func appendUint(b []byte, key string, v uint64) []byte {
	return appendDigits(append(b, key...), v)
}

// appendDigits is strconv's, with a shorter way for what most counts are.
func appendDigits(b []byte, v uint64) []byte {
	switch w := uint32(v); {
	case v < 10:
		return append(b, byte('0'+w))
	case v < 100:
		return append(b, byte('0'+w/10), byte('0'+w%10))
	case v < 1000:
		return append(b, byte('0'+w/100), byte('0'+w/10%10), byte('0'+w%10))
	case v < 10000:
		return append(b, byte('0'+w/1000), byte('0'+w/100%10), byte('0'+w/10%10), byte('0'+w%10))
	}
	return strconv.AppendUint(b, v, 10)
}

func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(append(b, key...), v)
}

// daySeconds is a day's length in UTC, which knows no other.
const daySeconds = 24 * 3600

// appendTime writes RFC 3339 in UTC with nine digits of fraction, as 2026-11-22T06:43:29.785145123Z.
func (w *Writer) appendTime(b []byte, key string, ns int64) []byte {
	b = append(append(b, key...), '"')
	sec, frac := ns/1e9, ns%1e9
	if frac < 0 {
		sec, frac = sec-1, frac+1e9
	}
	day, rest := sec/daySeconds, sec%daySeconds
	if rest < 0 {
		day, rest = day-1, rest+daySeconds
	}
	// The calendar is asked once a day: a line's times lie minutes apart, its deadline and its beginning with them.
	if day != w.day || w.date == nil {
		w.day = day
		w.date = time.Unix(day*daySeconds, 0).UTC().AppendFormat(w.date[:0], "2006-01-02T")
	}
	b = append(b, w.date...)
	b = append(b, "00:00:00.000000000Z\""...)
	at := b[len(b)-len("00:00:00.000000000Z\""):]
	twoDigits(at, uint32(rest/3600))
	twoDigits(at[3:], uint32(rest/60%60))
	twoDigits(at[6:], uint32(rest%60))
	nineDigits(at[9:], uint32(frac))
	return b
}

func twoDigits(b []byte, v uint32) { b[0], b[1] = byte('0'+v/10), byte('0'+v%10) }

// nineDigits writes v with zeros in front.
func nineDigits(b []byte, v uint32) {
	_ = b[8]
	high, low := v/10000, v%10000
	b[0] = byte('0' + high/10000)
	twoDigits(b[1:], high/100%100)
	twoDigits(b[3:], high%100)
	twoDigits(b[5:], low/100)
	twoDigits(b[7:], low%100)
}

// appendDecimal writes ns divided by 10^places exactly, without trailing zeros: milliseconds for 6, seconds for 9.
func appendDecimal(b []byte, key string, ns int64, places int) []byte {
	b = append(b, key...)
	if ns == 0 {
		return append(b, '0')
	}
	v := uint64(ns)
	if ns < 0 {
		b, v = append(b, '-'), -v
	}
	// Divided by constants, which costs a multiplication.
	whole, rest := v/1e9, v%1e9
	if places == 6 {
		whole, rest = v/1e6, v%1e6*1e3
	}
	b = appendDigits(b, whole)
	if rest > 0 {
		b = append(b, ".000000000"...)
		nineDigits(b[len(b)-9:], uint32(rest))
		if b[len(b)-1]|b[len(b)-2]|b[len(b)-3] == '0' { // most clocks tick in microseconds
			b = b[:len(b)-3]
		}
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}

// appendWord writes one of our own names quoted, in which nothing is to be escaped.
func appendWord(b []byte, key, word string) []byte {
	return append(append(append(append(b, key...), '"'), word...), '"')
}

const hex = "0123456789abcdef"

// appendString writes s quoted, with control characters escaped and broken UTF-8 replaced.
func appendString(b []byte, key, s string) []byte {
	b = append(append(b, key...), '"')
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	b = append(b, s[:i]...)
	for i < len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(b, `\ufffd`...)
			case r == '\u2028' || r == '\u2029': // line ends to JavaScript
				b = append(b, `\u202`...)
				b = append(b, hex[r&0xf])
			default:
				b = append(b, s[i:i+size]...)
			}
			i += size
			continue
		}
		b = appendASCII(b, c)
		i++
	}
	return append(b, '"')
}

// plain says that c stands for itself.
func plain(c byte) bool { return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' }

func appendASCII(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	if c < ' ' {
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
	}
	return append(b, c)
}

// appendAddress writes the two members that name an endpoint, without braces; key ends with `"ip":"`.
func appendAddress(b []byte, key string, e tcp.Endpoint) []byte {
	b = append(b, key...)
	if e.V6 {
		b = e.IP().AppendTo(b)
	} else {
		v := uint32(e.Addr.Lo)
		b = append(appendDigits(b, uint64(v>>24)), '.')
		b = append(appendDigits(b, uint64(v>>16&0xff)), '.')
		b = append(appendDigits(b, uint64(v>>8&0xff)), '.')
		b = appendDigits(b, uint64(v&0xff))
	}
	return appendDigits(append(b, `","port":`...), uint64(e.Port))
}

func appendEndpoint(b []byte, key string, e tcp.Endpoint) []byte {
	return append(appendAddress(append(b, key...), `{"ip":"`, e), '}')
}

func appendStates(b []byte, key string, set tracker.StateSet) []byte {
	b = append(append(b, key...), '[')
	n := 0
	for s := range set.All() {
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), s.String()...), '"')
	}
	return append(b, ']')
}

// claims are the members that say in what state an endpoint is where no other is possible, by basis and state: they are
// most of what is claimed.
type claims [2][tcp.NumStates]string

// claimed are those of a connection's line, moved those of a transition's, which differ in their first key.
var claimed, moved = newClaims(`,"state":`), newClaims(`,"to":`)

func newClaims(key string) *claims {
	var t claims
	for basis := range t {
		for s := range t[basis] {
			t[basis][s] = string(spellClaim(nil, key, tracker.State(s), tracker.Basis(basis), tcp.Set(tracker.State(s))))
		}
	}
	return &t
}

// appendClaim writes what is claimed of an endpoint.
func appendClaim(b []byte, in *claims, key string, s tracker.State, basis tracker.Basis, possible tracker.StateSet) []byte {
	if possible == tcp.Set(s) {
		return append(b, in[basis][s]...)
	}
	return spellClaim(b, key, s, basis, possible)
}

func spellClaim(b []byte, key string, s tracker.State, basis tracker.Basis, possible tracker.StateSet) []byte {
	b = appendWord(b, key, s.String())
	b = appendWord(b, `,"basis":`, basis.String())
	return appendStates(b, `,"possible":`, possible)
}
