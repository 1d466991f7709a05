package stats

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/netip"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// line is a count as JSON Lines have it, one object a line. Queues and memory are octets; of LISTEN the queues are the
// connections that wait for accept(), and how many may.
type line struct {
	Event       string            `json:"event"` // count, or total of the last line
	Source      string            `json:"source"`
	Time        string            `json:"time,omitempty"` // the moment of the capture
	Port        *uint16           `json:"port,omitempty"` // the server's
	Side        string            `json:"side,omitempty"` // whose states these are
	State       string            `json:"state,omitempty"`
	Connections uint64            `json:"connections"`
	Peers       uint64            `json:"peers"`
	Busiest     *busiest          `json:"busiest,omitempty"`
	*held                         // what the kernel alone knows
	*judged                       // what the wire alone tells
	Unnamed     uint64            `json:"unnamed,omitempty"`
	States      map[string]uint64 `json:"states,omitempty"`
}

type held struct {
	Orphans    uint64 `json:"orphans"`
	Unaccepted uint64 `json:"unaccepted"`
	RecvQueue  uint64 `json:"receive_queue"`
	SendQueue  uint64 `json:"send_queue"`
	Memory     uint64 `json:"memory"`
}

type judged struct {
	Ill    uint64  `json:"with_findings"`
	Hidden *uint64 `json:"hidden_close,omitempty"` // of the total: connections of which an end may have closed behind a shut window
}

type pairLine struct {
	Event       string `json:"event"`
	Source      string `json:"source"`
	Time        string `json:"time,omitempty"`
	Client      string `json:"client_state"`
	Server      string `json:"server_state"`
	Connections uint64 `json:"connections"`
}

type busiest struct {
	IP          netip.Addr `json:"ip"`
	Connections uint64     `json:"connections"`
}

type peerLine struct {
	Event       string            `json:"event"`
	Source      string            `json:"source"`
	Time        string            `json:"time,omitempty"`
	IP          netip.Addr        `json:"ip"`
	Connections uint64            `json:"connections"`
	States      map[string]uint64 `json:"states"`
}

// JSON writes the counts as JSON Lines: a count for each port, side and state, a pair for each two states that connections
// are in, a peer for each of the busiest, and the total.
func (a *Answer) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	states := map[string]uint64{}
	for _, r := range a.Rows() {
		if r.Sum {
			continue // a program adds up by itself
		}
		l := a.line(&r, "count")
		l.Port, l.Side, l.State = &r.Port, r.Side.String(), r.State.String()
		states[l.State] += r.Connections
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	for _, p := range a.Matrix.Pairs() {
		if err := enc.Encode(pairLine{"pair", a.Source, a.stamp(), p.Client.String(), p.Server.String(), p.Connections}); err != nil {
			return err
		}
	}
	for _, p := range a.Tally.Busiest(a.Busiest) {
		l := peerLine{a.peerWord(), a.Source, a.stamp(), p.Addr, p.Connections, map[string]uint64{}}
		for s, n := range p.States {
			if n > 0 {
				l.States[tcp.State(s).String()] = n
			}
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	sum := a.Total()
	l := a.line(&sum, "total")
	if l.judged != nil {
		l.Hidden = &a.Hidden
	}
	l.Unnamed, l.States = a.Unnamed, states
	return enc.Encode(l)
}

func (a *Answer) line(r *Row, event string) *line {
	l := &line{Event: event, Source: a.Source, Time: a.stamp(), Connections: r.Connections, Peers: r.Peers}
	if a.Source == "capture" {
		l.judged = &judged{Ill: r.Ill}
	} else {
		l.held = &held{r.Orphans, r.Unaccepted, r.RecvQueue, r.SendQueue, r.Memory}
	}
	if r.Most > 0 {
		l.Busiest = &busiest{r.Busiest, r.Most}
	}
	return l
}

// csvHead has the names of JSON's keys.
const csvHead = "source,port,side,state,connections,peers,busiest_ip,busiest_connections,orphans,unaccepted,receive_queue,send_queue,memory,with_findings,time\n"

// CSV writes a row for each port, side and state, behind a head with the names of JSON's keys if that is asked for. What
// the source does not know is empty.
func (a *Answer) CSV(w io.Writer, head bool) error {
	if head {
		if _, err := io.WriteString(w, csvHead); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	for _, r := range a.Rows() {
		if r.Sum {
			continue
		}
		ip := ""
		if r.Most > 0 {
			ip = r.Busiest.String()
		}
		cells := []string{a.Source, portOf(&r), r.Side.String(), r.State.String(), number(r.Connections), number(r.Peers), ip, number(r.Most)}
		if a.Source == "capture" {
			cells = append(cells, "", "", "", "", "", number(r.Ill), a.stamp())
		} else {
			cells = append(cells, number(r.Orphans), number(r.Unaccepted), number(r.RecvQueue), number(r.SendQueue), number(r.Memory), "", a.stamp())
		}
		out.Write(cells)
	}
	out.Flush()
	return out.Error()
}
