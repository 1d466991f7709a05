package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/pflag"

	"github.com/tcptrack/tcptrack/internal/query"
	"github.com/tcptrack/tcptrack/tracker/anomaly"
)

// limitFlags are the thresholds that have a flag of their own; all others are set by a rules file.
var limitFlags = []struct{ flag, code, limit string }{
	{"zero-window", "zero-window-stall", "notice"},
	{"close-wait", "close-wait-stuck", "notice"},
	{"fin-unacked", "fin-unacked", "after"},
	{"retransmissions", "retransmission-storm", "share"},
	{"half-open-handshakes", "syn-flood", "half-open"},
}

// thresholds are the flags that set when a finding is raised.
type thresholds struct {
	file  string
	flags []*string // as given, beside limitFlags
}

// register adds --rules and the flags of thresholds whose rules exist.
func (t *thresholds) register(f *pflag.FlagSet) {
	f.StringVar(&t.file, "rules", "", "thresholds from a YAML `FILE`: CODE: {NAME: VALUE}")
	t.flags = make([]*string, len(limitFlags))
	for i, x := range limitFlags {
		if l := limitOf(anomaly.Find(x.code), x.limit); l != nil {
			place := map[string]string{"s": "TIME", "%": "SHARE"}[l.Unit]
			t.flags[i] = f.String(x.flag, "", fmt.Sprintf("raise %s from `%s` on, %s: %s", x.code, cmp.Or(place, "NUMBER"), spellLimit(l), l.What))
		}
	}
}

// limits reads the rules file, then the flags, which go before it.
func (t *thresholds) limits() (map[string]anomaly.Limits, error) {
	set := map[string]anomaly.Limits{}
	if t.file != "" {
		text, err := readRules(t.file)
		if err != nil {
			return nil, err
		}
		if err := parseRules(t.file, text, set); err != nil {
			return nil, err
		}
	}
	for i, x := range limitFlags {
		if t.flags[i] == nil || *t.flags[i] == "" {
			continue
		}
		l := limitOf(anomaly.Find(x.code), x.limit)
		v, err := parseLimit(l, *t.flags[i])
		if err != nil {
			return nil, &problem{fmt.Errorf("--%s %q: %w", x.flag, *t.flags[i], err), likeLimit(l)}
		}
		setLimit(set, x.code, x.limit, v)
	}
	return set, nil
}

// maxRules bounds a rules file; whoever names a capture by mistake is told so at once.
const maxRules = 1 << 20

func readRules(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRules+1))
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if len(text) > maxRules {
		return nil, &problem{fmt.Errorf("%s: too large for a file of rules", name), rulesExample}
	}
	return text, nil
}

func setLimit(set map[string]anomaly.Limits, code, name string, v float64) {
	if set[code] == nil {
		set[code] = anomaly.Limits{}
	}
	set[code][name] = v
}

// limitOf is the threshold of that name, nil if the rule has none.
func limitOf(r *anomaly.Rule, name string) *anomaly.Limit {
	if r != nil {
		for i := range r.Limits {
			if r.Limits[i].Name == name {
				return &r.Limits[i]
			}
		}
	}
	return nil
}

// parseRules reads a rules file: a map of codes, each a map of the names of its thresholds.
func parseRules(name string, text []byte, set map[string]anomaly.Limits) error {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			return ruleProblem(name, syntax.GetToken().Position.Line, syntax.GetMessage(), rulesExample)
		}
		return &problem{fmt.Errorf("%s: %w", name, err), rulesExample}
	}
	for _, doc := range file.Docs {
		entries, ok := mapOf(doc.Body)
		if !ok {
			return ruleProblem(name, lineOf(doc.Body), "codes are expected, each with its thresholds", rulesExample)
		}
		for _, e := range entries {
			if err := parseRule(name, e, set); err != nil {
				return err
			}
		}
	}
	return nil
}

const rulesExample = "for example\n    zero-window-stall:\n      notice: 5s"

// parseRule reads the thresholds of one code.
func parseRule(name string, e *ast.MappingValueNode, set map[string]anomaly.Limits) error {
	code := keyOf(e)
	rule := anomaly.Find(code)
	if rule == nil {
		return ruleProblem(name, lineOf(e.Key), fmt.Sprintf("no finding has the code %q", code), nearestOf(code, codes(), "tcptrack explain lists the codes"))
	}
	entries, ok := mapOf(e.Value)
	if !ok {
		return ruleProblem(name, lineOf(e.Key), code+": names of thresholds and their values are expected", limitsOf(rule))
	}
	for _, x := range entries {
		l := limitOf(rule, keyOf(x))
		if l == nil {
			var names []string
			for _, l := range rule.Limits {
				names = append(names, l.Name)
			}
			return ruleProblem(name, lineOf(x.Key), fmt.Sprintf("%s has no threshold %q", code, keyOf(x)), nearestOf(keyOf(x), names, limitsOf(rule)))
		}
		v, err := parseLimit(l, x.Value.GetToken().Value)
		if _, scalar := x.Value.(ast.ScalarNode); err != nil || !scalar {
			return ruleProblem(name, lineOf(x.Key), fmt.Sprintf("%s: %s: %q is no value for it", code, l.Name, x.Value.String()), likeLimit(l))
		}
		setLimit(set, code, l.Name, v)
	}
	return nil
}

// mapOf returns the entries of a map; nothing at all is an empty one.
func mapOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case nil:
		return nil, true
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil, true
	}
	return nil, false
}

func keyOf(e *ast.MappingValueNode) string { return e.Key.GetToken().Value }

func lineOf(n ast.Node) int { return n.GetToken().Position.Line }

func ruleProblem(file string, line int, what, next string) error {
	return &problem{fmt.Errorf("%s:%d: %s", file, line, what), next}
}

// nearestOf asks whether the nearest candidate was meant, before it says next.
func nearestOf(word string, candidates []string, next string) string {
	if near := query.Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %s? %s", near, next)
	}
	return next
}

// codes lists the codes of all findings.
func codes() (list []string) {
	for _, r := range anomaly.Rules {
		list = append(list, r.Code)
	}
	return list
}

// limitsOf says what can be set of a rule.
func limitsOf(r *anomaly.Rule) string {
	if len(r.Limits) == 0 {
		return r.Code + " has no thresholds"
	}
	var list []string
	for i := range r.Limits {
		list = append(list, r.Limits[i].Name+" ("+spellLimit(&r.Limits[i])+")")
	}
	return r.Code + " has " + strings.Join(list, ", ")
}

// spellLimit writes a threshold's default with its unit.
func spellLimit(l *anomaly.Limit) string {
	return strconv.FormatFloat(l.Default, 'f', -1, 64) + l.Unit
}

// likeLimit shows how a value of the threshold is written.
func likeLimit(l *anomaly.Limit) string {
	switch l.Unit {
	case "s":
		return "a duration, as 2s, 500ms, 1m30s, or a number of seconds"
	case "%":
		return "a share, as 5%"
	}
	return "a number, as " + spellLimit(l)
}

// parseLimit reads a value in the unit of the threshold.
func parseLimit(l *anomaly.Limit, text string) (float64, error) {
	if d, err := time.ParseDuration(text); err == nil && l.Unit == "s" && d >= 0 {
		return d.Seconds(), nil
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(text, l.Unit), 64)
	if err != nil || v < 0 || math.IsNaN(v) || v > 1e9 {
		return 0, errors.New("no value for it")
	}
	return v, nil
}
