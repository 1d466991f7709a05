package stats

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
)

// Timeline prints one line for each Answer, the head before the first: its columns do not depend on what comes.
type Timeline struct {
	Width int
	Start int64 // capture time from which the moments are told, nanoseconds since 1970 UTC

	begun bool
}

const timelineForm = "%9s  %6s  %7s  %-21s  %s"

// Add prints the line of a moment.
func (t *Timeline) Add(w io.Writer, a *Answer) error {
	if !t.begun {
		t.begun = true
		if err := t.line(w, fmt.Sprintf(timelineForm, "TIME", "CONNS", strings.ToUpper(a.peerWord())+"S", "BUSIEST "+strings.ToUpper(a.peerWord()), "IN STATE")); err != nil {
			return err
		}
	}
	var counts [tcp.NumStates]uint64
	for k, r := range a.rows {
		counts[k.State] += r.Connections
	}
	sum := a.Total()
	return t.line(w, fmt.Sprintf(timelineForm, fmt.Sprintf("%.1f s", float64(a.Time-t.Start)/1e9), number(sum.Connections), number(sum.Peers), busiestOf(&sum), states(&counts)))
}

// line prints a line no wider than the terminal.
func (t *Timeline) line(w io.Writer, text string) error {
	text = strings.TrimRight(text, " ")
	if utf8.RuneCountInString(text) > t.Width && t.Width > 0 {
		text = string([]rune(text)[:t.Width-1]) + "…"
	}
	_, err := io.WriteString(w, text+"\n")
	return err
}
