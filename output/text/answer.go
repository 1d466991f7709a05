package text

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// sentence is a statement and, where it needs one, the reason; on a narrow terminal the reason goes on a line of its own.
type sentence struct{ statement, reason string }

// answer says in sentences where the two ends of one connection stand and what holds them.
func answer(r *row) []sentence {
	c := &r.conn
	list := []sentence{
		stands("server", &c.Server, &c.Client),
		stands("client", &c.Client, &c.Server),
	}
	for i := range r.found {
		list = append(list, sentence{statement: r.found[i].note()})
	}
	for _, note := range r.notes {
		if note != hiddenClose { // said beside the state
			list = append(list, sentence{statement: note})
		}
	}
	for _, prober := range []struct {
		name   string
		probes uint64
	}{{"client", c.Client.Probes}, {"server", c.Server.Probes}} {
		if prober.probes > 0 {
			list = append(list, sentence{statement: fmt.Sprintf("the %s has probed the window %s", prober.name, times(prober.probes))})
		}
	}
	if filter := filterOf(c.Streams); filter != "" {
		list = append(list, sentence{statement: "Wireshark: " + filter})
	}
	return list
}

// stands says in which state an end is, which other states the evidence allows, and why.
func stands(name string, e, peer *tracker.End) sentence {
	s := name + " " + e.Endpoint.String() + "  " + e.State.String()
	rest := e.Possible.Without(e.State)
	switch {
	case rest == 0 && e.Basis == tracker.Presumed && e.State != tracker.Unknown:
		return sentence{s + ", presumed:", "nothing that it sent proves it"}
	case rest == 0:
		return sentence{statement: s}
	case rest.Len() > 3:
		return sentence{s + ", or another state:", "the capture began too late to tell"}
	}
	why := doubt(e, peer, rest)
	if mayHideClose(e) && rest.Has(tracker.Closed) {
		rest = rest.Without(tracker.Closed)
		why += "; if so, it may be CLOSED by now"
	}
	var names []string
	for t := range rest.All() {
		names = append(names, t.String())
	}
	return sentence{s + ", or " + strings.Join(names, " or ") + ":", why}
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
