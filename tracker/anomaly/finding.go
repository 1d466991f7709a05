package anomaly

import (
	"strconv"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// Severity orders findings by how soon somebody should look.
type Severity uint8

const (
	Info Severity = iota
	Notice
	Warning
	Critical
)

var severityNames = [...]string{"info", "notice", "warning", "critical"}

func (s Severity) String() string { return severityNames[s] }

// ParseSeverity reads a severity by its name.
func ParseSeverity(text string) (Severity, bool) {
	for s, name := range severityNames {
		if text == name {
			return Severity(s), true
		}
	}
	return Info, false
}

// Culprit is whose fault a finding is.
type Culprit uint8

const (
	Nobody Culprit = iota
	ClientApp
	ServerApp
	ClientHost
	ServerHost
	Network
	Attacker
	Capture
)

var culpritNames = [...]string{"none", "client-app", "server-app", "client-host", "server-host", "network", "attacker", "capture"}

func (c Culprit) String() string { return culpritNames[c] }

// App blames the application at that side.
func App(s tracker.Side) Culprit { return ClientApp + Culprit(s) }

// Host blames the kernel or machine at that side.
func Host(s tracker.Side) Culprit { return ClientHost + Culprit(s) }

// Status is where a finding stands.
type Status uint8

const (
	Open      Status = iota // it goes on, or did at the end of the input
	Closed                  // it is over; Until says since when
	Withdrawn               // it turned out otherwise
)

var statusNames = [...]string{"open", "closed", "withdrawn"}

func (s Status) String() string { return statusNames[s] }

// Case is the connection that a finding is about, kept by judges that wait for an alarm.
type Case struct {
	Conn           uint64
	Stream         uint32
	Client, Server tcp.Endpoint

	conn tracker.Hold
}

// View shows the connection as it is now, false if it has retired, or if it is half open and nothing but a SYN.
func (c *Case) View() (tracker.View, bool) { return c.conn.View() }

// CaseOf takes the case from a view.
func CaseOf(v tracker.View) Case {
	c, s := v.Endpoints()
	return Case{v.Num(), v.Stream(), c, s, v.Hold()}
}

// Port is the server's, which the connection is known by.
func (c *Case) Port() uint16 { return c.Server.Port }

// Finding is one judgement. A later one with the same ID replaces it.
type Finding struct {
	Rule     *Rule
	ID       string
	Status   Status
	Severity Severity
	Culprit  Culprit

	Case              // meaningful iff not Population
	Side tracker.Side // whose behaviour it is about; meaningful iff Sided
	// Population says that it is about a host or a listener: Case.Server then is that, Case.Client the other party where
	// one is to be named.
	Population bool
	Sided      bool

	Time    int64  // of this version, capture nanoseconds since 1970 UTC
	Packet  uint64 // deciding packet of this version
	Since   int64
	Until   int64 // 0 while open
	Earlier bool  // it began at Since or before: the capture started late
	// Inconclusive says that it rests on packets that did not come, and that the capture lost some since it began.
	Inconclusive bool

	Hidden   tracker.Hidden // of zero-window-stall and fin-wait1-zero-window
	HiddenAt int64          // from when the close is known to have been hidden; 0: not known

	Kernel     *tracker.Word // what the kernel of one end says, filled in by who asks it; nil: nobody, or nothing
	KernelSide tracker.Side  // whose

	Evidence []uint64 // packet numbers, the first and the latest of many
	Summary  string   // one sentence with the numbers in it

	heard int64 // time of the latest of its evidence, where that is not told at once
	told  bool
	mute  bool // nobody reads it
	seat  uint8
	about string // of a Population: whom it is about
}

// Wireshark is the display filter that shows its packets.
func (f *Finding) Wireshark() string {
	if f.Population {
		return f.crowdFilter()
	}
	return "tcp.stream eq " + strconv.FormatUint(uint64(f.Stream), 10)
}

// maxEvidence bounds the packets that a finding names: half the first, half the latest.
const maxEvidence = 16

// Add notes a packet as evidence; packets come in order of their numbers.
func (f *Finding) Add(packet uint64) {
	if k := len(f.Evidence); f.mute || packet == 0 || k > 0 && f.Evidence[k-1] >= packet {
		return
	}
	if len(f.Evidence) == maxEvidence {
		copy(f.Evidence[maxEvidence/2:], f.Evidence[maxEvidence/2+1:])
		f.Evidence = f.Evidence[:maxEvidence-1]
	}
	f.Evidence = append(f.Evidence, packet)
}

// crowdFilter is the display filter of a finding about a population: what it names of addresses and ports; of one about
// the capture itself, the first packet that shows it.
func (f *Finding) crowdFilter() string {
	var parts []string
	address := func(e tcp.Endpoint) {
		family := "ip"
		if e.V6 {
			family = "ipv6"
		}
		if e.Addr != (tcp.Addr{}) {
			parts = append(parts, family+".addr == "+e.IP().String())
		}
	}
	if f.Server.Port != 0 {
		parts = append(parts, "tcp.port == "+strconv.Itoa(int(f.Server.Port)))
	}
	address(f.Server)
	address(f.Client)
	if len(parts) == 0 && len(f.Evidence) > 0 {
		return "frame.number == " + strconv.FormatUint(f.Evidence[0], 10)
	}
	return strings.Join(parts, " && ")
}
