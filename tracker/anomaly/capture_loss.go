package anomaly

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/tracker"
)

// wholeCapture is whom findings about the capture itself are about.
const wholeCapture = "capture"

// CaptureLoss finds captures that miss packets which were on the wire.
var CaptureLoss = Rule{
	Code:      "capture-loss",
	Title:     "the capture misses packets that were on the wire",
	Severity:  Warning,
	Culprits:  "the capture",
	Evidence:  "octets that were acknowledged and never captured, in directions that were captured otherwise; or the capturing system's own count of the packets that it dropped",
	Threshold: "none: nobody acknowledges what has not arrived. The tracker asks for two such acknowledgements, or data that fits, before it believes one",
	Cause:     "the capturing host was too slow (the kernel's buffer overran, the disk did not keep up), the mirror port dropped, or part of the traffic goes another way",
	Remedy:    "a larger buffer ('tcpdump -B 65536'), a short snap length ('-s 128'), a filter that is applied in the kernel; look at 'dropped by kernel' and at the switch's counters of the mirror port. Doubt findings of the connections concerned",
	NotWhen:   "octets sent before the capture began; segments that the network lost: they are sent again; one direction that is not captured at all (one-way-capture); forged acknowledgements: withdrawn when the sender goes on where it was",
	RFC:       "9293 3.4",
	Wakes:     tracker.Missed | tracker.Unmissed | tracker.Ended,
	New:       func(Limits) Judge { return &captureLoss{latest: map[endKey]gap{}} },
}

type captureLoss struct {
	gaps    int
	octets  uint64
	latest  map[endKey]gap // of each end, which may yet deny it
	dropped uint64
	told    uint64 // of the dropped, when last told
}

// gap is octets that were acknowledged and not captured, by one acknowledgement or several with nothing between them.
type gap struct {
	told   int
	octets int
	to     tcp.Seq
}

// settling is how long what was on its way, or held out of order, when the capture began may still be acknowledged.
const settling = 2 * nsPerSecond

func (j *captureLoss) Fact(b *Bench, f *tracker.Fact) {
	var n Note
	switch f.Kind {
	case tracker.Missed:
		me := f.Conn.End(f.Side)
		if !me.Seen() || f.Conn.Late() && f.Time-f.Conn.Start() < settling {
			return
		}
		b.Follow(f.Conn)
		n = b.note(f, noteMissed)
		n.octets, n.next = f.Octets, me.Next()
	case tracker.Unmissed:
		n = b.note(f, noteUnmissed)
	case tracker.Ended:
		n = b.note(f, noteEnded)
	}
	b.send(&n)
}

// What is noted.
const (
	noteMissed uint8 = iota
	noteUnmissed
	noteEnded
)

func (j *captureLoss) Note(b *Bench, n *Note) {
	k := endOf(n.conn, n.side)
	switch n.what {
	case noteMissed:
		j.missed(b, n, k)
	case noteUnmissed:
		j.unmissed(b, n, k)
	case noteEnded:
		delete(j.latest, k)
		delete(j.latest, k.other())
	}
}

func (j *captureLoss) missed(b *Bench, n *Note, k endKey) {
	j.gaps++
	j.octets += uint64(n.octets)
	g, ok := j.latest[k]
	if n.next.Add(-n.octets) != g.to {
		g = gap{1, n.octets, n.next}
	} else {
		g = gap{g.told + 1, g.octets + n.octets, n.next}
	}
	if ok || b.room(len(j.latest), maxKept) {
		j.latest[k] = g
	}
	j.raise(b, n.packet, bits.OnesCount(uint(j.gaps)) == 1)
}

// unmissed takes a gap back that the sender denies: the acknowledgements were forged.
func (j *captureLoss) unmissed(b *Bench, n *Note, k endKey) {
	g, ok := j.latest[k]
	if !ok {
		return
	}
	delete(j.latest, k)
	j.gaps -= g.told
	j.octets -= uint64(g.octets)
	x := b.StandingFor(wholeCapture)
	if x == nil {
		return
	}
	if j.gaps == 0 && j.dropped == 0 {
		x.Add(n.packet)
		b.Withdraw(x)
		return
	}
	j.raise(b, n.packet, true)
}

// Dropped takes the capture's own word, and tells of it anew when it has doubled.
func (j *captureLoss) Dropped(b *Bench, packets uint64) {
	j.dropped += packets
	tell := j.dropped >= 2*j.told
	if tell {
		j.told = j.dropped
	}
	j.raise(b, b.packet, tell)
}

func (j *captureLoss) raise(b *Bench, packet uint64, tell bool) {
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(packet)
	if !tell {
		return
	}
	var parts []string
	if j.dropped > 0 {
		parts = append(parts, count(int(j.dropped), "packet")+" dropped by its own count so far")
	}
	if j.gaps > 0 {
		parts = append(parts, fmt.Sprintf("%s so far, %s that were acknowledged and never captured", count(j.gaps, "gap"), count(int(j.octets), "octet")))
	}
	x.Summary = "the capture misses packets that arrived: " + strings.Join(parts, ", and ")
	b.Tell(x)
}

func (*captureLoss) Wake(*Bench, Alarm) {}
