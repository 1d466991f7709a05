package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// DataAfterClose finds writers to whom nobody listens any more.
var DataAfterClose = Rule{
	Code:      "data-after-close",
	Title:     "data to an end that has closed wholly",
	Severity:  Warning,
	Culprits:  "the writer's application",
	Evidence:  "octets that an end sent after it had acknowledged its peer's FIN, answered by the RST of a host without that connection",
	Threshold: "none: one RST is enough",
	Cause:     "one side closed (not shutdown) and the other went on writing: it did not notice the end of input, answers a request whose client has gone, or the two disagree about who speaks last; what it wrote is lost",
	Remedy:    "at the writer: read, and stop when read() returns 0; at the closer: shutdown(SHUT_WR) and read to the end before close(), and time out on the wait; compare the two idle timeouts of a connection pool, the client's has to be the shorter",
	NotWhen:   "a half-close, in which data is legal for ever; data that crosses the FIN, whose writer could not know; octets repeated because their acknowledgement was lost after both FINs; a FIN alone",
	RFC:       "9293 3.6, 1122 4.2.2.13",
	Wakes:     tracker.Reset | tracker.Revived,
	Resets:    readClosed,
	New:       func(Limits) Judge { return dataAfterClose{} },
}

type dataAfterClose struct{}

func (dataAfterClose) Fact(b *Bench, f *tracker.Fact) {
	num, writer := f.Conn.Num(), f.Side.Other()
	if f.Kind == tracker.Revived {
		withdraw(b, num, writer)
		return
	}
	if b.Standing(num, writer) != nil || b.Standing(num, f.Side) != nil {
		return
	}
	me, peer := f.Conn.End(f.Side), f.Conn.End(writer)
	x := b.Raise(CaseOf(f.Conn), writer)
	x.Culprit = App(writer)
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s sent %s to the %s, which had sent its FIN and closed: a RST answers, %s after the %s was last heard",
			writer, count(unacked(peer), "octet"), f.Side, seconds(f.Time-me.SentAt()), f.Side)
	}
	b.Tell(x)
}

func (dataAfterClose) Wake(*Bench, Alarm) {}
