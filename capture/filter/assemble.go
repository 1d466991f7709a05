package filter

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"
)

// loaded is what the registers hold.
type loaded struct {
	value string // in A
	head  uint32 // plus one, of the IPv4 header whose length is in X; 0: none
}

// mostSkipped is what a conditional jump can skip; farther on it goes in two.
const mostSkipped = 255

// assemble puts the tests in a line, from the end to the front: jumps lead onward only. yes is what the program returns
// for a packet that passes.
func (g *graph) assemble(yes uint32) []bpf.Instruction {
	held := g.registers()
	var back []bpf.Instruction // from the end on
	place := map[*node]int{}   // how long back was when a node was written: it begins at that place from the end
	write := func(i bpf.Instruction) { back = append(back, i) }
	write(bpf.RetConstant{Val: 0})
	place[g.no] = 1
	write(bpf.RetConstant{Val: yes})
	place[g.yes] = 2
	for _, n := range slices.Backward(g.order) {
		// A jump that is too far goes to a jump of its own, right behind it.
		far := func(to int) int {
			if len(back)-to > mostSkipped-2 {
				write(bpf.Jump{Skip: uint32(len(back) - to)})
				return len(back)
			}
			return to
		}
		no, yes := far(place[n.to[0]]), far(place[n.to[1]])
		write(bpf.JumpIf{Cond: n.test.op.jump(), Val: n.test.k, SkipTrue: uint8(len(back) - yes), SkipFalse: uint8(len(back) - no)})
		n.test.load.write(held[n], n.test.value, write)
		place[n] = len(back)
	}
	if start := place[g.root]; start < len(back) {
		write(bpf.Jump{Skip: uint32(len(back) - start)})
	}
	slices.Reverse(back)
	return back
}

func (o testOp) jump() bpf.JumpTest {
	return [...]bpf.JumpTest{equal: bpf.JumpEqual, greater: bpf.JumpGreaterThan, atLeast: bpf.JumpGreaterOrEqual, anySet: bpf.JumpBitsSet}[o]
}

// write writes, last first, the instructions that bring a value into A.
func (l *load) write(held loaded, value string, write func(bpf.Instruction)) {
	if held.value == value {
		return
	}
	if l.mask != 0 {
		write(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: l.mask})
	}
	if !l.behind {
		write(bpf.LoadAbsolute{Off: l.at, Size: int(l.size)})
		return
	}
	write(bpf.LoadIndirect{Off: l.at, Size: int(l.size)})
	if held.head != l.head+1 {
		write(bpf.LoadMemShift{Off: l.head})
	}
}

// registers finds what is sure to be loaded already where each test begins.
func (g *graph) registers() map[*node]loaded {
	held := make(map[*node]loaded, len(g.order))
	for _, n := range g.order {
		var all loaded
		for i, e := range n.in {
			after := held[e.from]
			after.value = e.from.test.value
			if e.from.test.load.behind {
				after.head = e.from.test.load.head + 1
			}
			if i == 0 {
				all = after
			}
			if after.value != all.value {
				all.value = ""
			}
			if after.head != all.head {
				all.head = 0
			}
		}
		held[n] = all
	}
	return held
}

// raw assembles instructions; those made here always can be.
func raw(program []bpf.Instruction) []bpf.RawInstruction {
	code, err := bpf.Assemble(program)
	if err != nil {
		panic(fmt.Sprintf("filter: %v", err))
	}
	return code
}
