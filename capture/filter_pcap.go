//go:build libpcap && cgo

package capture

import (
	"fmt"
	"strings"

	"github.com/google/gopacket/layers"
	libpcap "github.com/google/gopacket/pcap"
	"golang.org/x/net/bpf"

	"github.com/tcptrack/tcptrack/capture/filter"
)

// NewFilter reads an expression. What is wrong with it libpcap says when the link types are known.
func NewFilter(text string) (*Filter, error) {
	f := &Filter{text: text}
	f.expr, _ = filter.Parse(text)
	if strings.TrimSpace(text) == "" || strings.ContainsRune(text, 0) {
		return nil, f.wrong("the expression is empty, or holds a zero octet")
	}
	return f, nil
}

// refused puts libpcap's word in the form of ours.
func (f *Filter) refused(what string) error {
	return &FilterError{Text: f.text, At: -1, What: "libpcap says: " + what, Never: strings.Contains(what, "rejects all packets")}
}

// asSLL: gopacket's link types have eight bits, which 276 has not.
const asSLL = true

// compile makes the program for frames of a link type, of SLL where it is SLL2.
func (f *Filter) compile(link uint32) (*filter.Program, error) {
	switch {
	case link == linkSLL2:
		link = linkSLL
	case link > 0xff:
		return nil, f.wrong(fmt.Sprintf("no filter for link type %d", link))
	case link == 101:
		link = libpcapRaw
	}
	code, err := f.compileBy(func() ([]libpcap.BPFInstruction, error) {
		return libpcap.CompileBPFFilter(layers.LinkType(link), MaxSnap, f.text)
	})
	if err != nil {
		return nil, err
	}
	return filter.NewProgram(code), nil
}

// libpcapRaw is raw IP in libpcap's own numbers (DLT_RAW), which differ from those in files in this alone.
const libpcapRaw = 12

// compileBy compiles by one of gopacket's functions.
func (f *Filter) compileBy(compile func() ([]libpcap.BPFInstruction, error)) ([]bpf.RawInstruction, error) {
	made, err := compile()
	if err != nil {
		return nil, f.refused(err.Error())
	}
	code := make([]bpf.RawInstruction, len(made))
	for i, c := range made {
		code[i] = bpf.RawInstruction{Op: c.Code, Jt: c.Jt, Jf: c.Jf, K: c.K}
	}
	return code, nil
}

// kernel makes the program for a packet socket of our own, on interfaces of any kind; it returns snap for what passes. A
// handle on the loopback interface, which there is everywhere, has libpcap ask the kernel for VLAN tags.
func (f *Filter) kernel(snap uint32) ([]bpf.RawInstruction, error) {
	if f.expr != nil {
		return f.expr.Kernel(snap)
	}
	h, err := libpcap.OpenLive("lo", int32(snap), false, libpcap.BlockForever)
	if err != nil {
		return nil, fmt.Errorf("the loopback interface, of which the filter needs libpcap's word: %w", err)
	}
	defer h.Close()
	ethernet, err := f.compileBy(func() ([]libpcap.BPFInstruction, error) { return h.CompileBPFFilter(f.text) })
	if err != nil {
		return nil, err
	}
	other, err := f.compileBy(func() ([]libpcap.BPFInstruction, error) {
		return libpcap.CompileBPFFilter(libpcapRaw, MaxSnap, f.text)
	})
	if err != nil { // it asks for what Ethernet alone has
		other = []bpf.RawInstruction{{Op: 6}}
	}
	return filter.Join(filter.Returning(ethernet, snap), filter.Returning(filter.FromNetwork(other), snap))
}

// program makes the program for a handle of libpcap's; it returns snap for what passes.
func (f *Filter) program(h *libpcap.Handle, snap uint32) ([]libpcap.BPFInstruction, error) {
	if f == nil {
		return []libpcap.BPFInstruction{{Code: 6, K: snap}}, nil
	}
	code, err := f.compileBy(func() ([]libpcap.BPFInstruction, error) { return h.CompileBPFFilter(f.text) })
	if err != nil {
		return nil, err
	}
	var made []libpcap.BPFInstruction
	for _, c := range filter.Returning(code, snap) {
		made = append(made, libpcap.BPFInstruction{Code: c.Op, Jt: c.Jt, Jf: c.Jf, K: c.K})
	}
	return made, nil
}
