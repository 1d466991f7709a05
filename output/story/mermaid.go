package story

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// Mermaid draws the packets that decide as a Mermaid sequence diagram, with the states where they change.
func (l *Life) Mermaid(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sequenceDiagram\n    participant C as %s\n    participant S as %s\n", mermaidText("client "+l.ends.Client.Endpoint.String()), mermaidText("server "+l.ends.Server.Endpoint.String()))
	var are [2]tracker.State
	rows, _ := l.drawing.Rows()
	for i := range rows {
		r := &rows[i]
		if r.Kind != ladder.Packet {
			fmt.Fprintf(&b, "    Note over C,S: %s\n", mermaidText(r.Text()))
		} else {
			arrow := "C->>S"
			if r.From == tracker.Server {
				arrow = "S->>C"
			}
			fmt.Fprintf(&b, "    %s: %s\n", arrow, mermaidText(fmt.Sprintf("%s s, %d: %s", strings.TrimSpace(l.since(r.Time)), r.First, r.Label)))
		}
		for side, at := range [...]string{"C", "S"} {
			if is := r.Claims[side].State; is != are[side] && is != tracker.Unknown {
				fmt.Fprintf(&b, "    Note over %s: %s\n", at, is)
			}
			are[side] = r.Claims[side].State
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText keeps out what would end a text of Mermaid's.
func mermaidText(s string) string {
	return strings.NewReplacer(";", ",", "#", "no. ", "\n", " ", "%%", "% %").Replace(s)
}
