package filter

// layout says where a link type has what conditions ask for.
type layout struct {
	name   string
	kind   layoutKind
	typeAt uint32 // of the ethertype; meaningful iff kind is byEtherType
	net    uint32 // of the network header
	tags   bool   // VLAN tags may stand in front of it
}

type layoutKind uint8

const (
	byEtherType layoutKind = iota
	byVersion              // there is nothing but IP
	byFamily               // BSD's loopback, in the byte order of the capturing machine
	byFamilyBig            // or in network byte order
	onlyIP                 // one version alone
	onlyIP6
)

// Link types (tcpdump.org, LINKTYPE_ numbers).
const (
	linkNull     = 0
	linkEthernet = 1
	linkBSDRaw   = 12
	linkOpenRaw  = 14
	linkRaw      = 101
	linkLoop     = 108
	linkSLL      = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkSLL2     = 276
)

// layouts are the link types that are known.
var layouts = map[uint32]layout{
	linkNull:     {name: "BSD loopback", kind: byFamily, net: 4},
	linkEthernet: {name: "Ethernet", typeAt: 12, net: 14, tags: true},
	linkBSDRaw:   {name: "raw IP", kind: byVersion},
	linkOpenRaw:  {name: "raw IP", kind: byVersion},
	linkRaw:      {name: "raw IP", kind: byVersion},
	linkLoop:     {name: "OpenBSD loopback", kind: byFamilyBig, net: 4},
	linkSLL:      {name: "Linux cooked v1", typeAt: 14, net: 16},
	linkIPv4:     {name: "raw IPv4", kind: onlyIP},
	linkIPv6:     {name: "raw IPv6", kind: onlyIP6},
	linkSLL2:     {name: "Linux cooked v2", typeAt: 0, net: 20},
}

// Address families as Linux numbers them. Loopback captures of other systems, which have other numbers for IPv6, are
// put in this form before a program sees them; so libpcap's programs too match them.
const (
	familyIP  = 2
	familyIP6 = 10
)

// What the kernel knows beside a packet (linux/filter.h): loads at such offsets.
const (
	besideNet   = 0xfff00000 // SKF_NET_OFF: from the network header on
	beside      = 0xfffff000 // SKF_AD_OFF
	tagNumber   = beside + 44
	tagPresent  = beside + 48
	etherBeside = beside + 0  // the ethertype
	hardware    = beside + 28 // ARPHRD_ number
)

// kernelLayout is of an interface without a link header that is known: the kernel knows where the network header is.
var kernelLayout = layout{name: "an interface", typeAt: etherBeside, net: besideNet, tags: true}

// carries says that the network header is of an ethertype.
func (l layout) carries(ether uint32) *cond {
	switch l.kind {
	case byVersion:
		switch ether {
		case etherIP:
			return masked(0, 1, 0x40, 0xf0)
		case etherIP6:
			return masked(0, 1, 0x60, 0xf0)
		}
		return never()
	case onlyIP, onlyIP6:
		if ether == etherIP && l.kind == onlyIP || ether == etherIP6 && l.kind == onlyIP6 {
			return always()
		}
		return never()
	case byFamily, byFamilyBig:
		shift := 0
		if l.kind == byFamily {
			shift = 24
		}
		switch ether {
		case etherIP:
			return compare(0, 4, equal, familyIP<<shift)
		case etherIP6:
			return compare(0, 4, equal, familyIP6<<shift)
		}
		return never()
	}
	return compare(l.typeAt, 2, equal, ether)
}
