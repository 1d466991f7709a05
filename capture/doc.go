// Package capture reads TCP segments from capture files, streams and interfaces.
//
//	names -> input (gzip, zstd) -> window (1 MiB) -> pcap | pcapng -> merge -> decoder -> []tcp.Segment
//	                                                  records                 link, tunnels, IP, fragments, TCP
//	interfaces -> filter, rings (64 MiB each, shared with the kernel) -> block -> merge -> packet -> decoder
//	           -> libpcap -> mouth (one an interface) -> mouthfuls -> merge ->
//
// The caller owns the segments and the package keeps none of them. Frames are sub-slices of an input's window and live
// until that input's next record, so nothing of a frame but its segment leaves the package, and a packet costs neither
// a copy (but through libpcap) nor an allocation.
//
// A Source belongs to one goroutine; only Close and Stop may be called from another. Decompression runs in a goroutine of its
// own that ends with its input or with Close; each interface captured through libpcap has one, too.
//
// What is in a capture is never an error: what is not TCP is counted by reason (Skip), and damage is a Warning that
// ends the file it is in. The package judges nothing, keeps no connection, and reads no clock but to wait for a file
// that grows or a packet that comes.
package capture
