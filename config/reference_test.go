package config

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestReferenceIsThatOfTheTypes renders docs/config.md from the types and their comments.
func TestReferenceIsThatOfTheTypes(t *testing.T) {
	golden(t, "../docs/config.md", []byte(reference(t)))
}

func reference(t *testing.T) string {
	t.Helper()
	docs := comments(t, "shape.go", "shape_quirks.go", "shape_price.go", "settings.go", "rules.go")
	var b strings.Builder
	b.WriteString("# The two files\n\n" +
		"Generated from the types in `config/`; `go test ./config -update` rewrites it.\n\n" +
		"## profiles.yaml\n\n" +
		"Which provider answers. Saving the file swaps the route. Unknown fields, repeated fields and\n" +
		"references to nothing are errors; `prism check` shows all of them. In patterns `*` is any run\n" +
		"of characters and `?` one. Anchors, aliases, tags and further documents are not supported.\n\n" +
		"```yaml\n" + exampleFile + "```\n")
	shapeTable(&b, docs, reflect.TypeFor[profilesShape](), "")
	b.WriteString("\n## prism.yaml\n\n" +
		"How the gateway runs; optional, beside profiles.yaml. What is given later in this order wins:\n" +
		"default, file, environment, flag. A change needs a restart. Durations carry a unit (`90s`,\n" +
		"`5m`), sizes may (`32MiB`).\n\n" +
		"| field | variable | default | values | meaning |\n|---|---|---|---|---|\n")
	settings := DefaultSettings()
	for _, s := range leaves(reflect.ValueOf(&settings).Elem(), nil) {
		owner := "Settings"
		if len(s.path) > 1 {
			owner += strings.ToUpper(s.path[0][:1]) + s.path[0][1:]
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s |\n", s.name(), s.env(), code(formatSetting(s.value)), settingValues(s), docs[owner+"."+s.field.Name])
	}
	b.WriteString("\nTwo lists can only stand in the file; docs/budgets.md explains them.\n")
	shapeTable(&b, docs, reflect.TypeFor[budgetRuleShape](), "budgets[]")
	shapeTable(&b, docs, reflect.TypeFor[alertRuleShape](), "alerts[]")
	return b.String()
}

func shapeTable(b *strings.Builder, docs map[string]string, typ reflect.Type, path string) {
	title := path
	if title == "" {
		title = "Top level"
	}
	fmt.Fprintf(b, "\n### %s\n\n| field | type | default | meaning |\n|---|---|---|---|\n", strings.TrimPrefix(title, "."))
	type group struct {
		typ  reflect.Type
		path string
	}
	var groups []group
	for f := range typ.Fields() {
		name := fieldName(f)
		if name == "" {
			continue
		}
		kind, inner := shapeKind(f.Type)
		if enum := tagValues(f, "enum"); enum != nil {
			kind = code(strings.Join(enum, "`, `"))
		}
		if inner != nil {
			suffix := ""
			if f.Type.Kind() == reflect.Slice {
				suffix = "[]"
			}
			groups = append(groups, group{inner, path + "." + name + suffix})
		}
		def := strings.Join(tagValues(f, "default"), "")
		if required(f) {
			def = "(required)"
		} else {
			def = code(def)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, kind, def, strings.ReplaceAll(docs[typ.Name()+"."+f.Name], "|", `\|`))
	}
	for _, g := range groups {
		shapeTable(b, docs, g.typ, g.path)
	}
}

// shapeKind names the type of a field for people; inner is the shape to describe below.
func shapeKind(t reflect.Type) (kind string, inner reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		return shapeKind(t.Elem())
	case reflect.Slice:
		kind, inner := shapeKind(t.Elem())
		return "list of " + kind, inner
	}
	names := map[reflect.Type]string{
		reflect.TypeFor[text](): "text", reflect.TypeFor[secretText](): "secret", reflect.TypeFor[decimal](): "decimal",
		reflect.TypeFor[toggle](): "true or false", reflect.TypeFor[whole](): "whole number", reflect.TypeFor[period](): "duration",
		reflect.TypeFor[count](): "whole number, or none", reflect.TypeFor[pause](): "duration, or 0",
		reflect.TypeFor[instant](): "date or time", reflect.TypeFor[ignored](): "fields",
	}
	if name, ok := names[t]; ok {
		return name, nil
	}
	return "fields", t
}

func settingValues(s setting) string {
	if enum := s.field.Tag.Get("enum"); enum != "" {
		return code(strings.ReplaceAll(enum, ",", "`, `"))
	}
	low, high := s.field.Tag.Get("min"), s.field.Tag.Get("max")
	switch s.value.Interface().(type) {
	case bool:
		return "true or false"
	case time.Duration:
		return low + " to " + high
	case int64:
		l, _ := parseBytes(low)
		h, _ := parseBytes(high)
		return formatBytes(l) + " to " + formatBytes(h)
	}
	return "text"
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
