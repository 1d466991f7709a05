package check

import (
	"net/url"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sarif21 is what the schema of SARIF 2.1.0 says of the objects that are written: which properties there are, which must
// be, and of what kind.
const sarif21 = `{
  "type": "object", "required": ["version", "runs"], "additionalProperties": false,
  "properties": {
    "$schema": {"type": "string", "format": "uri"},
    "version": {"enum": ["2.1.0"]},
    "runs": {"type": "array", "items": {
      "type": "object", "required": ["tool"], "additionalProperties": false,
      "properties": {
        "tool": {"type": "object", "required": ["driver"], "additionalProperties": false, "properties": {
          "driver": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
            "name": {"type": "string"}, "version": {"type": "string"},
            "rules": {"type": "array", "uniqueItems": true, "items": {
              "type": "object", "required": ["id"], "additionalProperties": false,
              "properties": {"id": {"type": "string"}, "shortDescription": {"$ref": "#/$defs/message"}}
            }}
          }}
        }},
        "results": {"type": "array", "items": {
          "type": "object", "required": ["message"], "additionalProperties": false,
          "properties": {
            "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": -1},
            "level": {"enum": ["none", "note", "warning", "error"]},
            "message": {"$ref": "#/$defs/message"},
            "locations": {"type": "array", "items": {
              "type": "object", "required": ["physicalLocation"], "additionalProperties": false,
              "properties": {"physicalLocation": {"type": "object", "required": ["artifactLocation", "region"], "additionalProperties": false, "properties": {
                "artifactLocation": {"type": "object", "required": ["uri"], "additionalProperties": false, "properties": {"uri": {"type": "string", "format": "uri-reference"}}},
                "region": {"type": "object", "required": ["startLine"], "additionalProperties": false, "properties": {
                  "startLine": {"type": "integer", "minimum": 1}, "startColumn": {"type": "integer", "minimum": 1}
                }}
              }}}
            }}
          }
        }}
      }
    }}
  },
  "$defs": {"message": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}, "additionalProperties": false}}
}`

// A SARIF log has what its standard asks for, one result for each problem, whatever the texts hold.
func TestSARIF(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(sarif21))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]*Outcome{outcomes(), nil} {
		var out strings.Builder
		if err := SARIF(&out, "v1", list); err != nil {
			t.Fatal(err)
		}
		log, err := jsonschema.UnmarshalJSON(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(log); err != nil {
			t.Error(err)
		}
		if list == nil {
			continue
		}
		run := log.(map[string]any)["runs"].([]any)[0].(map[string]any)
		rules := run["tool"].(map[string]any)["driver"].(map[string]any)["rules"].([]any)
		var levels []string
		for _, r := range run["results"].([]any) {
			r := r.(map[string]any)
			levels = append(levels, r["level"].(string))
			if i, err := r["ruleIndex"].(interface{ Int64() (int64, error) }).Int64(); err != nil || rules[i].(map[string]any)["id"] != r["ruleId"] {
				t.Errorf("rule %v is not %v", r["ruleIndex"], r["ruleId"])
			}
			at := r["locations"].([]any)[0].(map[string]any)["physicalLocation"].(map[string]any)["artifactLocation"].(map[string]any)["uri"].(string)
			if name, err := url.PathUnescape(at); err != nil || name != "a,b:c.yaml" || strings.ContainsAny(at, ":,") {
				t.Errorf("%s is %q, %v", at, name, err)
			}
		}
		if got := strings.Join(levels, " "); got != "warning error error" {
			t.Errorf("levels %s", got)
		}
	}
}
