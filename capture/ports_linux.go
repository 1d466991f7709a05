package capture

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// ports are the interfaces of which packets came, for a Recorder.
type ports struct {
	known  map[port]*Interface
	last   port
	latest *Interface
	frame  []byte // a frame put together anew
}

// port is an interface and the form of its packets.
type port struct{ index, link uint32 }

// maxPorts bounds the interfaces that are remembered: they come and go on hosts of many containers.
const maxPorts = 4096

// show shows the packet as a file holds it: the VLAN tag put back that the kernel took out, and of links other than
// Ethernet and 802.11 the kernel's own account in front (LINKTYPE_LINUX_SLL2), as all that can be said of it.
func (s *live) show(n int, seg *tcp.Segment) {
	p := s.packet
	rec := p.record
	tagged := p.status&ringVLAN != 0
	switch p.hardware {
	case hardwareEthernet, hardwareLoopback, hardwareWLAN, hardwarePrism, hardwareRadiotap:
		if tagged && p.hardware == hardwareEthernet && len(rec.frame) >= 12 {
			b := append(s.ports.frame[:0], rec.frame[:12]...)
			rec.frame = append(append(b, p.tag()...), rec.frame[12:]...)
			rec.orig += 4
			s.ports.frame = rec.frame
		}
	default:
		rec.link = linkSLL2
		b := p.sll2(s.ports.frame[:0])
		if tagged {
			tag := p.tag()
			copy(b, tag[:2])
			b = append(append(b, tag[2:]...), byte(p.protocol>>8), byte(p.protocol))
		}
		from := min(max(p.net, 0), len(rec.frame))
		rec.orig += len(b) - from
		rec.frame = append(b, rec.frame[from:]...)
		s.ports.frame = rec.frame
	}
	s.shower.show(&rec, s.stats.Packets, s.port(port{binary.NativeEndian.Uint32(p.head[packetIndex:]), rec.link}), n, seg)
}

// tag is the VLAN tag that the kernel took out of the frame.
func (p *packet) tag() []byte {
	tpid := uint16(0x8100)
	if p.status&ringTPID != 0 {
		tpid = binary.NativeEndian.Uint16(p.head[packetTPID:])
	}
	return []byte{byte(tpid >> 8), byte(tpid), byte(p.tci >> 8), byte(p.tci)}
}

// sll2 appends the header of LINKTYPE_LINUX_SLL2: protocol, reserved, interface, hardware type, kind of packet, length
// of the address, address.
func (p *packet) sll2(b []byte) []byte {
	order := binary.BigEndian
	b = order.AppendUint16(b, uint16(p.protocol))
	b = order.AppendUint16(b, 0)
	b = order.AppendUint32(b, binary.NativeEndian.Uint32(p.head[packetIndex:]))
	b = order.AppendUint16(b, p.hardware)
	return append(b, p.head[packetKind:packetHead]...)
}

// port returns the interface of a packet by its index. A name is asked for once: who reuses the index is rare.
func (s *live) port(at port) *Interface {
	if s.ports.latest != nil && s.ports.last == at {
		return s.ports.latest
	}
	on := s.ports.known[at]
	if on == nil {
		on = &Interface{ID: at.index, Link: at.link, Snap: uint32(s.opt.Snap), Name: s.portName(at.index)}
		if s.ports.known == nil || len(s.ports.known) == maxPorts {
			s.ports.known = map[port]*Interface{}
		}
		s.ports.known[at] = on
	}
	s.ports.last, s.ports.latest = at, on
	return on
}

// portName asks the socket, which may be in another network namespace than we are.
func (s *live) portName(index uint32) string {
	request, err := unix.NewIfreq("")
	if err == nil {
		request.SetUint32(index)
		if err = unix.IoctlIfreq(s.socket(), unix.SIOCGIFNAME, request); err == nil {
			return request.Name()
		}
	}
	return "if" + strconv.Itoa(int(index)) // it is gone already
}
