package sockets

import (
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Socket is what the kernel says of one TCP socket, of a connection request that it has no socket for yet (SYN_RECV), or
// of what it keeps of one in TIME_WAIT.
type Socket struct {
	Local, Remote tcp.Endpoint // IPv4 for a v4-mapped socket too: its packets are
	State         tcp.State
	Timer         Timer
	Expires       time.Duration // until Timer fires; 0 with NoTimer
	Retries       uint8         // of what Timer repeats: retransmissions, probes, keepalives, SYN-ACKs
	RecvQueue     uint32        // octets not yet read, the FIN counted as one; of a listener: connections not yet accepted
	SendQueue     uint32        // octets not yet acknowledged, the FIN counted as one; of a listener: the most it lets wait
	UID           uint32
	Inode         uint32 // of its file; 0: no process has one
	Interface     uint32 // index, 0 if bound to none
	Cookie        uint64 // tells it from all others until the next boot
	Memory        Memory
	Info          Info
}

// Memory is what the kernel holds for the socket, octets with its own overhead. All 0 for SYN_RECV and TIME_WAIT.
type Memory struct{ Recv, RecvLimit, Send, SendLimit, Forward uint32 }

// Total is the kernel memory charged to the socket.
func (m *Memory) Total() uint64 { return uint64(m.Recv) + uint64(m.Send) + uint64(m.Forward) }

// Info is part of the kernel's tcp_info, 0 where it tells none: for SYN_RECV and TIME_WAIT, and what came with later
// kernels.
type Info struct {
	Unsent     uint32        // octets of SendQueue that were never sent; Linux 4.6
	PeerWindow uint32        // what the peer announced last; Linux 5.4
	HasWindow  bool          // PeerWindow was told
	RTO        time.Duration // current retransmission timeout
	RTT        time.Duration // smoothed
	Retrans    uint32        // segments retransmitted over its life
	SentAgo    time.Duration // since octets were last sent, to the millisecond
	Probes     uint8         // window probes and keepalives without answer
}

// Timer is which timer of a socket runs, as the kernel numbers them.
type Timer uint8

const (
	NoTimer       Timer = iota
	Retransmit          // also of a SYN-ACK, and a tail loss probe
	Keepalive           // also of FIN_WAIT2
	TimeWaitTimer       // also of what is kept of a FIN_WAIT2
	Persist             // probes a shut window
)

var timerNames = [...]string{"", "retransmit", "keepalive", "time-wait", "persist"}

func (t Timer) String() string {
	if int(t) < len(timerNames) {
		return timerNames[t]
	}
	return "unknown"
}

// Flow names the four-tuple as segments do, and which end of it is the socket's own.
func (s *Socket) Flow() (tcp.FlowKey, tcp.Dir) {
	return tcp.MakeFlow(s.Local.Addr, s.Remote.Addr, s.Local.Port, s.Remote.Port, s.Local.V6)
}

// closing are the states of a socket whose owner has closed it, or shut it down for writing.
var closing = tcp.Set(tcp.FinWait1, tcp.FinWait2, tcp.Closing, tcp.LastAck)

// Orphan says that no process owns the socket any more: it was closed, and the kernel finishes alone.
func (s *Socket) Orphan() bool { return s.Inode == 0 && closing.Has(s.State) }

// Unaccepted says that the connection waits in its listener's queue for accept().
func (s *Socket) Unaccepted() bool {
	return s.Inode == 0 && (s.State == tcp.Established || s.State == tcp.CloseWait)
}
