package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"prism/internal/translate"
)

// TestOnlyWhatOpenAIEnforcesIsToBeEnforced: a schema that is said to be enforced and cannot be is a
// refusal of every turn to come.
func TestOnlyWhatOpenAIEnforcesIsToBeEnforced(t *testing.T) {
	closed := func(fields, names string) string {
		return `{"type":"object","properties":{` + fields + `},"required":[` + names + `],"additionalProperties":false}`
	}
	holds := func(property string) string { return closed(`"a":`+property, `"a"`) }
	for schema, want := range map[string]bool{
		closed(``, ``):                                                                 true,
		holds(`{"type":"string"}`):                                                     true,
		holds(`{"type":["string","null"],"title":"A"}`):                                true,
		holds(`{"type":"string","enum":["x","y"]}`):                                    true,
		holds(`{"type":"string","const":"x"}`):                                         true,
		holds(`{"type":"string","format":"date-time"}`):                                true,
		holds(`{"type":"string","pattern":"^(?:a|b)+$"}`):                              true,
		holds(`{"type":"array","items":{"type":"number","minimum":0},"minItems":1}`):   true,
		holds(`{"anyOf":[{"type":"string"},{"type":"null"}],"description":"Either."}`): true,
		holds(closed(`"b":{"type":"integer"}`, `"b"`)):                                 true,
		`{"$defs":{"b":{"type":"string"}},` + holds(`{"$ref":"#/$defs/b"}`)[1:]:        true,
		`{"$schema":"http://json-schema.org/draft-07/schema#",` + closed(``, ``)[1:]:   true,

		`{}`:                                false,
		`true`:                              false,
		`{"type":"object"}`:                 false,
		`{"type":"object","properties":{}}`: false,
		`{"type":"array","items":{}}`:       false,
		`{"type":["object","null"],` + closed(``, ``)[len(`{"type":"object",`):]:       false,
		`{"anyOf":[` + closed(``, ``) + `]}`:                                           false,
		`{"anyOf":[` + closed(``, ``) + `],` + closed(``, ``)[1:]:                      false,
		`{"$ref":"#/$defs/a","$defs":{"a":` + closed(``, ``) + `}}`:                    false,
		closed(`"a":{"type":"string"}`, ``):                                            false,
		closed(``, `"a"`):                                                              false,
		holds(`{}`):                                                                    false,
		holds(`true`):                                                                  false,
		holds(`{"description":"Anything."}`):                                           false,
		holds(`{"anyOf":[]}`):                                                          false,
		holds(`{"anyOf":[{"type":"string"},{}]}`):                                      false,
		holds(`{"oneOf":[{"type":"string"}]}`):                                         false,
		holds(`{"allOf":[{"type":"string"}]}`):                                         false,
		holds(`{"type":"string","format":"uri"}`):                                      false,
		holds(`{"type":"string","pattern":"^(?!a)"}`):                                  false,
		holds(`{"type":"string","minLength":1}`):                                       false,
		holds(`{"type":"string","default":"x"}`):                                       false,
		holds(`{"type":"array"}`):                                                      false,
		holds(`{"type":["array","null"]}`):                                             false,
		holds(`{"type":["object","null"],"properties":{}}`):                            false,
		holds(`{"type":"object","properties":{},"additionalProperties":true}`):         false,
		holds(`{"$ref":"#/$defs/b","description":"Beside a reference."}`):              false,
		holds(`{"$ref":"https://roses.example/b.json"}`):                               false,
		holds(`{"$schema":"http://json-schema.org/draft-07/schema#","type":"string"}`): false,
		strings.Repeat(`{"type":"object","required":["a"],"additionalProperties":false,"properties":{"a":`, 11) +
			`{"type":"string"}` + strings.Repeat(`}}`, 11): false,
	} {
		if got := enforceable(json.RawMessage(schema)); got != want {
			t.Errorf("%t, want %t: %s", got, want, schema)
		}
	}
}

// TestEverySiblingOfASchemaIsPutInItsPlace: each is as deep as the first.
func TestEverySiblingOfASchemaIsPutInItsPlace(t *testing.T) {
	const many = maxSchemaDepth + 8
	var all []string
	for i := range many {
		all = append(all, fmt.Sprintf(`{"properties":{"p%d":{"type":"array","items":{"type":"string"}}}}`, i))
	}
	schema := `{"type":"object","properties":{"a":{"allOf":[` + strings.Join(all, ",") + `]}}}`
	out := cleanSchema(json.RawMessage(schema), schemaGemini)
	properties := translate.Field(translate.Field(translate.Field(out, "properties"), "a"), "properties")
	for i := range many {
		one := translate.Field(properties, fmt.Sprintf("p%d", i))
		if string(translate.Field(translate.Field(one, "items"), "type")) != `"string"` {
			t.Errorf("p%d is %s", i, one)
		}
	}
}
