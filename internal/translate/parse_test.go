package translate

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseReadsWhatTheClientMeant(t *testing.T) {
	c, err := Parse([]byte(`{"model":"claude-x","max_tokens":10,"stream":true,"temperature":0.5,"top_k":3,
		"stop_sequences":["a","","a","b"],"metadata":{"user_id":"u"},"service_tier":"auto","speed":"fast",
		"tool_choice":{"type":"tool","name":"Dig","disable_parallel_tool_use":true},
		"thinking":{"type":"enabled","budget_tokens":5000},
		"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"u"},"cache_control":{"type":"ephemeral"}}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"tool_use","id":"t1","name":"Dig"}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"no"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Conversation{
		Model: "claude-x", MaxTokens: 10, Stream: true, Stops: []string{"a", "b"}, Temperature: "0.5", TopK: "3",
		Effort: "medium", Budget: 5000, ServiceTier: "auto", Speed: "fast",
		Choice: Choice{Type: "tool", Name: "Dig", NoParallel: true},
		Turns: []Turn{
			{User, []Part{{Kind: KindImage, Media: Media{URL: "u", At: "messages.0.content.0"}, Cache: json.RawMessage(`{"type":"ephemeral"}`)}}},
			{Assistant, []Part{{Kind: KindThinking, Text: "hm", Signature: "sig"}, {Kind: KindToolUse, ID: "t1", Name: "Dig", Input: json.RawMessage("{}")}}},
			{User, []Part{{Kind: KindToolResult, ID: "t1", Failed: true, Parts: []Part{{Kind: KindText, Text: "no"}}}}},
		},
		changes: []change{{name: "Dig"}},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestParseRefusesWhatTheAPIRefuses(t *testing.T) {
	for body, want := range map[string]string{
		``:              "the request body is not valid JSON",
		`{"messages":[`: "the request body is not valid JSON",
		`"x"`:           "the request body must be an object",
		`{"messages":[{"role":"user","content":"x"}]}`: "max_tokens: Field required",
		`{"max_tokens":"1","messages":[]}`:             "max_tokens: Input should be a valid integer",
		`{"max_tokens":-1,"messages":[]}`:              "max_tokens: Input should be greater than or equal to 0",
		`{"max_tokens":1}`:                             "messages: at least one message is required",
		`{"max_tokens":1,"messages":[7]}`:              "messages.0: Input should be an object",
		`{"max_tokens":1,"messages":[{"role":"user","content":"x"},{"role":"bot","content":"x"}]}`:               "messages.1.role: Input should be 'user' or 'assistant'",
		`{"max_tokens":1,"messages":[{"role":"user"}]}`:                                                          "messages.0.content: Input should be a string or a list of content blocks",
		`{"max_tokens":1,"messages":[{"role":"user","content":["x"]}]}`:                                          "messages.0.content.0: Input should be an object",
		`{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"text"}]}]}`:                              "messages.0.content.0.text: Field required",
		`{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a"}]}]}`:            "messages.0.content.0.tool_use: id and name are required",
		`{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]}`:                       "messages.0.content.0.tool_use_id: Field required",
		`{"max_tokens":1,"tools":[{"name":"a"},{"description":"b"}],"messages":[{"role":"user","content":"x"}]}`: "tools.1.name: Field required",
	} {
		c, err := Parse([]byte(body))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Message != want {
			t.Errorf("%s: got %+v, %v; want %s", body, c, err, want)
		}
	}
}

func TestWhatIsNotUTF8IsReplaced(t *testing.T) {
	c, err := Parse([]byte("{\"max_tokens\":1,\"messages\":[{\"role\":\"assistant\",\"content\":[" +
		"{\"type\":\"text\",\"text\":\"a\xffb\\ud800c\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"x\":\"\xc3\"}}]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	parts := c.Turns[0].Parts
	if parts[0].Text != "a\ufffdb\ufffdc" || !utf8.Valid(parts[1].Input) {
		t.Errorf("got %q and %q", parts[0].Text, parts[1].Input)
	}
}

func TestDroppedFieldsNeverShowWhatWasInThem(t *testing.T) {
	c, err := Parse([]byte(`{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"rosebud","text":"rosebud"}]},{"role":"user","content":"x"}],
		"rosebud":1,"container":"rosebud","output_config":{"rosebud":1},"safeguards":[{"type":"rosebud"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(c.Dropped, " "); strings.Contains(all, "rosebud") || strings.Contains(all, "safeguards") {
		t.Errorf("noted %s", all)
	}
}

// FuzzWalkers compares the walkers with encoding/json, on whatever that finds valid. On the rest
// they must only come to an end.
func FuzzWalkers(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, `"a\"\\\u00e9\ud83c\udf39\ud800x"`, ` { "a" : [ 1 , {"b":null} ] , "a\n" : "}" } `, `[1,"]",[[]],{"x":"{"}]`, `{"a":1,"a":2}`, `{"a`, `[1 2]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		fields, items := maps.Collect(Fields(raw)), slices.Collect(Items(raw))
		s, isText := Text(raw)
		compact := Compact(nil, raw)
		if !json.Valid(raw) || !utf8.Valid(raw) {
			return
		}
		if !json.Valid(compact) {
			t.Fatalf("%s became %s", raw, compact)
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) == nil && string(compact) != "null" {
			sameValues(t, object, fields)
		}
		var array []json.RawMessage
		if json.Unmarshal(raw, &array) == nil && !slices.EqualFunc(array, items, sameJSON) {
			t.Fatalf("items %s, want %s", items, array)
		}
		var text string
		trimmed := raw[space(raw, 0):]
		if json.Unmarshal(raw, &text) == nil && len(trimmed) == len(raw) && raw[0] == '"' && raw[len(raw)-1] == '"' {
			if !isText || s != text {
				t.Fatalf("text %q, want %q", s, text)
			}
			var again string
			if err := json.Unmarshal(Quote(nil, s), &again); err != nil || again != s {
				t.Fatalf("%q became %q", s, again)
			}
		}
	})
}

func sameValues(t *testing.T, want, got map[string]json.RawMessage) {
	t.Helper()
	for key, value := range want {
		if !sameJSON(value, got[key]) {
			t.Fatalf("%q: got %s, want %s", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d fields, want %d", len(got), len(want))
	}
}

func sameJSON(a, b json.RawMessage) bool { return string(Compact(nil, a)) == string(Compact(nil, b)) }

// FuzzParse states that parsing ends in a conversation or a refusal, whatever comes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"max_tokens":1,"system":[{"text":"a"}],"tools":[{"name":"b","defer_loading":true}],"messages":[{"role":"user","content":[` +
		`{"type":"tool_result","tool_use_id":"c","content":[{"type":"tool_reference","tool_name":"b"}]},{"type":"document","source":{"type":"content","content":[{"type":"text","text":"d"}]}}]}]}`))
	f.Add([]byte(`{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"web_search_tool_result","content":[{"type":"web_search_result"}]},{"type":"compaction","content":"x"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Parse(body)
		var refusal *Refusal
		switch {
		case err == nil:
			c.Offered()
		case !errors.As(err, &refusal) || refusal.Message == "":
			t.Fatalf("an error that is no refusal: %v", err)
		}
	})
}
