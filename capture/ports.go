package capture

import (
	"fmt"
	"net"
)

// Port is a network interface that may be captured from.
type Port struct {
	Name      string
	Index     int
	Link      string // kind of its frames, as far as the system tells
	Up        bool
	Addresses []string // with their prefix lengths
	Offload   []string // what its driver or the kernel does to packets before they are captured: gro, lro, tso, gso
}

// Ports lists the interfaces in the network namespace of the calling thread.
func Ports() ([]Port, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("capture: interfaces: %w", err)
	}
	asker, err := newAsker()
	if err != nil {
		return nil, err
	}
	defer asker.Close()
	var ports []Port
	for _, one := range all {
		p := Port{Name: one.Name, Index: one.Index, Up: one.Flags&net.FlagUp != 0, Link: asker.link(one.Name), Offload: asker.offload(one.Name)}
		addresses, _ := one.Addrs()
		for _, a := range addresses {
			p.Addresses = append(p.Addresses, a.String())
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// RingSize is how many octets of packets the kernel keeps for a source before it drops; 0 where that is not known.
func RingSize(src LiveSource) int {
	if s, ok := src.(interface{ ringSize() int }); ok {
		return s.ringSize()
	}
	return 0
}
