package zabbix

import (
	"strconv"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/census"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// Where Values come from.
const (
	FromServe  = "serve"  // a running tcptrack serve, from packets
	FromKernel = "kernel" // this host's sockets
)

// Values is what keys are answered from; its JSON is the answer of tcptrack.get.
type Values struct {
	Source      string           `json:"source"`
	Connections uint64           `json:"connections"`
	States      States           `json:"states"` // ends on this host; where the packets are those of others, the servers'
	Ports       map[string]*Port `json:"ports"`  // by the server's
	*Judged                      // nil: the kernel knows nothing of it
}

// States counts ends by state, as the classic script spells them.
type States map[string]uint64

// Port is what there is of one port of servers.
type Port struct {
	Connections uint64   `json:"connections"`
	Server      States   `json:"server"` // by the servers' states
	Client      States   `json:"client"` // by the clients'
	Stuck       *uint64  `json:"stuck,omitempty"`
	ZeroWindow  *float64 `json:"zero_window_s,omitempty"`
	Unnamed     bool     `json:"unnamed,omitempty"` // it is here because it was asked for
}

// Judged is what packets alone tell.
type Judged struct {
	Age        float64           `json:"age_s"` // since it was counted, seconds
	Stuck      uint64            `json:"stuck"`
	ZeroWindow float64           `json:"zero_window_s"`
	Findings   map[string]uint64 `json:"findings"`   // that go on, by code
	Severities map[string]uint64 `json:"severities"` // and by severity
	Packets    uint64            `json:"packets"`    // since the capture began
	Dropped    uint64            `json:"dropped"`
	Evicted    uint64            `json:"evicted"`
}

// spellings are the classic script's, by state.
var spellings = [tcp.NumStates]string{
	tcp.Established: "established", tcp.SynSent: "synsent", tcp.SynRecv: "synrecv", tcp.FinWait1: "finwait1", tcp.FinWait2: "finwait2",
	tcp.TimeWait: "timewait", tcp.Closed: "closed", tcp.CloseWait: "closewait", tcp.LastAck: "lastack", tcp.Listen: "listen", tcp.Closing: "closing",
}

func newStates() States {
	s := States{}
	for _, name := range spellings {
		if name != "" {
			s[name] = 0
		}
	}
	return s
}

// add counts ends in a state; one that is not known is in none.
func (s States) add(state tracker.State, n uint64) {
	if name := spellings[state]; name != "" {
		s[name] += n
	}
}

// NewValues are those of a source, nothing counted yet.
func NewValues(source string) *Values {
	return &Values{Source: source, States: newStates(), Ports: map[string]*Port{}}
}

// port is that of a number, made if it was not there.
func (v *Values) port(number uint16) *Port {
	name := strconv.Itoa(int(number))
	p := v.Ports[name]
	if p == nil {
		p = &Port{Server: newStates(), Client: newStates()}
		v.Ports[name] = p
	}
	return p
}

// Add counts n ends of this host in a state: the servers' or the clients' ends of connections to a port.
func (v *Values) Add(port uint16, side tracker.Side, state tracker.State, n uint64) {
	v.Connections += n
	v.States.add(state, n)
	p := v.port(port)
	p.Connections += n
	if side == tracker.Server {
		p.Server.add(state, n)
	} else {
		p.Client.add(state, n)
	}
}

// Listen counts a listener of this host, which is no connection. Of packets only the ports that are there get theirs:
// nothing else is known of the others.
func (v *Values) Listen(port uint16) {
	v.States.add(tracker.Listen, 1)
	if _, is := v.Ports[strconv.Itoa(int(port))]; is || v.Source == FromKernel {
		v.port(port).Server.add(tracker.Listen, 1)
	}
}

// Bound leaves the n fullest ports, those with listeners first, and the one that was asked for.
func (v *Values) Bound(n int, asked uint16) {
	for i, name := range v.named() {
		switch {
		case i < n:
		case name == strconv.Itoa(int(asked)):
			v.Ports[name].Unnamed = true
		default:
			delete(v.Ports, name)
		}
	}
}

// Of takes the values out of a census: the ports that it names, and one more that is asked for, 0 for none. wall is the
// time of now, nanoseconds since 1970 UTC.
func Of(c *census.Census, asked uint16, wall int64) *Values {
	r, named := c.Latest()
	v := NewValues(FromServe)
	shut := r.ZeroWindows()
	wanted := map[uint16]*Port{}
	add := func(port uint16) *Port {
		p := v.port(port)
		stuck, longest := uint64(r.Findings.StuckOn[port]), shut[port]
		p.Stuck, p.ZeroWindow, wanted[port] = &stuck, &longest, p
		return p
	}
	for _, port := range named {
		add(port)
	}
	if asked != 0 && wanted[asked] == nil {
		add(asked).Unnamed = true
	}
	for pair, n := range r.Pairs {
		client, server := pair.States()
		v.Connections += uint64(n)
		if p := wanted[pair.Port()]; p != nil {
			p.Connections += uint64(n)
			p.Client.add(client, uint64(n))
			p.Server.add(server, uint64(n))
		}
	}
	for state, n := range r.Local {
		v.States.add(tracker.State(state), n)
	}
	v.Judged = judged(r, shut, wall)
	return v
}

func judged(r *census.Report, shut map[uint16]float64, wall int64) *Judged {
	j := &Judged{Findings: map[string]uint64{}, Severities: map[string]uint64{}, Dropped: r.Dropped, Evicted: r.Tracker.Evicted, Packets: r.Meters.Packets}
	j.Age = float64(max(wall-r.Wall, 0)) / 1e9
	for _, n := range r.Findings.StuckOn {
		j.Stuck += uint64(n)
	}
	for _, s := range shut {
		j.ZeroWindow = max(j.ZeroWindow, s)
	}
	for s := anomaly.Info; s <= anomaly.Critical; s++ {
		j.Severities[s.String()] = 0
	}
	for i, rule := range anomaly.Rules {
		j.Findings[rule.Code] = 0
		for s, n := range r.Findings.Open[i] {
			j.Findings[rule.Code] += uint64(n)
			j.Severities[anomaly.Severity(s).String()] += uint64(n)
		}
	}
	return j
}
