package openai

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"prism/internal/translate"
)

// geminiSchema writes a schema in the subset of OpenAPI that Google knows. What a constraint said
// that has no place there is told in the description, as far as it is short.
type geminiSchema struct{ *schemaRoot }

// top writes the schema of a tool's input, which is one object.
func (g geminiSchema) top(raw json.RawMessage) json.RawMessage {
	m, at := g.open(raw, place{})
	g.join(&m, &at)
	m.set("type", quoted("object"))
	if m.get("properties") == nil {
		m.set("properties", json.RawMessage("{}"))
	}
	return g.write(m, at)
}

// node writes a schema that stands somewhere.
func (g geminiSchema) node(raw json.RawMessage, at place) json.RawMessage {
	return g.write(g.open(raw, at))
}

// write writes an opened schema.
func (g geminiSchema) write(m members, at place) json.RawMessage {
	n := geminiNode{g: g, at: at}
	n.nullable = string(m.get("nullable")) == "true"
	n.types(m)
	if alternatives := n.alternatives(&m); alternatives != nil {
		return alternatives
	}
	if n.typ == "" {
		n.typ = aboutType(m)
	}
	for _, f := range m {
		n.field(f, m)
	}
	n.complete(m)
	out := n.out.render()
	g.left -= len(out) - n.inner
	return out
}

// geminiNode is a schema that is being written.
type geminiNode struct {
	g        geminiSchema
	at       place // of what is within it
	out      members
	typ      string // "" = any
	nullable bool
	hints    []string
	inner    int // bytes of schemas within it, which were counted already
}

// types settles on one type: of several, the one that the rest of the schema is about.
func (n *geminiNode) types(m members) {
	v := m.get("type")
	list := namesOf(v)
	if s, ok := translate.Text(v); ok {
		list = []string{s}
	} else if i := slices.Index(list, "null"); i >= 0 {
		n.nullable = true
		list = slices.DeleteFunc(list, func(s string) bool { return s == "null" })
	}
	if len(list) == 0 {
		return
	}
	n.typ = list[0]
	if about := aboutType(m); slices.Contains(list, about) {
		n.typ = about
	}
	for _, s := range list {
		if s != n.typ {
			n.hints = append(n.hints, "or "+s)
		}
	}
}

// aboutType is the type that what a schema says is about; "" = any.
func aboutType(m members) string {
	for _, one := range []struct{ name, typ string }{
		{"properties", "object"},
		{"items", "array"},
		{"minimum", "number"},
		{"maximum", "number"},
		{"exclusiveMinimum", "number"},
		{"exclusiveMaximum", "number"},
	} {
		if m.get(one.name) != nil {
			return one.typ
		}
	}
	return ""
}

// alternatives writes anyOf, which allows nothing beside it. One that only repeats what is
// required of an object is left out; one that adds a null makes its other side nullable.
func (n *geminiNode) alternatives(m *members) json.RawMessage {
	var list []json.RawMessage
	for _, key := range []string{"anyOf", "oneOf"} {
		for one := range translate.Items(m.get(key)) {
			if kind, _ := translate.Text(translate.Field(one, "type")); kind == "null" {
				n.nullable = true
				continue
			}
			list = append(list, one)
		}
	}
	switch {
	case len(list) == 0:
		return nil
	case n.typ != "" || m.get("properties") != nil:
		n.g.join(m, &n.at)
		return nil
	case len(list) == 1:
		more, from := n.g.open(list[0], n.at)
		n.g.under(m, &n.at, more, from)
		*m = m.without("anyOf", "oneOf")
		n.types(*m)
		return nil
	}
	var w writer
	w.begin('{')
	w.key("anyOf")
	w.begin('[')
	for i, one := range list {
		v, at := n.g.open(one, n.at)
		if i == 0 {
			v.under(m.only("description"))
			if n.nullable {
				v.set("nullable", boolean(true))
			}
		}
		w.raw(n.g.write(v, at))
	}
	w.end(']')
	w.end('}')
	return w.b
}

// field writes what Google knows of a field. What is about another type than the schema has is
// refused there, and left out.
func (n *geminiNode) field(f member, m members) {
	switch f.name {
	case "title":
		if translate.Is(f.value, '"') {
			n.out.set(f.name, f.value)
		}
	case "enum":
		n.enum(slices.Collect(translate.Items(f.value)))
	case "const":
		n.enum([]json.RawMessage{f.value})
	case "format":
		n.format(f.value)
	case "default", "multipleOf", "uniqueItems":
		n.hint(f.name, f.value)
	default:
		n.ofType(f, m)
	}
}

// typeOfField is the type of the schemas that have a field; "" = it is not known.
func typeOfField(name string) string {
	switch name {
	case "properties", "required", "minProperties", "maxProperties":
		return "object"
	case "items", "minItems", "maxItems":
		return "array"
	case "pattern", "minLength", "maxLength":
		return "string"
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		return "number"
	}
	return ""
}

// ofType writes a field that schemas of one type have. One of any type becomes a string.
func (n *geminiNode) ofType(f member, m members) {
	of := typeOfField(f.name)
	if fits := of == n.typ || of == "number" && n.typ == "integer" || of == "string" && n.typ == ""; of == "" || !fits {
		return
	}
	switch f.name {
	case "properties":
		n.properties(f.value)
	case "required":
		n.required(namesOf(f.value), m.get("properties"))
	case "items":
		n.items(f.value)
	case "pattern":
		if translate.Is(f.value, '"') {
			n.out.set(f.name, f.value)
		}
	case "exclusiveMinimum", "exclusiveMaximum":
		n.exclusive(f)
	default:
		n.out.set(f.name, f.value)
	}
}

func (n *geminiNode) nested(raw json.RawMessage, at place) json.RawMessage {
	out := n.g.node(raw, at)
	n.inner += len(out)
	return out
}

func (n *geminiNode) properties(v json.RawMessage) {
	var out members
	for name, one := range translate.Fields(v) {
		out = append(out, member{name, n.nested(one, n.at.property(name))})
	}
	n.out.set("properties", out.render())
}

// required lists what is there only: Google refuses other names.
func (n *geminiNode) required(names []string, properties json.RawMessage) {
	there := make(map[string]bool)
	for name := range translate.Fields(properties) {
		there[name] = true
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !there[name] })
	if len(names) > 0 {
		n.out.set("required", listOf(names))
	}
}

// items takes the first where each place has a schema of its own.
func (n *geminiNode) items(v json.RawMessage) {
	for one := range translate.Items(v) {
		v = one
		break
	}
	n.out.set("items", n.nested(v, place{depth: n.at.depth, refs: n.at.refs}))
}

// enum keeps a choice of strings; another one is told.
func (n *geminiNode) enum(values []json.RawMessage) {
	var words []string
	for _, v := range values {
		s, ok := translate.Text(v)
		switch {
		case string(v) == "null":
			n.nullable = true
		case ok && s != "":
			words = append(words, s)
		default:
			n.hint("one of", slices.Concat([]byte("["), joinRaw(values), []byte("]")))
			return
		}
	}
	if len(words) > 0 && (n.typ == "" || n.typ == "string") {
		n.typ = "string"
		n.out.set("enum", listOf(words))
	}
}

func joinRaw(values []json.RawMessage) []byte {
	var out []byte
	for i, v := range values {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, v...)
	}
	return out
}

// exclusive bounds become inclusive: exactly for integers, told for others.
func (n *geminiNode) exclusive(f member) {
	to, step := "minimum", int64(1)
	if f.name == "exclusiveMaximum" {
		to, step = "maximum", -1
	}
	if len(f.value) == 0 || f.value[0] == 't' || f.value[0] == 'f' {
		return
	}
	if bound, err := strconv.ParseInt(string(f.value), 10, 53); err == nil && n.typ == "integer" {
		n.out.set(to, integer(bound+step))
		return
	}
	n.out.set(to, f.value)
	n.hint("not equal to", f.value)
}

func (n *geminiNode) format(v json.RawMessage) {
	s, _ := translate.Text(v)
	known := map[string][]string{"string": {"date-time", "enum"}, "number": {"float", "double"}, "integer": {"int32", "int64"}}
	if slices.Contains(known[n.typ], s) {
		n.out.set("format", v)
		return
	}
	n.hint("format", v)
}

// maxHint is how long a value may be that is told in a description.
const maxHint = 200

func (n *geminiNode) hint(name string, v json.RawMessage) {
	if len(v) <= maxHint && string(v) != "null" && string(v) != "false" {
		n.hints = append(n.hints, name+": "+string(translate.Compact(nil, v)))
	}
}

// complete writes what must not be missing.
func (n *geminiNode) complete(m members) {
	if n.typ == "" {
		n.typ = "string"
	}
	n.out = slices.Insert(n.out, 0, member{"type", quoted(n.typ)})
	if n.typ == "array" && n.out.get("items") == nil {
		n.out.set("items", json.RawMessage(`{"type":"string"}`))
	}
	description, _ := translate.Text(m.get("description"))
	if len(n.hints) > 0 {
		description = strings.TrimSpace(description + " (" + strings.Join(n.hints, "; ") + ")")
	}
	if description != "" {
		n.out = slices.Insert(n.out, 1, member{"description", quoted(description)})
	}
	if n.nullable {
		n.out.set("nullable", boolean(true))
	}
}
