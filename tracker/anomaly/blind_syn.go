package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// BlindSYN finds SYNs in the middle of a connection.
var BlindSYN = Rule{
	Code:      "blind-syn",
	Title:     "a SYN in the middle of a connection",
	Severity:  Notice,
	Culprits:  "an attacker",
	Evidence:  "a SYN, or a SYN-ACK that no SYN has asked for, with another sequence number than the connection's first, while both ends are synchronised; withdrawn if its sender proves to have begun anew: a RST answers the challenge ACK, a SYN-ACK answers the SYN, or a new connection follows within 3 s",
	Threshold: "3 s for the proof: Linux repeats a SYN after 1 s, and again 2 s later",
	Cause:     "somebody who cannot see the connection tries to reset it, or to learn its sequence numbers",
	Remedy:    "the connection lives on: its receiver answers with a challenge ACK (RFC 5961). Find where it comes from: the TTL tells how far, capture nearer to the sender; filter spoofed addresses at the edge (BCP 38)",
	NotWhen:   "a repeated SYN of the handshake; a client that was restarted and uses its port again (half-open); a SYN in TIME_WAIT (port-reuse)",
	RFC:       "5961 4.2; 9293 3.10.7.4",
	Wakes:     tracker.Challenged | tracker.Forgot | tracker.Reset | tracker.Ended,
	New:       func(Limits) Judge { return &blindSYN{newTally(), map[uint64]int64{}} },
}

// newLife is how long after a SYN another connection shows it to have been real.
const newLife = int64(3e9)

type blindSYN struct {
	tally
	latest map[uint64]int64 // when the latest SYN came, by connection
}

func (j *blindSYN) Fact(b *Bench, f *tracker.Fact) {
	num := f.Conn.Num()
	switch f.Kind {
	case tracker.Challenged:
		j.challenged(b, f)
	case tracker.Forgot:
		withdraw(b, num, f.Side.Other())
	case tracker.Reset:
		if at, ok := j.latest[num]; ok && f.Taken && f.Shape == tracker.ShapeReply && f.Time-at < newLife {
			withdraw(b, num, f.Side)
		}
	case tracker.Ended:
		if at, ok := j.latest[num]; ok {
			how, _ := f.Conn.How()
			if f.Over && how != tracker.HowRST && f.Time-at < newLife {
				withdraw(b, num, tracker.Client)
				withdraw(b, num, tracker.Server)
			}
			delete(j.latest, num)
		}
		j.end(b, f)
	}
}

func (j *blindSYN) challenged(b *Bench, f *tracker.Fact) {
	x, y := f.Conn.End(f.Side), f.Conn.End(f.Side.Other())
	if !open(x.State()) || !open(y.State()) || !y.Seen() || x.HasFIN() {
		return
	}
	if b.room(len(j.latest), maxKept) {
		j.latest[f.Conn.Num()] = f.Time
		b.Follow(f.Conn)
	}
	j.note(b, f, Attacker, func(n int) string {
		return fmt.Sprintf("%s in the %s's name in the middle of the connection, %s after its beginning: the latest is %d octets from its sequence, TTL %d (its own %d)",
			count(n, "SYN"), f.Side, seconds(f.Time-f.Conn.Start()), f.Seg.Seq.Sub(x.Next()), f.Seg.TTL, x.TTL())
	})
}

func (*blindSYN) Wake(*Bench, Alarm) {}
