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

// extensions are fields that other providers have added to Chat Completions. The author's types
// do not know them; cases about those providers may have them.
var extensions = []string{
	"cache_control", "chat_template_kwargs", "continuous_usage_stats", "enable_search", "enable_thinking", "extra_content", "plugins",
	"reasoning", "reasoning_content", "reasoning_details", "thinking", "thinking_budget", "top_k", "web_search",
}

// beyond are the cases about a provider that takes more than the author's types can say: pictures
// in the result of a tool, fields that a user adds.
var beyond = []string{"chat-picture-stays-in-the-result-where-it-may.txtar", "chat-extra-fields-are-laid-over.txtar"}

// TestTheTypesOfOpenAIAcceptEveryRequest reads every request of the golden cases, and those that
// PRISM_REQUESTS names a folder of: what is written again from the types is what was read.
func TestTheTypesOfOpenAIAcceptEveryRequest(t *testing.T) {
	n := map[string]int{}
	for _, file := range golden(t) {
		if slices.Contains(beyond, filepath.Base(file)) {
			continue
		}
		body := want(t, file)
		if body == nil {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) { n[check(t, body)]++ })
	}
	for _, file := range captured(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n[check(t, body)]++
		})
	}
	t.Logf("%d requests of Chat Completions, %d of the Responses API", n["chat"], n["responses"])
	if n["chat"] == 0 || n["responses"] == 0 {
		t.Error("one of the dialects has no requests")
	}
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

// want returns the request of a case; nil where it has none.
func want(t *testing.T, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := bytes.Cut(src, []byte("-- want.json --\n"))
	if !ok {
		return nil
	}
	if i := bytes.Index(rest, []byte("\n-- ")); i >= 0 {
		rest = rest[:i]
	}
	var head struct {
		Messages json.RawMessage `json:"messages"`
		Input    json.RawMessage `json:"input"`
		Body     json.RawMessage `json:"body"`
	}
	if json.Unmarshal(rest, &head) != nil {
		return nil // a refusal is no request
	}
	if head.Body != nil {
		return head.Body
	}
	if head.Messages == nil && head.Input == nil {
		return nil
	}
	return rest
}

// check reads a request with the types of its dialect, and writes it again.
func check(t *testing.T, body []byte) (dialect string) {
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
	for _, d := range differences("", strip(before), after) {
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

// strip takes away what other providers have added.
func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if !slices.Contains(extensions, k) || k == "reasoning" && isEffort(e) {
				out[k] = strip(e)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			out = append(out, strip(e))
		}
		return out
	}
	return v
}

// isEffort tells OpenAI's own reasoning object, of the Responses API, from OpenRouter's field.
func isEffort(v any) bool {
	o, ok := v.(map[string]any)
	return ok && o["summary"] != nil
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
