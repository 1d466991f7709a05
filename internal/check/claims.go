package check

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tcptrack/tcptrack/internal/pipeline"
	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// moment reads at.
func (r *reader) moment(x *Expectation, n ast.Node) error {
	text, err := r.scalar(n, "at")
	if err != nil {
		return err
	}
	x.atText = text
	if at, err := pipeline.ParseMoment(text); err == nil {
		x.at = &at
		return nil
	}
	return r.fail(placeOf(n), pipeline.MomentForms, "at: %q is no moment", text)
}

// faultNames are what can be asked of a capture.
var faultNames = []string{"dropped", "truncated", "lost", "packets", "segments"}

// faults reads capture.
func (r *reader) faults(x *Expectation, n ast.Node) error {
	list, err := r.entries(n, "capture", faultNames)
	if err != nil {
		return err
	}
	for _, e := range list {
		f := fault{place: e.place, name: e.key}
		if e.key == "truncated" || e.key == "lost" {
			want, err := r.yesNo(e.value, e.key)
			if err != nil {
				return err
			}
			f.want = strconv.FormatBool(want)
			get := (*pipeline.Result).Truncated
			if e.key == "lost" {
				get = func(r *pipeline.Result) bool { return r.Findings["capture-loss"] > 0 }
			}
			f.test = func(r *pipeline.Result) (bool, string) { return get(r) == want, strconv.FormatBool(get(r)) }
			x.faults = append(x.faults, f)
			continue
		}
		text, err := r.scalar(e.value, e.key)
		if err != nil {
			return err
		}
		q, err := query.Term("conn", text)
		if err != nil {
			return r.noNumber(e, text)
		}
		get := map[string]func(*pipeline.Result) uint64{
			"dropped":  func(r *pipeline.Result) uint64 { return r.Capture.Dropped },
			"packets":  func(r *pipeline.Result) uint64 { return r.Capture.Packets },
			"segments": func(r *pipeline.Result) uint64 { return r.Capture.Segments },
		}[e.key]
		f.want = text
		f.test = func(r *pipeline.Result) (bool, string) { return is(q, get(r)), strconv.FormatUint(get(r), 10) }
		x.faults = append(x.faults, f)
	}
	return nil
}

// golden reads snapshot.
func (r *reader) golden(t *Test, e entry) error {
	g := &Golden{Place: e.place}
	switch e.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		list, err := r.entries(e.value, "snapshot", []string{"file", "ignore"})
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.key == "file" {
				if g.File, err = r.scalar(x.value, "file"); err != nil {
					return err
				}
				continue
			}
			keys, err := r.scalars(x.value, "ignore")
			if err != nil {
				return err
			}
			for _, k := range keys {
				g.Ignore = append(g.Ignore, k.text)
			}
		}
	default:
		var err error
		if g.File, err = r.scalar(e.value, "snapshot"); err != nil {
			return err
		}
	}
	if g.File == "" {
		return r.fail(e.place, "snapshot: {file: golden.jsonl, ignore: [end]}", "snapshot names no file")
	}
	t.Expect = append(t.Expect, &Expectation{Place: e.place, Text: "snapshot: " + g.File, kind: golden, golden: g})
	return nil
}

// findings reads a list of codes, which are meant exactly, none, or a map of exactly, at_least and none.
func (r *reader) findings(n ast.Node) (*findingSet, error) {
	set := &findingSet{}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		list, err := r.codes(n, "findings", false)
		set.exactly, set.exact = list, true
		return set, err
	}
	entries, err := r.entries(n, "findings", []string{"exactly", "at_least", "none"})
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		list, err := r.codes(e.value, e.key, e.key != "exactly")
		if err != nil {
			return nil, err
		}
		switch e.key {
		case "exactly":
			set.exactly, set.exact = list, true
		case "at_least":
			set.least = list
		case "none":
			set.none = list
		}
	}
	return set, nil
}

// codes reads codes of findings; patterns may have * in them.
func (r *reader) codes(n ast.Node, what string, patterns bool) ([]string, error) {
	values, err := r.scalars(n, what)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, v := range values {
		if v.text == "none" && len(values) == 1 {
			return nil, nil
		}
		if anomaly.Find(v.text) == nil && !(patterns && strings.Contains(v.text, "*")) {
			next := "tcptrack explain lists the codes"
			var codes []string
			for _, r := range anomaly.Rules {
				codes = append(codes, r.Code)
			}
			if near := query.Nearest(v.text, codes); near != "" {
				next = fmt.Sprintf("did you mean %s? %s", near, next)
			}
			return nil, r.fail(v.place, next, "%s: no finding has the code %q", what, v.text)
		}
		list = append(list, v.text)
	}
	return list, nil
}
