package capture

import (
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// links names the hardware types (linux/if_arp.h, ARPHRD_) that are met.
var links = map[uint16]string{
	hardwareEthernet: "ethernet", hardwareLoopback: "loopback", hardwareWLAN: "802.11", hardwarePrism: "802.11 prism", hardwareRadiotap: "802.11 radiotap",
	32: "infiniband", 280: "can", 512: "ppp", 768: "ipip", 769: "ip6tnl", 776: "sit", 778: "gre", 823: "ip6gre", 824: "netlink", 65534: "none (ip)",
}

// link is the kind of an interface's frames.
func (a asker) link(name string) string {
	request, err := unix.NewIfreq(name)
	if err != nil || unix.IoctlIfreq(a.fd, unix.SIOCGIFHWADDR, request) != nil {
		return ""
	}
	kind := request.Uint16() // sa_family of the address
	if text, ok := links[kind]; ok {
		return text
	}
	return "type " + strconv.Itoa(int(kind))
}

// Questions of linux/ethtool.h that are answered by a word.
const (
	ethtoolTSO   = 0x1e
	ethtoolGSO   = 0x23
	ethtoolFlags = 0x25
	ethtoolGRO   = 0x2b

	ethtoolLRO = 1 << 15 // of the flags
)

// offload lists what joins segments before they are captured, or leaves that to behind the capture.
func (a asker) offload(name string) (on []string) {
	for _, x := range []struct {
		name      string
		ask, mask uint32
	}{{"gro", ethtoolGRO, ^uint32(0)}, {"lro", ethtoolFlags, ethtoolLRO}, {"tso", ethtoolTSO, ^uint32(0)}, {"gso", ethtoolGSO, ^uint32(0)}} {
		if v, ok := a.ethtool(name, x.ask); ok && v&x.mask != 0 {
			on = append(on, x.name)
		}
	}
	return on
}

// ethtool asks an interface's driver for a word.
func (a asker) ethtool(name string, ask uint32) (word uint32, ok bool) {
	value := [2]uint32{ask, 0}
	request := struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(a.fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(&value)
	return value[1], errno == 0
}

func (s *live) ringSize() (n int) {
	for _, r := range s.rings {
		n += len(r.mem)
	}
	return n
}
