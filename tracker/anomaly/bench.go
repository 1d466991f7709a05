package anomaly

import (
	"container/heap"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/tcptrack/tcptrack/tracker"
)

// Sink takes findings as they are raised, changed and closed. The pointer is valid until the method returns.
type Sink interface {
	Finding(*Finding)
}

// Bench seats the judges: it hands them facts and alarms, and keeps the findings. It is a tracker.Witness.
type Bench struct {
	sink   Sink
	seats  []seat
	byFact [32][]int // seats by bit of FactKind
	alarms alarms
	open   map[slot]*Finding
	found  map[uint64]*found // what was found on a connection that lives, by its number
	serial map[slot]int      // findings so far of a rule, connection and side that live
	now    int64
	packet uint64
	counts map[string]int
	busy   int  // the seat at work
	raised bool // a finding was asked for by the fact at hand
	lost   uint64

	last      uint64 // the connection that ended last
	lastCodes []*Rule
}

type seat struct {
	rule  *Rule
	judge Judge
}

// slot is where a finding belongs: one is open at a time.
type slot struct {
	seat  int
	conn  uint64
	side  tracker.Side
	extra string // of populations: whom it is about
}

// found is what was found on one connection.
type found struct {
	rules []*Rule // once for each finding that stands
	seats uint64  // of all that ever raised one, a bit each
}

// maxOpen bounds the findings that are open at once, and the alarms.
const maxOpen = 1 << 20

// NewBench seats a judge for each rule; set overrides thresholds by code and name.
func NewBench(rules []*Rule, set map[string]Limits, sink Sink) *Bench {
	b := &Bench{sink: sink, open: map[slot]*Finding{}, found: map[uint64]*found{}, serial: map[slot]int{}, counts: map[string]int{}}
	for i, r := range rules {
		l := Limits{}
		for _, x := range r.Limits {
			l[x.Name] = x.Default
			if v, ok := set[r.Code][x.Name]; ok {
				l[x.Name] = v
			}
		}
		b.seats = append(b.seats, seat{r, r.New(l)})
		for k := r.Wakes; k != 0; k &= k - 1 {
			bit := bits.TrailingZeros32(uint32(k))
			b.byFact[bit] = append(b.byFact[bit], i)
		}
	}
	return b
}

// Facts is the kinds of facts that the judges subscribed to, for tracker.Config.
func (b *Bench) Facts() tracker.FactKind {
	k := tracker.Ended
	for _, s := range b.seats {
		k |= s.rule.Wakes
	}
	return k
}

// Fact hands a fact to the judges that want it, after the alarms that were due before it.
func (b *Bench) Fact(f *tracker.Fact) {
	b.Advance(f.Time, f.Packet)
	for _, i := range b.byFact[bits.TrailingZeros32(uint32(f.Kind))] {
		b.busy = i
		b.seats[i].judge.Fact(b, f)
	}
	if b.raised {
		b.raised = false
		f.Conn.Follow() // so that its end is told
	}
	if f.Kind == tracker.Ended {
		b.ended(f)
	}
}

// Next is the time of the earliest alarm.
func (b *Bench) Next() int64 {
	if len(b.alarms) == 0 {
		return math.MaxInt64
	}
	return b.alarms[0].At
}

// Advance rings the alarms due by now, in capture time; packet is the latest packet's number.
func (b *Bench) Advance(now int64, packet uint64) {
	b.packet = packet
	for len(b.alarms) > 0 && b.alarms[0].At <= now {
		a := heap.Pop(&b.alarms).(alarm)
		b.now = max(b.now, a.At)
		b.busy = a.seat
		b.seats[a.seat].judge.Wake(b, a.Alarm)
	}
	b.now = max(b.now, now)
}

// Now is the capture's time, Packet the latest packet's number.
func (b *Bench) Now() int64 { return b.now }

// WakeAt asks for an alarm for the judge at work.
func (b *Bench) WakeAt(a Alarm) {
	if len(b.alarms) >= maxOpen {
		b.lost++
		return
	}
	heap.Push(&b.alarms, alarm{a, b.busy})
}

// Raise opens the finding of the judge at work for that connection and side, or returns the one that is open. The
// judge fills it in and then calls Tell.
func (b *Bench) Raise(c Case, side tracker.Side) *Finding { return b.raise(c, side, "") }

// RaiseFor opens a finding about a population, named by about.
func (b *Bench) RaiseFor(about string, c Case) *Finding {
	c.Conn = 0
	f := b.raise(c, tracker.Client, about)
	f.Population = true
	return f
}

func (b *Bench) raise(c Case, side tracker.Side, about string) *Finding {
	at := slot{b.busy, c.Conn, side, about}
	b.raised = b.raised || about == ""
	if f := b.open[at]; f != nil {
		return f
	}
	r := b.seats[b.busy].rule
	f := &Finding{Rule: r, Severity: r.Severity, Case: c, Side: side, Sided: about == "", Since: b.now, at: at}
	who := about
	if about == "" {
		who = strconv.FormatUint(c.Conn, 10)
	}
	serial := slot{b.busy, c.Conn, 0, about}
	b.serial[serial]++
	f.ID = fmt.Sprintf("%s-%s-%d", who, r.Code, b.serial[serial])
	if len(b.open) >= maxOpen {
		b.lost++
		return f // told, but not kept
	}
	b.open[at] = f
	return f
}

// Standing returns the open finding of the judge at work for that connection and side, nil if there is none.
func (b *Bench) Standing(conn uint64, side tracker.Side) *Finding {
	return b.open[slot{b.busy, conn, side, ""}]
}

// StandingFor returns the open finding of the judge at work about that population, nil if there is none.
func (b *Bench) StandingFor(about string) *Finding {
	return b.open[slot{b.busy, 0, tracker.Client, about}]
}

// Tell hands a finding, new or changed, to the Sink.
func (b *Bench) Tell(f *Finding) {
	f.Time, f.Packet = b.now, b.packet
	if !f.told {
		f.told = true
		b.counts[f.Rule.Code]++
		if !f.Population {
			y := b.found[f.Conn]
			if y == nil {
				y = &found{}
				b.found[f.Conn] = y
			}
			y.rules = append(y.rules, f.Rule)
			y.seats |= 1 << f.at.seat
		}
	}
	if b.sink != nil {
		b.sink.Finding(f)
	}
}

// Close ends a finding at the time until.
func (b *Bench) Close(f *Finding, until int64) {
	f.Status, f.Until = Closed, until
	delete(b.open, f.at)
	b.Tell(f)
}

// Withdraw takes a finding back.
func (b *Bench) Withdraw(f *Finding) {
	f.Status, f.Until = Withdrawn, b.now
	delete(b.open, f.at)
	b.Tell(f)
	b.counts[f.Rule.Code]--
	if y := b.found[f.Conn]; y != nil && !f.Population {
		if i := slices.Index(y.rules, f.Rule); i >= 0 {
			y.rules = slices.Delete(y.rules, i, i+1)
		}
	}
}

// ended closes what is open of a connection that is over by itself, and forgets its numbers once they were asked for.
func (b *Bench) ended(f *tracker.Fact) {
	num := f.Conn.Num()
	b.last, b.lastCodes = num, nil
	y := b.found[num]
	if y == nil {
		return
	}
	for left := y.seats; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		delete(b.serial, slot{i, num, 0, ""})
		for _, side := range [...]tracker.Side{tracker.Client, tracker.Server} {
			at := slot{i, num, side, ""}
			open := b.open[at]
			if open == nil {
				continue
			}
			if f.Over {
				b.Close(open, f.Conn.Last())
			}
			delete(b.open, at)
		}
	}
	b.lastCodes = y.rules
	delete(b.found, num)
}

// Codes returns the rules that found something on a connection, for its line: of the connection that ended last, or of
// one that lives. A rule stands there once for each of its findings.
func (b *Bench) Codes(conn uint64) []*Rule {
	if conn == b.last {
		return b.lastCodes
	}
	if y := b.found[conn]; y != nil {
		return y.rules
	}
	return nil
}

// Counts returns how many findings each code has, the withdrawn left out.
func (b *Bench) Counts() map[string]int { return b.counts }

// Lost returns how many findings and alarms a bound cost.
func (b *Bench) Lost() uint64 { return b.lost }

// alarm is an Alarm and whom it wakes.
type alarm struct {
	Alarm
	seat int
}

// alarms is a heap by time.
type alarms []alarm

func (h alarms) Len() int           { return len(h) }
func (h alarms) Less(i, j int) bool { return h[i].At < h[j].At }
func (h alarms) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarms) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *alarms) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
