package anomaly

import (
	"math/bits"
	"slices"

	"github.com/tcptrack/tcptrack/tracker"
)

// Sink takes findings as they are raised, changed and closed. The pointer is valid until the method returns.
type Sink interface {
	Finding(*Finding)
}

// Bench seats the judges: it hands them facts and alarms, and keeps the findings. It is a tracker.Witness.
type Bench struct {
	sink     Sink
	seats    []seat
	byFact   [32]uint64 // seats by bit of FactKind
	byReset  [16]uint64 // those by bit of reading of which a Reset wakes not all
	alarms   alarms
	openings openings
	dossiers dossiers
	crowds   map[crowded]*Finding // open ones about populations
	serial   map[crowded]uint32   // findings so far about a population, for maxSerials of them
	unnamed  uint32               // findings so far about all others
	open     int                  // findings
	now      int64
	until    int64 // what it is on its way to
	packet   uint64
	busy     uint8   // the seat at work
	raised   bool    // a finding was asked for by the fact at hand
	reading  reading // of the fact at hand, a Reset
	parts    int     // of a capture, of which it judges one; 1 is all
	notes    []Note  // kept for Notes, iff it is one of several
	full     bool    // see Full
	lost     uint64
	lossy    bool  // the capture lost packets
	lostAt   int64 // the latest then or before; meaningful iff lossy

	last  uint64   // the connection that ended last
	ended *dossier // its, nil for none
}

type seat struct {
	rule  *Rule
	judge Judge
	told  bool // any finding
	found int  // findings, the withdrawn left out
}

// crowded is where a finding about a population belongs: one is open at a time.
type crowded struct {
	seat  uint8
	about string
}

// maxOpen bounds the findings that are open at once, and the alarms.
const maxOpen = 1 << 20

// maxSerials bounds the populations whose findings are numbered each by its own: 16 MiB or so.
const maxSerials = 1 << 16

// followed are the facts that a judge takes only of the connections that it follows.
const followed = tracker.Moved | tracker.Ended

// NewBench seats a judge for each rule; set overrides thresholds by code and name. Without a sink findings are only
// counted, and nothing is put in words.
func NewBench(rules []*Rule, set map[string]Limits, sink Sink) *Bench {
	b := &Bench{sink: sink, crowds: map[crowded]*Finding{}, serial: map[crowded]uint32{}, dossiers: newDossiers(), openings: openings{most: maxOpenings}, parts: 1}
	for i, r := range rules {
		l := Limits{}
		for _, x := range r.Limits {
			l[x.Name] = x.Default
			if v, ok := set[r.Code][x.Name]; ok {
				l[x.Name] = v
			}
		}
		j := r.New(l)
		b.seats = append(b.seats, seat{rule: r, judge: j})
		k := b.openings.seat(i, r, j)
		if r.Resets != 0 {
			k &^= tracker.Reset
		}
		for ; k != 0; k &= k - 1 {
			b.byFact[bits.TrailingZeros32(uint32(k))] |= 1 << i
		}
		for k := r.Resets; k != 0; k &= k - 1 {
			b.byReset[bits.TrailingZeros16(uint16(k))] |= 1 << i
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
	if f.Kind&steps != 0 {
		b.opens(f)
		if b.byFact[bits.TrailingZeros32(uint32(f.Kind))] == 0 && f.Kind != tracker.Reset && b.alarms.next() > f.Time {
			return
		}
	}
	b.Advance(f.Time, f.Packet)
	b.dossiers.recall(f.Conn)
	seats := b.byFact[bits.TrailingZeros32(uint32(f.Kind))]
	switch {
	case f.Kind == tracker.Reset:
		b.reading = readReset(f)
		seats |= b.byReset[bits.TrailingZeros16(uint16(b.reading))]
	case f.Kind&followed != 0:
		seats &= b.dossiers.tab(f.Conn.Num()).seats
	}
	b.raised = false
	for ; seats != 0; seats &= seats - 1 {
		b.busy = uint8(bits.TrailingZeros64(seats))
		b.seats[b.busy].judge.Fact(b, f)
	}
	if b.raised {
		b.follow(f.Conn, b.dossiers.tab(f.Conn.Num()).seats)
	}
	if f.Kind == tracker.Ended {
		b.ends(f)
	}
}

// Follow lets the judge at work have the connection's Ended, and its further Moved if it wakes for them. Who keeps
// anything of a connection follows it, to forget it at its end; who has raised a finding about it does already.
func (b *Bench) Follow(v tracker.View) {
	b.dossiers.of(v.Num()).seats |= 1 << b.busy
	b.follow(v, 1<<b.busy)
}

// follow sees to it that the bench hears of a connection what the judges of those seats want.
func (b *Bench) follow(v tracker.View, seats uint64) {
	if seats&b.byFact[bits.TrailingZeros32(uint32(tracker.Moved))] != 0 {
		v.FollowMoves()
	} else {
		v.Follow()
	}
	v.SetMark(b.dossiers.mark)
}

// Dropped says that the capture has lost so many packets more, none stamped later than at; now and packet are the
// tracker's time and its latest packet's number.
func (b *Bench) Dropped(now, at int64, packet, packets uint64) {
	b.Advance(now, packet)
	b.lossy, b.lostAt = true, max(at, b.lostAt)
	for i, s := range b.seats {
		if j, ok := s.judge.(interface{ Dropped(*Bench, uint64) }); ok {
			b.busy = uint8(i)
			j.Dropped(b, packets)
		}
	}
}

// Next is the time of the earliest alarm, math.MaxInt64 for none.
func (b *Bench) Next() int64 { return min(b.alarms.next(), b.openings.due()) }

// Advance rings the alarms due by now, in capture time; packet is the latest packet's number.
func (b *Bench) Advance(now int64, packet uint64) {
	b.packet, b.until = packet, now
	if b.Next() <= now {
		b.judgeOpenings()
	}
	for b.alarms.next() <= now {
		a := b.alarms.pop()
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
	if !b.room(len(b.alarms), maxOpen) {
		b.lost++
		return
	}
	b.alarms.push(alarm{a, b.busy})
}

// poll asks for the alarm at hand again, and again each so many nanoseconds, until the judge finds what it looks for. What
// comes while the time goes on by itself finds nothing new and is left out: between two packets may lie decades.
func (b *Bench) poll(a Alarm, each int64) {
	a.At += each
	if rest := b.until - a.At; rest >= 0 {
		a.At += (rest/each + 1) * each
	}
	b.WakeAt(a)
}

// ends closes what is open of a connection that is over by itself, and lays its dossier aside: its line asks for it.
func (b *Bench) ends(f *tracker.Fact) {
	num := f.Conn.Num()
	d := b.dossiers.get(num)
	b.dossiers.spare(b.ended)
	b.last, b.ended = num, d
	if d == nil {
		return
	}
	if f.Over {
		b.closeAll(d, f.Conn.Last())
	}
	b.open -= len(d.open)
	b.dossiers.remove(num)
}

// closeAll closes what is open in the order of the rules, the client's before the server's.
func (b *Bench) closeAll(d *dossier, until int64) {
	if len(d.open) > 1 {
		slices.SortFunc(d.open, func(x, y *Finding) int { return int(x.seat)*2 + int(x.Side) - int(y.seat)*2 - int(y.Side) })
	}
	for len(d.open) > 0 {
		b.Close(d.open[0], until)
	}
}

// Codes returns the rules that found something on a connection, for its line: of the connection that ended last, or of
// one that lives. A rule stands there once for each of its findings. The list is valid until the next fact.
func (b *Bench) Codes(conn uint64) []*Rule {
	switch d := b.dossiers.get(conn); {
	case d != nil:
		return d.rules
	case b.ended != nil && conn == b.last:
		return b.ended.rules
	}
	return nil
}

// Counts returns how many findings each code has, the withdrawn left out.
func (b *Bench) Counts() map[string]int {
	counts := map[string]int{}
	for i := range b.seats {
		if s := &b.seats[i]; s.told {
			counts[s.rule.Code] = s.found
		}
	}
	return counts
}

// Lost returns how many findings and alarms a bound cost.
func (b *Bench) Lost() uint64 { return b.lost }
