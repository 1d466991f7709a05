package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/tracker"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// maxGolden bounds a golden file, and the lines that are compared with it.
const maxGolden = 64 << 20

// recording gathers the lines for one golden file.
type recording struct {
	*Golden
	file string
	out  bounded
	Lines
}

// bounded is a buffer that refuses more than maxGolden.
type bounded struct{ bytes.Buffer }

var errTooLong = errors.New("the lines of this capture are more than 64 MiB")

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxGolden {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// goldens lets the lines of the golden files of a test be written beside its judge.
func (r *Runner) goldens(f *File, t *Test, cfg *pipeline.Config) ([]*recording, error) {
	var list []*recording
	for _, x := range t.Expect {
		if x.kind != golden {
			continue
		}
		g := &recording{Golden: x.golden, file: x.golden.File}
		if !filepath.IsAbs(g.file) {
			g.file = filepath.Join(filepath.Dir(f.Name), g.file)
		}
		if len(t.Captures) > 1 && !t.Merge {
			return nil, fmt.Errorf("snapshot %s: of several captures it cannot be known which; merge: true makes them one", g.File)
		}
		g.Lines = r.Lines(&g.out)
		cfg.Sink = both{cfg.Sink, g.Lines}
		cfg.Blame, cfg.Analysis, cfg.Zeek = true, true, true // as of -o json
		list = append(list, g)
	}
	return list, nil
}

// both tells two sinks.
type both struct{ a, b pipeline.Sink }

func (s both) Transition(t *tracker.Transition) { s.a.Transition(t); s.b.Transition(t) }
func (s both) Connection(c *tracker.Connection) { s.a.Connection(c); s.b.Connection(c) }
func (s both) Finding(f *anomaly.Finding)       { s.a.Finding(f); s.b.Finding(f) }
func (s both) Flush() error                     { return errors.Join(s.a.Flush(), s.b.Flush()) }

// end compares the lines with the file, or writes it.
func (g *recording) end(o *Outcome, r *pipeline.Result, update bool) {
	p := Problem{Place: g.Place, Expect: "snapshot: " + g.File, Verdict: Broken}
	if err := g.End(r); err != nil {
		p.What = err.Error()
		o.add(p)
		return
	}
	if update {
		if old, err := os.ReadFile(g.file); err == nil && bytes.Equal(old, g.out.Bytes()) {
			return
		}
		if err := os.WriteFile(g.file, g.out.Bytes(), 0o666); err != nil {
			p.What = err.Error()
			o.add(p)
			return
		}
		o.Updated = append(o.Updated, g.file)
		return
	}
	want, err := readBounded(g.file)
	if err != nil {
		p.What = err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			p.Next = "tcptrack check --update writes it"
		}
		o.add(p)
		return
	}
	if what := g.differ(want, g.out.Bytes()); what != "" {
		p.Verdict, p.What, p.Next = Fail, what, "if that is right: tcptrack check --update"
		o.add(p)
	}
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxGolden+1))
	if err == nil && len(text) > maxGolden {
		err = fmt.Errorf("%s: a golden file has at most 64 MiB", name)
	}
	return text, err
}

// differ says in which line and key the first difference is, "" for none.
func (g *Golden) differ(want, got []byte) string {
	w, h := lines(want), lines(got)
	for i := range min(len(w), len(h)) {
		if w[i] == h[i] {
			continue
		}
		var a, b map[string]any
		if err := decode(w[i], &a); err != nil {
			return fmt.Sprintf("line %d of the golden file: %v", i+1, err)
		}
		if err := decode(h[i], &b); err != nil {
			return fmt.Sprintf("line %d: %v", i+1, err)
		}
		if d := g.difference("", a, b); d != "" {
			return fmt.Sprintf("line %d (%s): %s", i+1, about(b), d)
		}
	}
	if len(w) != len(h) {
		return fmt.Sprintf("%d lines, the golden file has %d", len(h), len(w))
	}
	return ""
}

func lines(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func decode(line string, to *map[string]any) error {
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	return d.Decode(to)
}

// about names a line's event and connection.
func about(line map[string]any) string {
	if conn, ok := line["conn"]; ok {
		return fmt.Sprintf("%v %v", line["event"], conn)
	}
	return fmt.Sprint(line["event"])
}

// difference names the first key, in alphabetical order, whose values differ.
func (g *Golden) difference(within string, a, b map[string]any) string {
	var keys []string
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, also := a[k]; !also {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		path := within + k
		if slices.Contains(g.Ignore, k) || slices.Contains(g.Ignore, path) {
			continue
		}
		x, inA := a[k]
		y, inB := b[k]
		mapA, isA := x.(map[string]any)
		mapB, isB := y.(map[string]any)
		if isA && isB {
			if d := g.difference(path+".", mapA, mapB); d != "" {
				return d
			}
			continue
		}
		if inA != inB || !reflect.DeepEqual(x, y) {
			return fmt.Sprintf("%s is %s, it was %s", path, shown(y, inB), shown(x, inA))
		}
	}
	return ""
}

func shown(v any, is bool) string {
	if !is {
		return "absent"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 200 {
		text = append(text[:200], "…"...)
	}
	return string(text)
}
