package tracker

import (
	"math/bits"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// AnalysisFlag is one of Wireshark's tests of a segment, a display filter tcp.analysis.NAME.
type AnalysisFlag uint8

// The tests, in the order in which they are shown. What is fast or spurious is a retransmission as well.
const (
	Retransmission AnalysisFlag = iota
	FastRetransmission
	SpuriousRetransmission
	OutOfOrder
	DuplicateACK
	LostSegment
	ACKLostSegment
	WindowUpdate
	WindowFull
	ZeroWindow
	ZeroWindowProbe
	ZeroWindowProbeACK
	KeepAlive
	KeepAliveACK
	ReusedPorts
	FastOpenSYN
	FastOpenACK
	FastOpenIgnored

	NumAnalysisFlags = iota
)

var analysisNames = [NumAnalysisFlags]string{
	"retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "lost_segment", "ack_lost_segment",
	"window_update", "window_full", "zero_window", "zero_window_probe", "zero_window_probe_ack", "keep_alive", "keep_alive_ack",
	"reused_ports", "tfo_syn", "tfo_ack", "tfo_ignored",
}

func (f AnalysisFlag) String() string { return analysisNames[f] }

// Analysis counts the segments that one endpoint sent and Wireshark would mark, by AnalysisFlag.
type Analysis [NumAnalysisFlags]uint32

// analysisSet is what Wireshark says of one segment, a bit for each AnalysisFlag.
type analysisSet uint32

func (v analysisSet) has(f AnalysisFlag) bool { return v&(1<<f) != 0 }

// analyses runs Wireshark's tests beside the states, which they know nothing of. A connection has a dialogue where its
// brief does not do; one that may go on after its connection's line was written is kept by its stream.
type analyses struct {
	on      bool
	arena   arena[dialogue]
	tallies arena[tally] // of connections of which anything was marked
	past    []dialogue   // by stream number, the latest of each place
}

// tally counts what was marked of one connection, by direction.
type tally [2]Analysis

// maxPastDialogues bounds what is kept of streams without a connection: 8 MiB. A segment of one that is forgotten is
// tested as its stream's first.
const maxPastDialogues = 1 << 16

func newAnalyses(on bool) analyses { return analyses{on: on} }

// analyse tests a segment, whose stream is numbered, and counts what it is marked with. What a brief has taken in is
// marked with nothing.
func (t *Tracker) analyse(n uint32, c *conn, s *tcp.Segment) {
	b := t.briefs.at(n)
	if b.speaks() {
		return
	}
	a := &t.analyses
	d := a.of(b)
	if !d.begun || d.stream != c.stream {
		fresh := a.recall(c.stream) // a SYN began it, or the connection its life
		fresh.tally = d.tally
		*d = fresh
	}
	if s.Beyond != 0 { // Wireshark takes a segment for as long as its frame, and tests none whose header is cut
		cut := *s
		if cut.Len -= int(s.Beyond); cut.Len < 0 {
			return
		}
		s = &cut
	}
	v := d.hear(s, t.streams.reused)
	if v == 0 {
		return
	}
	if d.tally == 0 {
		d.tally, _ = a.tallies.take()
	}
	counts := &a.tallies.at(d.tally)[s.Dir]
	for ; v != 0; v &= v - 1 {
		counts[bits.TrailingZeros32(uint32(v))]++
	}
}

// of returns the dialogue in the place of a brief, which is over.
func (a *analyses) of(b *brief) (d *dialogue) {
	if b.link != 0 {
		return a.arena.at(b.link)
	}
	b.link, d = a.arena.take()
	return d
}

// recall takes back what is remembered of a stream, or begins it.
func (a *analyses) recall(stream uint32) dialogue {
	if !a.remembers(stream) {
		return newDialogue(stream)
	}
	d := &a.past[stream&uint32(len(a.past)-1)]
	was := *d
	*d = dialogue{}
	return was
}

// remembers says that something is remembered of a stream.
func (a *analyses) remembers(stream uint32) bool {
	if len(a.past) == 0 {
		return false
	}
	d := &a.past[stream&uint32(len(a.past)-1)]
	return d.begun && d.stream == stream
}

// counted tells what was marked of a connection with that brief.
func (a *analyses) counted(b *brief, c *conn, l *Connection) {
	if b.stage != briefOver || b.link == 0 {
		return
	}
	if d := a.arena.at(b.link); d.tally != 0 {
		counts := *a.tallies.at(d.tally)
		for dir := range d.said {
			if d.said[dir].reopened(d.base[dir]) {
				counts[dir][ReusedPorts]++
			}
		}
		l.Client.Analysis, l.Server.Analysis = counts[c.client], counts[c.client.Other()]
	}
}

// retire keeps what was said on a connection with that brief, which retires.
func (a *analyses) retire(b *brief) {
	switch {
	case b.speaks():
		d := b.dialogue()
		a.keep(&d)
	case b.stage == briefOver && b.link != 0:
		d := a.arena.at(b.link)
		if d.tally != 0 {
			a.tallies.give(d.tally)
			d.tally = 0
		}
		a.keep(d)
		a.arena.give(b.link)
	}
}

func (a *analyses) keep(d *dialogue) {
	for len(a.past) < maxPastDialogues && int(d.stream) >= len(a.past) {
		before := a.past
		a.past = make([]dialogue, max(2*len(before), 64))
		for i := range before {
			a.past[before[i].stream&uint32(len(a.past)-1)] = before[i]
		}
	}
	a.past[d.stream&uint32(len(a.past)-1)] = *d
}
