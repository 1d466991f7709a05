package filter

import (
	"fmt"
	"math"

	"golang.org/x/net/bpf"
)

// Program says of frames of one link type whether they pass.
type Program struct {
	code []bpf.RawInstruction
}

// maxTests bounds a program: libpcap and the kernel take 4096 instructions.
const maxTests = 1300

// Compile makes the program for frames of a link type (a LINKTYPE_ number). The error is an *Error.
func (e *Expr) Compile(link uint32) (*Program, error) {
	l, ok := layouts[link]
	if !ok {
		return nil, &Error{Text: e.text, Len: len(e.text), What: fmt.Sprintf("this build knows no filters for link type %d", link), Outside: true}
	}
	code, err := e.compile(l, false, math.MaxUint32)
	if err != nil {
		return nil, err
	}
	return &Program{code}, nil
}

// compile makes the program that returns yes for what passes. tagged: the kernel has taken a tag out of the frame.
func (e *Expr) compile(l layout, tagged bool, yes uint32) ([]bpf.RawInstruction, error) {
	gen := generator{text: e.text, link: l, tagged: tagged}
	c := gen.expr(e.root)
	if gen.err != nil {
		return nil, gen.err
	}
	g := newGraph(c)
	g.arrange()
	if len(g.order) > maxTests {
		return nil, &Error{Text: e.text, Len: len(e.text), What: fmt.Sprintf("the filter has %d tests, and no more than %d can be", len(g.order), maxTests)}
	}
	g.reduce()
	if g.root == g.no && l.name != kernelLayout.name && !tagged {
		return nil, &Error{Text: e.text, Len: len(e.text), What: fmt.Sprintf("no packet of %s can pass this", l.name), Never: true}
	}
	return raw(g.assemble(yes)), nil
}

// NewProgram takes a program that somebody else has compiled. It must end, as the kernel and libpcap check: jumps lead
// onward, the last instruction returns.
func NewProgram(code []bpf.RawInstruction) *Program { return &Program{code} }

// Nothing lets no packet pass.
var Nothing = NewProgram([]bpf.RawInstruction{{Op: classReturn}})

// The classes, sizes and modes of BPF (McCanne and Jacobson 1993, table 1; linux/bpf_common.h).
const (
	classLoad   = 0x00
	classLoadX  = 0x01
	classStore  = 0x02
	classStoreX = 0x03
	classALU    = 0x04
	classJump   = 0x05
	classReturn = 0x06

	sizeHalf = 0x08
	sizeByte = 0x10

	modeAbs   = 0x20
	modeInd   = 0x40
	modeMem   = 0x60
	modeLen   = 0x80
	modeShift = 0xa0

	withX   = 0x08 // the operand is X, else the constant
	returnA = 0x10
	toA     = 0x80 // TXA, else TAX
)

// Match says whether a frame of length octets on the wire passes, of which frame was captured. It answers as libpcap's
// own machine does, also where a program looks behind the end: no.
func (p *Program) Match(frame []byte, length int) bool {
	var a, x uint32
	var m [16]uint32
	for pc := 0; pc < len(p.code); pc++ {
		i := (*instruction)(&p.code[pc])
		switch i.Op & 7 {
		case classLoad, classLoadX:
			v, ok := i.load(frame, length, x, &m)
			if !ok {
				return false
			}
			if i.Op&7 == classLoad {
				a = v
			} else {
				x = v
			}
		case classStore:
			m[i.K&15] = a
		case classStoreX:
			m[i.K&15] = x
		case classALU:
			v := i.K
			if i.Op&withX != 0 {
				v = x
			}
			var ok bool
			if a, ok = calculate(i.Op&0xf0, a, v); !ok {
				return false
			}
		case classJump:
			pc += i.jump(a, x)
		case classReturn:
			if i.Op&returnA != 0 {
				return a != 0
			}
			return i.K != 0
		default:
			if i.Op&toA != 0 {
				a = x
			} else {
				x = a
			}
		}
	}
	return false
}
