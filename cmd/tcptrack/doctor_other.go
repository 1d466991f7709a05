//go:build !linux

package main

// effectiveRights is known when an interface is opened.
func effectiveRights() check {
	return check{"rights", fine, "the system asks when an interface is opened", ""}
}
