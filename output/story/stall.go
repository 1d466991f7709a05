package story

import (
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// stall is one wait of an endpoint behind its peer's shut window, as far as the facts told.
type stall struct {
	tracker.Stall
	gaps    []int64 // between probes, or octets repeated; the first maxGaps
	packet  uint64  // that shut the window
	decided uint64  // that brought the verdict
}

// maxGaps bounds the intervals that are shown.
const maxGaps = 16

// follow keeps what is known of the wait of an endpoint.
func (l *Life) follow(s tracker.Side, w tracker.Stall, f *tracker.Fact) {
	list := &l.stalls[s]
	if n := len(*list); n == 0 || (*list)[n-1].Since != w.Since {
		if n == maxStalls {
			return
		}
		*list = append(*list, stall{packet: l.shutBy[s.Other()]})
	}
	x := &(*list)[len(*list)-1]
	if w.Probes > x.Probes && w.Gap > 0 && w.Probes > 1 && len(x.gaps) < maxGaps {
		x.gaps = append(x.gaps, w.Gap)
	}
	x.Stall = w
	if f.Kind == tracker.Verdict && f.Side == s {
		x.Hidden, x.decided = f.Hidden, f.Packet
	}
}

// tellStalls prints what is known of closes that may hide, or have hidden, behind a shut window.
func (l *Life) tellStalls(p *page) {
	for _, side := range [...]tracker.Side{tracker.Server, tracker.Client} {
		for i := range l.stalls[side] {
			if x := &l.stalls[side][i]; x.Probes > 0 || x.Hidden != tracker.HiddenNone {
				x.tell(p, l, side)
			}
		}
	}
}

func (x *stall) tell(p *page, l *Life, side tracker.Side) {
	reader := side.Other()
	p.line(fmt.Sprintf("\nBehind the %s's window, shut at %s (packet %d), the %s waited:", reader, l.since(x.Since), x.packet, side))
	say := func(format string, args ...any) { p.indented(sentence(fmt.Sprintf(format, args...)), "   ", "      ") }
	if x.Opened != 0 {
		say("it opened again at %s, %s later", l.since(x.Opened), output.Span(x.Opened-x.Since))
	} else {
		say("it has not opened since")
	}
	if x.Probes > 0 {
		say("%s or repeated octets, %s", output.Count(uint64(x.Probes), "probe"), x.cadence())
	}
	switch x.Hidden {
	case tracker.HiddenPossible:
		if x.Took || x.Past {
			say("a close hidden behind it is possible as shutdown(WR) only: open and shut down for writing look the same")
			break
		}
		say("a close hidden behind it is possible: nothing seen so far tells open from closed")
	case tracker.HiddenLikely:
		if x.Opened != 0 {
			say("a close hidden behind it is likely (packet %d), and not proven: a writer blocked in write() that closed when it was done looks the same", x.decided)
			break
		}
		say("a close hidden behind it is likely (packet %d), and not proven", x.decided)
	case tracker.HiddenConfirmed:
		say("a close was hidden behind it: packet %d proves it, from %s on", x.decided, stamp(max(x.From, x.Since)))
	case tracker.HiddenExcluded:
		say("no close was hidden behind it: packet %d excludes it", x.decided)
	default:
		say("nothing is known to wait behind it: what asks is a keepalive, or asks too seldom to tell")
	}
	switch {
	case x.Took:
		say("it acknowledged new octets of the %s meanwhile: a process still owns the socket, or it was shut down for writing only; no orphan", reader)
	case x.Retries2 > 0:
		say("the intervals level off below 120 s: its tcp_retries2 is %d, and with that an orphan would probe for ever", x.Retries2)
	case x.Past:
		say("an orphan would have been gone at %s, %s after the window shut; it asked on after that, so it was none", stamp(x.Deadline), x.patience())
	case x.Deadline != 0 && x.Opened == 0 && l.end(side).State != tracker.Closed:
		say("without a process of its own (an orphan) it would be gone at %s, %s after the window shut, by Linux' defaults and a shortest interval of %s; what is heard of it later tells that it is none",
			stamp(x.Deadline), x.patience(), output.Span(x.RTO))
	}
}

// patience is how long an orphan lasts.
func (x *stall) patience() string { return fmt.Sprintf("about %d s", (x.Deadline-x.Since)/1e9) }

// cadence says how far apart the probes were, and which timer that is.
func (x *stall) cadence() string {
	var list []string
	for _, g := range x.gaps {
		list = append(list, output.Span(g))
	}
	if len(list) == 0 {
		return "too few to tell a timer by"
	}
	text := strings.Join(list, ", ") + " apart"
	if x.Probes > len(list)+1 {
		text = strings.Join(list, ", ") + ", … apart"
	}
	n := len(x.gaps)
	switch {
	case n > 1 && x.gaps[n-1] > x.gaps[0]*3/2:
		text += ": growing, as a persist timer's, so data or a FIN waits"
	case n > 1:
		text += ": constant, as a keepalive timer's"
	}
	return text
}
