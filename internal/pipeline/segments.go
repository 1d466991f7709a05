package pipeline

import (
	"io"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Segments is a source of segments that are there already, those of a text trace.
func Segments(segs []tcp.Segment) capture.Source { return &memory{segs: segs} }

type memory struct {
	segs  []tcp.Segment // those not yet read
	stats capture.Stats
}

func (m *memory) Read(segs []tcp.Segment) (int, error) {
	if len(m.segs) == 0 {
		return 0, io.EOF
	}
	if m.stats.Packets == 0 {
		m.stats.First = m.segs[0].Time
	}
	n := copy(segs, m.segs)
	m.segs = m.segs[n:]
	m.stats.Packets += uint64(n)
	m.stats.Segments += uint64(n)
	m.stats.Last = segs[n-1].Time
	return n, nil
}

func (m *memory) Stats() capture.Stats { return m.stats }
func (m *memory) Close() error         { return nil }
