package tracker

import "github.com/tcptrack/tcptrack/internal/tcp"

// State is a connection state of RFC 9293 3.3.2; the zero value is Unknown.
type State = tcp.State

// StateSet is a set of states.
type StateSet = tcp.StateSet

// The states, as netstat and ss spell them.
const (
	Unknown     = tcp.Unknown
	Closed      = tcp.Closed
	Listen      = tcp.Listen
	SynSent     = tcp.SynSent
	SynRecv     = tcp.SynRecv
	Established = tcp.Established
	FinWait1    = tcp.FinWait1
	FinWait2    = tcp.FinWait2
	CloseWait   = tcp.CloseWait
	Closing     = tcp.Closing
	LastAck     = tcp.LastAck
	TimeWait    = tcp.TimeWait
)

// Side names an end of a connection.
type Side uint8

const (
	Client Side = iota // who sent the first SYN, or is guessed to have
	Server
)

// Other is the opposite side.
func (s Side) Other() Side { return s ^ 1 }

func (s Side) String() string {
	if s == Server {
		return "server"
	}
	return "client"
}

// Basis is the ground on which a state is claimed.
type Basis uint8

const (
	Presumed Basis = iota // what passed the tap toward the endpoint is taken to have arrived
	Proven                // the endpoint itself sent what shows it
)

func (b Basis) String() string {
	if b == Proven {
		return "proven"
	}
	return "presumed"
}

// Transition is one change of what is claimed of an endpoint. From equals To when only Possible or Basis changed.
type Transition struct {
	Time           int64  // capture time, nanoseconds since 1970 UTC
	Packet         uint64 // the deciding packet's number; for a timer, the last packet before it
	Conn           uint64
	Stream         uint32
	Client, Server tcp.Endpoint
	Side           Side
	From, To       State
	Basis          Basis
	Possible       StateSet // all states that the evidence allows, To among them
	Deadline       int64    // when a timer that no packet shows may end To; 0 if none runs
	Why            string   // in words that JSON need not escape
	View           View     // the connection; valid until Transition returns
}

// End is what is known of one endpoint.
type End struct {
	Endpoint tcp.Endpoint
	State    State
	Basis    Basis
	Possible StateSet
	Deadline int64 // as in Transition

	Packets         uint64 // every captured segment it sent
	Bytes           uint64 // their IP lengths
	PayloadBytes    uint64 // their payloads, by IP length
	StreamBytes     uint64 // each sequence number once
	MissedBytes     uint64 // acknowledged by the peer but never captured
	Retransmissions uint64
	ZeroWindows     uint64 // segments that it sent with window 0, but for SYN and RST
	Probes          uint64 // zero-window probes that it sent
	Keepalives      uint64
	BadChecksums    uint64
	UnackedBytes    uint64 // never acknowledged by the peer; meaningful iff Acked
	Acked           bool   // the peer was seen to acknowledge anything

	RTT RTT // from its segments to the peer's acknowledgements, as seen at the tap

	ShutSince int64 // since when the window it announces has been shut, 0 while open
	ShutTotal int64 // nanoseconds for which its window was shut, the current stretch included

	Analysis Analysis // what Wireshark would mark of what it sent; meaningful iff Config.Analysis was set

	Blame Blame // where the life of the direction of what it sends went; meaningful iff Connection.Blamed
}

// RTT summarises round trips in nanoseconds; meaningful iff N > 0.
type RTT struct {
	N              uint64
	Min, Mean, Max int64
}

// How is the way a connection ended.
type How uint8

const (
	HowOpen     How = iota // it had not ended
	HowFIN                 // both FINs were seen
	HowRST                 // an accepted RST
	HowRefused             // SYN answered by RST
	HowHalf                // one FIN only
	HowUnopened            // the handshake was never completed
	HowTimeout             // a timer ended it
)

var howNames = [...]string{"open", "fin", "rst", "refused", "half-closed", "unopened", "timeout"}

func (h How) String() string { return howNames[h] }

// Connection is one incarnation of a four-tuple, as it retires.
type Connection struct {
	Conn      uint64   // number in order of first packet, from 0
	Streams   []uint32 // Wireshark's tcp.stream numbers
	Start     int64    // first and last packet, nanoseconds since 1970 UTC
	Last      int64
	Now       int64  // the capture's time as this is told
	First     uint64 // number of its first packet
	Continued bool   // an earlier part of it was evicted
	Evicted   bool   // it retires because the table is full
	Guessed   bool   // who is the client is a guess: no SYN was seen
	Lossy     bool   // the capture lost packets while it lived, maybe of it
	Client    End
	Server    End
	ClosedBy  Side // meaningful iff Closed
	Closed    bool // somebody closed first, by FIN or RST
	How       How
	VLAN      [2]uint16

	Blamed     bool  // Config.Blame was set
	Life       int64 // nanoseconds from Start to Last; while an end was open, to the end of the input or to its eviction
	HalfClosed int64 // nanoseconds from the first FIN to the other end's, a RST, or the end of its life; meaningful iff Half
	Half       bool  // a FIN was seen

	Zeek []Zeek // what Zeek's conn.log would have of it, in order; empty unless Config.Zeek was set

	Findings []string // codes, filled in by who judges: the tracker does not
}

// Sink takes what the tracker learns, in order of packets and timers, on the goroutine that calls the Tracker.
// The pointers are valid until the method returns.
type Sink interface {
	Transition(*Transition)
	Connection(*Connection)
}

// Stats counts over the Tracker's life.
type Stats struct {
	Segments         uint64
	Transitions      uint64
	Connections      uint64 // begun
	Live             int    // not yet retired
	HalfOpen         int    // of them, those kept as a SYN alone: where many wait for an answer
	Evicted          uint64
	Duplicates       uint64                               // frames captured twice and taken once
	BadChecksums     uint64                               // segments treated as never received
	Offloaded        uint64                               // partial or missing checksums that the sender's network card would have filled in
	TimeBackwards    uint64                               // frames stamped earlier than one before them
	StreamsForgotten uint64                               // numbers and four-tuples of Connection.Streams beyond what is remembered; 0 with Config.Unnumbered
	States           [tcp.NumStates][tcp.NumStates]uint64 // retired connections by last state, client first
}

// Config sets up a Tracker.
type Config struct {
	Sink           Sink     // nil: only Stats
	Transitions    bool     // call Sink.Transition
	Connections    bool     // call Sink.Connection
	Blame          bool     // with Connections: work out Connection.Life, HalfClosed, and each End's Blame
	Zeek           bool     // with Connections: work out Connection.Zeek
	LikelyServers  *Ports   // where Zeek expects servers, if it has not seen who began; nil: its default
	Analysis       bool     // with Connections: run Wireshark's tests for each End's Analysis
	Witness        Witness  // takes facts; nil: nobody judges
	Facts          FactKind // the kinds that Witness wants
	MaxConnections int      // bound on what is tracked at once; 0: unbounded
	Unnumbered     bool     // nobody is told of streams: they are not numbered, nor what is over remembered for that
	Filtered       bool     // segments come that are marked as filtered: they are numbered, at the cost and bound of a second Tracker
	Parts          int      // this is one of so many Trackers, each of which observes a part of the flows, and segments have their Copy; see Full
	Seed           uint64   // of the flow hash; 0: drawn at random
}
