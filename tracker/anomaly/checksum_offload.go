package anomaly

import (
	"fmt"
	"math/bits"

	"github.com/tcptrack/tcptrack/tracker"
)

// ChecksumOffload finds captures taken in front of a network card that fills in checksums.
var ChecksumOffload = Rule{
	Code:      "checksum-offload",
	Title:     "a host's checksums are filled in behind the capture",
	Severity:  Info,
	Culprits:  "the capture",
	Evidence:  "checksums that hold the pseudo-header's sum alone, or all sums of one direction wrong",
	Threshold: "none: one partial sum is enough",
	Cause:     "the capture runs on the sending host, whose network card finishes the checksums (tx offload) after the packets were copied to the capture",
	Remedy:    "nothing: tcptrack takes these segments as good. For right sums capture elsewhere, or switch it off while capturing: 'ethtool -K IFACE tx off'",
	NotWhen:   "single segments with a wrong sum, from a host whose others are right (bad-checksum)",
	RFC:       "9293 3.1",
	Wakes:     tracker.Offloaded,
	New:       func(Limits) Judge { return &checksumOffload{} },
}

type checksumOffload struct{ n int }

func (j *checksumOffload) Fact(b *Bench, f *tracker.Fact) {
	n := b.note(f, 0)
	b.send(&n)
}

func (j *checksumOffload) Note(b *Bench, n *Note) {
	j.n++
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(n.packet)
	if bits.OnesCount(uint(j.n)) == 1 {
		whose := n.client
		if n.side == tracker.Server {
			whose = n.server
		}
		x.Summary = fmt.Sprintf("checksums of %s so far were left to the network card, the latest those of %s", count(j.n, "endpoint"), whose.IP())
		b.Tell(x)
	}
}

func (*checksumOffload) Wake(*Bench, Alarm) {}
