package story

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// The widths of the columns before the arrow and of each state.
const (
	numberWidth = 7
	timeWidth   = 10
	stateWidth  = 11
)

// printLadder writes the rows.
func (l *Life) printLadder(p *page) {
	arrow := max(p.width-numberWidth-timeWidth-2*stateWidth-5, 24)
	indent := strings.Repeat(" ", numberWidth+timeWidth+2)
	fmt.Fprintf(p, "%*s%*s  %-*s %-*s %s\n", numberWidth, "packet", timeWidth, "time", stateWidth, "client", arrow, "", "server")
	rows, _ := l.drawing.Rows()
	for i := range rows {
		switch r := &rows[i]; r.Kind {
		case ladder.Fold:
			p.indented(r.Text(), indent+"⋮ ", indent+"  ")
		case ladder.Run:
			p.indented(r.Text(), indent+"· ", indent+"  ")
		case ladder.Gap:
			p.indented(fmt.Sprintf("%s (--all)", r.Text()), indent+"… ", indent+"  ")
		default:
			p.row("%*d%*s  %-*s %s %s", numberWidth, r.First, timeWidth, l.since(r.Time), stateWidth, known(r.Claims[tracker.Client].State), drawArrow(r.Label, r.From, arrow), known(r.Claims[tracker.Server].State))
		}
	}
}

// row writes a line without blanks at its end.
func (p *page) row(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// known spells a state, nothing while there is none.
func known(s tracker.State) string {
	if s == tracker.Unknown {
		return ""
	}
	return s.String()
}

// drawArrow draws an arrow of the given width with its label in it.
func drawArrow(label string, from tracker.Side, width int) string {
	runes := []rune(label)
	if room := width - 6; len(runes) > room {
		runes = append(runes[:room-1], '…')
	}
	label = string(runes)
	line := strings.Repeat("─", width-utf8.RuneCountInString(label)-5)
	if from == tracker.Client {
		return "── " + label + " " + line + "▶"
	}
	return "◀─ " + label + " " + line + "─"
}
