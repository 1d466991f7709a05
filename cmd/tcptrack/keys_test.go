package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// key is what a JSON Schema says of a key, as far as docs/fields.md shows it.
type key struct {
	Description string
	Ref         string `json:"$ref"`
	Type        string
	Const       any
	Enum        []string
	Items       *key
	Format      string
	AnyOf       []key
	ECS         string `json:"x-ecs"`
	OTel        string `json:"x-otel"`
	Required    []string
	Properties  ordered
}

// ordered are the keys of an object in the order of the file.
type ordered struct {
	names []string
	keys  map[string]key
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &o.keys); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil // the end
		}
		switch v := token.(type) {
		case json.Delim:
			depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[v]
		case string:
			if _, is := o.keys[v]; is && depth == 1 {
				o.names = append(o.names, v)
			}
		}
	}
}

// readKeys reads the definitions of a schema.
func readKeys(file string) (map[string]key, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var schema struct {
		Defs map[string]key `json:"$defs"`
	}
	return schema.Defs, json.Unmarshal(text, &schema)
}

// statsKeys are the keys of what stats writes, from their schema.
func statsKeys() string {
	defs, err := readKeys("../../output/stats/schema.json")
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString("| key | what it is | value | always |\n|---|---|---|---|\n")
	for _, name := range []string{"counted", "pair", "client", "total", "both", "noted", "streak", "ever", "overlap"} {
		def := defs[name]
		event := def.Properties.keys["event"]
		fmt.Fprintf(&b, "| **%s** | **%s** | | |\n", event.value(defs), def.Description)
		var all strings.Builder
		rows(&all, "", def, defs)
		for row := range strings.Lines(all.String()) {
			if !strings.HasPrefix(row, "| `event` ") {
				b.WriteString(strings.TrimSuffix(row, "  |  |\n") + "\n")
			}
		}
	}
	return b.String()
}

// keyTables are the keys of the JSON Lines, from their schema.
func keyTables() string {
	defs, err := readKeys("../../output/jsonl/schema.json")
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for i, name := range []string{"connection", "end", "zeek", "finding", "transition", "socket", "kernel", "summary"} {
		def := defs[name]
		title := "`\"event\":\"" + name + "\"`"
		if name == "end" {
			title = "`client` and `server` of a connection"
		}
		if name == "zeek" {
			title = "`zeek` of a connection"
		}
		if name == "kernel" {
			title = "`kernel` of a finding and of a socket"
		}
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n", title, strings.ToUpper(def.Description[:1])+def.Description[1:])
		b.WriteString("| key | what it is | value | always | ECS | OpenTelemetry |\n|---|---|---|---|---|---|\n")
		rows(&b, "", def, defs)
	}
	return b.String()
}

// rows writes a line for each key of an object, those of objects within it behind a dot.
func rows(b *strings.Builder, within string, def key, defs map[string]key) {
	for _, name := range def.Properties.names {
		k := def.Properties.keys[name]
		always := ""
		for _, r := range def.Required {
			if r == name {
				always = "yes"
			}
		}
		of := defs[strings.TrimPrefix(k.Ref, "#/$defs/")]
		doc := k.Description
		if doc == "" {
			doc = of.Description
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s | %s | %s |\n", within, name, doc, k.value(defs), always, code(k.ECS), code(k.OTel))
		if k.Ref == "" && k.Type == "object" {
			rows(b, within+name+".", k, defs)
		}
	}
}

// value says what values a key has.
func (k key) value(defs map[string]key) string {
	name := strings.TrimPrefix(k.Ref, "#/$defs/")
	switch {
	case name == "end" || name == "endpoint" || name == "kernel":
		return "see below"
	case name == "time" || name == "ip":
		return name
	case name != "":
		return defs[name].value(defs)
	case k.Const != nil:
		return fmt.Sprintf("`%v`", k.Const)
	case len(k.Enum) > 0:
		return "`" + strings.Join(k.Enum, "` `") + "`"
	case len(k.AnyOf) > 0:
		var list []string
		for _, a := range k.AnyOf {
			list = append(list, a.value(defs))
		}
		return strings.Join(list, " or ")
	case k.Type == "array":
		return "list of: " + k.Items.value(defs)
	}
	return k.Type
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, ", ", "`, `") + "`"
}
