package capture

import (
	"fmt"
	"slices"
	"strings"
)

// LiveSource is a Source that captures while it is read.
type LiveSource interface {
	Source
	// Now is the time, nanoseconds since 1970 UTC, up to which all that was captured has been handed out: the clock by
	// which timers run while no packet comes. It belongs to the goroutine that reads.
	Now() int64
	// Stop ends the capturing, from any goroutine. Read hands out what was captured until then, and then io.EOF.
	Stop()
}

// LiveOptions are the ways to capture. The zero value is the usual one.
type LiveOptions struct {
	Backend     string // one of Backends; "" is the first
	Checksum    ChecksumMode
	MaxPackets  uint64   // stop after so many; 0 goes on
	Filter      *Filter  // nil: every packet is taken
	Snap        int      // octets kept of each packet; 0 is DefaultSnap
	Promiscuous bool     // also what is addressed to other hosts
	Rings       int      // the kernel spreads flows over so many, at most MaxRings; 0 and 1 are one
	Recorder    Recorder // shown each packet; nil: nobody looks

	// Do runs what opens an interface, at first and when it comes back: on a thread with the rights and in the network
	// namespace for it. nil: here.
	Do func(open func())
}

// do runs f where interfaces are opened.
func (o *LiveOptions) do(f func()) {
	if o.Do == nil {
		f()
	} else {
		o.Do(f)
	}
}

// DefaultSnap keeps all headers, behind tunnels too, and leaves out the payload.
const DefaultSnap = 256

// MaxSnap is a whole packet of any kind.
const MaxSnap = 256 << 10

// AnyInterface stands for all interfaces, those that come later too.
const AnyInterface = "any"

// MaxRings bounds LiveOptions.Rings: each takes 64 MiB of the kernel's memory.
const MaxRings = 16

// maxNamed bounds those named: a jump of the ring's filter spans 255 instructions.
const maxNamed = 200

// Backends of Live: the ring shared with the Linux kernel, and libpcap.
const (
	BackendRing = "ring"
	BackendPcap = "pcap"
)

// backend is a way to capture that this build has.
type backend struct {
	name string
	open func([]string, LiveOptions) (LiveSource, error)
}

// backends are those of this build, the usual one first.
var backends = slices.Concat(ringBackend, pcapBackend)

// Backends names the ways to capture that this build has, the usual one first; none where it has none.
func Backends() (names []string) {
	for _, b := range backends {
		names = append(names, b.name)
	}
	return names
}

// Live captures from the interfaces, AnyInterface being all. The errors name the interface; one of permission is
// fs.ErrPermission, one of a name that does not exist a *NoInterfaceError, one of a back end that this build has not a
// *NoBackendError, one of several rings where one alone can be a *FanOutError.
func Live(names []string, opt LiveOptions) (src LiveSource, err error) {
	if len(names) == 0 || len(names) > maxNamed {
		return nil, fmt.Errorf("capture: %d interfaces named, at least 1 and at most %d can be", len(names), maxNamed)
	}
	if opt.Rings < 0 || opt.Rings > MaxRings {
		return nil, fmt.Errorf("capture: %d rings asked for, at most %d can be", opt.Rings, MaxRings)
	}
	if opt.Snap <= 0 {
		opt.Snap = DefaultSnap
	}
	opt.Snap = min(opt.Snap, MaxSnap)
	i := slices.IndexFunc(backends, func(b backend) bool { return opt.Backend == "" || opt.Backend == b.name })
	if i < 0 {
		return nil, &NoBackendError{Name: opt.Backend, Have: Backends()}
	}
	if name := backends[i].name; opt.Rings > 1 && name != BackendRing {
		return nil, &FanOutError{Rings: opt.Rings}
	}
	opt.do(func() { src, err = backends[i].open(names, opt) })
	return src, err
}

// NoBackendError says that this build has not the back end, or none if Name is "".
type NoBackendError struct {
	Name string
	Have []string // those that it has
}

func (e *NoBackendError) Error() string {
	if len(e.Have) == 0 {
		return "capture: this build has no back end that captures"
	}
	return fmt.Sprintf("capture: this build has no back end %q, only %s", e.Name, strings.Join(e.Have, ", "))
}

// NoInterfaceError says that an interface does not exist.
type NoInterfaceError struct {
	Name string
	Have []string // those that do
}

func (e *NoInterfaceError) Error() string {
	return fmt.Sprintf("capture: %s: no such interface", e.Name)
}

// FanOutError says that packets cannot be spread over several rings.
type FanOutError struct {
	Rings int
	Err   error // the kernel's; nil: the back end captures without rings
}

func (e *FanOutError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("capture: %d rings: only the back end %s has any", e.Rings, BackendRing)
	}
	return fmt.Sprintf("fan-out over %d rings: %v", e.Rings, e.Err)
}

func (e *FanOutError) Unwrap() error { return e.Err }
