package capture

import "fmt"

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
	Checksum    ChecksumMode
	MaxPackets  uint64   // stop after so many; 0 goes on
	Snap        int      // octets kept of each packet; 0 is DefaultSnap
	Promiscuous bool     // also what is addressed to other hosts
	Recorder    Recorder // shown each packet; nil: nobody looks
}

// DefaultSnap keeps all headers, behind tunnels too, and leaves out the payload.
const DefaultSnap = 256

// MaxSnap is a whole packet of any kind.
const MaxSnap = 256 << 10

// AnyInterface stands for all interfaces, those that come later too.
const AnyInterface = "any"

// NoInterfaceError says that an interface does not exist.
type NoInterfaceError struct {
	Name string
	Have []string // those that do
}

func (e *NoInterfaceError) Error() string {
	return fmt.Sprintf("capture: %s: no such interface", e.Name)
}
