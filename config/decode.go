package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills the shapes from the tree. It goes on after a problem, so that all of them are
// found at once.
type decoder struct {
	*report
	values   map[string]string // ciphertext -> clear text
	sealed   bool
	unopened bool
}

// value is a kind of scalar that a shape's field can have.
type value interface {
	set(d *decoder, s scalar, path string)
	spoil(Pos)
}

// scalar is one scalar of the file.
type scalar struct {
	text   string
	kind   string // text, a number, true or false
	pos    Pos
	key    string // name of the field, for fix lines
	sealed bool   // text was sealed: it is never shown
	locked bool   // sealed and not opened: text is unknown
}

// show quotes the scalar for a message.
func (s scalar) show() string {
	if s.sealed {
		return "a sealed value"
	}
	return show(s.text)
}

// into decodes n into v, a field of a shape.
func (d *decoder) into(n ast.Node, v reflect.Value, path string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if val, ok := reflect.TypeAssert[value](v.Addr()); ok {
		if s, ok := d.scalar(n, path); ok {
			val.set(d, s, path)
		} else {
			val.spoil(s.pos)
		}
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[ignored]() {
			d.fields(n, v, path)
		}
	}
}

// scalar reads n as a scalar; a sealed one is replaced by its clear text.
func (d *decoder) scalar(n ast.Node, path string) (scalar, bool) {
	s := scalar{pos: posOf(n), kind: kindOf(n), key: path[strings.LastIndexByte(path, '.')+1:]}
	switch n := n.(type) {
	case *ast.StringNode:
		s.text = n.Value
	case *ast.LiteralNode:
		s.text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		s.text = n.GetToken().Value
	case *ast.NullNode:
		d.error(note{pos: s.pos, path: path, message: "no value", fix: "write a value, or delete the line"})
		return s, false
	default:
		d.error(note{pos: s.pos, path: path, message: "expected one value, got " + s.kind, fix: s.key + ": VALUE"})
		return s, false
	}
	if !strings.HasPrefix(s.text, "ENC[") || s.kind != "text" {
		return s, true
	}
	return d.open(s, path)
}

// open looks up a sealed scalar.
func (d *decoder) open(s scalar, path string) (scalar, bool) {
	s.sealed = true
	clear, known := d.values[s.text]
	switch {
	case known:
		s.text = clear
	case !d.sealed:
		d.secret(note{
			pos: s.pos, path: path, message: "a sealed value in a file without the sops block that opens it",
			fix: "restore the sops block, or write the value in clear text and run prism seal",
		})
		return s, false
	case d.unopened:
		s.text, s.locked = "", true
	default:
		d.secret(note{pos: s.pos, path: path, message: "a sealed value that was not opened with the rest of the file", fix: "prism edit"})
		return s, false
	}
	return s, true
}

// list decodes a list into the slice v.
func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		if _, null := n.(*ast.NullNode); !null {
			d.error(note{pos: posOf(n), path: path, message: "expected a list, got " + kindOf(n), fix: "start each item with a dash: - "})
		}
		return
	}
	for _, item := range seq.Values {
		if d.sealed && sealedComment(item) {
			continue
		}
		i := v.Len()
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
		d.into(item, v.Index(i), path+"["+d.label(item, i)+"]")
	}
}

// sealedComment tells whether an item of a list is what sops makes of a comment there, in a file
// that is sealed whole. Nothing can hide behind it: a value that calls itself a comment is missing
// from the MAC, and the file is not opened.
func sealedComment(item ast.Node) bool {
	s, ok := item.(*ast.StringNode)
	return ok && strings.HasSuffix(s.Value, ",type:comment]") && sealedText.FindString(s.Value) == s.Value
}

// label names an item of a list in paths: by its name where it has a decent one, else by its
// number, counted from 0.
func (d *decoder) label(item ast.Node, i int) string {
	if m, ok := item.(ast.MapNode); ok {
		for it := m.MapRange(); it.Next(); {
			name, ok := it.Value().(*ast.StringNode)
			if !ok || keyOf(it.Key()) != "name" {
				continue
			}
			text := name.Value
			if clear, ok := d.values[text]; ok {
				text = clear
			}
			if profileName.MatchString(text) && keyIn(text) == "" {
				return text
			}
		}
	}
	return strconv.Itoa(i)
}

// fields decodes a mapping into the struct v and reports unknown, repeated and missing fields.
func (d *decoder) fields(n ast.Node, v reflect.Value, path string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.error(note{pos: posOf(n), path: path, message: "expected fields, got " + kindOf(n), fix: "write " + strings.Join(fieldNames(v.Type()), ", ")})
		return
	}
	if p, ok := reflect.TypeAssert[interface{ setPos(Pos) }](v.Addr()); ok {
		p.setPos(posOf(n))
	}
	names := fieldNames(v.Type())
	lines, guessed := make(map[string]int), make(map[string]Pos)
	for it := m.MapRange(); it.Next(); {
		key, pos := keyOf(it.Key()), posOf(it.Key())
		at := key
		if path != "" {
			at = path + "." + key
		}
		i := fieldIndex(v.Type(), key)
		switch {
		case i < 0:
			if guess := d.unknown(note{pos: pos, path: path}, key, names); guess != "" {
				guessed[guess] = pos
			}
		case lines[key] > 0:
			d.error(note{pos: pos, path: at, message: "given twice, first in line " + strconv.Itoa(lines[key]), fix: "delete one of the two"})
		default:
			d.into(it.Value(), v.Field(i), at)
		}
		lines[key] = pos.Line
	}
	for name, pos := range guessed {
		if val, ok := reflect.TypeAssert[value](v.Field(fieldIndex(v.Type(), name)).Addr()); ok && lines[name] == 0 {
			val.spoil(pos)
		}
		lines[name] = pos.Line
	}
	d.missing(n, v.Type(), lines, path)
}

// unknown reports a field that does not exist and returns the one that may be meant, or "".
func (d *decoder) unknown(n note, key string, names []string) string {
	n.message, n.fix = "unknown field "+show(key), "delete it; the fields are "+strings.Join(names, ", ")
	guess := nearest(key, names)
	if guess != "" {
		n.message += ", did you mean " + guess + "?"
		n.fix = guess + ":"
	}
	d.error(n)
	return guess
}

// missing reports the required fields of t that are not among the lines seen.
func (d *decoder) missing(n ast.Node, t reflect.Type, lines map[string]int, path string) {
	for field := range t.Fields() {
		name := fieldName(field)
		if name == "" || lines[name] > 0 || !required(field) {
			continue
		}
		fix := name + ": …"
		if _, example, ok := strings.Cut(field.Tag.Get("jsonschema"), "example="); ok {
			fix = name + ": " + quoted(example)
		}
		d.error(note{pos: posOf(n), path: path, message: "the field " + name + " is missing", fix: fix})
	}
}

// keyOf returns the name of a field as written.
func keyOf(n ast.MapKeyNode) string {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Value
	}
	if t := n.GetToken(); t != nil {
		return t.Value
	}
	return ""
}

// fieldName returns the name of a shape's field in the file, "" if it is not one.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return name
}

// required tells whether a shape's field may not be missing.
func required(f reflect.StructField) bool {
	return slices.Contains(strings.Split(f.Tag.Get("jsonschema"), ","), "required")
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if name := fieldName(field); name != "" && name != "sops" {
			names = append(names, name)
		}
	}
	return names
}

func fieldIndex(t reflect.Type, name string) int {
	for i := range t.NumField() {
		if fieldName(t.Field(i)) == name && name != "" {
			return i
		}
	}
	return -1
}

// quoted returns text as a YAML scalar that is read as text.
func quoted(text string) string {
	if plainText.MatchString(text) && !typed.MatchString(text) {
		return text
	}
	return quote(text)
}
