package tcp

import (
	"math/bits"
	"strings"
)

// State is a connection state of RFC 9293 3.3.2, spelled as users of netstat and ss know it.
type State uint8

const (
	Unknown State = iota // nothing is known yet; not a state of the RFC
	Closed
	Listen
	SynSent
	SynRecv
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait

	NumStates = iota
)

var stateNames = [NumStates]string{
	"UNKNOWN", "CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT",
	"CLOSING", "LAST_ACK", "TIME_WAIT",
}

func (s State) String() string { return stateNames[s] }

// ParseState reads a state in any usual spelling: FIN_WAIT1, fin-wait-1, FINWAIT1, SYN-RECEIVED, ESTAB,
// LISTENING.
func ParseState(text string) (State, bool) {
	plain := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToUpper(text))
	switch plain {
	case "ESTAB":
		return Established, true
	case "SYNRECEIVED", "SYNRCVD":
		return SynRecv, true
	case "CLOSE", "UNCONN":
		return Closed, true
	case "LISTENING":
		return Listen, true
	}
	for s, name := range stateNames {
		if plain == strings.ReplaceAll(name, "_", "") {
			return State(s), true
		}
	}
	return Unknown, false
}

// StateSet is a set of states, one bit each.
type StateSet uint16

// Set returns the set of the given states.
func Set(states ...State) StateSet {
	var t StateSet
	for _, s := range states {
		t |= 1 << s
	}
	return t
}

// Synchronised is every state in which both ends know each other's sequence numbers (RFC 9293 3.3.2).
const Synchronised = StateSet(1<<Established | 1<<FinWait1 | 1<<FinWait2 | 1<<CloseWait | 1<<Closing | 1<<LastAck | 1<<TimeWait)

// With returns the set and s.
func (t StateSet) With(s State) StateSet { return t | 1<<s }

// Without returns the set less s.
func (t StateSet) Without(s State) StateSet { return t &^ (1 << s) }

// Has says that s is in the set.
func (t StateSet) Has(s State) bool { return t&(1<<s) != 0 }

// Len returns the number of states in the set.
func (t StateSet) Len() int { return bits.OnesCount16(uint16(t)) }

// All yields the states of the set in order of their numbers.
func (t StateSet) All() func(yield func(State) bool) {
	return func(yield func(State) bool) {
		for r := t; r != 0; r &= r - 1 {
			if !yield(State(bits.TrailingZeros16(uint16(r)))) {
				return
			}
		}
	}
}

// String spells the set as "ESTABLISHED|FIN_WAIT1".
func (t StateSet) String() string {
	var names []string
	for s := range t.All() {
		names = append(names, s.String())
	}
	return strings.Join(names, "|")
}
