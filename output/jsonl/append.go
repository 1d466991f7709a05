package jsonl

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// The append functions write JSON as encoding/json would, HTML escapes apart; a test holds them to it. Keys are
// written with their comma and colon by the caller, as in `,"packet":`.

func appendUint(b []byte, key string, v uint64) []byte {
	return appendDigits(append(b, key...), v)
}

// appendDigits is strconv's, and takes the short way for what most counts are.
func appendDigits(b []byte, v uint64) []byte {
	switch {
	case v < 10:
		return append(b, byte('0'+v))
	case v < 100:
		return append(b, byte('0'+v/10), byte('0'+v%10))
	case v >= 1e8:
		return binary.LittleEndian.AppendUint64(appendDigits(b, v/1e8), eight(uint32(v%1e8))|zeros)
	}
	x := eight(uint32(v))
	lead := bits.TrailingZeros64(x) & (7 << 3)
	b = binary.LittleEndian.AppendUint64(b, (x|zeros)>>lead)
	return b[:len(b)-lead>>3]
}

// zeros is eight times the digit 0.
const zeros = 0x3030303030303030

// eight spreads the decimal digits of a number below 1e8 over eight octets, the first the lowest, without a branch:
// halves of four, of two and of one digit are divided side by side.
func eight(v uint32) uint64 {
	x := uint64(v/10000) | uint64(v%10000)<<32
	high := x * 5243 >> 19 & (0x7f<<32 | 0x7f)
	x = high | (x-high*100)<<16
	high = x * 103 >> 10 & (0xf<<48 | 0xf<<32 | 0xf<<16 | 0xf)
	return high | (x-high*10)<<8
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
	if day != w.day || w.date[0] == 0 {
		w.day = day
		time.Unix(day*daySeconds, 0).UTC().AppendFormat(w.date[:0], "2006-01-02T")
	}
	b = append(b, w.date[:]...)
	clock := uint32(rest)
	clock = clock/3600*1e6 + clock/60%60*1e3 + clock%60 // a digit 0 where the colons will be
	b = binary.LittleEndian.AppendUint64(b, eight(clock)|0x30303a30303a3030)
	b = binary.LittleEndian.AppendUint64(append(b, '.'), eight(uint32(frac)/10)|zeros)
	return append(b, byte('0'+frac%10), 'Z', '"')
}

// appendDecimal writes ns divided by 10^places exactly, without trailing zeros: milliseconds for 6, seconds for 9.
func appendDecimal(b []byte, key string, ns int64, places int) []byte {
	b = append(b, key...)
	v := uint64(ns)
	if ns < 0 {
		b, v = append(b, '-'), -v
	}
	// Divided by constants, which costs a multiplication.
	whole, frac, last := v/1e9, v%1e9/10, v%10
	if places == 6 {
		whole, frac, last = v/1e6, v%1e6*100, 0
	}
	b = appendDigits(b, whole)
	if frac|last == 0 {
		return b
	}
	x := eight(uint32(frac))
	b = binary.LittleEndian.AppendUint64(append(b, '.'), x|zeros)
	if last != 0 {
		return append(b, byte('0'+last))
	}
	return b[:len(b)-bits.LeadingZeros64(x)/8]
}

// appendWord writes one of our own names quoted, in which nothing is to be escaped.
func appendWord(b []byte, key, word string) []byte {
	return append(append(append(append(b, key...), '"'), word...), '"')
}

const hex = "0123456789abcdef"

// appendString writes s quoted, with control characters escaped and broken UTF-8 replaced.
func appendString(b []byte, key, s string) []byte {
	b = append(append(b, key...), '"')
	start := len(b)
	b = append(b, s...)
	i := plainly(b[start:])
	if i == len(s) {
		return append(b, '"')
	}
	b = b[:start+i]
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

// plainly returns how many octets at the beginning of s stand for themselves, or some fewer. It looks at eight at a time:
// the high bit of one shows where it is not ASCII, below a space, a quote or a backslash.
func plainly(s []byte) int {
	const each = 0x0101010101010101
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:])
		control, quote, slash := x-each*' ', (x^each*'"')-each, (x^each*'\\')-each
		if (x|control|quote|slash)&(each<<7) != 0 {
			return i
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

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
