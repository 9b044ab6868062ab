package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// required are the keys that the OpenAPI document of the Messages API demands.
func required() map[string]string {
	return map[string]string{
		"message":       "id type role content model stop_reason stop_sequence stop_details usage diagnostics container",
		"usage":         "input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens cache_creation output_tokens_details server_tool_use service_tier speed inference_geo",
		"delta_usage":   "input_tokens output_tokens cache_creation_input_tokens cache_read_input_tokens output_tokens_details server_tool_use",
		"message_delta": "stop_reason stop_sequence stop_details container",
		"text":          "type text citations",
		"thinking":      "type thinking signature",
		"tool_use":      "type id name input caller",
		"error_body":    "type error request_id",
		"error":         "type message",
	}
}

type object = map[string]any

// keys reports what obj lacks of the required keys.
func keys(t *testing.T, what string, obj object) {
	t.Helper()
	for k := range strings.FieldsSeq(required()[what]) {
		if _, ok := obj[k]; !ok {
			t.Errorf("%s lacks %q: has %v", what, k, slices.Sorted(maps.Keys(obj)))
		}
	}
}

func decodeObject(t *testing.T, data []byte) object {
	t.Helper()
	var obj object
	if err := json.Unmarshal(data, &obj); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return obj
}

// checkMessage checks a message object and returns its blocks.
func checkMessage(t *testing.T, m object) []any {
	t.Helper()
	keys(t, "message", m)
	keys(t, "usage", m["usage"].(object))
	content := m["content"].([]any)
	for _, b := range content {
		checkBlock(t, b.(object))
	}
	return content
}

func checkBlock(t *testing.T, b object) {
	t.Helper()
	keys(t, b["type"].(string), b)
}

// checkStream checks the shape and the order of a stream, and returns the blocks its deltas
// add up to.
func checkStream(t *testing.T, stream []byte) []object {
	t.Helper()
	var blocks []object
	open, last, stopped := -1, "", false
	for i, frame := range strings.Split(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(frame, "event: "), "\ndata: ")
		if !ok {
			t.Fatalf("frame %d: %q", i, frame)
		}
		e := decodeObject(t, []byte(data))
		if e["type"] != name {
			t.Errorf("frame %d: event %q has type %v", i, name, e["type"])
		}
		if (i == 0) != (name == "message_start") {
			t.Errorf("frame %d is %s", i, name)
		}
		switch name {
		case "message_start":
			if content := checkMessage(t, e["message"].(object)); len(content) > 0 {
				t.Errorf("message_start has content %v", content)
			}
		case "content_block_start":
			if open >= 0 || int(e["index"].(float64)) != len(blocks) {
				t.Errorf("frame %d: block %v begins after %d blocks, open %d", i, e["index"], len(blocks), open)
			}
			open = len(blocks)
			b := e["content_block"].(object)
			checkBlock(t, b)
			blocks = append(blocks, b)
		case "content_block_delta":
			if int(e["index"].(float64)) != open {
				t.Errorf("frame %d: delta of block %v, open %d", i, e["index"], open)
			}
			addDelta(t, blocks[open], e["delta"].(object))
		case "content_block_stop":
			open = -1
		case "message_delta":
			keys(t, "message_delta", e["delta"].(object))
			keys(t, "delta_usage", e["usage"].(object))
			stopped = e["delta"].(object)["stop_reason"] != nil
		}
		last = name
	}
	if last != "message_stop" || !stopped || open >= 0 {
		t.Errorf("stream ends with %s, stop reason seen %v, open block %d", last, stopped, open)
	}
	return blocks
}

// addDelta adds a delta to the block it is for.
func addDelta(t *testing.T, b, d object) {
	t.Helper()
	add := func(key, from string) {
		old, _ := b[key].(string)
		b[key] = old + d[from].(string)
	}
	switch d["type"] {
	case "text_delta":
		add("text", "text")
	case "thinking_delta":
		add("thinking", "thinking")
	case "signature_delta":
		add("signature", "signature")
	case "input_json_delta":
		add("json", "partial_json")
	default:
		t.Errorf("delta of type %v", d["type"])
	}
}

func TestEveryShapeHasTheRequiredKeys(t *testing.T) {
	now := func() time.Time { return time.Unix(1795000000, 0) }
	cases := map[string]Answer{
		"empty":    {},
		"text":     Text("Hello, \"world\"\n\t\\ 世界 🙂 \x01"),
		"thinking": Reply(Thinking("Let me think about 日本語.", ""), Text("Yes.")),
		"parallel": Reply(Thinking("Two things.", "c2ln"), Text("Both."), ToolUse("Bash", `{"command":"ls -l \"a b\""}`), ToolUse("Read", `{}`)),
		"refusal":  Refusal("cyber", "no"),
		"sequence": Reply(Text("a"), StopSequence("END")),
		"usage":    Reply(Text("a"), Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite5m: 4, CacheWrite1h: 5, Thinking: 1, WebSearches: 2}),
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			_, up := serve(t, Options{Now: now}, answer, answer)
			streamed := ask(t, up, streamBody)
			if got := streamed.header.Get("Content-Type"); got != streamType {
				t.Errorf("stream has content type %q", got)
			}
			got := checkStream(t, streamed.body)
			whole := ask(t, up, jsonBody)
			want := checkMessage(t, decodeObject(t, whole.body))
			compareBlocks(t, got, want)
			for _, h := range []string{"Request-Id", "Anthropic-Organization-Id", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Requests-Reset"} {
				if streamed.header.Get(h) == "" || whole.header.Get(h) == "" {
					t.Errorf("header %s is missing", h)
				}
			}
		})
	}
}

// compareBlocks compares what a stream added up to with the JSON form of the same answer.
func compareBlocks(t *testing.T, streamed []object, whole []any) {
	t.Helper()
	if len(streamed) != len(whole) {
		t.Fatalf("%d blocks streamed, %d in the JSON body", len(streamed), len(whole))
	}
	for i, s := range streamed {
		w := whole[i].(object)
		if s["type"] == "tool_use" {
			input, err := json.Marshal(w["input"])
			if err != nil {
				t.Fatal(err)
			}
			var got any
			if err := json.Unmarshal([]byte(s["json"].(string)), &got); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(got)
			if err != nil || !bytes.Equal(again, input) {
				t.Errorf("block %d: input %s streamed, %s in the JSON body (%v)", i, again, input, err)
			}
			continue
		}
		if fmt.Sprint(s) != fmt.Sprint(w) {
			t.Errorf("block %d: %v streamed, %v in the JSON body", i, s, w)
		}
	}
}

func TestErrorsHaveTheShapeOfTheAPI(t *testing.T) {
	_, up := serve(t, Options{},
		Error(400, "invalid_request_error", `bad "thing"`, nil),
		RateLimited("7"), SpendLimited(), PromptTooLong(200001, 200000), BadSignature(1, 0), Overloaded())
	for _, want := range []struct {
		status      int
		typ, text   string
		retry, code string
	}{
		{400, "invalid_request_error", `bad "thing"`, "", ""},
		{429, "rate_limit_error", "rate limit", "7", ""},
		{429, "rate_limit_error", "rate limit", "", "enforced_spend_limit_reached"},
		{400, "invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum", "", ""},
		{400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block", "", ""},
		{529, "overloaded_error", "Overloaded", "", ""},
	} {
		r := ask(t, up, streamBody)
		body := decodeObject(t, r.body)
		keys(t, "error_body", body)
		e := body["error"].(object)
		keys(t, "error", e)
		details, _ := e["details"].(object)
		code, _ := details["error_code"].(string)
		if r.status != want.status || e["type"] != want.typ || !strings.Contains(e["message"].(string), want.text) ||
			r.header.Get("Retry-After") != want.retry || code != want.code || body["request_id"] != r.header.Get("Request-Id") {
			t.Errorf("got %d %v %s, want %+v", r.status, r.header, r.body, want)
		}
	}
}

func TestIDsAreUniqueAndRepeatable(t *testing.T) {
	ids := map[string]bool{}
	for seq := range uint64(100_000) {
		ids[string(appendID(nil, 7, seq, 22))] = true
	}
	if len(ids) != 100_000 {
		t.Errorf("%d ids of 100,000 are different", len(ids))
	}
	one, _ := serve(t, Options{Name: "a"})
	two, _ := serve(t, Options{Name: "a"})
	if one.seed != two.seed {
		t.Error("two servers of one name and seed make different ids")
	}
}

func TestAnAnswerGivenOftenIsTheSameEveryTime(t *testing.T) {
	answer := Reply(Thinking("think", "c2ln"), Text("say ✓"), Usage{Input: 3, Output: 4}, Comments(), BOM())
	plain := func(stream []byte, b Billed) string {
		return strings.ReplaceAll(string(stream), b.MessageID, "ID") + fmt.Sprint(b.Usage, b.Start, b.Source)
	}
	s, up := serve(t, Options{}, answer, Times(3, Always(answer)), AnswerFunc(func(Request) Answer { return answer }))
	want := ""
	for i := range 5 {
		got := plain(ask(t, up, streamBody).body, bills(t, s, i+1)[i])
		if want == "" {
			want = got
		}
		if got != want || !strings.Contains(got, `"id":"ID"`) {
			t.Errorf("answer %d is %s\nwant %s", i, got, want)
		}
	}
}
