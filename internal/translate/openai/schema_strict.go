package openai

import (
	"encoding/json"
	"slices"
	"strings"

	"prism/internal/translate"
)

// maxStrictDepth is how deep a schema may be that is enforced.
const maxStrictDepth = 10

// enforceable tells whether a schema, as it is sent, is of the subset that OpenAI enforces: an
// object at the top, every property is required, and no other allowed. What is outside of it is
// refused where it is said to be enforced, and so is the request of every later turn.
func enforceable(raw json.RawMessage) bool {
	return translate.Field(raw, "anyOf") == nil && string(translate.Field(raw, "type")) == `"object"` && strict(raw, maxStrictDepth)
}

// strictSchema is what was read of a schema that may be enforced.
type strictSchema struct {
	types               []string
	properties, items   json.RawMessage
	required            []string
	closed, alternative bool
	reference           bool // to a definition, beside which nothing may stand
}

func strict(raw json.RawMessage, depth int) bool {
	if depth == 0 || !translate.Is(raw, '{') {
		return false
	}
	var s strictSchema
	fields := 0
	for name, v := range translate.Fields(raw) {
		if fields++; !s.field(name, v, depth) {
			return false
		}
	}
	switch {
	case s.reference:
		return fields == 1
	case s.alternative:
	case len(s.types) == 0:
		return false
	}
	if slices.Contains(s.types, "array") && s.items == nil {
		return false
	}
	if s.properties == nil && !slices.Contains(s.types, "object") {
		return true
	}
	return s.closed && s.exact(depth)
}

// field reads a field; false = it cannot be enforced.
func (s *strictSchema) field(name string, v json.RawMessage, depth int) bool {
	switch name {
	case "type":
		if one, ok := translate.Text(v); ok {
			s.types = []string{one}
		} else {
			s.types = namesOf(v)
		}
	case "properties":
		s.properties = v
	case "required":
		s.required = namesOf(v)
	case "additionalProperties":
		s.closed = string(v) == "false"
	case "items":
		s.items = v
		return strict(v, depth-1)
	case "anyOf":
		for one := range translate.Items(v) {
			if s.alternative = strict(one, depth-1); !s.alternative {
				return false
			}
		}
	case "$defs", "definitions":
		for _, one := range translate.Fields(v) {
			if !strict(one, depth-1) {
				return false
			}
		}
	case "$ref":
		ref, _ := translate.Text(v)
		s.reference = true
		return strings.HasPrefix(ref, "#")
	case "format":
		return enforcedFormat(v)
	case "pattern": // that looks around is refused
		p, ok := translate.Text(v)
		return ok && !strings.Contains(strings.ReplaceAll(p, "(?:", "("), "(?")
	case "$schema":
		return depth == maxStrictDepth // it only names the draft
	case "description", "title", "enum", "const", "minimum", "maximum",
		"multipleOf", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems":
	default:
		return false
	}
	return true
}

// exact tells whether all properties are required, and nothing else is.
func (s *strictSchema) exact(depth int) bool {
	missing := setOf(s.required)
	if len(missing) != len(s.required) {
		return false
	}
	for name, v := range translate.Fields(s.properties) {
		if !missing[name] || !strict(v, depth-1) {
			return false
		}
		delete(missing, name)
	}
	return len(missing) == 0
}

// enforcedFormat tells whether a format is one of those that OpenAI knows.
func enforcedFormat(v json.RawMessage) bool {
	switch s, _ := translate.Text(v); s {
	case "date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid":
		return true
	}
	return false
}
