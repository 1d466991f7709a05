package tracker

import "unsafe"

// ahead is how many segments before a segment's turn the lines of its connection are fetched; its slot is as many before
// those, and what may lie behind its brief halfway. Memory answers while other segments are at work: 0.91 of the time on
// M, 0.93 on L, 0.96 on F and 1.01 on S against loads for all segments of a batch, which wait for each other.
const ahead = 4

// What is fetched, in pairs of lines.
const (
	connPairs  = 5
	zeekPairs  = 3
	blamePairs = 2
)

// lookFirst begins to look for what the first segments of a batch belong to.
func (t *Tracker) lookFirst(aims []aim) {
	for i := range min(ahead, len(aims)) {
		t.fetchSlot(&aims[i])
	}
	for i := range min(ahead, len(aims)) {
		t.look(aims, i)
	}
}

// look finds what segment i of a batch probably belongs to, and has it fetched; there may be no such segment.
func (t *Tracker) look(aims []aim, i int) {
	if i >= len(aims) {
		return
	}
	a, slots := &aims[i], t.index.slots
	mask := uint32(len(slots) - 1)
	a.likely = 0
	// Most lie within a line of slots from their own.
	for at := a.hash; at < a.hash+8; at++ {
		s := slots[at&mask]
		if uint32(s>>32) == a.hash {
			a.likely = uint32(s)
			break
		}
		if s == 0 {
			break
		}
	}
	if len(slots) == firstSlots {
		return // all is in the cache
	}
	if i+ahead < len(aims) {
		t.fetchSlot(&aims[i+ahead])
	}
	switch n := a.likely; {
	case n&stubBit != 0:
		fetch(unsafe.Pointer(t.stubs.at(n)), 1)
	case n > gone:
		fetch(unsafe.Pointer(t.conns.at(n)), connPairs)
		if t.briefs.has(n) {
			fetch(unsafe.Pointer(t.briefs.at(n)), 1)
		}
	}
	if (t.briefs.on || t.cfg.Blame) && i >= ahead/2 {
		t.fetchBehind(&aims[i-ahead/2])
	}
}

func (t *Tracker) fetchSlot(a *aim) {
	slots := t.index.slots
	fetch(unsafe.Pointer(&slots[a.hash&uint32(len(slots)-1)]), 1)
}

// fetchBehind has fetched what the entry of a connection leads to, which is there by now: its account if the segment ends
// something, and what took the place of its brief.
func (t *Tracker) fetchBehind(a *aim) {
	n := a.likely
	if n <= gone || n&stubBit != 0 {
		return
	}
	c := t.conns.at(n)
	if a.ends && c.blame != 0 {
		fetch(unsafe.Pointer(t.blames.at(c.blame)), blamePairs)
	}
	if !t.briefs.has(n) || t.briefs.at(n).stage != briefOver {
		return
	}
	if c.zeek != 0 {
		fetch(unsafe.Pointer(t.zeeks.arena.at(c.zeek)), zeekPairs)
	}
	if d := t.briefs.at(n).link; d != 0 {
		fetch(unsafe.Pointer(t.analyses.arena.at(d)), 1)
	}
}

// fetchLiving has fetched what is to be told of connections, some of which come behind the one at i.
func (t *Tracker) fetchLiving(list []live, i int) {
	if i+ahead < len(list) {
		n := list[i+ahead].n
		fetch(unsafe.Pointer(t.conns.at(n)), connPairs)
		if t.briefs.has(n) {
			fetch(unsafe.Pointer(t.briefs.at(n)), 1)
		}
	}
	if (t.briefs.on || t.cfg.Blame) && i+ahead/2 < len(list) {
		t.fetchBehind(&aim{likely: list[i+ahead/2].n, ends: true})
	}
}

// fetchSoon has fetched the connection of an alarm that comes soon after the one taken last.
func (t *Tracker) fetchSoon(k timer) {
	if q := &t.timers.queues[k]; q.len() > ahead && len(t.index.slots) > firstSlots {
		if n := q.at(q.head + ahead).n; n != 0 {
			fetch(unsafe.Pointer(t.conns.at(n)), connPairs)
		}
	}
}
