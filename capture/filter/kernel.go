package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// Kinds of interfaces (linux/if_arp.h, ARPHRD_) that have Ethernet frames.
const (
	hardwareEthernet = 1
	hardwareLoopback = 772
)

// maxKernel bounds the instructions of a program that the kernel takes (BPF_MAXINSNS).
const maxKernel = 4096

// Kernel makes the program for a packet socket (SOCK_RAW) that captures from interfaces of any kind. It returns snap for
// what passes. The kernel takes the outermost VLAN tag out of a frame; there vlan asks the kernel for it, as in libpcap's
// programs, and what is not behind vlan is sought in all frames, tagged or not.
func (e *Expr) Kernel(snap uint32) ([]bpf.RawInstruction, error) {
	ethernet, err := e.taggedOrNot(layouts[linkEthernet], snap)
	if err != nil {
		return nil, err
	}
	other, err := e.taggedOrNot(kernelLayout, snap)
	if err != nil {
		return nil, err
	}
	return Join(ethernet, other)
}

// taggedOrNot makes one program for frames whose tag was taken out and one for the others, and puts the question in
// front, if it matters.
func (e *Expr) taggedOrNot(l layout, snap uint32) ([]bpf.RawInstruction, error) {
	plain, err := e.compile(l, false, snap)
	if err != nil || !e.root.asksTag() {
		return plain, err
	}
	tagged, err := e.compile(l, true, snap)
	if err != nil {
		return nil, err
	}
	return either([]bpf.Instruction{
		bpf.LoadAbsolute{Off: tagPresent, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipFalse: 1},
	}, tagged, plain), nil
}

// asksTag says that vlan is in the expression.
func (e *expr) asksTag() bool {
	if e.prime != nil {
		return e.prime.kind == aVLAN
	}
	return e.a.asksTag() || e.b != nil && e.b.asksTag()
}

// Join makes one program for all interfaces of one for Ethernet frames and one for the others.
func Join(ethernet, other []bpf.RawInstruction) ([]bpf.RawInstruction, error) {
	code := either([]bpf.Instruction{
		bpf.LoadAbsolute{Off: hardware, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: hardwareEthernet, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: hardwareLoopback, SkipFalse: 1},
	}, ethernet, other)
	if len(code) > maxKernel-1000 { // the choice of interfaces comes in front
		return nil, fmt.Errorf("filter: %d instructions are more than the kernel takes", len(code))
	}
	return code, nil
}

// either puts a question in front of two programs. Its answer is the next instruction for yes, and the one behind that
// for no.
func either(question []bpf.Instruction, yes, no []bpf.RawInstruction) []bpf.RawInstruction {
	code := raw(append(question, bpf.Jump{Skip: uint32(len(no))}))
	return append(append(code, no...), yes...)
}

// FromNetwork makes of a program for frames that begin with the IP header one for frames of which the kernel knows where
// that lies.
func FromNetwork(code []bpf.RawInstruction) []bpf.RawInstruction {
	moved := make([]bpf.RawInstruction, len(code))
	for i, c := range code {
		if class, mode := c.Op&7, c.Op&0xe0; class == classLoad && (mode == modeAbs || mode == modeInd) || class == classLoadX && mode == modeShift {
			c.K += besideNet
		}
		moved[i] = c
	}
	return moved
}

// Returning has a program return snap for what passes.
func Returning(code []bpf.RawInstruction, snap uint32) []bpf.RawInstruction {
	for i := range code {
		if c := &code[i]; c.Op&7 == classReturn && c.Op&returnA == 0 && c.K != 0 {
			c.K = snap
		}
	}
	return code
}
