package web

import (
	"net/http"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// cell is a pair of states.
type cell struct {
	Client      string `json:"client"`
	Server      string `json:"server"`
	Connections int    `json:"connections"`
	Living      int    `json:"living"`
	Found       int    `json:"found"` // of which something was found
}

// states answers with how many connections are in which pair of states.
func (s *server) states(w http.ResponseWriter, r *http.Request) {
	want, ok := selection(w, r)
	if !ok {
		return
	}
	done, ok := s.views.scan(r.Context())
	if !ok {
		return
	}
	defer done()
	var count [tcp.NumStates][tcp.NumStates]cell
	s.Store.each(want, func(r *Row, c *tracker.Connection) {
		x := &count[c.Client.State][c.Server.State]
		x.Connections++
		if r.Living {
			x.Living++
		}
		if len(r.Findings) > 0 {
			x.Found++
		}
	})
	cells := []cell{}
	for c := range count {
		for v := range count[c] {
			if x := count[c][v]; x.Connections > 0 {
				x.Client, x.Server = tcp.State(c).String(), tcp.State(v).String()
				cells = append(cells, x)
			}
		}
	}
	reply(w, http.StatusOK, map[string]any{"event": "states", "cells": cells})
}

// Bounds of a time line.
const (
	usualBuckets = 120
	maxBuckets   = 500
)

// life is when a connection began and ended, or was last heard.
type life struct {
	from, to int64
	found    bool
}

// timeline answers with how many connections there were, began and went wrong over the time that is known.
func (s *server) timeline(w http.ResponseWriter, r *http.Request) {
	want, ok := selection(w, r)
	if !ok {
		return
	}
	n, _, ok := limits(w, r)
	if !ok {
		return
	}
	if r.FormValue("limit") == "" {
		n = usualBuckets
	}
	n = max(1, min(n, maxBuckets))
	done, ok := s.views.scan(r.Context())
	if !ok {
		return
	}
	defer done()
	var lives []life
	s.Store.each(want, func(r *Row, c *tracker.Connection) { lives = append(lives, life{c.Start, c.Last, len(r.Findings) > 0}) })
	reply(w, http.StatusOK, timelineOf(lives, n))
}

// timelineOf counts lives in n spans of the time between the first beginning and the last end.
func timelineOf(lives []life, n int) map[string]any {
	answer := map[string]any{"event": "timeline", "times": []float64{}, "present": []int{}, "began": []int{}, "found": []int{}}
	if len(lives) == 0 {
		return answer
	}
	from, to := lives[0].from, lives[0].to
	for _, l := range lives {
		from, to = min(from, l.from), max(to, l.to)
	}
	span := max((to-from)/int64(n)+1, 1)
	present, began, found, times := make([]int, n+1), make([]int, n), make([]int, n), make([]float64, n)
	for _, l := range lives {
		first, last := (l.from-from)/span, (l.to-from)/span
		began[first]++
		present[first]++
		present[last+1]--
		if l.found {
			found[first]++
		}
	}
	for i := range times {
		times[i] = float64(from+int64(i)*span) / 1e9
		if i > 0 {
			present[i] += present[i-1]
		}
	}
	answer["times"], answer["present"], answer["began"], answer["found"], answer["span_s"] = times, present[:n], began, found, float64(span)/1e9
	return answer
}
