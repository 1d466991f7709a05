package tcp

// Flags are the control bits of a segment (RFC 9293 3.1), FIN lowest, as in octet 13 of the header; AE (RFC 9768)
// is bit 8.
type Flags uint16

const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
	AE
)

// Has says that all of the bits in f are set.
func (g Flags) Has(f Flags) bool { return g&f == f }

// Any says that at least one of the bits in f is set.
func (g Flags) Any(f Flags) bool { return g&f != 0 }

// String spells the flags as tcpdump does: "S", "S.", "F.", "P.", "R", "." for a bare ACK, "none" for none;
// then U, E, W and e as tcpdump 4.99 has them.
func (g Flags) String() string {
	if g == 0 {
		return "none"
	}
	const letters = "FSRP.UEWe"
	// tcpdump prints in bit order, the ACK's dot included.
	var b [len(letters)]byte
	n := 0
	for i := range len(letters) {
		if g&(1<<i) != 0 {
			b[n] = letters[i]
			n++
		}
	}
	return string(b[:n])
}
