//go:build !linux

package main

// effectiveRights is known when an interface is opened.
func effectiveRights() exam {
	return exam{"rights", fine, "the system asks when an interface is opened", ""}
}
