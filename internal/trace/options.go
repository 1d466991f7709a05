package trace

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// option is one TCP option's spelling: its name, the numbers behind it, and its octets on the wire.
type option struct {
	has    tcp.OptionSet
	name   string
	read   func(o *tcp.Options, args []string) error // nil: no arguments
	append func(dst []byte, o *tcp.Options) []byte   // nil: no arguments
	length func(o *tcp.Options) int
}

// options are the TCP options in the order in which they are written.
var options = []option{
	{tcp.HasMSS, "mss", readMSS, appendMSS, octets(4)},
	{tcp.HasSACKOK, "sackOK", nil, nil, octets(2)},
	{tcp.HasTS, "ts", readTS, appendTS, octets(10)},
	{tcp.HasWScale, "wscale", readWScale, appendWScale, octets(3)},
	{tcp.HasSACK, "sack", readSACK, appendSACK, func(o *tcp.Options) int { return 2 + 8*int(o.NSACK) }},
	{tcp.HasFastOpen, "tfo", readFastOpen, appendFastOpen, func(o *tcp.Options) int { return 2 + int(o.Cookie) }},
	{tcp.HasMPTCP, "mptcp", readMPTCP, appendMPTCP, octets(12)},
	{tcp.HasUTO, "uto", nil, nil, octets(4)},
	{tcp.HasMD5, "md5", nil, nil, octets(18)},
	{tcp.HasAO, "ao", nil, nil, octets(16)},
	{tcp.OptionBroken, "broken", nil, nil, octets(0)},
}

func octets(n int) func(*tcp.Options) int { return func(*tcp.Options) int { return n } }

func optionsLen(o *tcp.Options) int {
	n := 0
	for i := range options {
		if o.Has&options[i].has != 0 {
			n += options[i].length(o)
		}
	}
	return n
}

// parseOptions reads <NAME ARGUMENTS,NAME ARGUMENTS>.
func parseOptions(o *tcp.Options, word string) error {
	inside, ok := strings.CutSuffix(word[1:], ">")
	if !ok {
		return fmt.Errorf("%q has no >", word)
	}
	for text := range strings.SplitSeq(inside, ",") {
		args := strings.Fields(text)
		if len(args) == 0 {
			return fmt.Errorf("an option is empty in %q", word)
		}
		if args[0] == "nop" || args[0] == "eol" {
			continue // padding, so that tcpdump's words can be pasted
		}
		if err := parseOption(o, args[0], args[1:]); err != nil {
			return err
		}
	}
	return nil
}

func parseOption(o *tcp.Options, name string, args []string) error {
	for _, opt := range options {
		if opt.name != name {
			continue
		}
		if o.Has&opt.has != 0 {
			return fmt.Errorf("%s is there twice", name)
		}
		o.Has |= opt.has
		if opt.read == nil && len(args) == 0 {
			return nil
		}
		if opt.read == nil {
			return fmt.Errorf("%s: %q is too much", name, args[0])
		}
		if err := opt.read(o, args); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("%q is no option", name)
}

// number reads the only argument of an option.
func number(args []string, bits int) (uint64, error) {
	if len(args) != 1 {
		return 0, fmt.Errorf("%d numbers stand where one belongs", len(args))
	}
	return parseUint(args[0], bits)
}

func readMSS(o *tcp.Options, args []string) error {
	n, err := number(args, 16)
	o.MSS = uint16(n)
	return err
}

func appendMSS(dst []byte, o *tcp.Options) []byte { return appendUint(dst, uint64(o.MSS)) }

func readWScale(o *tcp.Options, args []string) error {
	n, err := number(args, 8)
	o.WScale = uint8(n)
	return err
}

func appendWScale(dst []byte, o *tcp.Options) []byte { return appendUint(dst, uint64(o.WScale)) }

func readTS(o *tcp.Options, args []string) error {
	// tcpdump writes ts val V ecr E.
	if len(args) == 4 && args[0] == "val" && args[2] == "ecr" {
		args = []string{args[1], args[3]}
	}
	if len(args) != 2 {
		return fmt.Errorf("%d numbers stand where two belong", len(args))
	}
	val, err := parseUint(args[0], 32)
	if err != nil {
		return err
	}
	ecr, err := parseUint(args[1], 32)
	o.TSVal, o.TSEcr = uint32(val), uint32(ecr)
	return err
}

func appendTS(dst []byte, o *tcp.Options) []byte {
	return appendUint(appendUint(dst, uint64(o.TSVal)), uint64(o.TSEcr))
}

func readSACK(o *tcp.Options, args []string) error {
	if len(args) > len(o.SACK) {
		return fmt.Errorf("%d blocks, and there is room for %d", len(args), len(o.SACK))
	}
	for i, arg := range args {
		from, to, _ := strings.Cut(arg, "-")
		lo, err := parseUint(from, 32)
		if err != nil {
			return err
		}
		hi, err := parseUint(to, 32)
		if err != nil {
			return err
		}
		o.SACK[i] = tcp.Range{Lo: tcp.Seq(lo), Hi: tcp.Seq(hi)}
	}
	o.NSACK = uint8(len(args))
	return nil
}

func appendSACK(dst []byte, o *tcp.Options) []byte {
	for _, r := range o.SACK[:min(int(o.NSACK), len(o.SACK))] {
		dst = appendUint(dst, uint64(r.Lo))
		dst = append(dst, '-')
		dst = strconv.AppendUint(dst, uint64(r.Hi), 10)
	}
	return dst
}

func readFastOpen(o *tcp.Options, args []string) error {
	if len(args) == 0 {
		return nil // a request for a cookie
	}
	n, err := number(args, 8)
	o.Cookie = uint8(n)
	return err
}

func appendFastOpen(dst []byte, o *tcp.Options) []byte {
	if o.Cookie == 0 {
		return dst
	}
	return appendUint(dst, uint64(o.Cookie))
}

func readMPTCP(o *tcp.Options, args []string) error {
	if len(args) == 0 {
		return nil // MP_CAPABLE
	}
	n, err := number(args, 8)
	o.MPTCPSub = uint8(n)
	return err
}

func appendMPTCP(dst []byte, o *tcp.Options) []byte {
	if o.MPTCPSub == 0 {
		return dst
	}
	return appendUint(dst, uint64(o.MPTCPSub))
}

// appendUint appends a space and the number.
func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(append(dst, ' '), n, 10) }
