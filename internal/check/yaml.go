package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	yamlparser "github.com/goccy/go-yaml/parser"

	"github.com/tcptrack/tcptrack/internal/query"
)

// Bounds of a file: the parser's time grows with the square of the depth.
const (
	maxFile  = 1 << 20
	maxDepth = 64
)

// entry is a key with its value.
type entry struct {
	key   string
	place Place
	value ast.Node
}

// reader reads the nodes of one file and words what is wrong with them.
type reader struct{ file string }

func (r *reader) fail(at Place, next, format string, args ...any) error {
	return &Error{File: r.file, Place: at, What: fmt.Sprintf(format, args...), Next: next}
}

// Load reads a file of expectations. Errors about its contents are *Error.
func Load(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}

// Parse reads the text of a file of expectations.
func Parse(name string, text []byte) (*File, error) {
	r := &reader{file: name}
	if len(text) > maxFile {
		return nil, r.fail(Place{}, "expectations stand in files of up to 1 MiB", "too large for a file of expectations")
	}
	if line := tooDeep(string(text)); line > 0 {
		return nil, r.fail(Place{line, 1}, "at most 64 levels", "lists and maps are nested too deeply")
	}
	doc, err := yamlparser.ParseBytes(text, 0)
	if err != nil {
		return nil, r.syntax(err, string(text))
	}
	f := &File{Name: name}
	for _, d := range doc.Docs {
		if d.Body == nil {
			continue
		}
		if err := r.document(f, d.Body); err != nil {
			return nil, err
		}
	}
	if len(f.Tests) == 0 {
		return nil, r.fail(Place{}, "tcptrack check --init CAPTURE writes a file to begin with", "holds no tests")
	}
	return f, nil
}

// tooDeep returns the first line in which brackets, or lists begun on one line, are nested too deeply; 0 if none is.
func tooDeep(text string) int {
	depth := 0
	for i, line := range strings.Split(text, "\n") {
		dashes := 0
		for rest := strings.TrimLeft(line, " "); strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "? "); dashes++ {
			rest = strings.TrimLeft(rest[2:], " ")
		}
		if indent := len(line) - len(strings.TrimLeft(line, " ")); dashes > maxDepth || indent > 8*maxDepth {
			return i + 1
		}
		depth += strings.Count(line, "[") + strings.Count(line, "{")
		if depth > maxDepth {
			return i + 1
		}
		depth = max(depth-strings.Count(line, "]")-strings.Count(line, "}"), 0)
	}
	return 0
}

// yamlForm is what YAML that cannot be read most often lacks.
const yamlForm = "behind a key stand a colon and a space, before an item of a list '- ', and lines are indented by spaces, alike within a list or map"

// syntax words an error of the YAML itself.
func (r *reader) syntax(err error, text string) error {
	var bad *yaml.SyntaxError
	if !errors.As(err, &bad) || bad.GetToken() == nil {
		return r.fail(Place{}, yamlForm, "%v", err)
	}
	p := bad.GetToken().Position
	next := yamlForm
	if lines := strings.Split(text, "\n"); p.Line > 0 && p.Line <= len(lines) {
		for _, line := range lines[max(p.Line-3, 0):p.Line] {
			if _, value, ok := strings.Cut(line, ": "); ok && strings.IndexAny(strings.TrimLeft(value, " "), "<>*&!%@`") == 0 {
				next = `values that begin with a sign are quoted: ">= 60s"`
			}
		}
	}
	return r.fail(Place{p.Line, p.Column}, next, "%s", bad.GetMessage())
}

// placeOf is where a node stands.
func placeOf(n ast.Node) Place {
	switch m := n.(type) {
	case nil:
		return Place{}
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if t := n.GetToken(); t != nil {
		return Place{t.Position.Line, t.Position.Column}
	}
	return Place{}
}

// entries reads a map whose keys are known.
func (r *reader) entries(n ast.Node, what string, known []string) ([]entry, error) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return nil, r.fail(placeOf(n), "keys are "+strings.Join(known, ", "), "%s is a map of keys and values", what)
	}
	var list []entry
	for _, v := range values {
		list = append(list, entry{v.Key.GetToken().Value, placeOf(v.Key), v.Value})
	}
	for _, e := range list {
		if !slices.Contains(known, e.key) {
			next := "keys of " + what + " are " + strings.Join(short(known), ", ")
			if near := query.Nearest(e.key, known); near != "" {
				next = fmt.Sprintf("did you mean %s? %s", near, next)
			}
			return nil, r.fail(e.place, next, "%s has no key %q", what, e.key)
		}
	}
	return list, nil
}

// short leaves out of a long list what a person would not read.
func short(list []string) []string {
	const most = 12
	if len(list) <= most {
		return list
	}
	return append(list[:most:most], "and the fields of a selection")
}

// scalar reads a single value as it is written.
func (r *reader) scalar(n ast.Node, what string) (string, error) {
	switch v := n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		return "", r.fail(placeOf(n), "write the value itself", "%s: anchors, aliases and tags are not read", what)
	case *ast.NullNode:
		return "", r.fail(placeOf(n), `a value that begins with # is quoted: at: "#902"`, "%s has no value", what)
	case *ast.LiteralNode:
		return strings.TrimSpace(v.Value.Value), nil
	case ast.ScalarNode:
		return v.GetToken().Value, nil
	}
	return "", r.fail(placeOf(n), "", "%s is a single value", what)
}

// scalars reads a single value or a list of them.
func (r *reader) scalars(n ast.Node, what string) (list []value, err error) {
	nodes := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		nodes = s.Values
	}
	for _, n := range nodes {
		text, err := r.scalar(n, what)
		if err != nil {
			return nil, err
		}
		list = append(list, value{text, placeOf(n), quoted(n)})
	}
	return list, nil
}

// value is a single value and where it stands.
type value struct {
	text  string
	place Place
	quote int // columns of its quotation mark
}

// within is the place of a character of the value.
func (v value) within(column int) Place {
	return Place{v.place.Line, v.place.Column + v.quote + column - 1}
}

// quoted is 1 if the value stands in quotation marks.
func quoted(n ast.Node) int {
	if s, ok := n.(*ast.StringNode); ok && strings.IndexAny(strings.TrimLeft(s.Token.Origin, " \t\n"), `"'`) == 0 {
		return 1
	}
	return 0
}

// yesNo reads a single value that is true or false.
func (r *reader) yesNo(n ast.Node, what string) (bool, error) {
	text, err := r.scalar(n, what)
	if err != nil {
		return false, err
	}
	switch text {
	case "true", "yes":
		return true, nil
	case "false", "no":
		return false, nil
	}
	return false, r.fail(placeOf(n), "true or false", "%s: %q is neither true nor false", what, text)
}

// inQuery puts an error of the selection language into the file.
func (r *reader) inQuery(v value, name string, err error) error {
	var bad *query.Error
	if !errors.As(err, &bad) {
		return r.fail(v.place, "", "%v", err)
	}
	return r.fail(v.within(bad.Column()), bad.Next, "%s: %s\n    %s", name, bad.What, strings.ReplaceAll(bad.Caret(), "\n", "\n    "))
}
