package openai

import (
	"encoding/json"

	"prism/internal/translate"
)

// maxStrictDepth is how deep a schema may be that is enforced.
const maxStrictDepth = 10

// enforceable tells whether a schema is of the subset that OpenAI enforces: every property is
// required, and no other allowed.
func enforceable(raw json.RawMessage) bool { return strict(raw, maxStrictDepth) }

func strict(raw json.RawMessage, depth int) bool {
	if depth == 0 || !translate.Is(raw, '{') {
		return false
	}
	var properties, required json.RawMessage
	object, closed := false, false
	for name, v := range translate.Fields(raw) {
		switch name {
		case "type":
			object = object || string(v) == `"object"`
		case "properties":
			properties, object = v, true
		case "required":
			required = v
		case "additionalProperties":
			closed = string(v) == "false"
		case "items":
			if !strict(v, depth-1) {
				return false
			}
		case "anyOf":
			for one := range translate.Items(v) {
				if !strict(one, depth-1) {
					return false
				}
			}
		case "$defs", "definitions":
			for _, one := range translate.Fields(v) {
				if !strict(one, depth-1) {
					return false
				}
			}
		case "description", "title", "enum", "const", "$ref", "pattern", "format", "minimum", "maximum",
			"multipleOf", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems":
		default:
			return false
		}
	}
	return !object || closed && allRequired(properties, setOf(namesOf(required)), depth)
}

func allRequired(properties json.RawMessage, required map[string]bool, depth int) bool {
	for name, v := range translate.Fields(properties) {
		if !required[name] || !strict(v, depth-1) {
			return false
		}
	}
	return true
}
