package anomaly

import (
	"fmt"
	"math/bits"
	"strings"

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
	NotWhen:   "octets sent before the capture began; segments that the network lost: they are sent again; one direction that is not captured at all (one-way-capture)",
	RFC:       "9293 3.4",
	Wakes:     tracker.Missed,
	New:       func(Limits) Judge { return &captureLoss{} },
}

type captureLoss struct {
	gaps    int
	octets  uint64
	dropped uint64
	told    uint64 // of the dropped, when last told
}

// settling is how long what was on its way, or held out of order, when the capture began may still be acknowledged.
const settling = 2 * nsPerSecond

func (j *captureLoss) Fact(b *Bench, f *tracker.Fact) {
	if !f.Conn.End(f.Side).Seen() || f.Conn.Late() && f.Time-f.Conn.Start() < settling {
		return
	}
	j.gaps++
	j.octets += uint64(f.Octets)
	j.raise(b, f.Packet, bits.OnesCount(uint(j.gaps)) == 1)
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
