package jsonl

import (
	"math/rand/v2"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

type jsonKernel struct {
	Side    string   `json:"side"`
	State   string   `json:"state"`
	Recv    uint32   `json:"receive_queue"`
	Send    uint32   `json:"send_queue"`
	Unsent  uint32   `json:"unsent"`
	Memory  uint64   `json:"memory"`
	Timer   string   `json:"timer,omitempty"`
	Expires *float64 `json:"timer_s,omitempty"`
	Retries *uint8   `json:"retries,omitempty"`
	UID     uint32   `json:"uid"`
	Owner   string   `json:"owner"`
	PID     int      `json:"pid,omitempty"`
	Command *string  `json:"command,omitempty"`
}

type jsonSocket struct {
	Event  string       `json:"event"`
	Time   string       `json:"time"`
	Conn   uint64       `json:"conn"`
	Packet uint64       `json:"packet"`
	Client jsonEndpoint `json:"client"`
	Server jsonEndpoint `json:"server"`
	Wire   struct {
		State    string   `json:"state"`
		Possible []string `json:"possible"`
	} `json:"wire"`
	Kernel  *jsonKernel `json:"kernel"`
	Differs bool        `json:"differs"`
}

type jsonAsked struct {
	Scans       uint64 `json:"scans"`
	Words       uint64 `json:"words"`
	Compared    uint64 `json:"compared"`
	Settled     uint64 `json:"settled"`
	Differences uint64 `json:"differences"`
	LeftOut     uint64 `json:"left_out"`
}

func mirrorKernel(w *tracker.Word, side tracker.Side) *jsonKernel {
	j := &jsonKernel{Side: side.String(), State: w.State.String(), Recv: w.RecvQueue, Send: w.SendQueue, Unsent: w.Unsent, Memory: w.Memory, UID: w.UID,
		Owner: w.Owner(), PID: w.PID}
	if w.Timer != "" {
		expires := float64(w.Expires) / 1e9
		j.Timer, j.Expires, j.Retries = w.Timer, &expires, &w.Retries
	}
	if w.PID != 0 {
		j.Command = &w.Command
	}
	return j
}

func mirrorSocket(s *output.Socket) any {
	j := jsonSocket{Event: "socket", Time: stamp(s.Time), Conn: s.Conn, Packet: s.Packet, Client: endpoint(s.Client), Server: endpoint(s.Server),
		Kernel: mirrorKernel(&s.Word, s.Side), Differs: s.Differs}
	j.Wire.State, j.Wire.Possible = s.Wire.String(), names(s.Possible)
	return j
}

func randomWord(r *rand.Rand) tracker.Word {
	w := tracker.Word{State: tracker.State(r.IntN(tcp.NumStates)), Time: randomTime(r), RecvQueue: r.Uint32(), SendQueue: r.Uint32(), Unsent: r.Uint32(),
		Memory: r.Uint64N(1 << 40), UID: r.Uint32(), Orphan: r.IntN(4) == 0, Unaccepted: r.IntN(4) == 0, Denied: r.IntN(2) == 0}
	if r.IntN(2) == 0 {
		w.Timer, w.Expires, w.Retries = "persist", r.Int64N(1e12), uint8(r.Uint32())
	}
	if r.IntN(2) == 0 {
		w.PID, w.Command = 1+r.IntN(1e6), "a \"\x1b[31m\" name"
	}
	return w
}

func randomSocket(r *rand.Rand) *output.Socket {
	return &output.Socket{Word: randomWord(r), Conn: r.Uint64(), Packet: r.Uint64(), Client: randomEndpoint(r), Server: randomEndpoint(r),
		Side: tracker.Side(r.IntN(2)), Wire: tracker.State(r.IntN(tcp.NumStates)), Possible: randomSet(r), Differs: r.IntN(2) == 0}
}
