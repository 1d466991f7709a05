package query

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// compile makes a match of one value. Without one, it says what is wrong and what is to be written.
func (f *Field) compile(of sides, op, text string) (m match, what, next string) {
	if op == "!=" {
		if m, what, next = f.compile(of, "=", text); m == nil {
			return nil, what, next
		}
		return m.negated(), "", ""
	}
	switch f.Kind {
	case Word:
		mask, what, next := f.mask(op, text)
		if mask == 0 {
			return nil, what, next
		}
		get := f.words
		return func(s *Subject) bool { return get(s, of)&mask != 0 }, "", ""
	case Address:
		if op != "=" {
			return nil, "addresses have no order", "a network, as " + f.Name + ":10.0.3.0/24"
		}
		test, what, next := place(text)
		if test == nil {
			return nil, what, next
		}
		get := f.places
		return func(s *Subject) bool { return get(s, of, test) }, "", ""
	case Text:
		if op != "=" {
			return nil, f.Name + " has no order", "as " + f.Like
		}
		get := f.text
		return func(s *Subject) bool {
			var room [64]byte
			return like(text, string(get(s, room[:0])))
		}, "", ""
	}
	kind, get := f.Kind, f.numbers
	if f.Share && strings.Contains(text, "%") {
		kind, get = Share, f.shares
	}
	lo, hi, ok := kind.interval(op, text)
	if !ok {
		return nil, fmt.Sprintf("%q is no value of %s", text, f.Name), kind.write() + ", as " + f.Like
	}
	if lo > hi {
		return nil, fmt.Sprintf("%q holds nothing", text), "the lower bound stands first"
	}
	test := func(v int64) bool { return lo <= v && v <= hi }
	return func(s *Subject) bool { return get(s, of, test) }, "", ""
}

// write says how values of the kind are written.
func (k Kind) write() string {
	return [...]string{
		Number:  "a number",
		Octets:  "a size, with KiB, MiB, GiB or kB, MB, GB",
		Span:    "a time with its unit: ms, s, m, h, d",
		Share:   "a share in per cent",
		Moment:  "a date, or a date and time",
		Address: "an address or a network",
		Word:    "a word",
		Text:    "a text",
	}[k]
}

// interval reads a value, or lo..hi, with its comparison as the least and the greatest number that are meant. Equal is a
// value if it is so to the digits that are written: 30s means 30 s to just under 31 s.
func (k Kind) interval(op, text string) (lo, hi int64, ok bool) {
	if a, b, ranged := strings.Cut(text, ".."); ranged && op == "=" {
		lo, hi = math.MinInt64, math.MaxInt64
		ok = a != "" || b != ""
		if a != "" {
			var known bool
			lo, _, known = k.number(a)
			ok = ok && known
		}
		if b != "" {
			v, step, known := k.number(b)
			if hi = v; k == Moment {
				hi = v + step - 1
			}
			ok = ok && known
		}
		return lo, hi, ok
	}
	v, step, ok := k.number(text)
	last := v
	if k == Moment {
		last = v + step - 1 // 2026-11-22 is a whole day
	}
	switch op {
	case ">":
		return last + 1, math.MaxInt64, ok
	case ">=":
		return v, math.MaxInt64, ok
	case "<":
		return math.MinInt64, v - 1, ok
	case "<=":
		return math.MinInt64, last, ok
	}
	return v, v + step - 1, ok
}

// unit is a unit's sign and what it is worth.
type unit struct {
	sign  string
	worth int64
}

// units of the kinds, a longer sign before those that it ends with; one with an empty sign may be left out.
var units = [...][]unit{
	Number: {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}},
	Octets: {{"", 1}, {"B", 1}, {"k", 1e3}, {"kB", 1e3}, {"KB", 1e3}, {"KiB", 1 << 10}, {"M", 1e6}, {"MB", 1e6}, {"MiB", 1 << 20}, {"G", 1e9}, {"GB", 1e9}, {"GiB", 1 << 30}, {"TB", 1e12}, {"TiB", 1 << 40}},
	Span:   {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}},
	Share:  {{"%", 1e4}},
	Moment: nil,
}

// number reads a number with its unit: its value, and how much the last of its digits is worth.
func (k Kind) number(text string) (v, step int64, ok bool) {
	if k == Moment {
		return moment(text)
	}
	if k == Span && text == "0" {
		return 0, 1, true
	}
	for part := 0; text != "" || part == 0; part++ {
		if part > 0 && k != Span {
			return 0, 0, false
		}
		digits := strings.IndexFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if digits < 0 {
			digits = len(text)
		}
		sign := text[digits:]
		if next := strings.IndexAny(sign, "0123456789."); next >= 0 {
			sign = sign[:next]
		}
		u, known := k.unit(sign)
		n, err := strconv.ParseFloat(text[:digits], 64)
		sum := float64(v) + n*float64(u)
		if !known || err != nil || sum > 1e18 {
			return 0, 0, false
		}
		v, step = int64(math.Round(sum)), u
		if _, fraction, _ := strings.Cut(text[:digits], "."); fraction != "" {
			step = max(int64(float64(u)/math.Pow10(len(fraction))), 1)
		}
		text = text[digits+len(sign):]
	}
	return v, step, true
}

func (k Kind) unit(sign string) (int64, bool) {
	for _, u := range units[k] {
		if u.sign == sign {
			return u.worth, true
		}
	}
	return 0, false
}

// moments are the layouts of a moment, with how long each lasts.
var moments = [...]struct {
	layout string
	step   time.Duration
}{
	{"2006-01-02", 24 * time.Hour}, {"2006-01-02T15", time.Hour}, {"2006-01-02T15:04", time.Minute}, {"2006-01-02T15:04:05", time.Second},
}

// moment reads a moment of capture time, UTC unless it has a zone: when it begins, and for how long it lasts.
func moment(text string) (at, step int64, ok bool) {
	text = strings.Replace(strings.ToUpper(text), " ", "T", 1)
	for _, m := range moments {
		for _, zone := range [...]string{"", "Z07:00"} {
			t, err := time.Parse(m.layout+zone, text)
			if err != nil || t.Year() < 1700 || t.Year() > 2200 {
				continue
			}
			step := int64(m.step)
			if _, fraction, _ := strings.Cut(text, "."); fraction != "" {
				digits := len(fraction) - len(strings.TrimLeft(fraction, "0123456789"))
				step = max(step/int64(math.Pow10(digits)), 1)
			}
			return t.UnixNano(), step, true
		}
	}
	return 0, 0, false
}

// place reads an address, a network, or an address with its port.
func place(text string) (test func(tcp.Endpoint) bool, what, next string) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.WithZone("")
		return func(e tcp.Endpoint) bool { return e.IP() == a }, "", ""
	}
	if net, err := netip.ParsePrefix(text); err == nil {
		return func(e tcp.Endpoint) bool { return net.Contains(e.IP()) }, "", ""
	}
	if at, err := netip.ParseAddrPort(text); err == nil {
		at = netip.AddrPortFrom(at.Addr().WithZone(""), at.Port())
		return func(e tcp.Endpoint) bool { return e.AddrPort() == at }, "", ""
	}
	next = "as 10.0.3.7, 10.0.3.0/24, 10.0.3.7:443, fe80::1, [fe80::1]:443"
	if n, _, ok := strings.Cut(text, "*"); ok {
		next = "a network is written with its length, as 10.0.3.0/24"
	} else if strings.Trim(n, "0123456789") == "" {
		next = "port:" + text + " is a port; an address is written " + next
	}
	return nil, fmt.Sprintf("%q is neither an address nor a network", text), next
}

// mask is the set of the words that are meant.
func (f *Field) mask(op, text string) (set uint64, what, next string) {
	word := f.spelled(text)
	if op != "=" && !f.Order {
		return 0, f.Name + " has no order", "as " + f.Like
	}
	for i, w := range f.Words {
		switch {
		case op == "=" && like(word, w):
			set |= 1 << i
		case w == word && op == ">":
			set = ^uint64(0) << (i + 1)
		case w == word && op == ">=":
			set = ^uint64(0) << i
		case w == word && op == "<":
			set = 1<<i - 1
		case w == word && op == "<=":
			set = 2<<i - 1
		}
	}
	if all := uint64(1)<<len(f.Words) - 1; set&all != 0 {
		if f.Words[0] == "none" && strings.Contains(word, "*") {
			set &^= 1 // finding:* means that there are any
		}
		return set & all, "", ""
	}
	what = fmt.Sprintf("%s is never %q", f.Name, text)
	if len(f.Words) > 16 { // the codes
		next = "tcptrack explain lists the codes"
	} else {
		next = "one of " + strings.Join(f.Words, ", ")
	}
	if near := Nearest(word, f.Words); near != "" {
		next = fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return 0, what, next
}

// spelled is the word as the field spells it.
func (f *Field) spelled(text string) string {
	word := plain(text)
	if len(f.Words) == tcp.NumStates {
		if s, ok := tcp.ParseState(text); ok {
			return plain(s.String())
		}
	}
	if f.Words[0] == yesNo[0] && len(f.Words) == len(yesNo) {
		switch word {
		case "true", "1":
			return "yes"
		case "false", "0":
			return "no"
		}
	}
	return word
}

// values is an example of a value, the first or another.
func (f *Field) values(i int) string {
	_, list, _ := strings.Cut(f.Like, ":")
	some := strings.Split(list, ",")
	return some[i%len(some)]
}

// like says that the text is the pattern, in which * stands for any characters and ? for one.
func like(pattern, text string) bool {
	star, back := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
