package anomaly

import (
	"math/bits"

	"github.com/tcptrack/tcptrack/tracker"
)

// tally counts what may come again and again on one connection in one side's name. Its finding is told at the first, at
// each doubling, and at the end.
type tally struct{ seen map[endKey]*tallied }

type tallied struct{ n, told int }

func newTally() tally { return tally{map[endKey]*tallied{}} }

// note counts one more; say makes the sentence of how many.
func (t *tally) note(b *Bench, f *tracker.Fact, culprit Culprit, say func(n int) string) {
	k := endOf(f.Conn.Num(), f.Side)
	c := t.seen[k]
	if c == nil {
		c = &tallied{}
		if b.room(len(t.seen), maxKept) {
			t.seen[k] = c
		}
	}
	c.n++
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = culprit
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = say(c.n)
	}
	if bits.OnesCount(uint(c.n)) == 1 {
		c.told = c.n
		b.Tell(x)
	}
}

// end tells what was not told, and forgets the connection.
func (t *tally) end(b *Bench, f *tracker.Fact) {
	if len(t.seen) == 0 {
		return
	}
	for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
		k := endOf(f.Conn.Num(), side)
		c := t.seen[k]
		if c == nil {
			continue
		}
		if x := b.Standing(k.conn(), k.side()); x != nil && c.told != c.n {
			b.Tell(x)
		}
		delete(t.seen, k)
	}
}
