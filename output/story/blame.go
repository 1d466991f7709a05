package story

import (
	"github.com/tcptrack/tcptrack/output"
	"github.com/tcptrack/tcptrack/tracker"
)

// blame prints what each direction's life went into, as a bar and in words; nothing where that was not worked out.
func (l *Life) blame(p *page) {
	if !l.ends.Blamed {
		return
	}
	cells := min(max(p.width-margin, 20), 60)
	for _, side := range [...]tracker.Side{tracker.Server, tracker.Client} {
		b := l.end(side).Blame
		label := "Time went"
		if side == tracker.Client {
			label = ""
		}
		p.section(label, "what the "+side.String()+" sends: "+output.BlameWords(b))
		p.section("", "["+output.BlameBar(b, cells-2)+"]")
	}
}
