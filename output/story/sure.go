package story

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// sure says how far the finding is proven, and what of the capture weakens it.
func (c *chapter) sure(s *output.Summary) string {
	it := c.items[0]
	var text string
	switch {
	case c.culprit == anomaly.Capture:
		text = "it is about the capture, which shows it itself"
	case c.hidden == tracker.HiddenPossible:
		text = "that the window is shut and data waits is certain; whether the sender has closed by now is not: as long as the window stays shut, open, half-closed and closed look the same on the wire"
	case c.hidden == tracker.HiddenLikely && it.Status == anomaly.Closed:
		text = "that the window was shut is certain; that a close was hidden behind it is likely, and not proven: a writer that was blocked in write() all the while and closed when it was done looks the same"
	case c.hidden == tracker.HiddenLikely:
		text = "that the window is shut and data waits is certain; that the sender has closed is likely, and not proven"
	case c.hidden == tracker.HiddenExcluded:
		text = "that the window was shut is certain, and no close was hidden behind it: the sender showed afterwards that it was open"
	case c.hidden == tracker.HiddenConfirmed:
		text = "proven: " + proof(it)
	case it.Population:
		text = "the connections were counted; what they have in common is seen, why is not"
	default:
		text = "the evidence packets show it; the cause is what usually lies behind it"
	}
	if doubts := append(c.doubts(), captureDoubts(s)...); len(doubts) > 0 {
		text += ". Weaker for this: " + strings.Join(doubts, "; ")
	}
	return sentence(text)
}

// proof says what proves a close that was hidden.
func proof(it *item) string {
	text := "the packets show that the sender had closed while the window was shut"
	if n := len(it.Evidence); n > 0 && it.Rule.Code == "fin-wait1-zero-window" {
		text += fmt.Sprintf(" (packet %d)", it.Evidence[0])
	}
	if it.HiddenAt != 0 {
		text += ", at some time after " + stamp(it.HiddenAt)
	}
	return text
}

// doubts are what weakens the findings of the chapter.
func (c *chapter) doubts() (list []string) {
	for _, d := range []struct {
		is   func(*item) bool
		what string
	}{
		{func(it *item) bool { return it.Earlier }, "the capture began late, so it may have begun earlier"},
		{func(it *item) bool { return it.ends != nil && it.ends.Guessed }, "who is client and who is server is a guess, no SYN was seen"},
		{func(it *item) bool { return it.ends != nil && it.ends.Continued }, "its beginning was forgotten, the table was full"},
		{func(it *item) bool {
			return it.ends != nil && it.ends.Client.MissedBytes+it.ends.Server.MissedBytes > 0
		}, "octets of it were never captured"},
	} {
		n := 0
		for _, it := range c.items {
			if d.is(it) {
				n++
			}
		}
		switch {
		case n > 0 && len(c.items) > 1:
			list = append(list, fmt.Sprintf("%s (%d of %d)", d.what, n, len(c.items)))
		case n > 0:
			list = append(list, d.what)
		}
	}
	return list
}

// captureDoubts are the faults of the capture as a whole.
func captureDoubts(s *output.Summary) (list []string) {
	if s.Dropped > 0 {
		list = append(list, fmt.Sprintf("the capture lost %s", output.Count(s.Dropped, "packet")))
	}
	if n := s.Skipped["truncated"]; n > 0 {
		list = append(list, fmt.Sprintf("%s captured too short to judge", output.Count(n, "packet")))
	}
	if n := s.Tracker.Evicted; n > 0 {
		list = append(list, fmt.Sprintf("%s put aside, the table was full", output.Count(n, "connection")))
	}
	if len(s.Damage) > 0 {
		list = append(list, "a file is damaged or cut short")
	}
	return list
}

// surer says what would make it certain.
func (c *chapter) surer() string {
	it := c.items[0]
	sender := tracker.Server
	if it.Side == tracker.Server {
		sender = tracker.Client // it is the reader that a stall is about
	}
	host, far := it.Server, it.Client
	if sender == tracker.Client {
		host, far = far, host
	}
	switch {
	case c.culprit == anomaly.Capture:
		return "Capture again at a place that sees both directions, with a larger buffer: tcpdump -B 65536 -s 128."
	case c.hidden == tracker.HiddenPossible || c.hidden == tracker.HiddenLikely:
		which := "dst " + far.String()
		if len(c.items) > 1 {
			which = fmt.Sprintf("\"sport = :%d or dport = :%d\"", it.Server.Port, it.Server.Port)
		}
		text := fmt.Sprintf("on %s 'ss -tno state fin-wait-1 %s' lists what has closed. From packets: capture on until the window opens (a FIN that leaves at once had waited), or until the %s sends data (a closed %s answers with a RST)",
			host.IP(), which, sender.Other(), sender)
		if it.Status == anomaly.Open {
			text += fmt.Sprintf("; probes that go on for more than about 333 s after it shut (by Linux' defaults, RTO 0.2 s) are not those of a closed %s", sender)
		}
		return sentence(text)
	case c.hidden != tracker.HiddenNone:
		return ""
	case c.culprit == anomaly.Network:
		return "A capture at the other end too: it shows which packets never arrived."
	case c.culprit == anomaly.Attacker:
		return "A capture at the host that is said to have sent them: what it never sent was forged."
	case c.culprit == anomaly.Nobody:
		return ""
	}
	return "The word of the kernel and of the process, while it lasts: the commands above."
}
