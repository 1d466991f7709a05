package story

import (
	"fmt"
	"io"
	"strings"

	"github.com/tcptrack/tcptrack/tracker"
)

// Mermaid draws the packets that decide as a Mermaid sequence diagram, with the states where they change.
func (l *Life) Mermaid(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sequenceDiagram\n    participant C as %s\n    participant S as %s\n", mermaidText("client "+l.ends.Client.Endpoint.String()), mermaidText("server "+l.ends.Server.Endpoint.String()))
	var are [2]tracker.State
	for i := range l.ladder.rows {
		r := &l.ladder.rows[i]
		switch {
		case r.folded > 0:
			fmt.Fprintf(&b, "    Note over C,S: %s\n", mermaidText(r.foldText()))
		case r.label == "":
			fmt.Fprintf(&b, "    Note over C,S: %s\n", mermaidText(r.runText()))
		default:
			arrow := "C->>S"
			if r.from == tracker.Server {
				arrow = "S->>C"
			}
			fmt.Fprintf(&b, "    %s: %s\n", arrow, mermaidText(fmt.Sprintf("%s s, %d: %s", strings.TrimSpace(l.since(r.time)), r.number, r.label)))
		}
		for side, at := range [...]string{"C", "S"} {
			if r.are[side] != are[side] && r.are[side] != tracker.Unknown {
				fmt.Fprintf(&b, "    Note over %s: %s\n", at, r.are[side])
			}
		}
		are = r.are
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText keeps out what would end a text of Mermaid's.
func mermaidText(s string) string {
	return strings.NewReplacer(";", ",", "#", "no. ", "\n", " ", "%%", "% %").Replace(s)
}
