package trace

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// flagLetters are tcpdump's, in bit order.
const flagLetters = "FSRP.UEWe"

func parseFlags(word string) (tcp.Flags, error) {
	if word == "none" {
		return 0, nil
	}
	var f tcp.Flags
	for _, r := range word {
		i := strings.IndexRune(flagLetters, r)
		if i < 0 || f&(1<<i) != 0 {
			return 0, fmt.Errorf("flags %q: want some of %s, each once, or none", word, flagLetters)
		}
		f |= 1 << i
	}
	if f == 0 {
		return 0, fmt.Errorf("no flags; a segment without any has none")
	}
	return f, nil
}

// parseRange reads SEQ:END(LEN) and holds the three to each other.
func parseRange(s *tcp.Segment, word string) error {
	seq, rest, ok1 := strings.Cut(word, ":")
	end, rest, ok2 := strings.Cut(rest, "(")
	length, ok3 := strings.CutSuffix(rest, ")")
	lo, err1 := parseUint(seq, 32)
	hi, err2 := parseUint(end, 32)
	n, err3 := parseUint(length, 31)
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil || err3 != nil {
		return fmt.Errorf("%q is not SEQ:END(LEN)", word)
	}
	s.Seq, s.Len = tcp.Seq(lo), int(n)
	if want := s.Seq.Add(s.Len); want != tcp.Seq(hi) {
		return fmt.Errorf("%q: %d and %d octets come to %d", word, lo, n, want)
	}
	return nil
}

// parseWords reads what stands behind SEQ:END(LEN) and fills in what is absent.
func parseWords(s *tcp.Segment, c *cursor) error {
	seen := map[string]bool{}
	for c.rest != "" {
		word := c.word()
		if word[0] == '<' {
			if err := parseOptions(&s.Options, word); err != nil {
				return err
			}
			word = "<"
		} else if err := parseWord(s, word, c); err != nil {
			return err
		}
		if strings.HasSuffix(word, "sum") {
			word = "sum"
		}
		if seen[word] {
			return fmt.Errorf("%s is there twice", word)
		}
		seen[word] = true
	}
	switch {
	case !seen["win"]:
		return fmt.Errorf("no win")
	case s.Flags.Has(tcp.ACK) && !seen["ack"]:
		return fmt.Errorf("an ACK without ack")
	}
	if s.Snap && !seen["sum"] {
		s.Sum = tcp.SumUnknown
	}
	if !seen["iplen"] {
		s.IPLen = defaultIPLen(s)
	}
	return nil
}

func parseWord(s *tcp.Segment, word string, c *cursor) error {
	var n uint64
	var err error
	num := func(bits int) uint64 {
		n, err = parseUint(c.word(), bits)
		return n
	}
	switch word {
	case "ack":
		s.Ack = tcp.Seq(num(32))
	case "win":
		s.Window = uint16(num(16))
	case "urg":
		s.Urgent = uint16(num(16))
	case "id":
		s.IPID = uint16(num(16))
	case "ttl":
		s.TTL = uint8(num(8))
	case "num":
		s.Number = num(64)
	case "iplen":
		s.IPLen = int(num(31))
	case "beyond":
		s.Beyond = uint16(num(16))
	case "vlan":
		outer, inner, two := strings.Cut(c.word(), ".")
		n, err = parseUint(outer, 16)
		s.VLAN[0] = uint16(n)
		if two && err == nil {
			n, err = parseUint(inner, 16)
			s.VLAN[1] = uint16(n)
		}
	case "badsum":
		s.Sum = tcp.SumBad
	case "partsum":
		s.Sum = tcp.SumPartial
	case "nosum":
		s.Sum = tcp.SumUnknown
	case "goodsum":
		s.Sum = tcp.SumGood
	case "snap":
		s.Snap = true
		if c.rest != "" && c.rest[0] >= '0' && c.rest[0] <= '9' {
			num(31) // octets captured: for the reader, nothing depends on it
		}
	default:
		return fmt.Errorf("%q is no part of a segment", word)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	return nil
}

func parseUint(text string, bits int) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of %d bits", text, bits)
	}
	return n, nil
}

// defaultIPLen is the IP packet's length without IP options or extension headers, the TCP options padded to words.
func defaultIPLen(s *tcp.Segment) int {
	n := 20
	if s.Flow.V6 != 0 {
		n = 40
	}
	return n + 20 + (optionsLen(&s.Options)+3)&^3 + s.Len
}
