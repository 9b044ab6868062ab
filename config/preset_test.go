package config

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPresetsAreWholeAndCorrect(t *testing.T) {
	var raw []map[string]any
	if err := json.Unmarshal(presetData, &raw); err != nil {
		t.Fatal(err)
	}
	known := fieldsOfJSON(reflect.TypeFor[Preset]())
	quirks := fieldsOfJSON(reflect.TypeFor[Quirks]())
	for _, p := range raw {
		for field := range p {
			if !slices.Contains(known, field) {
				t.Errorf("%v: unknown field %s", p["name"], field)
			}
		}
		own, _ := p["quirks"].(map[string]any)
		for field := range own {
			if !slices.Contains(quirks, field) {
				t.Errorf("%v: unknown quirk %s", p["name"], field)
			}
		}
	}
	seen := map[string]bool{}
	for _, p := range Presets() {
		if seen[p.Name] || !profileName.MatchString(p.Name) || !profileName.MatchString(p.Profile) {
			t.Errorf("%s: a bad name, or one given twice", p.Name)
		}
		seen[p.Name] = true
		if !slices.Contains(dialects(), string(p.Dialect)) || !slices.Contains(auths(), string(p.Auth)) {
			t.Errorf("%s: dialect %s, auth %s", p.Name, p.Dialect, p.Auth)
		}
		if _, err := time.Parse("2006-01", p.AsOf); err != nil || p.Title == "" || !strings.HasPrefix(p.Source, "https://") {
			t.Errorf("%s: title %q, source %q, as of %q", p.Name, p.Title, p.Source, p.AsOf)
		}
		for _, host := range p.Hosts {
			if strings.ContainsAny(host, "{}/") || host == "" {
				t.Errorf("%s: host %q", p.Name, host)
			}
		}
		if p.Dialect == DialectAnthropic && !reflect.ValueOf(p.Quirks).IsZero() {
			t.Errorf("%s has quirks, and nothing is translated for it", p.Name)
		}
	}
}

// fieldsOfJSON lists the names of a struct's fields in JSON.
func fieldsOfJSON(t reflect.Type) []string {
	var names []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// TestPresetQuirksAreWhatAProfileCouldSay writes the quirks of every preset into a profile: what
// the data says is checked like what a user says, and comes out as it went in.
func TestPresetQuirksAreWhatAProfileCouldSay(t *testing.T) {
	for _, p := range Presets() {
		if !p.Dialect.Translated() {
			continue
		}
		b, err := json.Marshal(p.Quirks)
		if err != nil {
			t.Fatal(err)
		}
		quirks := strings.ReplaceAll(string(b), `"stops":-1`, `"stops":"none"`)
		text := "active: a\nprofiles:\n  - {name: a, base_url: \"https://x.example/v1\", auth: none, model: m, dialect: " + string(p.Dialect) + ", quirks: " + quirks + "}\n"
		got, problems := ParseProfiles([]byte(text), ParseOptions{AllowPlaintext: true})
		if len(problems) > 0 {
			t.Errorf("%s: %v", p.Name, problems)
			continue
		}
		if !reflect.DeepEqual(got.Profiles[0].Quirks, p.Quirks) {
			t.Errorf("%s: %+v became %+v", p.Name, p.Quirks, got.Profiles[0].Quirks)
		}
	}
}

func TestEveryQuirkCanBeWrittenInTheFile(t *testing.T) {
	shape, quirks := reflect.TypeFor[quirksShape](), reflect.TypeFor[Quirks]()
	for f := range quirks.Fields() {
		own, ok := shape.FieldByName(f.Name)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !ok || fieldName(own) != name {
			t.Errorf("%s is %q in the file and %q in the data", f.Name, fieldName(own), name)
		}
	}
	if shape.NumField() != quirks.NumField()+1 {
		t.Errorf("the file has %d quirks, there are %d", shape.NumField()-1, quirks.NumField())
	}
}

func TestQuirksAreThoseOfThePresetWithTheProfilesOwnOverThem(t *testing.T) {
	const file = `active: a
profiles:
  - {name: a, base_url: "https://API.Groq.com/openai/v1", dialect: openai, auth: none, model: m}
  - {name: b, base_url: "https://api.groq.com/openai/v1", dialect: openai, auth: none, model: m, quirks: {efforts: [high, low, low], think_tags: false, documents: text, stops: none}}
  - {name: c, base_url: "http://127.0.0.1:9999/v1", dialect: openai, auth: none, model: m, preset: llamacpp, quirks: {schema: all, top_k: false}}
  - {name: d, base_url: "http://localhost:11434/v1", dialect: openai, auth: none, model: m}
  - {name: e, base_url: "http://127.0.0.1:8000/v1", dialect: openai, auth: none, model: m}
  - {name: f, base_url: "https://mine.openai.azure.com/openai/v1", dialect: openai-responses, auth: none, model: m}
  - {name: g, base_url: "https://groq.com.example/v1", dialect: openai, auth: none, model: m}
`
	got, problems := ParseProfiles([]byte(file), ParseOptions{AllowPlaintext: true})
	if problems.Err() != nil {
		t.Fatal(problems)
	}
	quirks := func(preset string) Quirks {
		p, ok := PresetNamed(preset)
		if !ok {
			t.Fatalf("there is no preset %s", preset)
		}
		return p.Quirks
	}
	want := map[string]Quirks{"a": quirks("groq"), "b": quirks("groq"), "c": quirks("llamacpp"), "d": quirks("ollama-chat"), "e": {}, "f": quirks("azure"), "g": {}}
	b, c := want["b"], want["c"]
	b.Efforts, b.ThinkTags, b.Documents, b.Stops = []string{"low", "high"}, false, "", -1
	c.Schema, c.TopK = "", false
	want["b"], want["c"] = b, c
	for _, p := range got.Profiles {
		if !reflect.DeepEqual(p.Quirks, want[p.Name]) {
			t.Errorf("%s: %+v, want %+v", p.Name, p.Quirks, want[p.Name])
		}
	}
}

func TestPresetsOfOneHostAreToldApartByDialect(t *testing.T) {
	for _, tc := range []struct {
		dialect   Dialect
		url, want string
	}{
		{DialectAnthropic, "https://api.deepseek.com/anthropic", "deepseek"},
		{DialectOpenAI, "https://api.deepseek.com/v1", "deepseek-chat"},
		{DialectOpenAI, "https://api.moonshot.cn/v1", "moonshot-chat"},
		{DialectOpenAI, "https://coding-intl.dashscope.aliyuncs.com/v1", "qwen-chat"},
		{DialectOpenAI, "https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen-chat"},
		{DialectOpenAI, "https://aliyuncs.com/v1", ""},
		{DialectResponses, "https://api.openai.com/v1", "openai"},
		{DialectOpenAI, "https://api.openai.com/v1", "openai-chat"},
		{DialectResponses, "https://api.groq.com/openai/v1", ""},
		{DialectOpenAI, "http://[::1]:1234/v1", "lmstudio"},
		{DialectOpenAI, "http://127.0.0.1/v1", ""},
		{DialectOpenAI, "::", ""},
	} {
		if got, _ := PresetFor(tc.dialect, tc.url); got.Name != tc.want {
			t.Errorf("%s at %s is %q, want %q", tc.dialect, tc.url, got.Name, tc.want)
		}
	}
}
