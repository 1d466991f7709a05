package filter

// Expr is a parsed expression.
type Expr struct {
	text string
	root *expr
}

// String is the expression as it was written.
func (e *Expr) String() string { return e.text }

// expr is a node of an expression: '&' and '|' of a and b, '!' of a, or a primitive.
type expr struct {
	op    byte
	a, b  *expr
	prime *primitive
}

// primitive is one condition.
type primitive struct {
	kind     kind
	proto    proto // of host and net: which IP; of ports: tcp or any
	dir      dir
	addr     [4]uint32 // IPv4 in the first
	mask     [4]uint32
	lo, hi   uint32 // ports, both included; the VLAN's number
	numbered bool   // vlan has a number
	relation relation
	word     token // what to point at
}

type kind uint8

const (
	aProto kind = iota
	anAddr4
	anAddr6
	aPort
	aRange // as libpcap has it, another order of tests than a port
	aVLAN
	aRelation
)

type proto uint8

const (
	anyProto proto = iota
	protoTCP
	protoIP
	protoIP6
)

type dir uint8

const (
	srcOrDst dir = iota
	src
	dst
	srcAndDst
)

// relation compares the octet at off of the TCP header, and-ed with mask if there is one, to a constant.
type relation struct {
	off    uint32
	masked bool
	mask   constant
	op     string
	to     constant
}

// constant is a number and how it was written: libpcap's optimizer does not see that 3 and 1|2 are one.
type constant struct {
	value uint32
	form  string
}
