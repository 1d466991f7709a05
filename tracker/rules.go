package tracker

import (
	"math/bits"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// event is something that one endpoint is seen to do (snd) or is given to receive (rcv).
type event uint8

const (
	sndSYN event = iota
	sndSYNACK
	sndData // octets never sent before
	sndFIN
	sndRST
	rcvSYN
	rcvSYNACK
	rcvACKofSYN
	rcvFIN
	rcvACKofFIN
	rcvRST

	numEvents = iota
)

// rule is one arc of the state machine.
type rule struct {
	from State
	on   event
	to   State
	why  string
}

// rules is RFC 9293 figure 5 as seen from the wire: what one endpoint is seen to send (snd) or is given to receive
// (rcv). Calls of the application (OPEN, CLOSE) show only in the segments that they cause. Sections are RFC 9293's.
// Three arcs of the figure have no row: before a SYN-ACK out of SYN_SENT, a FIN out of SYN_RECV or a RST out of FIN_WAIT2
// acts, the segment has proven another event, so no trace can need them.
var rules = []rule{
	{Closed, sndSYN, SynSent, "active open, 3.5"},
	{Closed, sndSYNACK, SynRecv, "a listener answers a SYN, 3.10.7.2"},
	{TimeWait, sndSYNACK, SynRecv, "a new SYN in TIME-WAIT, 3.10.7.4, RFC 6191"},
	{SynSent, rcvSYN, SynRecv, "simultaneous open, 3.10.7.3"},
	{SynSent, rcvSYNACK, Established, "its SYN is acknowledged, 3.10.7.3"},
	{SynRecv, rcvACKofSYN, Established, "its SYN is acknowledged, 3.10.7.4"},
	{SynRecv, rcvFIN, CloseWait, "FIN in SYN-RECEIVED, 3.10.7.4"},

	{Established, sndFIN, FinWait1, "CLOSE, 3.10.4"},
	{Established, rcvFIN, CloseWait, "the peer closes, 3.10.7.4"},
	{FinWait1, rcvACKofFIN, FinWait2, "its FIN is acknowledged, 3.10.7.4"},
	{FinWait1, rcvFIN, Closing, "simultaneous close, 3.6 figure 13"},
	{FinWait2, rcvFIN, TimeWait, "the peer closes as well, 3.10.7.4"},
	{Closing, rcvACKofFIN, TimeWait, "its FIN is acknowledged, 3.10.7.4"},
	{CloseWait, sndFIN, LastAck, "CLOSE after the peer's, 3.10.4"},
	{LastAck, rcvACKofFIN, Closed, "its FIN is acknowledged, 3.10.7.4"},

	{SynSent, rcvRST, Closed, "connection refused, 3.10.7.3"},
	{SynRecv, rcvRST, Closed, "reset, 3.10.7.4"},
	{Established, rcvRST, Closed, "reset, 3.10.7.4"},
	{FinWait1, rcvRST, Closed, "reset, 3.10.7.4"},
	{FinWait2, rcvRST, Closed, "reset, 3.10.7.4"},
	{CloseWait, rcvRST, Closed, "reset, 3.10.7.4"},
	{Closing, rcvRST, Closed, "reset, 3.10.7.4"},
	{LastAck, rcvRST, Closed, "reset, 3.10.7.4"},
	{TimeWait, rcvRST, Closed, "TIME-WAIT assassination, RFC 1337"},

	{SynSent, sndRST, Closed, "abort, 3.10.5"},
	{SynRecv, sndRST, Closed, "abort, 3.10.5"},
	{Established, sndRST, Closed, "abort, 3.10.5"},
	{FinWait1, sndRST, Closed, "abort, 3.10.5"},
	{CloseWait, sndRST, Closed, "abort, 3.10.5"},
	{Closing, sndRST, Closed, "abort, 3.10.5"},
	{LastAck, sndRST, Closed, "abort, 3.10.5"},
	{TimeWait, sndRST, Closed, "abort, 3.10.5"},
}

// stays are the states that an event leaves as they are, for narrowing a set of states: a state with neither a rule
// nor a place here cannot have been, once its owner was seen to do that. A rcv event excludes nothing.
var stays = [numEvents]StateSet{
	sndSYN:    tcp.Set(SynSent, SynRecv),
	sndSYNACK: tcp.Set(SynRecv),
	sndData:   tcp.Set(Established, CloseWait, FinWait1, Closing, LastAck), // the last three: what was queued before the FIN
	sndFIN:    tcp.Set(FinWait1, Closing, LastAck),                         // the same FIN again
	sndRST:    tcp.Set(Closed),
}

// table is rules compiled: the state that follows, or the same state where no rule speaks.
type table struct {
	next [numEvents][tcp.NumStates]State
	can  [numEvents]StateSet                    // states in which the event is possible
	fold [1 << numPresumed][tcp.NumStates]State // where a set of presumptions leads, a bit a slot
}

func compile(rules []rule) *table {
	t := &table{}
	for on := range event(numEvents) {
		for s := range State(tcp.NumStates) {
			t.next[on][s] = s
		}
		t.can[on] = stays[on]
	}
	for _, r := range rules {
		t.next[r.on][r.from] = r.to
		t.can[r.on] = t.can[r.on].With(r.from)
	}
	for pend := range t.fold {
		for s := range State(tcp.NumStates) {
			to := s
			for _, on := range presumable {
				if pend&(1<<slot(on)) != 0 {
					to = t.next[on][to]
				}
			}
			t.fold[pend][s] = to
		}
	}
	return t
}

// move applies an event to every state of a set; a snd event first drops the states in which it cannot be.
func (t *table) move(set StateSet, on event) StateSet {
	if on <= sndRST {
		if left := set & t.can[on]; left != 0 {
			set = left
		}
	}
	return each(set, &t.next[on])
}

// each leads every state of a set on.
func each(set StateSet, to *[tcp.NumStates]State) (all StateSet) {
	for ; set != 0; set &= set - 1 {
		all = all.With(to[bits.TrailingZeros16(uint16(set))])
	}
	return all
}

var figure5 = compile(rules)
