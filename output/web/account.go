package web

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// codeCount counts the findings of one code that stand; Severity is that of the gravest.
type codeCount struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Findings int    `json:"findings"`
	worst    anomaly.Severity
}

// account is what /api/v1/status says.
type account struct {
	Event       string      `json:"event"`
	Version     string      `json:"version"`
	Run         string      `json:"run"`
	Source      string      `json:"source"`
	Live        bool        `json:"live"`
	Ended       bool        `json:"ended"`
	First       string      `json:"first,omitempty"`
	Now         string      `json:"now,omitempty"`
	Packets     uint64      `json:"packets"`
	Segments    uint64      `json:"tcp_segments"`
	Dropped     uint64      `json:"dropped"`
	Connections uint64      `json:"connections"`
	Living      int         `json:"living"`
	HalfOpen    int         `json:"half_open"`
	Rows        int         `json:"rows"`
	Evicted     uint64      `json:"evicted"`
	Codes       []codeCount `json:"codes"` // of what stands
	Damage      []string    `json:"damage,omitempty"`
	Lost        Lost        `json:"lost"`
	LastEvent   uint64      `json:"last_event"`
	Guarded     bool        `json:"guarded"`
}

// status tells how the run goes.
func (s *server) status(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, s.account()) }

// account takes stock.
func (s *server) account() *account {
	st := s.Store
	st.mu.RLock()
	defer st.mu.RUnlock()
	x := &st.status
	a := &account{
		Event: "status", Version: s.Version, Run: s.run, Source: s.Source, Live: s.Live, Ended: x.Summary != nil, First: stamp(x.First), Now: stamp(x.Now),
		Packets: x.Packets, Segments: x.Segments, Dropped: x.Dropped, Connections: x.Tracker.Connections, Living: x.Tracker.Live, HalfOpen: x.Tracker.HalfOpen,
		Rows: len(st.byConn), Evicted: x.Tracker.Evicted, Lost: st.lost, LastEvent: st.ring.latest(), Guarded: s.gate.wants,
	}
	counts := map[*anomaly.Rule]codeCount{}
	for _, f := range st.findings {
		if f.Status != anomaly.Withdrawn {
			x := counts[f.Rule]
			x.Findings++
			x.worst = max(x.worst, f.Severity)
			counts[f.Rule] = x
		}
	}
	a.Codes = []codeCount{}
	for rule, x := range counts {
		x.Code, x.Severity = rule.Code, x.worst.String()
		a.Codes = append(a.Codes, x)
	}
	slices.SortFunc(a.Codes, func(x, y codeCount) int {
		return cmp.Or(cmp.Compare(y.worst, x.worst), cmp.Compare(y.Findings, x.Findings), cmp.Compare(x.Code, y.Code))
	})
	if x.Summary != nil {
		a.Damage = x.Summary.Damage
	}
	return a
}

// stamp spells a time as JSON Lines do, "" for none.
func stamp(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}
