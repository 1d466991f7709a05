package pipeline

import (
	"fmt"

	"github.com/tcptrack/tcptrack/capture"
)

// Truncated says that files were cut short, or packets captured too short to be followed.
func (r *Result) Truncated() bool {
	return len(r.Capture.Warnings) > 0 || r.skipped(capture.SkipTruncated) > 0
}

// Doubts lists in words what keeps a capture from being the whole truth: whoever finds nothing in it cannot say that there
// was nothing.
func (r *Result) Doubts() (list []string) {
	if n := r.Capture.Dropped; n > 0 {
		list = append(list, counted(n, "packet")+" lost by the capture")
	}
	if n := r.skipped(capture.SkipTruncated); n > 0 {
		list = append(list, counted(n, "packet")+" captured too short")
	}
	if r.Findings["capture-loss"] > 0 {
		list = append(list, "octets acknowledged that were never captured")
	}
	if n := r.Tracker.Evicted; n > 0 {
		list = append(list, counted(n, "connection")+" evicted")
	}
	if len(r.Capture.Warnings) > 0 && r.Capture.Received > 0 {
		list = append(list, "an interface was down or went away")
	} else if len(r.Capture.Warnings) > 0 {
		list = append(list, "a file is damaged or cut short")
	}
	return list
}

func (r *Result) skipped(why capture.Skip) uint64 {
	for _, s := range r.Capture.Skipped {
		if s.Reason == why {
			return s.Packets
		}
	}
	return 0
}

func counted(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
