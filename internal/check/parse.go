package check

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/tcptrack/tcptrack/internal/query"
)

// document reads the top of a file.
func (r *reader) document(f *File, n ast.Node) error {
	top, err := r.entries(n, "the file", []string{"version", "tests"})
	if err != nil {
		return err
	}
	for _, e := range top {
		if e.key == "version" {
			if v, err := r.scalar(e.value, "version"); err != nil || v != "1" {
				return r.fail(e.place, "this tcptrack reads version 1", "version %s is not known", v)
			}
			continue
		}
		list, ok := e.value.(*ast.SequenceNode)
		if !ok {
			return r.fail(e.place, "- name: ...", "tests is a list")
		}
		for _, n := range list.Values {
			t, err := r.test(n)
			if err != nil {
				return err
			}
			f.Tests = append(f.Tests, t)
		}
	}
	return nil
}

// test reads one test.
func (r *reader) test(n ast.Node) (*Test, error) {
	list, err := r.entries(n, "a test", []string{"name", "pcap", "merge", "sha256", "expect", "snapshot"})
	if err != nil {
		return nil, err
	}
	t := &Test{Place: placeOf(n)}
	for _, e := range list {
		switch e.key {
		case "name":
			t.Name, err = r.scalar(e.value, "name")
		case "pcap":
			var names []value
			names, err = r.scalars(e.value, "pcap")
			for _, v := range names {
				t.Captures = append(t.Captures, Pattern{v.text, v.place})
			}
		case "merge":
			t.Merge, err = r.yesNo(e.value, "merge")
		case "sha256":
			t.SHAPlace = e.place
			if t.SHA256, err = r.scalar(e.value, "sha256"); err == nil {
				if sum, bad := hex.DecodeString(t.SHA256); bad != nil || len(sum) != 32 {
					err = r.fail(e.place, "sha256sum CAPTURE prints it", "sha256 is 64 hexadecimal digits")
				}
			}
		case "snapshot":
			err = r.golden(t, e)
		case "expect":
			err = r.expect(t, e)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(t.Captures) == 0:
		return nil, r.fail(t.Place, "pcap: trace.pcap", "the test names no capture")
	case len(t.Expect) == 0:
		return nil, r.fail(t.Place, "expect: with a list, or snapshot: FILE", "the test expects nothing")
	case t.SHA256 != "" && len(t.Captures) > 1:
		return nil, r.fail(t.SHAPlace, "a test for each capture", "sha256 is of one capture, and there are several")
	}
	if t.Name == "" {
		t.Name = t.Captures[0].Text
	}
	return t, nil
}

func (r *reader) expect(t *Test, e entry) error {
	list, ok := e.value.(*ast.SequenceNode)
	if !ok {
		return r.fail(e.place, "- connections: 1", "expect is a list")
	}
	for _, n := range list.Values {
		x, err := r.expectation(t, n)
		if err != nil {
			return err
		}
		if x != nil {
			t.Expect = append(t.Expect, x)
		}
	}
	return nil
}

// heads are the keys of which one says what an expectation is about.
var heads = []string{"where", "every", "none", "max", "connections", "capture", "findings", "snapshot"}

// expectationKeys are all keys of an expectation.
var expectationKeys = append(append(slices.Clone(heads), "at", "possible"), query.Names()...)

// expectation reads one item of expect.
func (r *reader) expectation(t *Test, n ast.Node) (*Expectation, error) {
	list, err := r.entries(n, "an expectation", expectationKeys)
	if err != nil {
		return nil, err
	}
	has := map[string]*entry{}
	for i := range list {
		has[list[i].key] = &list[i]
	}
	if len(list) == 0 {
		return nil, r.fail(placeOf(n), "an expectation has one of "+strings.Join(heads, ", "), "nothing is expected here")
	}
	x := &Expectation{Place: placeOf(n), Text: firstLine(list[0])}
	for _, e := range list {
		if slices.Contains(heads, e.key) {
			x.Text = firstLine(e)
			break
		}
	}
	for _, pair := range [][2]string{{"where", "every"}, {"where", "none"}, {"every", "none"}, {"max", "connections"}, {"max", "every"}, {"max", "none"}, {"connections", "every"}, {"connections", "none"}} {
		if has[pair[0]] != nil && has[pair[1]] != nil {
			return nil, r.fail(has[pair[1]].place, "write two expectations", "%s and %s do not go together", pair[0], pair[1])
		}
	}
	if e := has["at"]; e != nil {
		if err := r.moment(x, e.value); err != nil {
			return nil, err
		}
	}
	alone := func(e *entry) error {
		for _, other := range list {
			if other.key != e.key {
				return r.fail(other.place, "write an expectation of its own", "%s does not go with %s", other.key, e.key)
			}
		}
		return nil
	}
	switch {
	case has["snapshot"] != nil:
		if err := alone(has["snapshot"]); err != nil {
			return nil, err
		}
		return nil, r.golden(t, *has["snapshot"])
	case has["capture"] != nil:
		if err := alone(has["capture"]); err != nil {
			return nil, err
		}
		x.kind = faults
		return x, r.faults(x, has["capture"].value)
	}
	return x, r.about(x, list, has)
}

// about reads an expectation about connections, or about all findings.
func (r *reader) about(x *Expectation, list []entry, has map[string]*entry) (err error) {
	for _, k := range []struct {
		key  string
		kind kind
	}{{"where", some}, {"every", every}, {"none", none}} {
		if e := has[k.key]; e != nil {
			x.kind = k.kind
			if x.where, err = r.selection(e); err != nil {
				return err
			}
		}
	}
	for _, k := range []struct {
		key  string
		kind kind
	}{{"max", most}, {"connections", connections}} {
		if e := has[k.key]; e != nil {
			x.kind = k.kind
			if err := r.number(x, e); err != nil {
				return err
			}
		}
	}
	if has["findings"] != nil && x.where == nil && x.count == nil {
		x.kind = codes
		x.findings, err = r.findings(has["findings"].value)
		if err == nil && len(list) > 1 && (has["at"] == nil || len(list) > 2) {
			err = r.fail(list[0].place, "where: SELECTION asks for a connection's", "findings alone are those of the whole capture")
		}
		return err
	}
	if x.where == nil && x.count == nil {
		return r.fail(x.Place, "an expectation has one of "+strings.Join(heads, ", "), "nothing says what is expected to be so")
	}
	may := false
	if e := has["possible"]; e != nil {
		if may, err = r.yesNo(e.value, "possible"); err != nil {
			return err
		}
	}
	for _, e := range list {
		if slices.Contains(heads, e.key) && e.key != "findings" || e.key == "at" || e.key == "possible" {
			continue
		}
		if err := r.condition(x, e, may); err != nil {
			return err
		}
	}
	return nil
}

// firstLine is how an expectation is called in reports.
func firstLine(e entry) string {
	line, _, _ := strings.Cut(strings.TrimSpace(e.value.String()), "\n")
	return e.key + ": " + line
}

func (r *reader) selection(e *entry) (*query.Selection, error) {
	text, err := r.scalar(e.value, e.key)
	if err != nil {
		return nil, err
	}
	q, err := query.Parse(text)
	if err != nil {
		return nil, r.inQuery(value{text, placeOf(e.value), quoted(e.value)}, e.key, err)
	}
	return q, nil
}

// number reads how many connections are expected.
func (r *reader) number(x *Expectation, e *entry) error {
	text, err := r.scalar(e.value, e.key)
	if err != nil {
		return err
	}
	x.countIs = text
	if x.kind == most {
		text = "<= " + text
	}
	// Compared as the number of a connection is: any field that is a plain number will do.
	if x.count, err = query.Term("conn", text); err != nil {
		return r.noNumber(*e, x.countIs)
	}
	return nil
}

func (r *reader) noNumber(e entry, text string) error {
	return r.fail(placeOf(e.value), `a number, or a comparison in quotation marks, as ">= 3"`, "%s: %q is no number", e.key, text)
}

// condition reads a field with the value that it must have.
func (r *reader) condition(x *Expectation, e entry, may bool) error {
	if e.key == "findings" {
		set, err := r.findings(e.value)
		if err != nil {
			return err
		}
		x.meets = append(x.meets, condition{place: e.place, name: e.key, want: set.String(), test: set.of, absence: set.absence()})
		return nil
	}
	name := e.key
	if base, ok := strings.CutSuffix(name, "state"); ok && may {
		name = base + "possible"
	}
	values, err := r.values(e)
	if err != nil {
		return err
	}
	c := condition{place: e.place, name: name, hasField: true}
	var any []*query.Selection
	var words []string
	for _, v := range values {
		q, err := query.Term(name, v.text)
		if err != nil {
			return r.inQuery(v, e.key, err)
		}
		any = append(any, q)
		words = append(words, v.text)
		c.absence = c.absence || query.Bounded(name, v.text)
	}
	c.want = strings.Join(words, " or ")
	c.test = func(s *query.Subject) bool {
		return slices.ContainsFunc(any, func(q *query.Selection) bool { return q.Match(s) })
	}
	x.meets = append(x.meets, c)
	return nil
}

// values reads a value, a list of them of which one must be so, or a map of min and max.
func (r *reader) values(e entry) ([]value, error) {
	switch e.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		list, err := r.scalars(e.value, e.key)
		if err == nil && len(list) == 0 {
			err = r.fail(placeOf(e.value), "", "%s has no value", e.key)
		}
		return list, err
	}
	bounds, err := r.entries(e.value, e.key, []string{"min", "max"})
	if err != nil {
		return nil, err
	}
	least, most := "", ""
	for _, b := range bounds {
		text, err := r.scalar(b.value, b.key)
		if err != nil {
			return nil, err
		}
		if b.key == "min" {
			least = text
		} else {
			most = text
		}
	}
	return []value{{text: least + ".." + most, place: placeOf(e.value)}}, nil
}
