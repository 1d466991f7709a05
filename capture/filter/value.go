package filter

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// elsewhere are words of pcap-filter(7) that only libpcap compiles.
var elsewhere = strings.Fields(`ether link ppp slip fddi tr wlan arp rarp decnet sctp udp icmp icmp6 igmp igrp pim vrrp carp ah esp atalk
	aarp iso esis isis clnp stp ipx netbeui lat moprc mopdl proto protochain gateway broadcast multicast less greater len inbound outbound
	ifname on rnr rulenum reason rset ruleset srnr subrulenum action mpls pppoed pppoes geneve vxlan type subtype direction
	ra ta addr1 addr2 addr3 addr4 lane llc metac bcc sc ilmic vpi vci radio`)

// unknown fails at a word that begins no condition.
func (p *parser) unknown(word token) {
	switch {
	case word.text == "":
		p.failAt(word, false, "the expression ends too early")
	case isID(word.text):
		p.failAt(word, false, "nothing says what %q is: host, net, port, portrange, src or dst", word.text)
	case !isWord(word.text[0]):
		p.failAt(word, false, "%q does not fit here", word.text)
	default:
		for _, w := range elsewhere {
			if w == word.text {
				p.failAt(word, true, "%q is outside the filters that this build knows", word.text)
			}
		}
		p.failAt(word, true, "%q is no word of the filters that this build knows", word.text)
	}
}

// isID says that a word is a number, an address or a range of ports.
func isID(word string) bool { return word[0] >= '0' && word[0] <= '9' || strings.Contains(word, ":") }

// number reads a number as libpcap does: decimal, 0x and hexadecimal, 0 and octal.
func number(word string) (uint32, bool) {
	base, digits := 10, word
	switch {
	case strings.HasPrefix(word, "0x") || strings.HasPrefix(word, "0X"):
		base, digits = 16, word[2:]
	case len(word) > 1 && word[0] == '0':
		base, digits = 8, word[1:]
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return uint32(n), err == nil && digits[0] != '+'
}

// value parses the number or address of an id.
func (p *parser) value(h head) *expr {
	t := p.next()
	v := &primitive{proto: h.proto, dir: h.dir, word: t}
	switch {
	case t.text == "" || !isID(t.text) && !isWord(t.text[0]):
		p.failAt(t, false, "here a number or an address is missing")
	case !h.known:
		p.failAt(t, false, "nothing says what %q is: host, net, port, portrange, src or dst", t.text)
	case h.kind == "port" || h.kind == "portrange":
		p.port(t, h, v)
	case !isID(t.text):
		p.failAt(t, true, "%q is a name, and this build takes numbers alone", t.text)
	case strings.Contains(t.text, ":"):
		p.address6(t, h, v)
	default:
		p.address4(t, h, v)
	}
	return prime(v)
}

// port reads a port or a range of ports.
func (p *parser) port(t token, h head, v *primitive) {
	v.kind = aPort
	lo, hi, ranged := t.text, t.text, false
	if h.kind == "portrange" {
		v.kind = aRange
		if lo, hi, ranged = strings.Cut(t.text, "-"); !ranged {
			hi = lo
		}
	}
	var ok, okay bool
	v.lo, ok = number(lo)
	v.hi, okay = number(hi)
	switch {
	case h.proto == protoIP || h.proto == protoIP6:
		p.failAt(t, false, "ports are those of tcp, or of any; ip and ip6 have none")
	case !isID(t.text):
		p.failAt(t, true, "%q is a name, and this build takes numbers alone", t.text)
	case !ok || !okay || ranged && (lo[0] == '0' && len(lo) > 1 || hi[0] == '0' && len(hi) > 1):
		p.failAt(t, false, "%q is no %s", t.text, h.kind)
	case v.lo > 65535 || v.hi > 65535:
		p.failAt(t, false, "%q is over 65535", t.text)
	}
	v.lo, v.hi = min(v.lo, v.hi), max(v.lo, v.hi)
}

// address4 reads an IPv4 address; of a net it may be the first numbers alone, or have a mask behind it.
func (p *parser) address4(t token, h head, v *primitive) {
	v.kind = anAddr4
	addr, width, ok := dotted(t.text)
	switch {
	case !ok:
		p.failAt(t, true, "%q is no address that this build knows", t.text)
	case h.proto == protoTCP || h.proto == protoIP6:
		p.failAt(t, false, "an IPv4 address goes with ip, or with nothing in front of it")
	case width < 32 && h.kind != "net":
		p.failAt(t, true, "%q has not all four numbers of an address, as a net may", t.text)
	}
	mask := ^uint32(0) << (32 - width)
	switch m := p.tokens[p.at]; m.text {
	case "/", "mask":
		if h.kind != "net" || width == 8 {
			p.fail("a mask goes with a net of two numbers or more")
		}
		p.next()
		mask, ok = maskOf(p.peek(), m.text == "/")
		if !ok {
			p.fail("%q is no mask, and no length of one", p.peek())
		}
		p.next()
	}
	if addr == 0 && width == 8 {
		mask = ^uint32(0) // as libpcap has it: net 0 is one address
	}
	if addr&^mask != 0 {
		p.failAt(t, false, "%q has bits behind its mask", t.text)
	}
	v.addr[0], v.mask[0] = addr, mask
}

// dotted reads one to four numbers with points between them, and says how many bits they are.
func dotted(text string) (addr uint32, width int, ok bool) {
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || part[0] == '+' || width == 32 || part[0] == '0' && len(part) > 1 {
			return 0, 0, false
		}
		addr, width = addr<<8|uint32(n), width+8
	}
	return addr << (32 - width), width, true
}

// maskOf reads a mask, by its length or as an address.
func maskOf(text string, byLength bool) (mask uint32, ok bool) {
	if byLength {
		n, ok := number(text)
		return ^uint32(0) << (32 - min(n, 32)), ok && n <= 32
	}
	mask, width, ok := dotted(text)
	return mask, ok && width > 8
}

// address6 reads an IPv6 address, of a net with the length of its mask behind it.
func (p *parser) address6(t token, h head, v *primitive) {
	v.kind = anAddr6
	ip, err := netip.ParseAddr(t.text)
	switch {
	case err != nil || !ip.Is6():
		p.failAt(t, true, "%q is no address that this build knows", t.text)
		return
	case h.proto == protoTCP || h.proto == protoIP:
		p.failAt(t, false, "an IPv6 address goes with ip6, or with nothing in front of it")
	}
	length := 128
	if p.peek() == "/" {
		if h.kind != "net" {
			p.fail("a mask goes with net")
		}
		p.next()
		n, ok := number(p.peek())
		if !ok || n > 128 {
			p.fail("%q is no length of a mask: 0 to 128", p.peek())
		}
		p.next()
		length = int(min(n, 128))
	}
	all := netip.PrefixFrom(ip, length)
	if all.Masked().Addr() != ip {
		p.failAt(t, false, "%q has bits behind its mask", t.text)
	}
	b := ip.As16()
	for i := range v.addr {
		v.addr[i] = binary.BigEndian.Uint32(b[4*i:])
		v.mask[i] = ^uint32(0) << (32 - max(0, min(32, length-32*i)))
	}
}
