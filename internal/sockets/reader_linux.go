package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Reader asks the kernel about the sockets of one network namespace.
type Reader struct{ handle *nl.SocketHandle }

// answerWithin bounds the wait for the kernel's next message, in seconds. It answers from memory; a dump of millions
// comes in many.
const answerWithin = 5

// Open makes a Reader for the network namespace of the calling thread.
func Open() (*Reader, error) {
	s, err := nl.Subscribe(syscall.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("sockets: netlink: %w", err)
	}
	within := nl.SocketTimeoutTv
	within.Sec = answerWithin
	s.SetSendTimeout(&within)
	s.SetReceiveTimeout(&within)
	return &Reader{&nl.SocketHandle{Socket: s}}, nil
}

// Close ends the Reader.
func (r *Reader) Close() { r.handle.Close() }

// Available says whether this kernel answers, nil if it does.
func Available() error {
	r, err := Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Scan(tcp.Set(tcp.Closed), func(*Socket) bool { return false })
}

// Scan shows every socket in one of the states, until visit returns false. The Socket is valid until visit returns.
func (r *Reader) Scan(states tcp.StateSet, visit func(*Socket) bool) error {
	return r.scan(states, false, visit)
}

// Glance is Scan without Memory and Info, in a third of the time.
func (r *Reader) Glance(states tcp.StateSet, visit func(*Socket) bool) error {
	return r.scan(states, true, visit)
}

func (r *Reader) scan(states tcp.StateSet, bare bool, visit func(*Socket) bool) error {
	var s Socket
	more := true
	for _, family := range [...]uint8{syscall.AF_INET, syscall.AF_INET6} {
		if !more {
			break
		}
		ask := request{family: family, states: mask(states), bare: bare}
		err := r.ask(syscall.NLM_F_DUMP, &ask, func(msg []byte) bool {
			if s.parse(msg) && states.Has(s.State) {
				more = visit(&s)
			}
			return more
		})
		if err != nil {
			return fmt.Errorf("sockets: INET_DIAG: %w", err)
		}
	}
	return nil
}

// Ask returns the socket of a connection, nil if there is none.
func (r *Reader) Ask(local, remote tcp.Endpoint) (*Socket, error) {
	ask := request{family: syscall.AF_INET, states: mask(^tcp.StateSet(0)), local: local, remote: remote, one: true}
	if local.V6 {
		ask.family = syscall.AF_INET6
	}
	var found *Socket
	err := r.ask(0, &ask, func(msg []byte) bool {
		var s Socket
		// Without a connection the kernel names the listener that would take one.
		if s.parse(msg) && s.State != tcp.Listen {
			found = &s
		}
		return false
	})
	switch {
	case errors.Is(err, syscall.ENOENT):
		// No such socket. A kernel without the module says the same, but to Scan as well.
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("sockets: INET_DIAG: %w", err)
	}
	return found, nil
}

func (r *Reader) ask(flags int, ask *request, take func([]byte) bool) error {
	req := nl.NewNetlinkRequest(nl.SOCK_DIAG_BY_FAMILY, flags)
	req.Sockets = map[int]*nl.SocketHandle{syscall.NETLINK_INET_DIAG: r.handle}
	req.AddData(ask)
	return req.ExecuteIter(syscall.NETLINK_INET_DIAG, nl.SOCK_DIAG_BY_FAMILY, take)
}

// request is the kernel's struct inet_diag_req_v2.
type request struct {
	family        uint8
	states        uint32
	local, remote tcp.Endpoint
	one           bool
	bare          bool // no attributes
}

const requestSize = 56

// Len is nl.NetlinkRequestData's.
func (q *request) Len() int { return requestSize }

// Serialize is nl.NetlinkRequestData's.
func (q *request) Serialize() []byte {
	b := make([]byte, requestSize)
	b[0], b[1] = q.family, syscall.IPPROTO_TCP
	if !q.bare {
		b[2] = 1<<(netlink.INET_DIAG_INFO-1) | 1<<(netlink.INET_DIAG_SKMEMINFO-1)
	}
	binary.NativeEndian.PutUint32(b[4:], q.states)
	if !q.one {
		return b
	}
	binary.BigEndian.PutUint16(b[8:], q.local.Port)
	binary.BigEndian.PutUint16(b[10:], q.remote.Port)
	copy(b[12:], address(q.local))
	copy(b[28:], address(q.remote))
	for i := 48; i < requestSize; i++ {
		b[i] = 0xff // INET_DIAG_NOCOOKIE
	}
	return b
}

func address(e tcp.Endpoint) []byte { return e.IP().AsSlice() }

// states are the kernel's numbers of the states (net/tcp_states.h).
var states = [...]tcp.State{
	1: tcp.Established, 2: tcp.SynSent, 3: tcp.SynRecv, 4: tcp.FinWait1, 5: tcp.FinWait2, 6: tcp.TimeWait,
	7: tcp.Closed, 8: tcp.CloseWait, 9: tcp.LastAck, 10: tcp.Listen, 11: tcp.Closing, 12: tcp.SynRecv,
}

func mask(set tcp.StateSet) (bits uint32) {
	for i, s := range states {
		if i > 0 && set.Has(s) {
			bits |= 1 << i
		}
	}
	return bits
}

// messageSize is that of the kernel's struct inet_diag_msg; attributes follow.
const messageSize = 72

// parse reads a message. One that cannot be of a TCP socket is left out.
func (s *Socket) parse(b []byte) bool {
	if len(b) < messageSize || int(b[1]) >= len(states) {
		return false
	}
	family := b[0]
	*s = Socket{State: states[b[1]], Timer: Timer(b[2]), Retries: b[3]}
	port := binary.BigEndian.Uint16
	native := binary.NativeEndian.Uint32
	s.Local, s.Remote = endpoint(family, b[8:24], port(b[4:])), endpoint(family, b[24:40], port(b[6:]))
	if s.Local.V6 && mapped(s.Local) && (mapped(s.Remote) || s.Remote.Addr == tcp.Addr{}) {
		s.Local.V6, s.Remote.V6 = false, false
	}
	s.Interface = native(b[40:])
	s.Cookie = uint64(native(b[48:]))<<32 | uint64(native(b[44:]))
	s.Expires = time.Duration(native(b[52:])) * time.Millisecond
	if s.Timer == NoTimer {
		s.Expires = 0
	}
	s.RecvQueue, s.SendQueue, s.UID, s.Inode = native(b[56:]), native(b[60:]), native(b[64:]), native(b[68:])
	for b = b[messageSize:]; len(b) >= syscall.SizeofRtAttr; {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < syscall.SizeofRtAttr || size > len(b) {
			break
		}
		s.attribute(kind, b[syscall.SizeofRtAttr:size])
		b = b[min((size+3)&^3, len(b)):]
	}
	return s.State != tcp.Unknown
}

func endpoint(family uint8, b []byte, port uint16) tcp.Endpoint {
	if family == syscall.AF_INET {
		return tcp.Endpoint{Addr: tcp.AddrFrom4(binary.BigEndian.Uint32(b)), Port: port}
	}
	return tcp.Endpoint{Addr: tcp.AddrFrom16(b), Port: port, V6: true}
}

// mapped says that an address is IPv4's, as a socket of IPv6 spells it.
func mapped(e tcp.Endpoint) bool { return e.Addr.Hi == 0 && e.Addr.Lo>>32 == 0xffff }

func (s *Socket) attribute(kind uint16, b []byte) {
	word := func(i int) uint32 {
		if len(b) < 4*i+4 {
			return 0
		}
		return binary.NativeEndian.Uint32(b[4*i:])
	}
	micro := func(i int) time.Duration { return time.Duration(word(i)) * time.Microsecond }
	switch kind {
	case netlink.INET_DIAG_SKMEMINFO: // linux/sock_diag.h, SK_MEMINFO_*
		s.Memory = Memory{Recv: word(0), RecvLimit: word(1), Send: word(5), SendLimit: word(3), Forward: word(4)}
	case netlink.INET_DIAG_INFO: // struct tcp_info in linux/tcp.h, in words of four octets
		if len(b) < 8 {
			return
		}
		s.Info = Info{Probes: b[3], RTO: micro(2), SentAgo: time.Duration(word(11)) * time.Millisecond, RTT: micro(17), Retrans: word(25),
			Unsent: word(36), PeerWindow: word(57), HasWindow: len(b) >= 4*58}
	}
}
