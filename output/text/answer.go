package text

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// answer says in sentences where the two ends of one connection stand and what holds them.
func answer(r *row) []string {
	c := &r.conn
	lines := []string{
		"server " + c.Server.Endpoint.String() + "  " + stands(&c.Server, &c.Client),
		"client " + c.Client.Endpoint.String() + "  " + stands(&c.Client, &c.Server),
	}
	for _, note := range r.notes {
		if note != "a close may hide behind it" { // said beside the state
			lines = append(lines, note)
		}
	}
	if n := c.Client.Probes + c.Server.Probes; n > 0 {
		prober := tracker.Server
		if c.Client.Probes > c.Server.Probes {
			prober = tracker.Client
		}
		lines = append(lines, fmt.Sprintf("the %s has probed the window %s", prober, times(n)))
	}
	if filter := filterOf(c.Streams); filter != "" {
		lines = append(lines, "Wireshark: "+filter)
	}
	return lines
}

// stands says in which state e is, which other states the evidence allows, and why.
func stands(e, peer *tracker.End) string {
	s := e.State.String()
	rest := e.Possible.Without(e.State)
	if rest.Len() == 0 {
		if e.Basis == tracker.Presumed && e.State != tracker.Unknown {
			s += ", presumed: what was sent to it has not been answered yet"
		}
		return s
	}
	if rest.Len() > 3 {
		return s + ", or another state: the capture began too late to tell"
	}
	var names []string
	for t := range rest.All() {
		names = append(names, t.String())
	}
	return s + ", or " + strings.Join(names, " or ") + ": " + doubt(e, peer, rest)
}

// doubt says why the states in rest are possible too.
func doubt(e, peer *tracker.End, rest tracker.StateSet) string {
	switch {
	case mayHideClose(e) && peer.ShutSince != 0:
		return "a close may hide behind the zero window"
	case mayHideClose(e):
		return "a close may wait behind unacknowledged data"
	case rest == tcp.Set(tracker.Closed):
		return "a timer that no packet shows may have ended it"
	case rest.Has(tracker.SynRecv):
		return "nothing proves that it took the handshake's last ACK"
	}
	return "the packets allow it"
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// filterOf is the Wireshark filter that shows the streams.
func filterOf(streams []uint32) string {
	var terms []string
	for _, s := range streams {
		terms = append(terms, fmt.Sprintf("tcp.stream eq %d", s))
	}
	return strings.Join(terms, " or ")
}
