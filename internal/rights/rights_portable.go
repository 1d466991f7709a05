//go:build !linux

package rights

// Capability is a right of Linux; other systems have none.
type Capability uint

// The capabilities that tcptrack has a use for.
const (
	NetRaw Capability = iota
	SysAdmin
	SysPtrace
	DACReadSearch
)

// String is the name that Linux has for the only one that is spoken of.
func (Capability) String() string { return "cap_net_raw" }
