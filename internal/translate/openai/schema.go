package openai

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"prism/internal/translate"
)

// Dialects of JSON Schema; "" is all of it.
const (
	schemaOpenAI = "openai" // a tool's parameters are one object, without alternatives at the top
	schemaGemini = "gemini" // the subset of OpenAPI that Google knows
	schemaLlama  = "llama"  // what llama.cpp can make a grammar of
)

// Bounds on what is made of a schema: references may repeat one another without end.
const (
	maxSchemaDepth = 32
	maxSchemaBytes = 256 << 10
)

// noParameters is the schema of a tool that takes nothing.
const noParameters = `{"type":"object","properties":{}}`

// cleanSchema returns the schema of a tool's input in the dialect of the provider. What the
// dialect has stays as it is, in its order.
func cleanSchema(raw json.RawMessage, dialect string) json.RawMessage {
	if !translate.Is(raw, '{') {
		return json.RawMessage(noParameters)
	}
	switch dialect {
	case schemaGemini:
		g := geminiSchema{schemaRoot: newSchemaRoot(raw)}
		return g.top(raw)
	case schemaLlama:
		return object(llamaSchema(raw, maxSchemaDepth))
	case schemaOpenAI:
		s := newSchemaRoot(raw)
		return itemized(object(s.flat(raw)), maxSchemaDepth)
	default:
		return object(raw)
	}
}

// cleanFormat does the same for the schema of an answer, which may be anything.
func cleanFormat(raw json.RawMessage, dialect string) json.RawMessage {
	switch dialect {
	case schemaGemini:
		g := geminiSchema{schemaRoot: newSchemaRoot(raw)}
		return g.node(raw, place{})
	case schemaLlama:
		return llamaSchema(raw, maxSchemaDepth)
	case schemaOpenAI:
		return itemized(translate.Compact(nil, raw), maxSchemaDepth)
	default:
		return translate.Compact(nil, raw)
	}
}

// object makes sure that a schema says that it is one of an object, and which properties it has:
// several providers refuse one that has none without saying so.
func object(raw json.RawMessage) json.RawMessage {
	typ, properties := translate.Field(raw, "type"), translate.Field(raw, "properties")
	if string(typ) == `"object"` && translate.Is(properties, '{') {
		return translate.Compact(nil, raw)
	}
	m := fieldsOf(raw)
	m.set("type", quoted("object"))
	if !translate.Is(properties, '{') {
		m.set("properties", json.RawMessage("{}"))
	}
	return translate.Compact(nil, m.render())
}

func fieldsOf(raw json.RawMessage) members {
	var m members
	for name, v := range translate.Fields(raw) {
		m = append(m, member{name, v})
	}
	return m
}

// schemaRoot is the schema that references are looked up in.
type schemaRoot struct {
	raw    json.RawMessage
	left   int // bytes that may still be made of it
	tables map[string]map[string]json.RawMessage
}

func newSchemaRoot(raw json.RawMessage) *schemaRoot {
	return &schemaRoot{raw: raw, left: len(raw) + maxSchemaBytes, tables: make(map[string]map[string]json.RawMessage)}
}

// find returns what a reference within the schema points to, or nil.
func (s *schemaRoot) find(ref string) json.RawMessage {
	names := strings.Split(ref, "/")
	if names[0] != "#" || len(names) > maxSchemaDepth {
		return nil
	}
	at := s.raw
	for i, name := range names[1:] {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
		at = s.table(strings.Join(names[:i+1], "/"), at)[name]
	}
	return at
}

// table holds the fields of a part of the schema, so that many references cost one pass.
func (s *schemaRoot) table(path string, raw json.RawMessage) map[string]json.RawMessage {
	t, ok := s.tables[path]
	if !ok {
		t = maps.Collect(translate.Fields(raw))
		s.tables[path] = t
	}
	return t
}

// place is where in the result a schema stands.
type place struct {
	depth int
	refs  []string            // that were followed to get there
	of    map[string][]string // the same for properties that came another way than the rest
}

func (p place) below() place { return place{depth: p.depth + 1, refs: p.refs} }

// property is the place of what a property holds.
func (p place) property(name string) place {
	if refs, ok := p.of[name]; ok {
		return place{depth: p.depth, refs: refs}
	}
	return place{depth: p.depth, refs: p.refs}
}

// open returns the fields of a schema with its reference and its allOf put in their place, and
// from where what is within it goes on. What the schema says itself counts more. One that holds
// itself ends as any object.
func (s *schemaRoot) open(raw json.RawMessage, at place) (members, place) {
	m := fieldsOf(raw)
	s.left -= len(m) * len(`"":,`)
	if at.depth >= maxSchemaDepth || s.left <= 0 {
		return members{{"type", quoted("object")}}, at
	}
	at = at.below()
	siblings := at
	if ref, ok := translate.Text(m.get("$ref")); ok {
		if slices.Contains(at.refs, ref) {
			return append(members{{"type", quoted("object")}}, m.only("description")...), at
		}
		more, from := s.open(s.find(ref), place{depth: at.depth, refs: append(slices.Clip(at.refs), ref)})
		s.under(&m, &at, more, from)
	}
	for one := range translate.Items(m.get("allOf")) {
		more, from := s.open(one, siblings)
		s.under(&m, &at, more, from)
	}
	return m.without("$ref", "allOf"), at
}

// under adds what is not there yet to m, and counts what that costs. What came by a reference must
// not follow it again, and only that.
func (s *schemaRoot) under(m *members, at *place, more members, from place) {
	properties := m.get("properties")
	s.left -= len(properties)
	if at.of == nil && len(from.refs)+len(from.of) > 0 {
		at.of = make(map[string][]string)
		for name := range translate.Fields(properties) {
			at.of[name] = at.refs
		}
	}
	if at.of != nil {
		for name := range translate.Fields(more.get("properties")) {
			if _, have := at.of[name]; !have {
				at.of[name] = from.property(name).refs
			}
		}
	}
	for _, ref := range from.refs {
		if !slices.Contains(at.refs, ref) {
			at.refs = append(slices.Clip(at.refs), ref)
		}
	}
	m.under(more)
}

// under adds what is not there yet. Properties are joined, and so is what is required.
func (m *members) under(more members) {
	for _, f := range more {
		switch have := m.get(f.name); {
		case f.name == "properties":
			m.set(f.name, merge(f.value, orEmpty(have, "{}")))
		case f.name == "required":
			m.set(f.name, union(have, f.value))
		case have == nil:
			m.set(f.name, f.value)
		}
	}
}

func (m *members) without(names ...string) members {
	return slices.DeleteFunc(*m, func(f member) bool { return slices.Contains(names, f.name) })
}

func orEmpty(raw json.RawMessage, empty string) json.RawMessage {
	if raw == nil {
		return json.RawMessage(empty)
	}
	return raw
}

// union joins two lists of names.
func union(a, b json.RawMessage) json.RawMessage {
	out := namesOf(a)
	have := setOf(out)
	for _, name := range namesOf(b) {
		if !have[name] {
			out = append(out, name)
		}
	}
	return listOf(out)
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func namesOf(raw json.RawMessage) []string {
	var out []string
	for one := range translate.Items(raw) {
		if s, ok := translate.Text(one); ok {
			out = append(out, s)
		}
	}
	return out
}

func listOf(names []string) json.RawMessage {
	var w writer
	w.begin('[')
	for _, name := range names {
		w.text(name)
	}
	w.end(']')
	return w.b
}

// flat makes one object of a schema that has alternatives at the top, or a choice of values.
func (s *schemaRoot) flat(raw json.RawMessage) json.RawMessage {
	refused := []string{"anyOf", "oneOf", "allOf", "$ref", "enum", "not"}
	m := fieldsOf(raw)
	if !slices.ContainsFunc(m, func(f member) bool { return slices.Contains(refused, f.name) }) {
		return raw
	}
	m, at := s.open(raw, place{})
	s.join(&m, &at)
	m = m.without("enum", "not")
	return m.render()
}

// join puts the alternatives of an object together: any of their properties may be there, and
// what all of them demand is required.
func (s *schemaRoot) join(m *members, at *place) {
	beside := *at
	for _, key := range []string{"anyOf", "oneOf"} {
		var common []string
		first := true
		for one := range translate.Items(m.get(key)) {
			v, from := s.open(one, beside)
			required := namesOf(v.get("required"))
			if first {
				common, first = required, false
			}
			have := setOf(required)
			common = slices.DeleteFunc(common, func(name string) bool { return !have[name] })
			s.under(m, at, v.only("properties"), from)
		}
		if len(common) > 0 {
			m.set("required", union(m.get("required"), listOf(common)))
		}
	}
	*m = m.without("anyOf", "oneOf")
}

func (m members) only(name string) members {
	if v := m.get(name); v != nil {
		return members{{name, v}}
	}
	return nil
}
