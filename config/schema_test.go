package config

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

// comments returns the doc comments of the types and fields in Go files, as Type and Type.Field.
func comments(t *testing.T, files ...string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	text := func(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			decl, ok := n.(*ast.GenDecl)
			if !ok {
				return true
			}
			for _, spec := range decl.Specs {
				ts, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				out[ts.Name.Name] = text(decl.Doc)
				st, ok := ts.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, field := range st.Fields.List {
					for _, name := range field.Names {
						out[ts.Name.Name+"."+name.Name] = text(field.Doc)
					}
				}
			}
			return false
		})
	}
	return out
}

// mapped gives the schemas of the scalars.
func mapped(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[text](), reflect.TypeFor[secretText](), reflect.TypeFor[instant]():
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[period]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}
	case reflect.TypeFor[pause]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer", Enum: []any{0}}, {Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}}}
	case reflect.TypeFor[decimal]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "number", Minimum: "0"}, {Type: "string", Pattern: decimalNumber.String()}}}
	case reflect.TypeFor[toggle]():
		return &jsonschema.Schema{Type: "boolean"}
	case reflect.TypeFor[whole]():
		return &jsonschema.Schema{Type: "integer", Minimum: "0"}
	case reflect.TypeFor[count]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer", Minimum: "1"}, {Type: "string", Enum: []any{"none"}}}}
	case reflect.TypeFor[ignored]():
		return &jsonschema.Schema{Type: "object"}
	}
	return nil
}

func generateSchema(t *testing.T) []byte {
	t.Helper()
	docs := comments(t, "shape.go", "shape_quirks.go", "shape_price.go")
	r := &jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true,
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, Mapper: mapped,
		LookupComment: func(t reflect.Type, field string) string { return docs[strings.TrimSuffix(t.Name()+"."+field, ".")] },
	}
	s := r.Reflect(&profilesShape{})
	s.Version = "http://json-schema.org/draft-07/schema#"
	s.Title = "profiles.yaml of prism"
	s.Description = ""
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

func TestSchemaIsThatOfTheTypes(t *testing.T) {
	golden(t, "profiles.schema.json", generateSchema(t))
	if !bytes.Equal(Schema(), profilesSchema) {
		t.Error("Schema does not return the embedded file")
	}
}

func TestEveryFieldOfTheSchemaIsDescribed(t *testing.T) {
	var walk func(path string, node map[string]any)
	walk = func(path string, node map[string]any) {
		for _, group := range []string{"properties"} {
			props, _ := node[group].(map[string]any)
			for name, p := range props {
				p := p.(map[string]any)
				if p["description"] == nil {
					t.Errorf("%s.%s has no description", path, name)
				}
				walk(path+"."+name, p)
			}
		}
		if items, ok := node["items"].(map[string]any); ok {
			walk(path+"[]", items)
		}
	}
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	if len(root["properties"].(map[string]any)) != 6 {
		t.Errorf("top level: %v", root["properties"])
	}
	walk("", root)
}

// TestSchemaAgreesWithTheDecoder keeps what the editor says from contradicting prism check.
func TestSchemaAgreesWithTheDecoder(t *testing.T) {
	c := validator.NewCompiler()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource("profiles.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profiles.json")
	if err != nil {
		t.Fatal(err)
	}
	const good = "active: a\nprofiles:\n  - name: a\n    base_url: https://x.example\n    auth: none\n"
	for _, tc := range []struct {
		name, yaml string
		ok         bool
	}{
		{"whole example", exampleFile, true},
		{"least", good, true},
		{"sops block", good + "sops: {mac: x}\n", true},
		{"unknown field", good + "nope: 1\n", false},
		{"unknown profile field", good + "    nope: 1\n", false},
		{"missing name", "active: a\nprofiles:\n  - base_url: https://x.example\n    auth: none\n", false},
		{"bad name", strings.ReplaceAll(good, "name: a", "name: a/b"), false},
		{"bad auth", strings.ReplaceAll(good, "none", "nothing"), false},
		{"number for text", good + "    provider: 5\n", false},
		{"decimal as text", good + "    multiplier: \"0.85\"\n", true},
		{"decimal as number", good + "    multiplier: 0.85\n", true},
		{"keys", strings.ReplaceAll(good, "auth: none", "keys: [{name: a, api_key: the-key}, {name: b, api_key: the-other}]"), true},
		{"key without a name", strings.ReplaceAll(good, "auth: none", "keys: [{api_key: the-key}]"), false},
		{"bad key name", strings.ReplaceAll(good, "auth: none", "keys: [{name: a b, api_key: the-key}]"), false},
		{"no hold", good + "    timeouts: {hold: 0}\n", true},
		{"hold of nothing", good + "    timeouts: {hold: 0s}\n", true},
		{"hold without a unit", good + "    timeouts: {hold: 2}\n", false},
		{"drain", good + "    on_client_disconnect: drain\n    on_truncate: abort\n    keepalive: true\n", true},
		{"bad choice", good + "    on_client_disconnect: wait\n", false},
		{"rule", good + "rules: [{agent: main, between: \"22:00-24:00\", days: [sat, sun], prompt_over: 5, prompt_under: 9, session: \"s*\", tag: {name: k, match: v}, use: a}]\n", true},
		{"bad time", good + "rules: [{between: \"22:00-6:00\", use: a}]\n", false},
		{"bad day", good + "rules: [{days: [Monday], use: a}]\n", false},
		{"bound of nothing", good + "rules: [{prompt_over: 0, use: a}]\n", false},
		{"translated", strings.ReplaceAll(good, "    auth: none", "    auth: none\n    dialect: openai\n    model: m\n    preset: vllm\n    quirks: {stops: none, efforts: [low], top_k: true, temperature: 1, extra: '{}'}"), true},
		{"stops as a number", strings.ReplaceAll(good, "    auth: none", "    auth: none\n    dialect: openai\n    model: m\n    quirks: {stops: 2}"), true},
		{"no stops", good + "    quirks: {stops: 0}\n", false},
		{"unknown quirk", good + "    quirks: {nope: 1}\n", false},
		{"bad quirk", good + "    quirks: {effort: loud}\n", false},
		{"size of a model", good + "    models: [{match: a, use: b, context_window: 5, max_output: 4}]\n", true},
		{"size of nothing", good + "    models: [{match: a, use: b, context_window: 0}]\n", false},
		{"bad dialect", good + "    dialect: grpc\n", false},
		{"bad duration", good + "    timeouts: {idle: 90}\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var v any
			if err := yaml.Unmarshal([]byte(tc.yaml), &v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); (err == nil) != tc.ok {
				t.Errorf("schema: %v", err)
			}
			_, problems := ParseProfiles([]byte(tc.yaml), ParseOptions{AllowPlaintext: true})
			if (problems.Err() == nil) != tc.ok {
				t.Errorf("decoder: %v", problems)
			}
		})
	}
}
