package jsonl

import (
	"bytes"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// spelled is what lines repeat of states, spelled as it is asked for: a capture shows few of the sets.
type spelled struct {
	sets  [1 << tcp.NumStates]string
	ends  [2][tcp.NumStates]string                 // by basis, the state of a connection's line
	moves [2][tcp.NumStates * tcp.NumStates]string // by basis, the states of a transition's
}

func (x *spelled) appendSet(b []byte, set tracker.StateSet) []byte {
	text := &x.sets[set]
	if *text == "" {
		*text = spellSet(set)
	}
	return append(b, *text...)
}

func spellSet(set tracker.StateSet) string {
	b := []byte{'['}
	for s := range set.All() {
		b = append(appendWord(b, "", s.String()), ',')
	}
	return string(append(bytes.TrimSuffix(b, []byte{','}), ']'))
}

// appendEnd writes what is claimed of an endpoint, appendMove to what it has changed.
func (x *spelled) appendEnd(b []byte, s tracker.State, basis tracker.Basis, possible tracker.StateSet) []byte {
	text := &x.ends[basis][s]
	if *text == "" {
		*text = spellClaim(`,"state":`, s, basis)
	}
	return x.appendSet(append(b, *text...), possible)
}

func (x *spelled) appendMove(b []byte, from, to tracker.State, basis tracker.Basis, possible tracker.StateSet) []byte {
	text := &x.moves[basis][int(from)*tcp.NumStates+int(to)]
	if *text == "" {
		*text = spellClaim(string(appendWord(nil, `,"from":`, from.String()))+`,"to":`, to, basis)
	}
	return x.appendSet(append(b, *text...), possible)
}

func spellClaim(key string, s tracker.State, basis tracker.Basis) string {
	b := appendWord(appendWord(nil, key, s.String()), `,"basis":`, basis.String())
	return string(append(b, `,"possible":`...))
}
