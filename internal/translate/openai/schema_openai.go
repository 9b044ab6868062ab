package openai

import (
	"encoding/json"
	"slices"

	"prism/internal/translate"
)

// itemized gives every array within a schema items: OpenAI refuses one that does not say what it
// holds, and with it every request that lists the tool.
func itemized(raw json.RawMessage, depth int) json.RawMessage {
	if depth == 0 || !translate.Is(raw, '{') {
		return raw
	}
	m := fieldsOf(raw)
	for i, f := range m {
		switch f.name {
		case "items", "additionalProperties", "contains", "not", "if", "then", "else":
			m[i].value = itemized(f.value, depth-1)
		case "anyOf", "oneOf", "allOf", "prefixItems":
			m[i].value = eachItemized(f.value, depth-1)
		case "properties", "patternProperties", "$defs", "definitions":
			within := fieldsOf(f.value)
			for j := range within {
				within[j].value = itemized(within[j].value, depth-1)
			}
			if translate.Is(f.value, '{') {
				m[i].value = within.render()
			}
		}
	}
	if mayBe(m.get("type"), "array") && m.get("items") == nil {
		m.set("items", json.RawMessage("{}"))
	}
	return m.render()
}

func eachItemized(raw json.RawMessage, depth int) json.RawMessage {
	if !translate.Is(raw, '[') {
		return raw
	}
	var w writer
	w.begin('[')
	for one := range translate.Items(raw) {
		w.raw(itemized(one, depth))
	}
	w.end(']')
	return w.b
}

// mayBe tells whether the type of a schema is, or may be, the one that is named.
func mayBe(v json.RawMessage, name string) bool {
	s, _ := translate.Text(v)
	return s == name || slices.Contains(namesOf(v), name)
}
