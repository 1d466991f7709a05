package anomaly

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tcptrack/tcptrack/internal/tcp"
	"github.com/tcptrack/tcptrack/internal/trace"
	"github.com/tcptrack/tcptrack/tracker"
)

// TestTraces holds the rules to every trace in testdata: to its lines on findings.
func TestTraces(t *testing.T) {
	for _, tr := range traces(t) {
		t.Run(tr.name, func(t *testing.T) {
			for _, failure := range replay(tr.Trace) {
				t.Errorf("testdata/%s.trace:%s", tr.name, failure)
			}
		})
	}
}

// TestRulesHavePairs: each rule ships a trace where it fires, with its culprit, and a near miss where it stays quiet.
func TestRulesHavePairs(t *testing.T) {
	by := map[string]*trace.Trace{}
	for _, tr := range traces(t) {
		by[tr.name] = tr.Trace
	}
	for _, r := range Rules {
		if !expects(by[r.Code], func(f *trace.Found) bool { return f.Is == trace.Raised && f.Culprit != "" }, r.Code) {
			t.Errorf("testdata/%s.trace does not say `! %s CULPRIT`", r.Code, r.Code)
		}
		if !expects(by[r.Code+"-quiet"], func(f *trace.Found) bool { return f.Is == trace.NotRaised }, r.Code) {
			t.Errorf("testdata/%s-quiet.trace does not say `!- %s`", r.Code, r.Code)
		}
	}
}

// TestRulesAlone: what a rule finds does not depend on the others being there.
func TestRulesAlone(t *testing.T) {
	for _, tr := range traces(t) {
		for _, r := range Rules {
			if !expects(tr.Trace, func(f *trace.Found) bool { return f.Is != trace.Exactly }, r.Code) {
				continue
			}
			watch(tr.Trace, []*Rule{r}, func(d *desk, it *trace.Item) {
				if it.Found.Is == trace.Exactly || it.Found.Codes[0] != r.Code {
					return
				}
				if wrong := d.differs(&it.Found); wrong != "" {
					t.Errorf("testdata/%s.trace:%d: alone: %s", tr.name, it.Line, wrong)
				}
			})
		}
	}
}

// TestManuals: what a rule says of itself feeds explain, JSON and the metrics, so nothing of it may be empty.
func TestManuals(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range Rules {
		for field, text := range map[string]string{
			"Code": r.Code, "Title": r.Title, "Culprits": r.Culprits, "Evidence": r.Evidence, "Threshold": r.Threshold,
			"Cause": r.Cause, "Remedy": r.Remedy, "NotWhen": r.NotWhen, "RFC": r.RFC,
		} {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is %q", r.Code, field, text)
			}
		}
		for _, l := range r.Limits {
			if l.Name == "" || l.Name != strings.ToLower(l.Name) || l.What == "" || l.Default <= 0 {
				t.Errorf("%s: limit %+v", r.Code, l)
			}
		}
		if codes[r.Code] {
			t.Errorf("%s is listed twice", r.Code)
		}
		codes[r.Code] = true
		if r.Wakes == 0 || r.New == nil || Find(r.Code) != r {
			t.Errorf("%s can never judge", r.Code)
		}
	}
}

// named is a trace and its name under testdata.
type named struct {
	name string
	*trace.Trace
}

func traces(t *testing.T) (all []named) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.trace")
	if err != nil || len(files) == 0 {
		t.Fatalf("no traces in testdata: %v", err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := trace.Parse(file, src)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Title == "" {
			t.Errorf("%s:1: no comment tells the story", file)
		}
		all = append(all, named{strings.TrimSuffix(filepath.Base(file), ".trace"), tr})
	}
	return all
}

// expects says that a line of the trace on that code is as wanted.
func expects(tr *trace.Trace, is func(*trace.Found) bool, code string) bool {
	return tr != nil && slices.ContainsFunc(tr.Items, func(it trace.Item) bool {
		return it.Kind == trace.Finding && is(&it.Found) && slices.Contains(it.Found.Codes, code)
	})
}

// replay says what differs from the trace's lines on findings.
func replay(tr *trace.Trace) (failures []string) {
	desk := watch(tr, Rules, func(d *desk, it *trace.Item) {
		if wrong := d.differs(&it.Found); wrong != "" {
			failures = append(failures, fmt.Sprintf("%d: %s", it.Line, wrong))
		}
	})
	for _, broken := range desk.broken {
		failures = append(failures, " "+broken)
	}
	return failures
}

// watch lets a tracker and a bench with those rules see the trace; found is called at each of its lines on findings.
func watch(tr *trace.Trace, rules []*Rule, found func(*desk, *trace.Item)) *desk {
	desk := &desk{}
	bench := NewBench(rules, nil, desk)
	t := tracker.New(tracker.Config{Witness: bench, Facts: bench.Facts()})
	for i := range tr.Items {
		it := &tr.Items[i]
		switch it.Kind {
		case trace.Segment:
			t.Observe([]tcp.Segment{it.Segment})
		case trace.Gap:
			t.Lost(t.Now())
			bench.Dropped(t.Now(), t.Now(), uint64(it.Line), 1)
		case trace.Advance:
			t.Advance(it.Time)
		case trace.Finding:
			found(desk, it)
		}
	}
	t.Close()
	return desk
}

// watched is watch for a trace that a test has written down.
func watched(t *testing.T, text string) *desk {
	t.Helper()
	tr, err := trace.Parse(t.Name(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return watch(tr, Rules, nil)
}

// desk is a Sink that keeps the latest version of each finding, and holds them to what their fields promise.
type desk struct {
	found  []Finding // in order of their first version
	broken []string
}

func (d *desk) Finding(f *Finding) {
	if s := f.Summary; s == "" || len(f.Evidence) == 0 && !f.Population || strings.HasSuffix(s, ".") {
		d.broken = append(d.broken, fmt.Sprintf("%s: summary %q, evidence %v: want a sentence without its stop, and packets", f.ID, s, f.Evidence))
	}
	latest := *f
	latest.Evidence = slices.Clone(f.Evidence)
	for i := range d.found {
		if d.found[i].ID == f.ID {
			d.found[i] = latest
			return
		}
	}
	d.found = append(d.found, latest)
}

// stand lists the findings with that code, or all, that were not withdrawn.
func (d *desk) stand(code string) (stand []*Finding) {
	for i := range d.found {
		if f := &d.found[i]; f.Status != Withdrawn && (code == "" || f.Rule.Code == code) {
			stand = append(stand, f)
		}
	}
	return stand
}

// differs says what is otherwise than wanted.
func (d *desk) differs(want *trace.Found) string {
	switch want.Is {
	case trace.Raised:
		stand := d.stand(want.Codes[0])
		if len(stand) == 0 {
			return fmt.Sprintf("%s is not raised; %v is", want.Codes[0], d.codes())
		}
		for _, f := range stand {
			if want.Culprit != "" && f.Culprit.String() != want.Culprit {
				return fmt.Sprintf("%s blames %v, want %s: %s", f.ID, f.Culprit, want.Culprit, f.Summary)
			}
		}
	case trace.NotRaised:
		if stand := d.stand(want.Codes[0]); len(stand) > 0 {
			return fmt.Sprintf("%s is raised: %s", stand[0].ID, stand[0].Summary)
		}
	case trace.Exactly:
		wanted := slices.Clone(want.Codes)
		slices.Sort(wanted)
		if have := d.codes(); !slices.Equal(have, slices.Compact(wanted)) {
			return fmt.Sprintf("have %v, want %v", have, wanted)
		}
	}
	return ""
}

// codes lists the codes raised, each once, in alphabetical order.
func (d *desk) codes() []string {
	codes := []string{}
	for _, f := range d.stand("") {
		codes = append(codes, f.Rule.Code)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}
