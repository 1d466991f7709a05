package tracker

import (
	"slices"
	"testing"
)

// Every row of the state table is needed: without it some trace fails. Tried one way each, it takes a second.
func TestEveryRowIsNeeded(t *testing.T) {
	whole := figure5
	defer func() { figure5 = whole }()
	for i, r := range rules {
		figure5 = compile(slices.Delete(slices.Clone(rules), i, i+1))
		if failures := runAll(Config{}, ways[0]); len(failures) == 0 {
			t.Errorf("no trace needs the row %v, %s -> %v (%s)", r.from, whys[r.on], r.to, r.why)
		}
	}
}

// The table says of each state and event one thing.
func TestNoRowTwice(t *testing.T) {
	type arc struct {
		from State
		on   event
	}
	seen := map[arc]bool{}
	for _, r := range rules {
		if seen[arc{r.from, r.on}] {
			t.Errorf("%v, %s stands twice", r.from, whys[r.on])
		}
		seen[arc{r.from, r.on}] = true
	}
}
