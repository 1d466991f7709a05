package anomaly

import (
	"fmt"
	"math/bits"

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
	Evidence:  "octets that were acknowledged and never captured, in directions that were captured otherwise",
	Threshold: "none: nobody acknowledges what has not arrived. The tracker asks for two such acknowledgements, or data that fits, before it believes one",
	Cause:     "the capturing host was too slow (the kernel's buffer overran, the disk did not keep up), the mirror port dropped, or part of the traffic goes another way",
	Remedy:    "a larger buffer ('tcpdump -B 65536'), a short snap length ('-s 128'), a filter that is applied in the kernel; look at 'dropped by kernel' and at the switch's counters of the mirror port. Doubt findings of the connections concerned",
	NotWhen:   "octets sent before the capture began; segments that the network lost: they are sent again; one direction that is not captured at all (one-way-capture)",
	RFC:       "9293 3.4",
	Wakes:     tracker.Missed,
	New:       func(Limits) Judge { return &captureLoss{} },
}

type captureLoss struct {
	gaps   int
	octets uint64
}

// settling is how long what was on its way, or held out of order, when the capture began may still be acknowledged.
const settling = 2 * nsPerSecond

func (j *captureLoss) Fact(b *Bench, f *tracker.Fact) {
	if !f.Conn.End(f.Side).Seen() || f.Conn.Late() && f.Time-f.Conn.Start() < settling {
		return
	}
	j.gaps++
	j.octets += uint64(f.Octets)
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(f.Packet)
	if bits.OnesCount(uint(j.gaps)) == 1 {
		x.Summary = fmt.Sprintf("the capture misses packets that arrived: %s so far, %s that were acknowledged and never captured", count(j.gaps, "gap"), count(int(j.octets), "octet"))
		b.Tell(x)
	}
}

func (*captureLoss) Wake(*Bench, Alarm) {}
