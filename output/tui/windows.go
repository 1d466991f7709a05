package tui

import (
	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

const (
	// windowCells is how many stretches of a connection's life its windows are told of.
	windowCells = 8
	// windowSlots bounds the connections whose windows are followed: 8 MiB. One that has not been heard of gives way.
	windowSlots = 1 << 16
	// windowIdle is how long a connection keeps its slot against another that wants it.
	windowIdle = int64(10e9)
	// windowFirst is how long the first stretches are; when all are used up, each becomes as long as two.
	windowFirst = int64(10e6)
)

// Levels of a window in a Row: shut, then parts of the largest that was seen. 0 is not known.
const (
	windowShut    = 1
	windowHighest = 9
)

// windows follows how the windows of connections went, in equal stretches of their lives: the least of each stretch, so
// that no shut window is missed.
type windows struct {
	slots []life
}

// life is the windows of one connection. The raw field is kept: its scale is the same all through.
type life struct {
	flow  tcp.FlowKey
	start int64
	last  int64
	span  int64
	least [2][windowCells]uint16 // by tcp.Dir
	known [2]uint16              // a bit for each stretch
	most  [2]uint16
	first [2]uint16 // the first of the first stretch, so that a window that shuts soon is seen to have been open
}

func newWindows() *windows {
	return &windows{slots: make([]life, windowSlots)}
}

// slot is by a hash without a seed, so that the same capture looks the same twice.
func (w *windows) slot(k *tcp.FlowKey) *life {
	h := uint64(k.PortA)<<16 | uint64(k.PortB)
	for _, part := range [...]uint64{k.A.Hi, k.A.Lo, k.B.Hi, k.B.Lo} {
		h = (h ^ part) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return &w.slots[h%windowSlots]
}

// see takes the window that a segment announces. That of a RST means nothing, that of a SYN has no scale.
func (w *windows) see(s *tcp.Segment) {
	if s.Flags.Any(tcp.RST | tcp.SYN) {
		if s.Flags.Has(tcp.SYN) && !s.Flags.Has(tcp.ACK) {
			if l := w.slot(&s.Flow); l.flow == s.Flow {
				*l = life{} // another life of the four-tuple, or its first SYN again
			}
		}
		return
	}
	l := w.slot(&s.Flow)
	if l.flow != s.Flow {
		if l.span != 0 && s.Time-l.last < windowIdle {
			return
		}
		*l = life{flow: s.Flow}
	}
	if l.span == 0 {
		*l = life{flow: s.Flow, start: s.Time, span: windowFirst}
	}
	l.last = max(l.last, s.Time)
	if l.known[s.Dir] == 0 {
		l.first[s.Dir] = s.Window
	}
	d, at := s.Dir, l.cell(l.last)
	if l.known[d]&(1<<at) == 0 || s.Window < l.least[d][at] {
		l.known[d] |= 1 << at
		l.least[d][at] = s.Window
	}
	l.most[d] = max(l.most[d], s.Window)
}

// cell is the stretch of a moment; where there is none left, all become longer.
func (l *life) cell(now int64) int {
	for (now-l.start)/l.span >= windowCells {
		l.span *= 2
		for d := range l.least {
			var known uint16
			for i := range windowCells / 2 {
				a, b := i*2, i*2+1
				has := l.known[d] >> a & 3
				least := min(l.least[d][a], l.least[d][b])
				switch has {
				case 1:
					least = l.least[d][a]
				case 2:
					least = l.least[d][b]
				}
				l.least[d][i] = least
				if has != 0 {
					known |= 1 << i
				}
			}
			l.known[d] = known
		}
	}
	return int((now - l.start) / l.span)
}

// of is how the window of a connection's side went until now, as levels; what is not told of stays as it was.
func (w *windows) of(c *tracker.Connection, side tracker.Side, now int64) (levels [windowCells]uint8) {
	own, peer := c.Client.Endpoint, c.Server.Endpoint
	if side == tracker.Server {
		own, peer = peer, own
	}
	key, dir := tcp.MakeFlow(own.Addr, peer.Addr, own.Port, peer.Port, own.V6)
	found := w.slot(&key)
	if found.flow != key || found.span == 0 {
		return levels
	}
	l := *found // to stretch
	end := l.cell(max(now, l.last))
	if l.known[dir]&1 != 0 {
		l.least[dir][0] = l.first[dir]
	}
	var level uint8
	for i := range end + 1 {
		if l.known[dir]&(1<<i) != 0 {
			if level = windowShut; l.least[dir][i] > 0 {
				level = uint8(windowShut + 1 + uint32(l.least[dir][i])*(windowHighest-windowShut-1)/uint32(max(l.most[dir], 1)))
			}
		}
		levels[i] = level
	}
	return levels
}
