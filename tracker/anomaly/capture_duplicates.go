package anomaly

import (
	"fmt"
	"math/bits"

	"github.com/tcptrack/tcptrack/tracker"
)

// CaptureDuplicates finds captures that hold frames twice.
var CaptureDuplicates = Rule{
	Code:      "capture-duplicates",
	Title:     "the capture holds frames twice",
	Severity:  Info,
	Culprits:  "the capture",
	Evidence:  "the same frame again within a millisecond: the same IP ID where its host's count up, sequence number, acknowledgement and checksum",
	Threshold: "10 frames: the network itself duplicates now and then",
	Cause:     "a mirror port that copies a frame as it comes in and as it goes out, a capture on two interfaces of one host ('-i any' and a bridge)",
	Remedy:    "mirror one direction of the ports only, or capture on one interface; 'editcap -d' removes duplicates. tcptrack counts each as one segment",
	NotWhen:   "retransmissions, which come later and with another IP ID",
	RFC:       "791 3.1",
	Limits:    []Limit{{"frames", 10, "", "that were captured twice"}},
	Wakes:     tracker.Twice,
	New:       func(l Limits) Judge { return &captureDuplicates{limit: l.Count("frames")} },
}

type captureDuplicates struct{ limit, n int }

func (j *captureDuplicates) Fact(b *Bench, f *tracker.Fact) {
	n := b.note(f, 0)
	b.send(&n)
}

func (j *captureDuplicates) Note(b *Bench, n *Note) {
	j.n++
	if j.n < j.limit {
		return
	}
	x := b.RaiseFor(wholeCapture, Case{})
	x.Culprit = Capture
	x.Add(n.packet)
	if bits.OnesCount(uint(j.n)) == 1 || j.n == j.limit {
		x.Summary = fmt.Sprintf("the capture holds frames twice: %s of %d so far", count(j.n, "frame"), n.packet)
		b.Tell(x)
	}
}

func (*captureDuplicates) Wake(*Bench, Alarm) {}
