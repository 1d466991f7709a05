package capture

import (
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// captureFilter is the program by which the kernel takes packets of the interfaces, all if none is named, up to snap
// octets of each, or as the program pass says. The loopback interface shows each packet twice, on its way out and in
// again: once is enough.
func captureFilter(indexes []int, snap int, pass []bpf.RawInstruction) (program []unix.SockFilter) {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K

		beside    = 0xfffff000  // SKF_AD_OFF: what the kernel knows beside the packet
		direction = beside + 4  // SKF_AD_PKTTYPE
		index     = beside + 8  // SKF_AD_IFINDEX
		hardware  = beside + 28 // SKF_AD_HATYPE
	)
	if n := len(indexes); n > 0 {
		program = append(program, unix.SockFilter{Code: load, K: index})
		for i, x := range indexes {
			program = append(program, unix.SockFilter{Code: equal, Jt: uint8(n - i), K: uint32(x)})
		}
		program = append(program, unix.SockFilter{Code: answer, K: 0})
	}
	program = append(program,
		unix.SockFilter{Code: load, K: hardware},
		unix.SockFilter{Code: equal, Jf: 3, K: hardwareLoopback},
		unix.SockFilter{Code: load, K: direction},
		unix.SockFilter{Code: equal, Jf: 1, K: unix.PACKET_OUTGOING},
		unix.SockFilter{Code: answer, K: 0})
	if pass == nil {
		pass = []bpf.RawInstruction{{Op: answer, K: uint32(snap)}}
	}
	for _, i := range pass {
		program = append(program, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	return program
}

// askHardware returns an interface's kind, an ARPHRD_ number.
func askHardware(fd int, name string) (uint16, error) {
	request, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request)
	}
	if err != nil {
		return 0, err
	}
	return request.Uint16(), nil
}

// filterProgram makes the filter's program for the ring; nil without a filter.
func (s *live) filterProgram() ([]bpf.RawInstruction, error) {
	if s.opt.Filter == nil {
		return nil, nil
	}
	for _, name := range s.watched.names {
		if kind, err := askHardware(s.socket(), name); err == nil && kind >= hardwareWLAN && kind <= hardwareRadiotap {
			return nil, s.opt.Filter.wrong("an interface in monitor mode takes filters with --backend pcap alone, in a build with libpcap")
		}
	}
	return s.opt.Filter.kernel(uint32(s.opt.Snap))
}
