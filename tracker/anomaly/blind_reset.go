package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// BlindReset finds RSTs that miss.
var BlindReset = Rule{
	Code:      "blind-reset",
	Title:     "a RST that its receiver must not accept",
	Severity:  Notice,
	Culprits:  "an attacker, or a box in the path",
	Evidence:  "a RST on a living connection at another sequence number than the next, that its sender cannot have made: its window, TTL or IP ID is not its sender's, its number is far from all that was sent, or its sender speaks on",
	Threshold: "none: one RST is enough, since its sender cannot have made it",
	Cause:     "somebody who cannot see the connection guesses, or a firewall or intrusion-prevention box whose idea of the sequence is old cuts it",
	Remedy:    "the connection lives on (RFC 5961: a challenge ACK at most). Find where it comes from: the TTL tells how far, capture nearer to the sender; filter spoofed addresses at the edge (BCP 38); TCP-AO or IPsec for what must not be cut, as BGP",
	NotWhen:   "an old RST, or the answer of a host to an old segment, that arrives late; a RST whose sender ran ahead of what was captured",
	RFC:       "5961 3.2; 9293 3.10.7.4",
	Wakes:     tracker.Reset | tracker.Revived | tracker.Ended,
	Resets:    readBlind,
	New:       func(Limits) Judge { return &blindReset{newTally()} },
}

type blindReset struct{ tally }

func (j *blindReset) Fact(b *Bench, f *tracker.Fact) {
	switch f.Kind {
	case tracker.Ended:
		j.end(b, f)
		return
	case tracker.Revived:
		if !f.Taken && b.Standing(f.Conn.Num(), f.Side) == nil {
			j.spokeOn(b, f)
		}
		return
	}
	x := f.Conn.End(f.Side)
	off := f.Seg.Seq.Sub(x.Next())
	j.note(b, f, Attacker, func(n int) string {
		return fmt.Sprintf("%s in the %s's name that the %s must not accept: the latest is %d octets from what the %s had sent, window %d, TTL %d (its own %d)",
			count(n, "RST"), f.Side, f.Side.Other(), off, f.Side, f.Seg.Window, f.Seg.TTL, x.TTL())
	})
}

func (j *blindReset) spokeOn(b *Bench, f *tracker.Fact) {
	b.Raise(CaseOf(f.Conn), f.Side).Add(f.RST)
	j.note(b, f, Attacker, func(int) string {
		return fmt.Sprintf("a RST in the %s's name that the %s must not accept, and the %s speaks on after it", f.Side, f.Side.Other(), f.Side)
	})
}

func (*blindReset) Wake(*Bench, Alarm) {}
