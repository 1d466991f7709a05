package anomaly

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// SimultaneousClose finds FINs that cross.
var SimultaneousClose = Rule{
	Code:      "simultaneous-close",
	Title:     "both ends close at once",
	Severity:  Info,
	Culprits:  "nobody",
	Evidence:  "a FIN that does not acknowledge the FIN of the other side, which had passed before",
	Threshold: "none",
	Cause:     "both applications close within the path's delay, as after a message that both know to be the last; both ends pass CLOSING, and both may end in TIME_WAIT",
	Remedy:    "nothing; where TIME_WAIT at the server is unwelcome, let the client close first",
	NotWhen:   "a FIN that answers the other's, however soon; a FIN repeated",
	RFC:       "9293 3.6 figure 13",
	Wakes:     tracker.CrossedFIN,
	New:       func(Limits) Judge { return simultaneousClose{} },
}

type simultaneousClose struct{}

func (simultaneousClose) Fact(b *Bench, f *tracker.Fact) {
	peer := f.Conn.End(f.Side.Other())
	x := b.Raise(CaseOf(f.Conn), f.Side)
	x.Culprit = Nobody
	x.Add(f.Packet)
	if b.Speaks() {
		x.Summary = fmt.Sprintf("the %s's FIN crosses that of the %s, last heard %s before", f.Side, f.Side.Other(), seconds(f.Time-peer.SentAt()))
	}
	b.Close(x, f.Time)
}

func (simultaneousClose) Wake(*Bench, Alarm) {}
