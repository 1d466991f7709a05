package main

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/incident"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// topMemory keeps the last packets for the screen. All but what recall returns is called on the goroutine that tracks.
type topMemory struct {
	ring *incident.Ring
	cut  int   // octets kept of each packet; 0: all that was captured
	now  int64 // what is stamped later is not recalled; 0: all is

	latest uint64 // what was recalled last: its last packet's position, and flow
	flow   tcp.FlowKey
	asOf   int64
	recent func() []tcp.Segment
}

func newTopMemory(size, cut int) *topMemory {
	return &topMemory{ring: incident.NewRing(size), cut: cut}
}

// keep is a capture.Recorder.
func (m *topMemory) keep(r *capture.Record, seg *tcp.Segment) {
	if m.cut == 0 || len(r.Data) <= m.cut {
		m.ring.Keep(r, seg)
		return
	}
	short := *r
	short.Data = r.Data[:m.cut]
	m.ring.Keep(&short, seg)
}

// recall copies a flow's packets out of the ring; what it returns reads them.
func (m *topMemory) recall(flow tcp.FlowKey, from uint64, most int) func() []tcp.Segment {
	list := m.ring.Find(flow, from, most)
	if len(list) == 0 {
		return func() []tcp.Segment { return nil }
	}
	if last := list[len(list)-1]; m.recent != nil && last == m.latest && flow == m.flow && m.asOf == m.now {
		return m.recent
	} else {
		m.latest, m.flow, m.asOf = last, flow, m.now
	}
	var copied bytes.Buffer
	w := capture.NewWriter(&copied, capture.Pcapng, "", "")
	var numbers []uint64
	var p capture.Record
	for _, at := range list {
		if !m.ring.Packet(at, &p) || m.now != 0 && p.Time > m.now || w.Write(&p) != nil {
			continue
		}
		numbers = append(numbers, p.Number)
	}
	w.Finish(0)
	m.recent = sync.OnceValue(func() []tcp.Segment { return segmentsIn(&copied, numbers) })
	return m.recent
}

// segmentsIn reads packets whose numbers are known.
func segmentsIn(packets io.Reader, numbers []uint64) (segs []tcp.Segment) {
	src, err := capture.Open([]string{"-"}, capture.Options{Stdin: packets, Checksum: capture.ChecksumOff})
	if err != nil {
		return nil
	}
	defer src.Close()
	batch := make([]tcp.Segment, 64)
	for {
		n, err := src.Read(batch)
		for _, s := range batch[:n] {
			if s.Number >= 1 && s.Number <= uint64(len(numbers)) {
				s.Number = numbers[s.Number-1]
				segs = append(segs, s)
			}
		}
		if err != nil || n == 0 {
			if err != nil && !errors.Is(err, io.EOF) {
				return nil
			}
			return segs
		}
	}
}
