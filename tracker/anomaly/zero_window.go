package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// ZeroWindow finds readers that have stopped reading.
var ZeroWindow = Rule{
	Code:      "zero-window-stall",
	Title:     "the window stays shut while data waits",
	Severity:  Notice,
	Culprits:  "the reader's application",
	Evidence:  "a window too small to send into after the handshake, data waiting behind it (probes, or octets in flight), no larger window for the threshold",
	Threshold: "notice after 2 s of capture time: a busy host drains its buffer within a few round trips; warning after 10 s, critical after 60 s",
	Cause:     "the application at the shut side does not read: it is blocked, stopped or overloaded, or its receive buffer is far below what the path holds",
	Remedy:    "look at the reader: 'ss -tmi' shows its full Recv-Q, a stack dump where it is stuck; read in a loop of its own, raise SO_RCVBUF, set TCP_USER_TIMEOUT at the sender so that the wait ends",
	NotWhen:   "a zero window on a RST, after a RST, or after the peer's FIN was acknowledged; a keepalive on an idle connection; a slow but steady reader",
	RFC:       "9293 3.8.6.1",
	Limits: []Limit{
		{"notice", 2, "s", "the window is shut for so long"},
		{"warning", 10, "s", "it becomes a warning"},
		{"critical", 60, "s", "it becomes critical"},
	},
	Wakes: tracker.Shut | tracker.Opened | tracker.Probed | tracker.Resent | tracker.Verdict | tracker.Ended,
	New:   func(l Limits) Judge { return &zeroWindow{l: l, shut: map[endKey]*shut{}, over: map[endKey]Finding{}} },
}

// shut is one stretch of a shut window.
type shut struct {
	Case
	since    int64
	earlier  bool
	waits    bool // data is known to wait
	hidden   tracker.Hidden
	evidence []uint64
}

type zeroWindow struct {
	l    Limits
	shut map[endKey]*shut
	over map[endKey]Finding // closed because the window opened, which may yet tell what was behind it
}

func (z *zeroWindow) Fact(b *Bench, f *tracker.Fact) {
	reader := f.Side
	switch f.Kind {
	case tracker.Shut:
		b.Follow(f.Conn)
		k := endOf(f.Conn.Num(), reader)
		delete(z.over, k)
		z.shut[k] = &shut{Case: CaseOf(f.Conn), since: f.Time, earlier: f.Conn.Late(), evidence: []uint64{f.Packet},
			waits: f.Conn.End(reader.Other()).InFlight() > f.Conn.End(reader).Window()}
		b.WakeAt(Alarm{f.Time + z.l.Seconds("notice"), k.conn(), reader, 0})
	case tracker.Opened:
		z.opened(b, endOf(f.Conn.Num(), reader), f.Time, f.Packet)
	case tracker.Probed, tracker.Resent:
		s, _ := f.Conn.End(f.Side).Stall()
		z.asked(b, endOf(f.Conn.Num(), reader.Other()), f.Packet, s.Waits)
	case tracker.Verdict:
		z.verdict(b, endOf(f.Conn.Num(), reader.Other()), f)
	case tracker.Ended:
		for _, s := range [...]tracker.Side{tracker.Client, tracker.Server} {
			k := endOf(f.Conn.Num(), s)
			if w := z.shut[k]; w != nil && b.Standing(k.conn(), k.side()) != nil {
				z.tell(b, k, w) // for how long it has lasted by now
			}
			delete(z.shut, k)
			delete(z.over, k)
		}
	}
}

// asked notes that a probe or a repeated segment asked for the window to open; waits says that data is known to wait.
func (z *zeroWindow) asked(b *Bench, k endKey, packet uint64, waits bool) {
	w := z.shut[k]
	if w == nil {
		return
	}
	w.waits = w.waits || waits
	w.evidence = append(w.evidence[:min(len(w.evidence), maxEvidence-1)], packet)
	if f := b.Standing(k.conn(), k.side()); f != nil {
		f.Add(packet)
	} else if w.waits && b.Now()-w.since > z.l.Seconds("notice") {
		z.tell(b, k, w)
	}
}

// Wake looks at a window when a threshold has passed.
func (z *zeroWindow) Wake(b *Bench, a Alarm) {
	k := endOf(a.Conn, a.Side)
	w := z.shut[k]
	if w == nil || !w.waits || b.Now()-w.since < z.l.Seconds("notice") {
		return
	}
	z.tell(b, k, w)
}

// tell raises the finding, or tells it again with what is known now.
func (z *zeroWindow) tell(b *Bench, k endKey, w *shut) {
	f := b.Raise(w.Case, k.side())
	f.Culprit, f.Since, f.Earlier, f.Hidden = App(k.side()), w.since, w.earlier, max(w.hidden, tracker.HiddenPossible)
	for _, p := range w.evidence {
		f.Add(p)
	}
	for _, step := range []struct {
		limit    string
		severity Severity
	}{{"critical", Critical}, {"warning", Warning}, {"notice", Notice}} {
		if b.Now()-w.since >= z.l.Seconds(step.limit) {
			f.Severity = step.severity
			break
		}
		b.WakeAt(Alarm{w.since + z.l.Seconds(step.limit), k.conn(), k.side(), 0})
	}
	if b.Speaks() {
		f.Summary = w.says(k.side(), b.Now()-w.since)
	}
	b.Tell(f)
}

func (w *shut) says(reader tracker.Side, d int64) string {
	return fmt.Sprintf("the %s's window has been shut for %s while the %s has data to send", reader, seconds(d), reader.Other())
}

func (z *zeroWindow) verdict(b *Bench, k endKey, fact *tracker.Fact) {
	w := z.shut[k]
	if w == nil {
		if f, ok := z.over[k]; ok {
			f.Hidden = fact.Hidden
			f.Add(fact.Packet)
			b.Tell(&f)
			z.over[k] = f
		}
		return
	}
	w.hidden = fact.Hidden
	w.waits = w.waits || fact.Word != nil // it knows its queue
	if f := b.Standing(k.conn(), k.side()); f != nil {
		z.tell(b, k, w)
	}
}

// opened ends the stretch: the window is open again.
func (z *zeroWindow) opened(b *Bench, k endKey, at int64, packet uint64) {
	w := z.shut[k]
	if w == nil {
		return
	}
	delete(z.shut, k)
	if f := b.Standing(k.conn(), k.side()); f != nil {
		f.Add(packet)
		if b.Speaks() {
			f.Summary = fmt.Sprintf("the %s's window was shut for %s while the %s had data to send", k.side(), seconds(at-w.since), k.side().Other())
		}
		b.Close(f, at)
		if b.room(len(z.over), maxKept) {
			z.over[k] = *f
		}
	}
}
