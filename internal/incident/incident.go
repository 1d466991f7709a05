package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tcptrack/tcptrack/capture"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// incident is one connection that went wrong, or the connections that show what is wrong with a population, and the
// file that they are saved in.
type incident struct {
	key    string
	keeper *Keeper
	flows  []uint64 // hashes
	until  int64    // packets up to then belong to it
	begin  []uint64 // positions in the ring to begin with; nil once they are written
	short  bool     // the ring had lost some of the time before

	name    string
	w       *capture.Writer
	full    bool // no more is written
	dirty   bool // among the touched
	latest  uint64
	due     map[uint64][]string // comments by packet number
	rest    []string            // comments for the next packet whatever it is
	told    map[string]told     // by ID of finding
	dropped uint64              // by the capture, before it began
}

// told is what was last said of a finding.
type told struct {
	severity anomaly.Severity
	status   anomaly.Status
	hidden   tracker.Hidden
}

// create makes the file.
func (x *incident) create(f *anomaly.Finding) {
	k := x.keeper
	name, err := k.shelf.create(fileName(f))
	if err != nil {
		x.full = true
		k.failed(name, err)
		return
	}
	x.name = name
	k.account.Files++
	what := "connection"
	if f.Population {
		what = "connections that show it"
	}
	text := fmt.Sprintf("saved by tcptrack because of %s (%s): packets of the %s from %s before it began to %s after it was found", f.Rule.Code, f.Severity, what,
		time.Duration(k.cfg.Pre), time.Duration(k.cfg.Post))
	if x.short {
		text += fmt.Sprintf("; what came before %s was no longer in memory, some of it may be missing", time.Unix(0, k.ring.gone).UTC().Format(time.RFC3339Nano))
	}
	x.w = capture.NewWriter(onShelf{k.shelf, name}, capture.Pcapng, k.cfg.Application, text)
}

// fileName is made of what we know alone: time, connection, code, addresses; nothing of it comes from a payload or a
// name that somebody else chose.
func fileName(f *anomaly.Finding) string {
	who := "population"
	if !f.Population {
		who = fmt.Sprintf("conn%d", f.Conn)
	}
	name := fmt.Sprintf("%s%s-%s-%s", filePrefix, time.Unix(0, f.Time).UTC().Format(fileTime), who, f.Rule.Code)
	if !f.Population {
		name += "-" + f.Client.String() + "-" + f.Server.String()
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '.', r == '-':
			return r
		case r == ':':
			return '_'
		}
		return -1
	}, name)
}

// note takes a finding, or a new version of one, and puts its comments on packets that are not yet written: the verdict
// on the one that decided, or the last before it, or else the next.
func (x *incident) note(f *anomaly.Finding, s States) {
	now := told{f.Severity, f.Status, f.Hidden}
	before, known := x.told[f.ID]
	if known && before == now {
		return
	}
	x.told[f.ID] = now
	open := x.unwritten()
	if !known {
		for _, n := range f.Evidence {
			if _, here := slices.BinarySearch(open, n); here && n != f.Packet {
				x.due[n] = append(x.due[n], Evidence(f, n))
			}
		}
	}
	verdict := Verdict(f, s)
	at := uint64(0)
	for _, n := range open {
		if n <= f.Packet || at == 0 {
			at = n
		}
	}
	if at == 0 {
		x.rest = append(x.rest, verdict)
		return
	}
	x.due[at] = append(x.due[at], verdict)
}

// unwritten lists the numbers of its packets in the ring that are not in the file, in order.
func (x *incident) unwritten() (list []uint64) {
	r := x.keeper.ring
	for _, at := range x.begin {
		if r.holds(at) {
			list = append(list, r.numberAt(at))
		}
	}
	after := x.latest
	if len(x.begin) > 0 {
		after = x.begin[len(x.begin)-1]
	}
	for _, at := range x.keeper.fresh {
		if at > after && r.holds(at) && slices.Contains(x.flows, r.hashAt(at)) {
			list = append(list, r.numberAt(at))
		}
	}
	return list
}

// start writes what the ring held when the incident began.
func (x *incident) start() {
	for _, at := range x.begin {
		x.write(at)
	}
	x.begin = nil
}

// write adds a packet that is not yet in the file.
func (x *incident) write(at uint64) {
	if at <= x.latest {
		return
	}
	x.latest = at
	k := x.keeper
	x.touch()
	if k.ring.timeAt(at) > x.until {
		return
	}
	if x.full {
		k.account.Unsaved++
		return
	}
	var p capture.Record
	k.ring.record(at, &p)
	comments := x.due[p.Number]
	delete(x.due, p.Number)
	if len(x.rest) > 0 {
		comments, x.rest = append(x.rest, comments...), nil
	}
	if err := x.w.Write(&p, comments...); err != nil {
		x.failed(err)
		k.account.Unsaved++
	}
}

// touch has what is written handed on at the end of the batch.
func (x *incident) touch() {
	if !x.dirty {
		x.dirty = true
		x.keeper.touched = append(x.keeper.touched, x)
	}
}

// flush hands on what was written.
func (x *incident) flush() {
	x.dirty = false
	if x.w != nil && !x.full {
		if err := x.w.Flush(); err != nil {
			x.failed(err)
		}
	}
}

// failed ends the file at what it holds.
func (x *incident) failed(err error) {
	if !x.full {
		x.full = true
		x.keeper.account.Unsaved += x.w.Packets() - x.w.Saved()
		x.keeper.failed(x.name, err)
	}
}

// finish ends the file with the comments that found no packet.
func (x *incident) finish() {
	if x.w == nil {
		return
	}
	if !x.full {
		if err := x.w.Finish(x.keeper.dropped-x.dropped, x.rest...); err != nil {
			x.failed(err)
		}
	}
	x.keeper.account.Packets += x.w.Saved()
	x.keeper.shelf.done(x.name)
	x.w = nil
}
