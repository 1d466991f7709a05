package ladder

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// Mark is what makes a packet decide; the zero value is none.
type Mark struct {
	text  string
	again bool // it belongs to a series of its like
	void  bool // its receiver takes nothing from it
}

// MarkOf words a fact.
func MarkOf(f *tracker.Fact) Mark {
	switch f.Kind {
	case tracker.Shut:
		return Mark{text: "the window shuts"}
	case tracker.Opened:
		return Mark{text: "the window opens"}
	case tracker.Probed:
		return Mark{text: "probe", again: true}
	case tracker.KeptAlive:
		return Mark{text: "keepalive", again: true}
	case tracker.Resent, tracker.SYNAgain:
		return Mark{text: "again", again: true}
	case tracker.Challenged:
		return Mark{text: "not acceptable", void: true}
	case tracker.Damaged:
		return Mark{text: "wrong checksum", void: true}
	case tracker.Missed:
		return Mark{text: fmt.Sprintf("%d octets before it not captured", f.Octets)}
	case tracker.Twice:
		return Mark{text: "captured twice", again: true, void: true}
	case tracker.Revived:
		return Mark{text: "speaks on after its RST"}
	case tracker.Took:
		return Mark{text: "takes new octets"}
	case tracker.Reset:
		if !f.Taken {
			return Mark{text: "not acceptable", void: true}
		}
		return Mark{text: resetWords[f.Shape]}
	case tracker.FINSent:
		return Mark{text: "closes"}
	}
	return Mark{}
}

var resetWords = map[tracker.ResetShape]string{
	tracker.ShapeUnknown: "ends it", tracker.ShapeRefusal: "refuses", tracker.ShapeReply: "knows no such connection", tracker.ShapeAbort: "its owner aborts",
	tracker.ShapeTimeout: "its owner gives up", tracker.ShapeSuspect: "may be forged",
}
