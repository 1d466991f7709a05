package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/output/ladder"
)

// long is a connection of which only bare segments were seen, the last with window 0; every second packet is evidence.
func long(n int) *ladder.Drawing {
	d := ladder.New(ladder.Config{Head: 5, Tail: 5, Points: 10})
	for i := range n {
		s := tcp.Segment{Number: uint64(i + 1), Time: int64(i) * 1e9, Flags: tcp.ACK, Window: uint16(n - i - 1)}
		if i%2 == 0 {
			d.Evidence(s.Number, `<script>"&'`+"\x00\x1b")
		}
		d.Segment(&s)
	}
	return d
}

// Whatever it is told, a picture is well-formed and what it is told stays text.
func TestEscape(t *testing.T) {
	for _, d := range []*ladder.Drawing{long(0), long(1), long(40)} {
		var b bytes.Buffer
		SVG(&b, d, Picture{Title: "]]><b onload=\"\x07\xff'&#x3c;" + strings.Repeat("w", 300), Ladder: true, Timeline: true})
		texts := ""
		for x := xml.NewDecoder(&b); ; {
			token, err := x.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch e := token.(type) {
			case xml.StartElement:
				if e.Name.Local == "script" || e.Name.Local == "b" {
					t.Errorf("text became an element %s", e.Name.Local)
				}
			case xml.CharData:
				texts += string(e)
			}
		}
		if !strings.Contains(texts, "]]><b") {
			t.Errorf("the title is lost: %q", texts)
		}
	}
}

// Lines fit at every width, and colours add nothing but themselves: without them the words are the same.
func TestTerminal(t *testing.T) {
	for _, d := range []*ladder.Drawing{long(0), long(1), long(40)} {
		for width := MinWidth; width < 200; width += 13 {
			var plain, colored bytes.Buffer
			Timeline(&plain, d, Style{Width: width})
			Ladder(&plain, d, Style{Width: width})
			Timeline(&colored, d, Style{Width: width, Color: true})
			Ladder(&colored, d, Style{Width: width, Color: true})
			if strings.NewReplacer("\x1b[1;31m", "", "\x1b[0m", "").Replace(colored.String()) != plain.String() {
				t.Errorf("colours change what is said at %d columns", width)
			}
			for line := range strings.Lines(plain.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && !strings.Contains(line, "<script>") {
					t.Errorf("%d columns of %d: %q", n, width, line)
				}
			}
		}
	}
}
