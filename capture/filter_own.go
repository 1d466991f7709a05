//go:build !libpcap || !cgo

package capture

import (
	"golang.org/x/net/bpf"

	"github.com/tcptrack/tcptrack/capture/filter"
)

// NewFilter reads an expression. The error is a *FilterError.
func NewFilter(text string) (*Filter, error) {
	expr, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	return &Filter{text, expr}, nil
}

// compile makes the program for frames of a link type.
func (f *Filter) compile(link uint32) (*filter.Program, error) { return f.expr.Compile(link) }

// kernel makes the program for a packet socket; it returns snap for what passes.
func (f *Filter) kernel(snap uint32) ([]bpf.RawInstruction, error) { return f.expr.Kernel(snap) }

// asSLL: our own programs know SLL2.
const asSLL = false
