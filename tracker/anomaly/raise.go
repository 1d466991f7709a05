package anomaly

import (
	"slices"
	"strconv"

	"github.com/tcptrack/tcptrack/tracker"
)

// Speaks says that somebody reads what findings say, so that they are put in words.
func (b *Bench) Speaks() bool { return b.sink != nil }

// Raise opens the finding of the judge at work for that connection and side, or returns the one that is open. The
// judge fills it in and then calls Tell.
func (b *Bench) Raise(c Case, side tracker.Side) *Finding {
	b.raised = true
	t := b.dossiers.of(c.Conn)
	t.seats |= 1 << b.busy
	d := t.dossier
	if t.standing(b.busy, side) {
		return d.find(b.busy, side)
	}
	f := b.write(d.place(), c)
	f.Side, f.Sided = side, true
	if n := d.serial(b.busy); b.Speaks() {
		f.ID = idOf(strconv.FormatUint(c.Conn, 10), f.Rule, n)
	}
	if b.keeps() {
		b.dossiers.open(f)
	}
	return f
}

// RaiseFor opens a finding about a population, named by about.
func (b *Bench) RaiseFor(about string, c Case) *Finding {
	at := crowded{b.busy, about}
	if f := b.crowds[at]; f != nil {
		return f
	}
	c.Conn = 0
	f := b.write(&Finding{}, c)
	f.Population, f.about = true, about
	if n := b.numbered(at); b.Speaks() {
		f.ID = idOf(about, f.Rule, n)
	}
	if b.keeps() {
		b.crowds[at] = f
	}
	return f
}

// numbered is the number of one more finding about a population, which it never had before. Those beyond maxSerials share
// one count.
func (b *Bench) numbered(at crowded) uint32 {
	n, known := b.serial[at]
	if !known && len(b.serial) >= maxSerials {
		b.unnamed++
		return b.unnamed
	}
	b.serial[at] = n + 1
	return n + 1
}

// write begins a finding of the judge at work.
func (b *Bench) write(f *Finding, c Case) *Finding {
	f.Rule = b.seats[b.busy].rule
	f.Severity, f.Case, f.Since, f.seat, f.mute = f.Rule.Severity, c, b.now, b.busy, !b.Speaks()
	return f
}

func idOf(who string, r *Rule, serial uint32) string {
	return who + "-" + r.Code + "-" + strconv.FormatUint(uint64(serial), 10)
}

// keeps says that there is room for one more open finding. One beyond is told but not kept.
func (b *Bench) keeps() bool {
	if !b.room(b.open, maxOpen) {
		b.lost++
		return false
	}
	b.open++
	return true
}

// Standing returns the open finding of the judge at work for that connection and side, nil if there is none.
func (b *Bench) Standing(conn uint64, side tracker.Side) *Finding {
	if t := b.dossiers.tab(conn); t.standing(b.busy, side) {
		return t.dossier.find(b.busy, side)
	}
	return nil
}

// Stands says that the judge at work has an open finding for that connection and side.
func (b *Bench) Stands(conn uint64, side tracker.Side) bool {
	return b.dossiers.tab(conn).standing(b.busy, side)
}

// StandingFor returns the open finding of the judge at work about that population, nil if there is none.
func (b *Bench) StandingFor(about string) *Finding {
	return b.crowds[crowded{b.busy, about}]
}

// maxNamed bounds the findings that a connection's line names. All of them are told.
const maxNamed = 1 << 10

// Tell hands a finding, new or changed, to the Sink.
func (b *Bench) Tell(f *Finding) {
	f.Time, f.Packet = b.now, b.packet
	f.Inconclusive = f.Inconclusive || f.Rule.Absence && b.lossy && f.Since <= b.lostAt
	if !f.told {
		f.told = true
		s := &b.seats[f.seat]
		s.told = true
		s.found++
		if !f.Population {
			t := b.dossiers.of(f.Conn)
			t.seats |= 1 << f.seat
			if d := t.dossier; len(d.rules) < maxNamed {
				d.rules = append(d.rules, f.Rule)
			} else {
				b.lost++
			}
		}
	}
	if b.sink != nil {
		b.sink.Finding(f)
	}
}

// Close ends a finding at the time until.
func (b *Bench) Close(f *Finding, until int64) {
	f.Status, f.Until = Closed, until
	b.drop(f)
	b.Tell(f)
}

// Withdraw takes a finding back.
func (b *Bench) Withdraw(f *Finding) {
	f.Status, f.Until = Withdrawn, b.now
	b.drop(f)
	b.Tell(f)
	b.seats[f.seat].found--
	if d := b.dossiers.get(f.Conn); d != nil && !f.Population {
		if i := slices.Index(d.rules, f.Rule); i >= 0 {
			d.rules = slices.Delete(d.rules, i, i+1)
		}
	}
}

// drop takes a finding out of those that are open.
func (b *Bench) drop(f *Finding) {
	if f.Population {
		at := crowded{f.seat, f.about}
		if b.crowds[at] == f {
			delete(b.crowds, at)
			b.open--
		}
		return
	}
	if b.dossiers.close(f) {
		b.open--
	}
}
