package trace

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// cursor walks over the words of a line.
type cursor struct{ rest string }

// word takes the next word, which is empty at the end of the line; <...> is one word.
func (c *cursor) word() string {
	c.rest = strings.TrimLeft(c.rest, " \t")
	end := strings.IndexAny(c.rest, " \t")
	if strings.HasPrefix(c.rest, "<") && end != 1 {
		end = strings.IndexByte(c.rest, '>') + 1
	}
	if end <= 0 {
		end = len(c.rest)
	}
	w := c.rest[:end]
	c.rest = strings.TrimLeft(c.rest[end:], " \t")
	return w
}

// isName says that text is a letter and then letters, digits, _ or -.
func isName(text string) bool {
	for i, r := range text {
		letter := r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return text != "" && text != "gap" && text != "origin"
}

// defaultEndpoint gives A to Z their addresses: A, C and so on are clients, B, D and so on servers.
func defaultEndpoint(name string) (tcp.Endpoint, bool) {
	if len(name) != 1 || name[0] < 'A' || name[0] > 'Z' {
		return tcp.Endpoint{}, false
	}
	i := uint32(name[0] - 'A')
	port := uint16(40000)
	if i%2 == 1 {
		port = 80
	}
	return tcp.Endpoint{Addr: tcp.AddrFrom4(10<<24 | (i + 1)), Port: port}, true
}

func parseAddr(text string) (tcp.Endpoint, error) {
	ap, err := netip.ParseAddrPort(text)
	if err != nil || ap.Addr().Zone() != "" {
		return tcp.Endpoint{}, fmt.Errorf("%q is no name and no ADDRESS:PORT", text)
	}
	return tcp.EndpointFrom(ap), nil
}

// parseSeconds reads [-]N[.N] with up to nine decimals as nanoseconds.
func parseSeconds(text string) (int64, error) {
	num, neg := strings.CutPrefix(text, "-")
	whole, frac, dotted := strings.Cut(num, ".")
	sec, err := strconv.ParseUint(whole, 10, 63)
	ns := uint64(0)
	if dotted && err == nil {
		ns, err = strconv.ParseUint((frac + "000000000")[:9], 10, 63)
	}
	if err != nil || len(frac) > 9 || sec > maxSeconds || dotted && frac == "" || sec*1e9+ns > math.MaxInt64 {
		return 0, fmt.Errorf("%q is no time in seconds", text)
	}
	d := int64(sec*1e9 + ns)
	if neg {
		d = -d
	}
	return d, nil
}

// addTime adds nanoseconds unless they leave int64.
func addTime(t, d int64) (int64, bool) {
	sum := t + d
	return sum, sum >= t == (d >= 0)
}

func parseEnd(text string) (End, error) {
	if text == "-" {
		return End{}, nil
	}
	e := End{Checked: true}
	name, others, braced := strings.Cut(text, "{")
	name, presumed := strings.CutSuffix(name, "?")
	e.Proven = !presumed
	var ok bool
	if e.State, ok = tcp.ParseState(name); !ok {
		return e, fmt.Errorf("%q is no state", name)
	}
	if !braced {
		return e, nil
	}
	if others, ok = strings.CutSuffix(others, "}"); !ok {
		return e, fmt.Errorf("%q has no }", text)
	}
	if others == "*" {
		e.Any = true
		return e, nil
	}
	for other := range strings.SplitSeq(others, ",") {
		s, ok := tcp.ParseState(other)
		if !ok || s == e.State || e.Others.Has(s) {
			return e, fmt.Errorf("%q is no state, or there twice", other)
		}
		e.Others = e.Others.With(s)
	}
	return e, nil
}
