//go:build !libpcap || !cgo

package capture

// pcapBackend needs libpcap, which the build tag libpcap adds.
var pcapBackend []backend
