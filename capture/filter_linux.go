package capture

import "golang.org/x/sys/unix"

// captureFilter is the program by which the kernel takes packets of the interfaces, all if none is named, up to snap
// octets of each. The loopback interface shows each packet twice, on its way out and in again: once is enough.
func captureFilter(indexes []int, snap int) (program []unix.SockFilter) {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K

		beside    = 0xfffff000  // SKF_AD_OFF: what the kernel knows beside the packet
		direction = beside + 4  // SKF_AD_PKTTYPE
		index     = beside + 8  // SKF_AD_IFINDEX
		hardware  = beside + 28 // SKF_AD_HATYPE
	)
	if n := len(indexes); n > 1 {
		program = append(program, unix.SockFilter{Code: load, K: index})
		for i, x := range indexes {
			program = append(program, unix.SockFilter{Code: equal, Jt: uint8(n - i), K: uint32(x)})
		}
		program = append(program, unix.SockFilter{Code: answer, K: 0})
	}
	return append(program,
		unix.SockFilter{Code: load, K: hardware},
		unix.SockFilter{Code: equal, Jf: 2, K: hardwareLoopback},
		unix.SockFilter{Code: load, K: direction},
		unix.SockFilter{Code: equal, Jt: 1, K: unix.PACKET_OUTGOING},
		unix.SockFilter{Code: answer, K: uint32(snap)},
		unix.SockFilter{Code: answer, K: 0})
}
