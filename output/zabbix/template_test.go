package zabbix

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// export is what of a template is looked at.
type export struct {
	Export struct {
		Version   string
		Groups    []map[string]string
		Template  []map[string]string `yaml:"template_groups"`
		Templates []struct {
			UUID, Template string
			Items          []exported
			Rules          []struct {
				UUID, Key, Type, Delay string
				Prototypes             []exported `yaml:"item_prototypes"`
			} `yaml:"discovery_rules"`
			Macros []struct{ Macro, Value string }
		}
	} `yaml:"zabbix_export"`
}

type exported struct {
	UUID, Name, Key, Type, Delay string
	ValueType                    string               `yaml:"value_type"`
	Master                       struct{ Key string } `yaml:"master_item"`
	Preprocessing                []struct {
		Type       string
		Parameters []string
		OnError    string `yaml:"error_handler"`
	}
	Triggers   []exportedTrigger
	Prototypes []exportedTrigger `yaml:"trigger_prototypes"`
}

type exportedTrigger struct{ UUID, Expression, Name, Priority string }

func read(t *testing.T, text string) *export {
	t.Helper()
	var x export
	if err := yaml.Unmarshal([]byte(text), &x); err != nil {
		t.Fatal(err)
	}
	return &x
}

// path looks into JSON as Zabbix' JSONPATH $.a['b'].c does.
func path(t *testing.T, text, path string) (string, bool) {
	t.Helper()
	var at any
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(path, "$")
	for ok && rest != "" {
		m := regexp.MustCompile(`^(?:\.([a-z0-9_]+)|\['([^']+)'\])`).FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("%s: not a path that Zabbix takes", path)
		}
		rest = rest[len(m[0]):]
		in, is := at.(map[string]any)
		if !is {
			return "", false
		}
		if at, is = in[m[1]+m[2]]; !is {
			return "", false
		}
	}
	if f, is := at.(float64); is {
		return strconv.FormatFloat(f, 'f', -1, 64), true
	}
	return fmt.Sprint(at), true
}

// Every key of the template is one that tcptrack zabbix get answers, with the value that the item takes out of
// tcptrack.get.
func TestTemplateKeysAreAnswered(t *testing.T) {
	serve, _ := watched().Latest()
	served := Of(watched(), 0, serve.Wall)
	served.Listen(443)
	for _, version := range Versions {
		for _, trapper := range []bool{false, true} {
			tmpl := read(t, Template{version, trapper}.YAML()).Export.Templates[0]
			for _, v := range []*Values{served, kernel()} {
				all := ask(t, v, "tcptrack.get")
				check := func(i *exported, port string) {
					fill := strings.NewReplacer("{#PORT}", port)
					if i.Type != "DEPENDENT" || i.Master.Key != "tcptrack.get" || i.Preprocessing[0].Type != "JSONPATH" {
						t.Errorf("%s: not of tcptrack.get: %+v", i.Key, i)
						return
					}
					k, err := ParseKey(fill.Replace(i.Key))
					if err != nil {
						t.Fatal(err)
					}
					want, err := v.Answer(k)
					got, there := path(t, all, fill.Replace(i.Preprocessing[0].Parameters[0]))
					switch mayMiss := i.Preprocessing[0].OnError == "DISCARD_VALUE"; {
					case err != nil && (v.Source != FromKernel || !mayMiss):
						t.Errorf("%s %s: %v", v.Source, i.Key, err)
					case err == nil && !there:
						t.Errorf("%s %s: is not in tcptrack.get", v.Source, i.Key)
					case err == nil && !same(got, want):
						t.Errorf("%s %s: %s in tcptrack.get, %s by get", v.Source, i.Key, got, want)
					}
				}
				for n := range tmpl.Items {
					if i := &tmpl.Items[n]; i.Key != "tcptrack.get" {
						check(i, "")
					}
				}
				var ports []map[string]string
				if err := json.Unmarshal([]byte(ask(t, v, tmpl.Rules[0].Key)), &ports); err != nil || len(ports) == 0 {
					t.Fatalf("%v %v", ports, err)
				}
				for _, port := range ports {
					for n := range tmpl.Rules[0].Prototypes {
						check(&tmpl.Rules[0].Prototypes[n], port["{#PORT}"])
					}
				}
			}
		}
	}
}

// same compares numbers as numbers; of seconds get tells thousandths.
func same(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return a == b || errX == nil && errY == nil && x-y < 0.001 && y-x < 0.001
}

var v4 = regexp.MustCompile(`^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`)

// Identities are of version 4, all different, and the same in every export, so that an import updates what is there.
func TestTemplateIdentities(t *testing.T) {
	var first []string
	for _, version := range Versions {
		text := Template{version, false}.YAML()
		if text != (Template{version, false}).YAML() {
			t.Errorf("%s: exported twice it is not the same", version)
		}
		var all []string
		for _, m := range regexp.MustCompile(`(?m)^ +(?:- )?uuid: (\S+)$`).FindAllStringSubmatch(text, -1) {
			if all = append(all, m[1]); !v4.MatchString(m[1]) {
				t.Errorf("%s: %s is no UUID of version 4", version, m[1])
			}
		}
		sorted := slices.Clone(all)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(all) || len(all) < 60 {
			t.Errorf("%s: %d UUIDs, %d of them different", version, len(all), len(slices.Compact(sorted)))
		}
		if first == nil {
			first = all
		} else if !slices.Equal(first, all) {
			t.Errorf("%s has other UUIDs than %s", version, Versions[0])
		}
	}
}

// What expressions name is there: items of the template, and macros; and no macro is of no use.
func TestTemplateTriggers(t *testing.T) {
	for _, version := range Versions {
		text := Template{version, false}.YAML()
		x := read(t, text)
		tmpl := x.Export.Templates[0]
		keys := map[string]bool{}
		triggers := 0
		for _, i := range tmpl.Items {
			if keys[i.Key] {
				t.Errorf("%s is there twice", i.Key)
			}
			keys[i.Key] = true
		}
		for _, i := range tmpl.Rules[0].Prototypes {
			keys[i.Key] = true
		}
		for _, i := range slices.Concat(tmpl.Items, tmpl.Rules[0].Prototypes) {
			for _, trigger := range slices.Concat(i.Triggers, i.Prototypes) {
				triggers++
				m := regexp.MustCompile(`^(?:min|last|nodata)\(/` + tmpl.Template + `/(.+?)(?:,\d+m)?\)(?:>|=)(?:\d+|\{\$[A-Z0-9.]+\})$`).FindStringSubmatch(trigger.Expression)
				if m == nil || !keys[m[1]] || m[1] != i.Key {
					t.Errorf("%s: %s", i.Key, trigger.Expression)
				}
				if !slices.Contains([]string{"INFO", "WARNING", "AVERAGE", "HIGH", "DISASTER"}, trigger.Priority) {
					t.Errorf("%s: %s", trigger.Name, trigger.Priority)
				}
			}
		}
		defined := map[string]bool{}
		for _, m := range tmpl.Macros {
			defined[m.Macro] = true
			if strings.Count(text, m.Macro) < 2 {
				t.Errorf("%s is used nowhere", m.Macro)
			}
		}
		for _, m := range regexp.MustCompile(`\{\$[A-Z0-9.]+\}`).FindAllString(text, -1) {
			if !defined[m] {
				t.Errorf("%s is not defined", m)
			}
		}
		if triggers < 10 || x.Export.Version != version || len(x.Export.Groups)+len(x.Export.Template) != 1 || (version == "6.0") != (len(x.Export.Groups) == 1) {
			t.Errorf("%s: %d triggers, groups %v %v", x.Export.Version, triggers, x.Export.Groups, x.Export.Template)
		}
	}
}

// A trapper's items wait to be sent, an agent's are asked for.
func TestTemplateTrapper(t *testing.T) {
	for _, trapper := range []bool{false, true} {
		tmpl := read(t, Template{"7.0", trapper}.YAML()).Export.Templates[0]
		i, rule := tmpl.Items[0], tmpl.Rules[0]
		if i.Key != "tcptrack.get" || trapper != (i.Type == "TRAP") || trapper != (i.Delay == "") || trapper != (rule.Type == "TRAP") || trapper != (rule.Delay == "") {
			t.Errorf("trapper %v: %+v, %s %s", trapper, i, rule.Type, rule.Delay)
		}
	}
}
