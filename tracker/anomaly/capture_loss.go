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
	k := endOf(f.Conn.Num(), f.Side)
	switch f.Kind {
	case tracker.Missed:
		j.missed(b, f, k)
	case tracker.Unmissed:
		j.unmissed(b, f, k)
	case tracker.Ended:
		delete(j.latest, k)
		delete(j.latest, endOf(f.Conn.Num(), f.Side.Other()))
	}
}

func (j *captureLoss) missed(b *Bench, f *tracker.Fact, k endKey) {
	if !f.Conn.End(f.Side).Seen() || f.Conn.Late() && f.Time-f.Conn.Start() < settling {
		return
	}
	j.gaps++
	j.octets += uint64(f.Octets)
	g, ok := j.latest[k]
	if next := f.Conn.End(f.Side).Next(); next.Add(-f.Octets) != g.to {
		g = gap{1, f.Octets, next}
	} else {
		g = gap{g.told + 1, g.octets + f.Octets, next}
	}
	if ok || len(j.latest) < maxKept {
		j.latest[k] = g
		b.Follow(f.Conn)
	}
	j.raise(b, f.Packet, bits.OnesCount(uint(j.gaps)) == 1)
}

// unmissed takes a gap back that the sender denies: the acknowledgements were forged.
func (j *captureLoss) unmissed(b *Bench, f *tracker.Fact, k endKey) {
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
		x.Add(f.Packet)
		b.Withdraw(x)
		return
	}
	j.raise(b, f.Packet, true)
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
