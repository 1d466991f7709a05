package jsonl

import (
	"math/rand/v2"
	"strings"

	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

type jsonFinding struct {
	Event     string       `json:"event"`
	Time      string       `json:"time"`
	Conn      *uint64      `json:"conn,omitempty"`
	Packet    uint64       `json:"packet"`
	Client    jsonEndpoint `json:"client"`
	Server    jsonEndpoint `json:"server"`
	ID        string       `json:"id"`
	Status    string       `json:"status"`
	Code      string       `json:"code"`
	Severity  string       `json:"severity"`
	Culprit   string       `json:"culprit"`
	Side      string       `json:"side,omitempty"`
	Since     string       `json:"since"`
	Earlier   bool         `json:"since_or_earlier,omitempty"`
	Until     *string      `json:"until"`
	Duration  float64      `json:"duration_s"`
	Hidden    string       `json:"hidden_close,omitempty"`
	HiddenAt  string       `json:"hidden_close_since,omitempty"`
	Kernel    *jsonKernel  `json:"kernel,omitempty"`
	Evidence  []uint64     `json:"evidence"`
	Summary   string       `json:"summary"`
	Cause     string       `json:"cause"`
	Remedy    string       `json:"remedy"`
	Wireshark string       `json:"wireshark"`
}

func mirrorFinding(f *anomaly.Finding) any {
	j := jsonFinding{"finding", stamp(f.Time), nil, f.Packet, endpoint(f.Client), endpoint(f.Server), f.ID, f.Status.String(), f.Rule.Code, f.Severity.String(),
		f.Culprit.String(), "", stamp(f.Since), f.Earlier, nil, float64(f.Time-f.Since) / 1e9, f.Hidden.String(), stamp(f.HiddenAt),
		nil, append([]uint64{}, f.Evidence...), f.Summary, f.Rule.Cause, f.Rule.Remedy, f.Wireshark()}
	if !f.Population {
		j.Conn = &f.Conn
	}
	if f.Kernel != nil {
		j.Kernel = mirrorKernel(f.Kernel, f.KernelSide)
	}
	if f.Sided {
		j.Side = f.Side.String()
	}
	if f.Until != 0 {
		until := stamp(f.Until)
		j.Until, j.Duration = &until, float64(f.Until-f.Since)/1e9
	}
	return j
}

func randomFinding(r *rand.Rand) *anomaly.Finding {
	since := 1 + randomTime(r)>>12
	f := &anomaly.Finding{Rule: &anomaly.ZeroWindow, ID: "3-zero-window-stall-1", Status: anomaly.Status(r.IntN(3)), Severity: anomaly.Severity(r.IntN(4)),
		Culprit: anomaly.Culprit(r.IntN(8)), Side: tracker.Side(r.IntN(2)), Population: r.IntN(2) == 0, Sided: r.IntN(2) == 0, Packet: r.Uint64(),
		Since: since, Time: since + r.Int64N(1e12), Earlier: r.IntN(2) == 0, Hidden: tracker.Hidden(r.IntN(5)), Summary: "shut for 2.4 s \"so\"" + strings.Repeat("x \"\\\n\t\r\b\f\x01\x7f\xffß\u2028\u2029€", r.IntN(2))}
	f.Conn, f.Stream, f.Client, f.Server = r.Uint64N(9), r.Uint32(), randomEndpoint(r), randomEndpoint(r)
	if r.IntN(2) == 0 {
		f.Until, f.HiddenAt = since+r.Int64N(1e12), randomTime(r)
	}
	if r.IntN(2) == 0 {
		w := randomWord(r)
		f.Kernel, f.KernelSide = &w, tracker.Side(r.IntN(2))
	}
	for range r.IntN(3) {
		f.Add(r.Uint64())
	}
	return f
}
