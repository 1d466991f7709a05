package capture

import (
	"fmt"
	"io"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Source yields TCP segments in the order of the capture.
type Source interface {
	// Read fills segs from the front, overwriting every field, and returns how many. It returns what is ready with a
	// nil error and does not wait for the batch to fill. n == 0 comes with io.EOF at the end of input or after Close,
	// or with another error if nothing at all could be read; a LiveSource also returns 0 and nil, when nothing of TCP came.
	Read(segs []tcp.Segment) (n int, err error)
	// Stats counts what was read so far. Packets equals Segments and all of Skipped, at any time.
	Stats() Stats
	// Close ends the reading, also a Read that waits for a growing file in another goroutine.
	Close() error
}

// MarkingSource is a Source that may also hand out, marked, what its filter leaves out.
type MarkingSource interface {
	Source
	// Marks says that it does.
	Marks() bool
}

// EagerSource is a Source that a goroutine of its own may read ahead of what is done with its segments.
type EagerSource interface {
	Source
	// Ready says that no Read waits for somebody to write, and that nobody is shown packets, who would be shown them too
	// early.
	Ready() bool
	// Eager says that the source is ready and, of what was read so far, that this pays by itself. It is called between two
	// Reads.
	Eager() bool
}

// ChecksumMode says which segments have their checksum verified.
type ChecksumMode uint8

const (
	ChecksumAuto ChecksumMode = iota // SYN, FIN and RST, which move states
	ChecksumOff
	ChecksumAll
)

// Options are the ways to read. The zero value is the usual one.
type Options struct {
	Checksum   ChecksumMode
	Follow     bool      // wait for more at the end of a file, until Close
	Stdin      io.Reader // what the name "-" stands for; nil is os.Stdin
	MaxPackets uint64    // stop after so many records that pass the filter; 0 is all
	Filter     *Filter   // nil: every record is taken
	Recorder   Recorder  // shown each packet; nil: nobody looks
}

// Skip is the reason why a record yields no segment.
type Skip uint8

const (
	taken         Skip = iota // not skipped
	SkipNotIP                 // ARP, LLDP, an encrypted frame, anything without an IP header
	SkipNotTCP                // IP without TCP, ICMP errors that quote TCP among it
	SkipFragment              // a fragment that completes no datagram
	SkipTruncated             // captured too short to hold ports, sequence numbers, flags and window
	SkipBadIP                 // an IP header that contradicts itself
	SkipBadTCP                // a TCP header that contradicts itself: every host drops it
	SkipNested                // more than maxDepth tunnels in each other
	SkipLinkType              // a link type that is not known here
	SkipNotPacket             // a record that is no packet, as a journal entry in a pcapng file
	SkipFiltered              // left out by the filter
	numSkips
)

var skipNames = [numSkips]string{
	"", "not-ip", "not-tcp", "fragment", "truncated", "bad-ip", "bad-tcp", "nested", "link-type", "not-packet", "filtered",
}

// String spells the reason as outputs have it.
func (s Skip) String() string { return skipNames[s] }

// Skipped is a reason and how many records it took.
type Skipped struct {
	Reason  Skip
	Packets uint64
}

// listSkipped lists the reasons that occurred.
func listSkipped(counts *[numSkips]uint64) (list []Skipped) {
	for r, n := range counts {
		if n > 0 {
			list = append(list, Skipped{Skip(r), n})
		}
	}
	return list
}

// Stats are the counts of a Source.
type Stats struct {
	Packets  uint64    // records read
	Segments uint64    // of them, handed out and not marked as filtered
	Skipped  []Skipped // of them, not; reasons that occurred, in the order of Skip
	Dropped  uint64    // packets that the capturing system lost, by its own statistics in the capture
	Received uint64    // packets that the kernel counts as seen by a live capture, the dropped among them
	Freezes  uint64    // how often its ring was full
	Evicted  uint64    // incomplete datagrams given up: too old, or too many at once
	Bytes    int64     // octets of the files taken in, as they lie on the disk
	Size     int64     // octets of all files; 0 if not known
	First    int64     // time of the first record, nanoseconds since 1970 UTC; meaningful iff Packets > 0
	Last     int64     // and of the latest in reading order
	Warnings []Warning // damage, in the order met, at most maxWarnings
}

// maxWarnings bounds Stats.Warnings; a capture of a thousand broken files needs no more to be understood.
const maxWarnings = 100

// warn adds a warning.
func (s *Stats) warn(name, what, next string) {
	if len(s.Warnings) < maxWarnings {
		s.Warnings = append(s.Warnings, Warning{File: name, What: what, Next: next})
	}
}

// Warning tells of damage that did not end the run.
type Warning struct {
	File   string
	Packet uint64 // the number, in this file, of the record at fault; 0 if none is
	What   string // what is wrong
	Next   string // what to do about it
}

// String puts the warning in one line.
func (w Warning) String() string {
	s := w.File + ": "
	if w.Packet > 0 {
		s += fmt.Sprintf("packet %d: ", w.Packet)
	}
	s += w.What
	if w.Next != "" {
		s += "; " + w.Next
	}
	return s
}
