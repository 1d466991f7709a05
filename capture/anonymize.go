package capture

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Anonymizer rewrites packets so that they tell how TCP went and not who spoke about what: IP and link addresses are
// mapped under a key, what the segments carry is cut off, checksums are set right, or wrong where they were. IP addresses
// keep common prefixes (Crypto-PAn, Xu, Fan, Ammar and Moon, 2002): hosts of one network stay in one network. Ports,
// times, sizes, sequence numbers and timestamps stay. It belongs to one goroutine.
type Anonymizer struct {
	block cipher.Block
	pad   [16]byte
	seen  map[netip.Addr]netip.Addr
	buf   []byte
	named *Interface // the latest
	bare  *Interface // and that without its name
}

// maxMapped bounds the addresses that are remembered; others are worked out again.
const maxMapped = 1 << 18

// NewAnonymizer makes one from a secret: the same secret maps addresses alike.
func NewAnonymizer(secret []byte) *Anonymizer {
	key := sha256.Sum256(secret)
	return newAnonymizer(key)
}

// newAnonymizer takes Crypto-PAn's key: of the cipher, and what becomes the padding.
func newAnonymizer(key [32]byte) *Anonymizer {
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // 16 octets are a key
	}
	a := &Anonymizer{block: block, seen: map[netip.Addr]netip.Addr{}}
	block.Encrypt(a.pad[:], key[16:])
	return a
}

// Addr maps an address.
func (a *Anonymizer) Addr(ip netip.Addr) netip.Addr {
	if to, ok := a.seen[ip]; ok {
		return to
	}
	b := ip.AsSlice()
	a.prefixes(b)
	to, _ := netip.AddrFromSlice(b)
	if len(a.seen) == maxMapped {
		clear(a.seen)
	}
	a.seen[ip] = to
	return to
}

// prefixes maps an address in place: each bit is turned over or not by the bits in front of it.
func (a *Anonymizer) prefixes(b []byte) {
	var in, out [16]byte
	from := [16]byte{}
	copy(from[:], b)
	for bit := range 8 * len(b) {
		in = a.pad
		whole, mask := bit/8, byte(0xff)<<(8-bit%8)
		copy(in[:whole], from[:whole])
		in[whole] = from[whole]&mask | a.pad[whole]&^mask
		a.block.Encrypt(out[:], in[:])
		b[whole] ^= out[0] >> 7 << (7 - bit%8)
	}
}

// link maps a link address in place, but for broadcast: group addresses stay such, all are marked as given locally.
func (a *Anonymizer) link(b []byte) {
	if string(b) == "\xff\xff\xff\xff\xff\xff" || string(b) == "\x00\x00\x00\x00\x00\x00" {
		return
	}
	var in, out [16]byte
	copy(in[:], "link")
	group := b[0] & 1
	copy(in[4:], b)
	a.block.Encrypt(out[:], in[:])
	copy(b, out[:])
	b[0] = b[0]&^1 | 2 | group
}

// Text maps the IP addresses that stand in a text.
func (a *Anonymizer) Text(text string) string {
	word := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' || r == ':' || r == '.'
	}
	var b strings.Builder
	for len(text) > 0 {
		n := strings.IndexFunc(text, word)
		if n < 0 {
			n = len(text)
		}
		b.WriteString(text[:n])
		text = text[n:]
		if n = strings.IndexFunc(text, func(r rune) bool { return !word(r) }); n < 0 {
			n = len(text)
		}
		b.WriteString(a.token(text[:n]))
		text = text[n:]
	}
	return b.String()
}

// token maps a run of the characters of addresses: an address, one with a port, either before a full stop or colon.
func (a *Anonymizer) token(text string) string {
	plain := strings.TrimRight(text, ".:")
	rest := text[len(plain):]
	if ip, err := netip.ParseAddr(plain); err == nil {
		return a.Addr(ip).String() + rest
	}
	if ap, err := netip.ParseAddrPort(plain); err == nil {
		return netip.AddrPortFrom(a.Addr(ap.Addr()), ap.Port()).String() + rest
	}
	return text
}

// Packet returns r rewritten, whose Data is valid until the next call, and false for what cannot be: anything but TCP
// right behind a known link header and an IP header without extensions or fragments might tell more than is asked for.
func (a *Anonymizer) Packet(r *Record) (Record, bool) {
	a.buf = append(a.buf[:0], r.Data...)
	b := a.buf
	n, ok := a.linkHeader(r.Interface.Link, b)
	if !ok || len(b) < n+20 {
		return Record{}, false
	}
	var end int
	switch ip := b[n:]; ip[0] >> 4 {
	case 4:
		end, ok = a.ip4(ip, r.Length-n)
	case 6:
		end, ok = a.ip6(ip, r.Length-n)
	default:
		ok = false
	}
	if !ok {
		return Record{}, false
	}
	to := *r
	to.Data = b[:n+end]
	to.Interface = a.nameless(r.Interface)
	return to, true
}

// nameless is an interface without what somebody called it, which may say whose it is.
func (a *Anonymizer) nameless(on *Interface) *Interface {
	if on != a.named {
		a.named, a.bare = on, &Interface{ID: on.ID, Link: on.Link, Snap: on.Snap}
	}
	return a.bare
}

// linkHeader maps the addresses of the link's header and returns its length.
func (a *Anonymizer) linkHeader(link uint32, b []byte) (n int, ok bool) {
	var kind int
	switch link {
	case linkEthernet:
		if len(b) < 14 {
			return 0, false
		}
		a.link(b[:6])
		a.link(b[6:12])
		n, kind = 14, be16(b[12:])
	case linkSLL:
		if len(b) < 16 {
			return 0, false
		}
		a.address(b[6:14], be16(b[4:]))
		n, kind = 16, be16(b[14:])
	case linkSLL2:
		if len(b) < 20 {
			return 0, false
		}
		a.address(b[12:20], int(b[11]))
		n, kind = 20, be16(b)
	case 12, 14, 101, 228, 229: // raw IP
		return 0, true
	case linkNull, linkLoop:
		return 4, true
	default:
		return 0, false
	}
	for kind == 0x8100 || kind == 0x88a8 || kind == 0x9100 {
		if len(b) < n+4 {
			return 0, false
		}
		kind = be16(b[n+2:])
		n += 4
	}
	return n, kind == 0x0800 || kind == 0x86dd
}

// address maps the link address of a cooked header: six octets as Ethernet's, of another length none of it stays.
func (a *Anonymizer) address(b []byte, n int) {
	if n == 6 {
		a.link(b[:6])
		clear(b[6:])
		return
	}
	clear(b)
}

// ip4 rewrites an IPv4 packet of which wire octets were sent, and returns how many are kept.
func (a *Anonymizer) ip4(b []byte, wire int) (end int, ok bool) {
	head, total := int(b[0]&15)*4, be16(b[2:])
	if total == 0 {
		total = wire
	}
	if head < 20 || len(b) < head+20 || total < head+20 || b[9] != protoTCP || be16(b[6:])&0x3fff != 0 {
		return 0, false
	}
	good := fold(sum(b[:head])) == 0xffff
	before := flow4(b)
	for i := 20; i < head; i++ {
		b[i] = optNop // some hold addresses
	}
	a.prefix4(b[12:16])
	a.prefix4(b[16:20])
	binary.BigEndian.PutUint16(b[10:], 0)
	s := ^fold(sum(b[:head]))
	if !good {
		s++
	}
	binary.BigEndian.PutUint16(b[10:], s)
	n, ok := a.segment(b[head:], total-head, before, flow4(b))
	return head + n, ok
}

func flow4(b []byte) tcp.FlowKey {
	return tcp.FlowKey{A: tcp.AddrFrom4(binary.BigEndian.Uint32(b[12:])), B: tcp.AddrFrom4(binary.BigEndian.Uint32(b[16:]))}
}

func (a *Anonymizer) prefix4(b []byte) {
	to := a.Addr(netip.AddrFrom4([4]byte(b))).As4()
	copy(b, to[:])
}

// ip6 rewrites an IPv6 packet in the same way.
func (a *Anonymizer) ip6(b []byte, wire int) (end int, ok bool) {
	if len(b) < 60 || b[6] != protoTCP {
		return 0, false
	}
	n := be16(b[4:])
	if n == 0 {
		n = wire - 40
	}
	if n < 20 {
		return 0, false
	}
	flow := func() tcp.FlowKey {
		return tcp.FlowKey{A: tcp.AddrFrom16(b[8:]), B: tcp.AddrFrom16(b[24:]), V6: 1}
	}
	before := flow()
	for _, at := range [...]int{8, 24} {
		to := a.Addr(netip.AddrFrom16([16]byte(b[at:]))).As16()
		copy(b[at:], to[:])
	}
	end, ok = a.segment(b[40:], n, before, flow())
	return 40 + end, ok
}

// segment cuts off what a segment of n octets carries, empties the options that might tell of more than the connection,
// and sets the checksum: right as of a payload of zeros, wrong where it was, partial where it was. A wrong one stays to
// be seen: then the zeros are kept.
func (a *Anonymizer) segment(b []byte, n int, before, after tcp.FlowKey) (end int, ok bool) {
	head := int(b[12]>>4) * 4
	if head < 20 || head > n || len(b) < head {
		return 0, false
	}
	state := tcp.SumUnknown
	if len(b) >= n {
		b = b[:n]
		state = verify(b, &before)
	}
	emptyOptions(b[20:head])
	clear(b[head:])
	binary.BigEndian.PutUint16(b[16:], 0)
	pseudo := pseudoHeader(n, &after)
	right := ^fold(sum(b[:head]) + uint64(pseudo))
	end = head
	switch state {
	case tcp.SumPartial:
		right, end = pseudo, len(b)
	case tcp.SumBad:
		if right++; right == pseudo {
			right++
		}
		end = len(b)
	}
	binary.BigEndian.PutUint16(b[16:], right)
	return end, true
}

// emptyOptions clears what options hold but for those of the connection itself: cookies, keys, signatures.
func emptyOptions(b []byte) {
	for len(b) > 0 {
		switch kind := b[0]; {
		case kind == optEnd:
			clear(b)
			return
		case kind == optNop:
			b = b[1:]
			continue
		case len(b) < 2 || b[1] < 2 || int(b[1]) > len(b):
			clear(b[1:])
			return
		}
		n := int(b[1])
		switch b[0] {
		case optMSS, optWScale, optSACKOK, optSACK, optTS, optUTO:
		case optMPTCP:
			clear(b[min(3, n):n]) // the subtype stays
		case optExp:
			clear(b[min(4, n):n]) // what it is stays
		default:
			clear(b[2:n])
		}
		b = b[n:]
	}
}
