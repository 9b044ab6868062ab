package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
)

// beyond are the cases about a provider that takes more than the author's types can say: pictures
// in the result of a tool.
var beyond = []string{"chat-failed-result-that-begins-with-a-picture-says-so.txtar", "chat-picture-stays-in-the-result-where-it-may.txtar"}

// TestTheTypesOfOpenAIAcceptEveryRequest reads every request of the golden cases, and those that
// PRISM_REQUESTS names a folder of: what is written again from the types is what was read. What a
// quirk asks for is set aside first; nothing else is.
func TestTheTypesOfOpenAIAcceptEveryRequest(t *testing.T) {
	known, n := extensions(t), map[string]int{}
	for _, file := range golden(t) {
		if slices.Contains(beyond, filepath.Base(file)) {
			continue
		}
		body, quirks := want(t, file)
		if body == nil {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) { n[check(t, body, added(t, known, quirks))]++ })
	}
	for _, file := range captured(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n[check(t, body, added(t, known, named(file)))]++
		})
	}
	t.Logf("%d requests of Chat Completions, %d of the Responses API", n["chat"], n["responses"])
	if n["chat"] == 0 || n["responses"] == 0 {
		t.Error("one of the dialects has no requests")
	}
}

// extensions reads the fields that other providers have added, by the quirk that asks for them.
func extensions(t *testing.T) map[string][]string {
	t.Helper()
	src, err := os.ReadFile("../extensions.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for line := range strings.Lines(string(src)) {
		if quirk, fields, ok := strings.Cut(line, ":"); ok && !strings.HasPrefix(line, "#") {
			known[quirk] = strings.Fields(fields)
		}
	}
	return known
}

// added are the fields that quirks ask for.
func added(t *testing.T, known map[string][]string, quirks map[string]any) []string {
	t.Helper()
	var fields []string
	for quirk, value := range quirks {
		fields = append(fields, known[quirk]...)
		if extra, ok := value.(string); ok && quirk == "extra" { // the user's own
			var own map[string]any
			if err := json.Unmarshal([]byte(extra), &own); err != nil {
				t.Fatal(err)
			}
			for name := range own {
				fields = append(fields, name)
			}
		}
	}
	return fields
}

// named are the quirks that the name of a captured request tells: client-0123+reasoning_in.json.
func named(file string) map[string]any {
	quirks := map[string]any{}
	for _, quirk := range strings.Split(strings.TrimSuffix(filepath.Base(file), ".json"), "+")[1:] {
		quirks[quirk] = true
	}
	return quirks
}

// golden returns the files of the cases.
func golden(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../internal/translate/openai/testdata/request/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// captured returns the requests that a test has captured, a file each.
func captured(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("PRISM_REQUESTS")
	if dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Errorf("%s holds no requests", dir)
	}
	return files
}

// want returns the request of a case, nil where it has none, and the quirks it is made with.
func want(t *testing.T, file string) (body []byte, quirks map[string]any) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if raw := section(src, "call.json"); raw != nil {
		var call struct {
			Quirks map[string]any `json:"quirks"`
		}
		if err := json.Unmarshal(raw, &call); err != nil {
			t.Fatal(err)
		}
		quirks = call.Quirks
	}
	rest := section(src, "want.json")
	var head struct {
		Messages json.RawMessage `json:"messages"`
		Input    json.RawMessage `json:"input"`
		Body     json.RawMessage `json:"body"`
	}
	if json.Unmarshal(rest, &head) != nil {
		return nil, nil // a refusal is no request
	}
	if head.Body != nil {
		return head.Body, quirks
	}
	if head.Messages == nil && head.Input == nil {
		return nil, nil
	}
	return rest, quirks
}

// section returns a file of a case; nil where it has none.
func section(src []byte, name string) []byte {
	_, rest, ok := bytes.Cut(src, []byte("-- "+name+" --\n"))
	if !ok {
		return nil
	}
	if i := bytes.Index(rest, []byte("\n-- ")); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// check reads a request with the types of its dialect, and writes it again. extra are fields of Chat
// Completions that are set aside.
func check(t *testing.T, body []byte, extra []string) (dialect string) {
	t.Helper()
	var before map[string]any
	if err := json.Unmarshal(body, &before); err != nil {
		t.Fatal(err)
	}
	dialect = "chat"
	var err error
	var again []byte
	if _, ok := before["input"]; ok {
		dialect = "responses"
		var p responses.ResponseNewParams
		err = json.Unmarshal(body, &p)
		if err == nil {
			again, err = json.Marshal(p)
		}
	} else {
		var p openai.ChatCompletionNewParams
		err = json.Unmarshal(body, &p)
		if err == nil {
			again, err = json.Marshal(p)
		}
	}
	if err != nil {
		t.Fatalf("the types of OpenAI do not take it: %v", err)
	}
	var after map[string]any
	if err := json.Unmarshal(again, &after); err != nil {
		t.Fatal(err)
	}
	delete(before, "stream") // it is the method's, not the parameters'
	checkChoice(t, before["tool_choice"])
	delete(before, "tool_choice")
	if dialect == "chat" {
		before, _ = strip(before, extra).(map[string]any)
	}
	for _, d := range differences("", before, after) {
		t.Error(d)
	}
	return dialect
}

// checkChoice reads a tool choice by itself: the library knows its forms, but not how to tell them
// apart when it reads one.
func checkChoice(t *testing.T, choice any) {
	t.Helper()
	o, ok := choice.(map[string]any)
	if !ok {
		if word, ok := choice.(string); choice != nil && (!ok || !slices.Contains([]string{"auto", "none", "required"}, word)) {
			t.Errorf("tool_choice is %v", choice)
		}
		return
	}
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var again []byte
	if o["function"] != nil {
		var p openai.ChatCompletionNamedToolChoiceParam
		if err = json.Unmarshal(raw, &p); err == nil {
			again, err = json.Marshal(p)
		}
	} else {
		var p responses.ToolChoiceFunctionParam
		if err = json.Unmarshal(raw, &p); err == nil {
			again, err = json.Marshal(p)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var after any
	if err := json.Unmarshal(again, &after); err != nil {
		t.Fatal(err)
	}
	for _, d := range differences("tool_choice", choice, after) {
		t.Error(d)
	}
}

// strip takes away fields wherever they stand.
func strip(v any, fields []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			switch {
			case slices.Contains(fields, k):
			case k == "parameters": // a tool may have an argument of that name
				out[k] = e
			default:
				out[k] = strip(e, fields)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, strip(e, fields))
		}
		return out
	}
	return v
}

// differences says what the types have lost or changed.
func differences(path string, before, after any) []string {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %v in the types, was an object", path, after)}
		}
		var out []string
		for k, v := range b {
			if _, ok := a[k]; !ok {
				if v == nil {
					continue // null is what is absent
				}
				out = append(out, fmt.Sprintf("the types do not know %s", strings.TrimPrefix(path+"."+k, ".")))
				continue
			}
			out = append(out, differences(path+"."+k, v, a[k])...)
		}
		return out
	case []any:
		a, ok := after.([]any)
		if !ok || len(a) != len(b) {
			return []string{fmt.Sprintf("%s is %v in the types, was a list of %d", path, after, len(b))}
		}
		var out []string
		for i, v := range b {
			out = append(out, differences(fmt.Sprintf("%s[%d]", path, i), v, a[i])...)
		}
		return out
	}
	if !reflect.DeepEqual(before, after) {
		return []string{fmt.Sprintf("%s is %v in the types, was %v", path, after, before)}
	}
	return nil
}
