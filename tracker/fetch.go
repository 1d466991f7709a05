//go:build amd64 || arm64

package tracker

import "unsafe"

// fetch has the processor fetch pairs of lines of its cache (128 octets each, at least one) from p on, and does not wait
// for them. Go has no word for it: a load is waited for a few hundred instructions later. Nothing is read, so p need not
// be valid.
//
//go:noescape
func fetch(p unsafe.Pointer, pairs int)
