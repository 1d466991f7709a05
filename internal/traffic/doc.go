// Package traffic makes captures for benchmarks and tests: any number of packets of TCP connections of a given shape.
//
//	seed ──order──> a connection's turn ──life──> its next step ──frame──> Ethernet, IP, TCP ──Reader──> pcap or pcapng
//
// Everything is a pure function of the shape, the seed and the number of the packet. Nothing is kept of a connection, so
// that ten million of them cost the process no memory beside what is measured. A Reader belongs to one goroutine.
package traffic
