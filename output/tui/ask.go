package tui

import (
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Tab is one of the screens.
type Tab uint8

// The tabs, in the order of their keys 1 to 4.
const (
	Connections Tab = iota
	States
	Talkers
	Findings
	numTabs
)

// Order is how connections are sorted.
type Order uint8

// The orders, as s goes through them.
const (
	ByTrouble Order = iota // the worst first, then the longest stuck, then the busiest
	ByRate
	ByAge
	ByIdle
	ByRepeats
	ByNumber // the newest first
	numOrders
)

// Ask is what the screen wants to be shown. It is not changed once it is handed over.
type Ask struct {
	Tab      Tab
	Order    Order
	Reverse  bool
	Where    *query.Selection // nil: all connections
	Retired  bool             // those that have ended as well
	Focus    uint64           // the connection that is looked at closely
	HasFocus bool
}

// Gauge is what the meters of a run show. Times are capture nanoseconds since 1970 UTC.
type Gauge struct {
	Source      string // names of the interfaces or files, printable
	Live        bool   // of interfaces
	Start       int64  // of the capture
	Now         int64
	End         int64  // of a file: its last packet's time
	Packets     uint64 // taken so far
	Dropped     uint64 // by the capture
	Freezes     uint64 // how often the kernel's ring was full
	HalfOpen    int    // connections of which a SYN was seen and nothing else
	Living      int    // connections, those among them
	Connections uint64 // begun so far
	Evicted     uint64
}

// Snapshot is the state of things at one moment, as far as a screen shows it.
type Snapshot struct {
	Gauge
	Rate  uint64   // packets a second
	Rates []uint64 // of the latest looks, the oldest first
	Begun uint64   // connections a second
	Open  [anomaly.Critical + 1]int
	Lost  uint64 // findings that a bound left out

	Asked   *Ask
	Rows    []Row // at most MaxRows
	Meant   int   // connections that are meant, of those looked at
	Partial bool  // not all of them were looked at yet: they take turns
	Retired int   // that are remembered

	Matrix  *[tcp.NumStates][tcp.NumStates]uint64 // living connections, by the client's state, then the server's; nil: not counted yet
	Counted uint64                                // in Matrix
	Talkers []Talker                              // at most maxShownTalkers, those with most connections first
	Unnamed uint64                                // connections of clients beyond the bound

	Findings []Found // the worst first, of equals the newest
	Detail   *Detail // of Asked.Focus; nil: it is gone, or nothing is in focus
}

// End is one end of a Row.
type End struct {
	tcp.Endpoint
	State    tracker.State
	Possible tracker.StateSet
	Proven   bool
}

// Doubt says that the state is presumed, or one of several.
func (e *End) Doubt() bool { return !e.Proven || e.Possible.Len() > 1 }

// Row is a connection in the table.
type Row struct {
	Conn    uint64
	First   uint64   // number of its first packet
	Streams []uint32 // Wireshark's, the first of them
	Ends    [2]End   // by tracker.Side
	Start   int64
	Last    int64
	Now     int64 // when it was looked at; when it retired
	Retired bool
	How     tracker.How
	By      tracker.Side // who closed first; meaningful iff How is not HowOpen
	Octets  uint64       // both ways
	Rate    uint64       // octets a second, both ways
	Repeats uint64       // retransmissions of both ends
	Level   int          // 0: nothing worth notice, else the severity of the worst open finding
	Stuck   int64        // nanoseconds for which that has stood
	Worst   *Found       // nil: nothing was found
	More    int          // findings beside it
	Windows [windowCells]uint8
	Reader  tracker.Side // whose windows those are
}

// Found is a finding as it was last told.
type Found struct {
	ID, Code, Summary string
	Severity          anomaly.Severity
	Culprit           anomaly.Culprit
	Open              bool
	Over              bool // its connection has ended
	Population        bool
	Conn              uint64
	Client, Server    tcp.Endpoint
	Since, Until      int64 // Until is 0 while open
	Earlier           bool  // it began at Since or before
	Inconclusive      bool
	Hidden            tracker.Hidden
	Kernel            string // what the kernel of one end says
	Evidence          []uint64
	Rule              *anomaly.Rule
	Wireshark         string
	serial            uint64 // in order of first telling
}

// Talker is a client and what it has.
type Talker struct {
	Client      tcp.Endpoint // its port means nothing
	Connections uint64
	Octets      uint64 // of the connections that live
	Troubled    uint64 // connections with an open finding worth notice
	States      [tcp.NumStates]uint64
}

// Detail is one connection closely.
type Detail struct {
	Row
	Line   tracker.Connection // as its line would tell it now
	Found  []Found            // the worst first
	Events []Event            // the latest, in order
	Packet uint64             // number of its latest packet
	Flow   tcp.FlowKey
	// Segments gives its latest packets as far as they are still in memory, in order; nil where nobody keeps any. It may
	// be called on any goroutine, and takes a while.
	Segments func() []tcp.Segment
}

// Event is what the tracker said of a packet: that it moved an end, or what it was.
type Event struct {
	Conn   uint64
	Packet uint64
	Time   int64
	Side   tracker.Side
	From   tracker.State
	To     ladder.Claim // of a move
	Mark   ladder.Mark  // the zero one of a move
}
