package draw

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tcptrack/tcptrack/output/ladder"
	"github.com/tcptrack/tcptrack/tracker"
)

// Mermaid appends the ladder as a Mermaid sequence diagram, with the states where they change.
func Mermaid(b *bytes.Buffer, d *ladder.Drawing) {
	fmt.Fprintf(b, "sequenceDiagram\n    participant C as %s\n    participant S as %s\n", mermaidText("client "+d.Client.String()), mermaidText("server "+d.Server.String()))
	var are [2]tracker.State
	rows, _ := d.Rows()
	for i := range rows {
		r := &rows[i]
		if r.Kind != ladder.Packet {
			fmt.Fprintf(b, "    Note over C,S: %s\n", mermaidText(r.Text()))
		} else {
			arrow := "C->>S"
			if r.From == tracker.Server {
				arrow = "S->>C"
			}
			text := fmt.Sprintf("%s s, %d: %s", seconds(r.Time-d.Start), r.First, r.Label)
			if len(r.Evidence) > 0 {
				text += " (" + strings.Join(r.Evidence, ", ") + ")"
			}
			fmt.Fprintf(b, "    %s: %s\n", arrow, mermaidText(text))
		}
		for side, at := range [...]string{"C", "S"} {
			if is := r.Claims[side].State; is != are[side] && is != tracker.Unknown {
				fmt.Fprintf(b, "    Note over %s: %s\n", at, is)
			}
			are[side] = r.Claims[side].State
		}
	}
}

// mermaidText keeps out what would end a text of Mermaid's.
func mermaidText(s string) string {
	return strings.NewReplacer(";", ",", "#", "no. ", "\n", " ", "%%", "% %").Replace(s)
}
