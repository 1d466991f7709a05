package pipeline_test

import (
	"math"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// kind says what packets can tell of a stretch of an end's life.
type kind uint8

const (
	seen   kind = iota
	hidden      // no packet shows the state: it is right to hold it possible
	gone        // the end has vanished without a packet: not scored
)

// stretch is a part of an end's life in one true state.
type stretch struct {
	from, to float64
	state    tracker.State
	kind     kind
}

// scoredEnd is one end of a connection, at the host where the packets were captured.
type scoredEnd struct {
	states  []kernelState
	side    tracker.Side
	cport   uint16
	packets []packet
}

func (e *scoredEnd) own(p packet) bool { return (p.sport == e.cport) == (e.side == tracker.Client) }

// find returns the times of the packets of the connection in [from, to) for which ok.
func (e *scoredEnd) find(from, to float64, ok func(packet) bool) (times []float64) {
	for _, p := range e.packets {
		if (p.sport == e.cport || p.dport == e.cport) && p.at >= from && p.at < to && ok(p) {
			times = append(times, p.at)
		}
	}
	return times
}

// stretches cuts the true states into stretches, by what packets show.
func (e *scoredEnd) stretches() (list []stretch) {
	vanished, secret := false, false
	for i, k := range e.states {
		t, s := k.at, k.state
		end := math.Inf(1)
		if i+1 < len(e.states) {
			end = e.states[i+1].at
		}
		before := tracker.Unknown
		if i > 0 {
			before = e.states[i-1].state
		}
		if s == tracker.SynSent || s == tracker.SynRecv && (i == 0 || before == tracker.Closed || before == tracker.TimeWait) {
			vanished, secret = false, false
		}
		if s == tracker.Closed && i > 0 && !e.endShown(t, before) {
			vanished = true
		}
		kind := seen
		switch {
		case vanished:
			kind = gone
		case secret:
			kind = hidden
		}
		if s == tracker.SynRecv && e.side == tracker.Server {
			if parts := e.untakenACK(t, end, kind); parts != nil {
				list = append(list, parts...)
				continue
			}
		}
		if s == tracker.FinWait1 || s == tracker.LastAck || s == tracker.Closing {
			fins := e.find(t-.02, math.Inf(1), func(p packet) bool { return e.own(p) && p.flags.Has(tcp.FIN) })
			if len(fins) == 0 || fins[0] >= end {
				secret = secret || s == tracker.FinWait1
				list = append(list, stretch{t, end, s, hidden})
				continue
			}
			if fins[0] > t+.05 {
				// It closed before the FIN could leave. Once the peer's FIN came in between, CLOSING and LAST_ACK look alike,
				// and so do TIME_WAIT and CLOSED.
				secret = secret || s == tracker.Closing
				list = append(list, stretch{t, fins[0], s, hidden})
				t = fins[0]
				if secret {
					kind = hidden
				}
			}
		}
		list = append(list, stretch{t, end, s, kind})
	}
	return list
}

// endShown says whether a packet shows that the end became CLOSED at t.
func (e *scoredEnd) endShown(t float64, before tracker.State) bool {
	return len(e.find(t-.08, t+.08, func(p packet) bool {
		return p.flags.Has(tcp.RST) || before == tracker.LastAck && p.flags.Has(tcp.ACK) && !e.own(p)
	})) > 0
}

// untakenACK cuts a server's SYN_RECV at an ACK of the handshake that the listener does not take (full accept queue,
// deferred accept): nothing shows that before the SYN-ACK is repeated.
func (e *scoredEnd) untakenACK(t, end float64, k kind) []stretch {
	const bits = tcp.SYN | tcp.ACK
	acks := e.find(math.Nextafter(t, end), end-.03, func(p packet) bool { return !e.own(p) && p.flags&bits == tcp.ACK })
	if len(acks) == 0 {
		return nil
	}
	parts := []stretch{{t, acks[0], tracker.SynRecv, k}}
	again := e.find(math.Nextafter(acks[0], end), end, func(p packet) bool { return e.own(p) && p.flags.Has(bits) })
	if len(again) == 0 {
		return append(parts, stretch{acks[0], end, tracker.SynRecv, hidden})
	}
	return append(parts, stretch{acks[0], again[0], tracker.SynRecv, hidden}, stretch{again[0], end, tracker.SynRecv, k})
}

// score sums up seconds, and lists the stretches that are wrong.
type score struct {
	right, hidden, covered float64
	wrong                  []mistake
}

type mistake struct {
	at, seconds    float64
	truth, claimed tracker.State
}

// grace is the time around a true change that is not scored: tracepoint and capture take their time apart.
const grace = .06

// compare holds claims against the truth, stretch by stretch.
func compare(list []stretch, claims []claim, last float64) (s score) {
	var brief []mistake
	for _, st := range list {
		from, to := st.from+grace, min(st.to, last)-.02
		if st.kind == gone || to <= from {
			continue
		}
		for _, c := range cut(claims, from, to) {
			switch {
			case st.kind == hidden:
				s.hidden += c.seconds
				if c.state == st.state || c.possible.Has(st.state) && c.possible.Len() <= 4 {
					s.covered += c.seconds
				}
			case c.state == st.state, st.state == tracker.Closed && !c.claimed:
				s.right += c.seconds
			case c.seconds > .03:
				s.wrong = append(s.wrong, mistake{round(c.at), round(c.seconds), st.state, c.state})
			default:
				brief = append(brief, mistake{round(c.at), round(c.seconds), st.state, c.state})
			}
		}
	}
	if len(brief) > 5 {
		s.wrong = append(s.wrong, brief...)
	}
	return s
}

// piece is a claim that holds for a time.
type piece struct {
	claim
	seconds float64
	claimed bool // anything was said at all
}

// cut returns the claims that hold in [from, to), one after the other.
func cut(claims []claim, from, to float64) (pieces []piece) {
	now := piece{claim: claim{at: from}}
	for _, c := range claims {
		switch {
		case c.at <= from:
			now = piece{claim: c, claimed: true}
			now.at = from
		case c.at < to:
			now.seconds = c.at - now.at
			pieces = append(pieces, now)
			now = piece{claim: c, claimed: true}
		}
	}
	now.seconds = to - now.at
	return append(pieces, now)
}
