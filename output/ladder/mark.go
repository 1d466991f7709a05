package ladder

import (
	"fmt"

	"github.com/tcptrack/tcptrack/tracker"
)

// mark is what makes a packet decide.
type mark struct {
	text  string
	again bool // it belongs to a series of its like
	void  bool // its receiver takes nothing from it
}

// markOf words a fact.
func markOf(f *tracker.Fact) mark {
	switch f.Kind {
	case tracker.Shut:
		return mark{text: "the window shuts"}
	case tracker.Opened:
		return mark{text: "the window opens"}
	case tracker.Probed:
		return mark{text: "probe", again: true}
	case tracker.KeptAlive:
		return mark{text: "keepalive", again: true}
	case tracker.Resent, tracker.SYNAgain:
		return mark{text: "again", again: true}
	case tracker.Challenged:
		return mark{text: "not acceptable", void: true}
	case tracker.Damaged:
		return mark{text: "wrong checksum", void: true}
	case tracker.Missed:
		return mark{text: fmt.Sprintf("%d octets before it not captured", f.Octets)}
	case tracker.Twice:
		return mark{text: "captured twice", again: true, void: true}
	case tracker.Revived:
		return mark{text: "speaks on after its RST"}
	case tracker.Took:
		return mark{text: "takes new octets"}
	case tracker.Reset:
		if !f.Taken {
			return mark{text: "not acceptable", void: true}
		}
		return mark{text: resetWords[f.Shape]}
	case tracker.FINSent:
		return mark{text: "closes"}
	}
	return mark{}
}

var resetWords = map[tracker.ResetShape]string{
	tracker.ShapeUnknown: "ends it", tracker.ShapeRefusal: "refuses", tracker.ShapeReply: "knows no such connection", tracker.ShapeAbort: "its owner aborts",
	tracker.ShapeTimeout: "its owner gives up", tracker.ShapeSuspect: "may be forged",
}
