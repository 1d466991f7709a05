package capture

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// DefaultInterface is the interface of the default route in the calling thread's network namespace.
func DefaultInterface() (string, error) {
	v4, _ := os.ReadFile("/proc/thread-self/net/route")
	v6, _ := os.ReadFile("/proc/thread-self/net/ipv6_route")
	if name := defaultRoute(string(v4), string(v6)); name != "" {
		return name, nil
	}
	return "", errors.New("capture: there is no default route, so no interface to begin with")
}

// defaultRoute finds the interface of the default route of the least metric in the kernel's tables, IPv4's first.
func defaultRoute(v4, v6 string) (name string) {
	least := uint64(1 << 63)
	for line := range strings.Lines(v4) {
		f := strings.Fields(line) // interface, destination, gateway, flags, references, use, metric, mask
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		if metric, err := strconv.ParseUint(f[6], 10, 32); err == nil && metric < least {
			name, least = f[0], metric
		}
	}
	if name != "" {
		return name
	}
	for line := range strings.Lines(v6) {
		f := strings.Fields(line) // destination, its length, source, its length, next hop, metric, references, use, flags, interface
		if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" || f[9] == "lo" {
			continue
		}
		if metric, err := strconv.ParseUint(f[5], 16, 64); err == nil && metric < least {
			name, least = f[9], metric
		}
	}
	return name
}
