package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// BadChecksum finds segments that were damaged on their way.
var BadChecksum = Rule{
	Code:      "bad-checksum",
	Title:     "a segment with a wrong checksum",
	Severity:  Notice,
	Culprits:  "the network",
	Evidence:  "a wrong TCP checksum over a segment captured whole, of a sender whose other checksums are right; its receiver drops it, so it moves no state",
	Threshold: "none: one segment is enough; verified on SYN, FIN and RST, on everything with --checksum all",
	Cause:     "memory or a network card on the way damages frames behind the link's own checksum, a box rewrites headers and sums wrongly, or somebody forges without caring",
	Remedy:    "compare captures at both ends to find the segment of the path that damages; 'ethtool -S' on each card, 'nstat -az TcpInCsumErrors' at the receiver; replace the card, cable or box, switch its offloads off",
	NotWhen:   "a host that lets its card fill the sums in (checksum-offload); a snapped packet, which cannot be verified",
	RFC:       "9293 3.1",
	Wakes:     tracker.Damaged | tracker.Ended,
	New:       func(Limits) Judge { return &badChecksum{newTally()} },
}

type badChecksum struct{ tally }

func (j *badChecksum) Fact(b *Bench, f *tracker.Fact) {
	if f.Kind == tracker.Ended {
		j.end(b, f)
		return
	}
	j.note(b, f, Network, func(n int) string {
		return fmt.Sprintf("%s of the %s with a wrong checksum, dropped by the %s's host: the latest is %v with %s", count(n, "segment"), f.Side, f.Side.Other(), f.Seg.Flags, count(f.Seg.Len, "octet"))
	})
}

func (*badChecksum) Wake(*Bench, Alarm) {}
