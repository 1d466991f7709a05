package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/capture"
)

// fanning is --fanout: over how many rings the kernel spreads the packets.
type fanning struct{ rings uint }

func (o *fanning) add(f *pflag.FlagSet) {
	f.UintVar(&o.rings, "fanout", 1, "spread flows over `N` rings of 64 MiB, for interfaces that several processors serve")
}

// check says what is wrong with it.
func (o *fanning) check() error {
	if o.rings == 0 || o.rings > capture.MaxRings {
		return &problem{fmt.Errorf("--fanout %d: from 1 to %d rings can be", o.rings, capture.MaxRings), "one for each queue of the network card, of those at most that there are processors for"}
	}
	return nil
}

// fanOutProblem says what to do where there can be only one ring.
func fanOutProblem(err *capture.FanOutError) error {
	if err.Err == nil {
		return &problem{fmt.Errorf("--fanout %d: libpcap has no rings", err.Rings), "the back end ring has, on Linux: leave --backend out; or leave --fanout out"}
	}
	return &problem{fmt.Errorf("--fanout %d: the kernel refuses: %w", err.Rings, err.Err), "that takes Linux 4.12; one ring works everywhere: leave --fanout out"}
}
