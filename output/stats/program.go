package stats

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/netip"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// line is a count as JSON Lines have it, one object a line. Queues and memory are octets; of LISTEN the queues are the
// connections that wait for accept(), and how many may.
type line struct {
	Event       string            `json:"event"` // count, or total of the last line
	Source      string            `json:"source"`
	Port        *uint16           `json:"port,omitempty"` // the server's
	Side        string            `json:"side,omitempty"` // whose states these are
	State       string            `json:"state,omitempty"`
	Connections uint64            `json:"connections"`
	Peers       uint64            `json:"peers"`
	Busiest     *busiest          `json:"busiest,omitempty"`
	Orphans     uint64            `json:"orphans"`
	Unaccepted  uint64            `json:"unaccepted"`
	RecvQueue   uint64            `json:"receive_queue"`
	SendQueue   uint64            `json:"send_queue"`
	Memory      uint64            `json:"memory"`
	Unnamed     uint64            `json:"unnamed,omitempty"`
	States      map[string]uint64 `json:"states,omitempty"`
}

type busiest struct {
	IP          netip.Addr `json:"ip"`
	Connections uint64     `json:"connections"`
}

type peerLine struct {
	Event       string            `json:"event"`
	Source      string            `json:"source"`
	IP          netip.Addr        `json:"ip"`
	Connections uint64            `json:"connections"`
	States      map[string]uint64 `json:"states"`
}

// JSON writes the counts as JSON Lines: a count for each port, side and state, a peer for each of the busiest, and the
// total. source says who was asked.
func JSON(w io.Writer, t *Tally, most int, source string) error {
	enc := json.NewEncoder(w)
	states := map[string]uint64{}
	for _, r := range t.Rows() {
		if r.State == tracker.Unknown {
			continue // a program adds up by itself
		}
		l := lineOf(&r, "count", source)
		l.Port, l.Side, l.State = &r.Port, r.Side.String(), r.State.String()
		states[l.State] += r.Connections
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	for _, p := range t.Busiest(most) {
		l := peerLine{"peer", source, p.Addr, p.Connections, map[string]uint64{}}
		for s, n := range p.States {
			if n > 0 {
				l.States[tcp.State(s).String()] = n
			}
		}
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	sum := t.Total()
	l := lineOf(&sum, "total", source)
	l.Unnamed, l.States = t.Unnamed, states
	return enc.Encode(l)
}

func lineOf(r *Row, event, source string) *line {
	l := &line{Event: event, Source: source, Connections: r.Connections, Peers: r.Peers, Orphans: r.Orphans, Unaccepted: r.Unaccepted,
		RecvQueue: r.RecvQueue, SendQueue: r.SendQueue, Memory: r.Memory}
	if r.Most > 0 {
		l.Busiest = &busiest{r.Busiest, r.Most}
	}
	return l
}

// CSV writes a header and a row for each port, side and state, with the names of JSON's keys.
func CSV(w io.Writer, t *Tally, source string) error {
	out := csv.NewWriter(w)
	out.Write([]string{"source", "port", "side", "state", "connections", "peers", "busiest_ip", "busiest_connections", "orphans", "unaccepted",
		"receive_queue", "send_queue", "memory"})
	for _, r := range t.Rows() {
		if r.State == tracker.Unknown {
			continue
		}
		ip := ""
		if r.Most > 0 {
			ip = r.Busiest.String()
		}
		out.Write([]string{source, number(uint64(r.Port)), r.Side.String(), r.State.String(), number(r.Connections), number(r.Peers), ip, number(r.Most),
			number(r.Orphans), number(r.Unaccepted), number(r.RecvQueue), number(r.SendQueue), number(r.Memory)})
	}
	out.Flush()
	return out.Error()
}
