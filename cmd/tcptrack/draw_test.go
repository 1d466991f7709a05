package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// drawnBy runs draw and returns what it prints.
func drawnBy(t *testing.T, args ...string) string {
	t.Helper()
	var out, problems bytes.Buffer
	if code := execute(context.Background(), append([]string{"draw"}, args...), nil, &out, &problems); code != 0 {
		t.Fatalf("draw %v: exit %d: %s", args, code, problems.String())
	}
	return out.String()
}

// No line is wider than the terminal, however narrow that is, and --ascii keeps to it.
func TestDrawFits(t *testing.T) {
	for name, file := range recordings(t) {
		if name == "syn_unanswered" {
			continue // it was captured at the server, which no packet reached
		}
		for _, width := range []string{"40", "69", "70", "80", "200"} {
			most := map[string]int{"40": 40, "69": 69, "70": 70, "80": 80, "200": 200}[width]
			text := drawnBy(t, file, "0", "--width", width, "--ascii")
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > most {
					t.Errorf("%s at %s: %d columns: %s", name, width, n, line)
				}
			}
			if i := strings.IndexFunc(text, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }); i >= 0 {
				t.Errorf("%s: --ascii prints %q", name, text[i:i+4])
			}
		}
	}
}

// A picture is well-formed XML that runs nothing and asks for nothing, whatever its width.
func TestDrawPictures(t *testing.T) {
	for name, file := range recordings(t) {
		if name == "syn_unanswered" {
			continue // it was captured at the server, which no packet reached
		}
		for _, width := range []string{"360", "960"} {
			picture := drawnBy(t, file, "0", "-o", "svg", "--width", width)
			for d := xml.NewDecoder(strings.NewReader(picture)); ; {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				e, ok := token.(xml.StartElement)
				if !ok {
					continue
				}
				if !strings.Contains(" svg style rect text title path circle ", " "+e.Name.Local+" ") {
					t.Errorf("%s: an element %s", name, e.Name.Local)
				}
				for _, a := range e.Attr {
					if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") || strings.Contains(a.Value, "NaN") {
						t.Errorf("%s: <%s %s=%q>", name, e.Name.Local, a.Name.Local, a.Value)
					}
				}
			}
		}
	}
}

// The picture in the README is the one that draw makes of the recorded hang; go test -update draws it anew.
func TestDrawnInReadme(t *testing.T) {
	const file = "../../docs/hang.svg"
	picture := drawnBy(t, "../../testdata/pcaps/fin_wait1_zero_window/s.pcap.gz", "0", "-o", "svg")
	if *update {
		if err := os.WriteFile(file, []byte(picture), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(file); err != nil || string(old) != picture {
		t.Errorf("%s is not what draw makes: %v", file, err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil || !strings.Contains(string(readme), "(docs/hang.svg)") {
		t.Errorf("README.md does not show it: %v", err)
	}
	for _, told := range []string{"zero window for 14.3 s", "ESTABLISHED or FIN_WAIT1", "prefers-color-scheme:dark"} {
		if !strings.Contains(picture, told) {
			t.Errorf("the picture does not say %q", told)
		}
	}
}
