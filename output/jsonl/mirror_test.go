package jsonl

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"time"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// The types below are the lines as encoding/json would write them.

type jsonEndpoint struct {
	IP   string `json:"ip"`
	Port uint16 `json:"port"`
}

type jsonTransition struct {
	Event    string       `json:"event"`
	Time     string       `json:"time"`
	Conn     uint64       `json:"conn"`
	Packet   uint64       `json:"packet"`
	Client   jsonEndpoint `json:"client"`
	Server   jsonEndpoint `json:"server"`
	Side     string       `json:"side"`
	Stream   uint32       `json:"stream"`
	From     string       `json:"from"`
	To       string       `json:"to"`
	Basis    string       `json:"basis"`
	Possible []string     `json:"possible"`
	Deadline string       `json:"deadline,omitempty"`
	Why      string       `json:"why"`
}

type jsonRTT struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

type jsonEnd struct {
	jsonEndpoint
	State           string     `json:"state"`
	Basis           string     `json:"basis"`
	Possible        []string   `json:"possible"`
	Deadline        string     `json:"deadline,omitempty"`
	Packets         uint64     `json:"packets"`
	Bytes           uint64     `json:"bytes"`
	PayloadBytes    uint64     `json:"payload_bytes"`
	StreamBytes     uint64     `json:"stream_bytes"`
	MissedBytes     uint64     `json:"missed_bytes"`
	UnackedBytes    *uint64    `json:"unacked_bytes,omitempty"`
	Retransmissions uint64     `json:"retransmissions"`
	ZeroWindows     uint64     `json:"zero_windows"`
	ZeroWindowS     float64    `json:"zero_window_s"`
	ZeroWindowSince string     `json:"zero_window_since,omitempty"`
	Probes          uint64     `json:"probes"`
	Keepalives      uint64     `json:"keepalives"`
	BadChecksums    uint64     `json:"bad_checksums"`
	RTT             *jsonRTT   `json:"rtt_ms,omitempty"`
	Analysis        *jsonMarks `json:"analysis,omitempty"`
	Blame           *jsonBlame `json:"blame_ms,omitempty"`
}

// jsonMarks has its fields in the order of tracker.AnalysisFlag.
type jsonMarks struct {
	Retransmission         uint32 `json:"retransmission,omitempty"`
	FastRetransmission     uint32 `json:"fast_retransmission,omitempty"`
	SpuriousRetransmission uint32 `json:"spurious_retransmission,omitempty"`
	OutOfOrder             uint32 `json:"out_of_order,omitempty"`
	DuplicateAck           uint32 `json:"duplicate_ack,omitempty"`
	LostSegment            uint32 `json:"lost_segment,omitempty"`
	AckLostSegment         uint32 `json:"ack_lost_segment,omitempty"`
	WindowUpdate           uint32 `json:"window_update,omitempty"`
	WindowFull             uint32 `json:"window_full,omitempty"`
	ZeroWindow             uint32 `json:"zero_window,omitempty"`
	ZeroWindowProbe        uint32 `json:"zero_window_probe,omitempty"`
	ZeroWindowProbeAck     uint32 `json:"zero_window_probe_ack,omitempty"`
	KeepAlive              uint32 `json:"keep_alive,omitempty"`
	KeepAliveAck           uint32 `json:"keep_alive_ack,omitempty"`
	ReusedPorts            uint32 `json:"reused_ports,omitempty"`
	TfoSyn                 uint32 `json:"tfo_syn,omitempty"`
	TfoAck                 uint32 `json:"tfo_ack,omitempty"`
	TfoIgnored             uint32 `json:"tfo_ignored,omitempty"`
}

type jsonBlame struct {
	Flowing      float64 `json:"flowing,omitempty"`
	Handshake    float64 `json:"handshake,omitempty"`
	WindowShut   float64 `json:"window_shut,omitempty"`
	PeerSilent   float64 `json:"peer_silent,omitempty"`
	LossRecovery float64 `json:"loss_recovery,omitempty"`
	Closing      float64 `json:"closing,omitempty"`
	CaptureGap   float64 `json:"capture_gap,omitempty"`
}

type jsonZeek struct {
	Start       string  `json:"start"`
	Duration    float64 `json:"duration_s"`
	Orig        string  `json:"orig"`
	ConnState   string  `json:"conn_state"`
	History     string  `json:"history"`
	OrigPackets uint64  `json:"orig_packets"`
	RespPackets uint64  `json:"resp_packets"`
	OrigBytes   uint64  `json:"orig_bytes"`
	RespBytes   uint64  `json:"resp_bytes"`
	MissedBytes uint64  `json:"missed_bytes"`
}

type jsonConnection struct {
	Event     string     `json:"event"`
	Conn      uint64     `json:"conn"`
	Streams   []uint32   `json:"streams"`
	Continued bool       `json:"continued"`
	Evicted   bool       `json:"evicted"`
	Guessed   bool       `json:"guessed"`
	Community string     `json:"community_id"`
	Start     string     `json:"start"`
	End       string     `json:"end"`
	VLAN      []uint16   `json:"vlan,omitempty"`
	Life      *float64   `json:"life_ms,omitempty"`
	Client    jsonEnd    `json:"client"`
	Server    jsonEnd    `json:"server"`
	ClosedBy  string     `json:"closed_by,omitempty"`
	How       string     `json:"how"`
	ConnState string     `json:"conn_state,omitempty"`
	History   *string    `json:"history,omitempty"`
	Zeek      []jsonZeek `json:"zeek,omitempty"`
	Half      *float64   `json:"half_closed_ms,omitempty"`
	Findings  []string   `json:"findings"`
	Wireshark string     `json:"wireshark,omitempty"`
}

type jsonSelected struct {
	Where       string `json:"where"`
	Connections uint64 `json:"connections"`
}

type jsonSummary struct {
	Event       string            `json:"event"`
	Schema      int               `json:"schema"`
	Packets     uint64            `json:"packets"`
	Segments    uint64            `json:"tcp_segments"`
	Transitions uint64            `json:"transitions"`
	States      map[string]uint64 `json:"states"`
	Skipped     map[string]uint64 `json:"skipped"`
	Connections uint64            `json:"connections"`
	Selected    *jsonSelected     `json:"selected,omitempty"`
	Capture     struct {
		Received uint64 `json:"received"`
		Dropped  uint64 `json:"dropped"`
	} `json:"capture"`
	Evicted          uint64 `json:"evicted"`
	Duplicates       uint64 `json:"duplicates"`
	BadChecksums     uint64 `json:"bad_checksums"`
	Offloaded        uint64 `json:"offloaded_checksums"`
	TimeBackwards    uint64 `json:"time_backwards"`
	StreamsForgotten uint64 `json:"streams_forgotten"`

	Findings     map[string]int `json:"findings"`
	FindingsLost uint64         `json:"findings_lost"`
	Kernel       *jsonAsked     `json:"kernel,omitempty"`
}

func stamp(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func endpoint(e tcp.Endpoint) jsonEndpoint { return jsonEndpoint{e.IP().String(), e.Port} }

func names(set tracker.StateSet) []string {
	list := []string{}
	for s := range set.All() {
		list = append(list, s.String())
	}
	return list
}

func mirrorTransition(t *tracker.Transition) any {
	return jsonTransition{"transition", stamp(t.Time), t.Conn, t.Packet, endpoint(t.Client), endpoint(t.Server), t.Side.String(), t.Stream,
		t.From.String(), t.To.String(), t.Basis.String(), names(t.Possible), stamp(t.Deadline), t.Why}
}

func mirrorEnd(e *tracker.End, blamed bool) jsonEnd {
	j := jsonEnd{endpoint(e.Endpoint), e.State.String(), e.Basis.String(), names(e.Possible), stamp(e.Deadline), e.Packets, e.Bytes, e.PayloadBytes,
		e.StreamBytes, e.MissedBytes, nil, e.Retransmissions, e.ZeroWindows, float64(e.ShutTotal) / 1e9, stamp(e.ShutSince), e.Probes, e.Keepalives, e.BadChecksums, nil, nil, nil}
	if e.Acked {
		j.UnackedBytes = &e.UnackedBytes
	}
	if blamed {
		var ms [tracker.NumBlames]float64
		for i, ns := range e.Blame {
			ms[i] = float64(ns) / 1e6
		}
		j.Blame = &jsonBlame{ms[0], ms[1], ms[2], ms[3], ms[4], ms[5], ms[6]}
	}
	if e.Analysis != (tracker.Analysis{}) {
		j.Analysis = &jsonMarks{}
		for f, n := range e.Analysis {
			reflect.ValueOf(j.Analysis).Elem().Field(f).SetUint(uint64(n))
		}
	}
	if e.RTT.N > 0 {
		j.RTT = &jsonRTT{float64(e.RTT.Min) / 1e6, float64(e.RTT.Mean) / 1e6, float64(e.RTT.Max) / 1e6}
	}
	return j
}

func mirrorConnection(c *tracker.Connection) any {
	j := jsonConnection{"connection", c.Conn, append([]uint32{}, c.Streams...), c.Continued, c.Evicted, c.Guessed,
		string(tcp.AppendCommunityID(nil, c.Client.Endpoint, c.Server.Endpoint)), stamp(c.Start), stamp(c.Last), nil, nil,
		mirrorEnd(&c.Client, c.Blamed), mirrorEnd(&c.Server, c.Blamed), "", c.How.String(), "", nil, nil, nil, append([]string{}, c.Findings...), ""}
	if c.VLAN[0] != 0 {
		j.VLAN = c.VLAN[:1]
		if c.VLAN[1] != 0 {
			j.VLAN = c.VLAN[:]
		}
	}
	if c.Blamed {
		ms := float64(c.Life) / 1e6
		j.Life = &ms
	}
	if len(c.Zeek) > 0 {
		letters := c.Zeek[0].History.String()
		j.ConnState, j.History = c.Zeek[0].State, &letters
		for i := range c.Zeek {
			z := &c.Zeek[i]
			if len(c.Zeek) > 1 {
				j.Zeek = append(j.Zeek, jsonZeek{stamp(z.Start), float64(z.Duration) / 1e9, z.Orig.String(), z.State, z.History.String(),
					z.OrigEnd.Packets, z.RespEnd.Packets, z.OrigEnd.Bytes, z.RespEnd.Bytes, z.Missed})
			}
		}
	}
	if c.Half {
		ms := float64(c.HalfClosed) / 1e6
		j.Half = &ms
	}
	if c.Closed {
		j.ClosedBy = c.ClosedBy.String()
	}
	for i, s := range c.Streams {
		if i > 0 {
			j.Wireshark += " or "
		}
		b, _ := json.Marshal(s)
		j.Wireshark += "tcp.stream eq " + string(b)
	}
	return j
}

func mirrorSummary(s *output.Summary) any {
	j := jsonSummary{Event: "summary", Schema: Schema, Packets: s.Packets, Segments: s.Segments, Transitions: s.Tracker.Transitions,
		States: map[string]uint64{}, Skipped: map[string]uint64{}, Connections: s.Tracker.Connections, Evicted: s.Tracker.Evicted,
		Duplicates: s.Tracker.Duplicates, BadChecksums: s.Tracker.BadChecksums, Offloaded: s.Tracker.Offloaded, TimeBackwards: s.Tracker.TimeBackwards, StreamsForgotten: s.Tracker.StreamsForgotten,
		Findings: s.Findings, FindingsLost: s.FindingsLost}
	for _, p := range s.States() {
		j.States[p.Client.String()+"/"+p.Server.String()] = p.Connections
	}
	for reason, n := range s.Skipped {
		j.Skipped[reason] = n
	}
	if s.Selected != nil {
		j.Selected = &jsonSelected{s.Selected.Where, s.Selected.Connections}
	}
	j.Capture.Received, j.Capture.Dropped = s.Received, s.Dropped
	if k := s.Kernel; k != nil {
		asked := jsonAsked(*k)
		j.Kernel = &asked
	}
	return j
}

// The functions below make events of any content.

func randomEndpoint(r *rand.Rand) tcp.Endpoint {
	if r.IntN(2) == 0 {
		return tcp.EndpointFrom(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), 1}), uint16(r.Uint32())))
	}
	return tcp.Endpoint{Addr: tcp.Addr{Hi: r.Uint64() >> r.IntN(64), Lo: r.Uint64() >> r.IntN(64)}, Port: uint16(r.Uint32()), V6: true}
}

func randomSet(r *rand.Rand) tracker.StateSet {
	return tracker.StateSet(r.IntN(1 << tcp.NumStates))
}

func randomTime(r *rand.Rand) int64 {
	return 1 + r.Int64N(1<<62)>>r.IntN(62)
}

func randomTransition(r *rand.Rand) *tracker.Transition {
	t := &tracker.Transition{Time: randomTime(r), Packet: r.Uint64(), Conn: r.Uint64N(99), Stream: r.Uint32(), Client: randomEndpoint(r), Server: randomEndpoint(r),
		Side: tracker.Side(r.IntN(2)), From: tracker.State(r.IntN(tcp.NumStates)), To: tracker.State(r.IntN(tcp.NumStates)), Basis: tracker.Basis(r.IntN(2)),
		Possible: randomSet(r), Why: "FIN sent: it's a test"}
	if r.IntN(2) == 0 {
		t.Deadline = randomTime(r)
	}
	return t
}

func randomEnd(r *rand.Rand) tracker.End {
	n := func() uint64 { return r.Uint64() >> r.IntN(64) }
	e := tracker.End{Endpoint: randomEndpoint(r), State: tracker.State(r.IntN(tcp.NumStates)), Basis: tracker.Basis(r.IntN(2)), Possible: randomSet(r),
		Packets: n(), Bytes: n(), PayloadBytes: n(), StreamBytes: n(), MissedBytes: n(), Retransmissions: n(), ZeroWindows: n(), Probes: n(), Keepalives: n(),
		BadChecksums: n(), ShutTotal: r.Int64N(1e15)}
	if r.IntN(2) == 0 {
		e.RTT = tracker.RTT{N: 1, Min: r.Int64N(1e12), Mean: r.Int64N(1e6), Max: r.Int64N(10)}
		e.ShutSince, e.Deadline = randomTime(r), randomTime(r)
	}
	e.Acked, e.UnackedBytes = r.IntN(2) == 0, n()
	for range r.IntN(3) {
		e.Analysis[r.IntN(len(e.Analysis))] = r.Uint32() >> r.IntN(32)
	}
	for range r.IntN(4) {
		e.Blame[r.IntN(len(e.Blame))] = r.Int64N(1e15) >> r.IntN(50)
	}
	return e
}

func randomConnection(r *rand.Rand) *tracker.Connection {
	n := func() uint64 { return r.Uint64() >> r.IntN(64) }
	c := &tracker.Connection{Conn: r.Uint64(), Start: randomTime(r), Last: randomTime(r), Continued: r.IntN(2) == 0, Evicted: r.IntN(2) == 0,
		Guessed: r.IntN(2) == 0, Client: randomEnd(r), Server: randomEnd(r), Closed: r.IntN(2) == 0, ClosedBy: tracker.Side(r.IntN(2)), How: tracker.How(r.IntN(7))}
	c.Blamed, c.Life, c.Half, c.HalfClosed = r.IntN(2) == 0, r.Int64N(1e15), r.IntN(2) == 0, r.Int64N(1e12)
	for range r.IntN(3) {
		c.Streams = append(c.Streams, r.Uint32())
	}
	for i := range r.IntN(3) {
		z := tracker.Zeek{State: []string{"SF", "RSTOS0"}[i], Start: randomTime(r), Duration: 1000 + r.Int64N(1e15)>>r.IntN(50), Orig: tracker.Side(r.IntN(2)), Missed: n()}
		z.OrigEnd.Packets, z.OrigEnd.Bytes, z.RespEnd.Packets, z.RespEnd.Bytes = n(), n(), n(), n()
		for range r.IntN(4) {
			z.History.Add("^ShADadx"[r.IntN(8)])
		}
		c.Zeek = append(c.Zeek, z)
	}
	for range r.IntN(3) {
		c.Findings = append(c.Findings, "fin-unacked")
	}
	switch r.IntN(3) {
	case 1:
		c.VLAN[0] = 7
	case 2:
		c.VLAN = [2]uint16{100, 4094}
	}
	return c
}

func randomSummary(r *rand.Rand) *output.Summary {
	s := &output.Summary{Packets: r.Uint64(), Segments: r.Uint64(), Skipped: map[string]uint64{"not-ip": 3, "truncated": r.Uint64()}, Received: r.Uint64(), Dropped: 7, FindingsLost: 8,
		Findings: map[string]int{"port-reuse": 2, "fin-unacked": 1},
		Tracker:  tracker.Stats{Transitions: r.Uint64(), Connections: 5, Evicted: 1, Duplicates: 2, BadChecksums: 3, Offloaded: 4, TimeBackwards: 5, StreamsForgotten: 6}}
	if r.IntN(2) == 0 {
		s.Selected = &output.Selected{Where: "client:10.0.0.0/8 \"", Connections: r.Uint64()}
		s.Kernel = &output.Kernel{Scans: 1, Words: r.Uint64(), Compared: 3, Settled: 4, Differences: 5, LeftOut: 6}
	}
	for range r.IntN(5) {
		s.Tracker.States[r.IntN(tcp.NumStates)][r.IntN(tcp.NumStates)]++
	}
	return s
}
