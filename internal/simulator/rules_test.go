package simulator

import (
	"net/http"
	"strings"
	"testing"
)

// chatWith is a request of a chat with these members and messages.
func chatWith(members, messages string) string {
	return `{"model":"m",` + members + `"messages":[` + messages + `]}`
}

const (
	says     = `{"role":"user","content":"hi"}`
	calls    = `{"role":"assistant","content":"","tool_calls":[{"id":"call_1","type":"function","function":{"name":"Bash","arguments":"{}"}}]}`
	answered = `{"role":"tool","tool_call_id":"call_1","content":"ok"}`
	oneTool  = `"tools":[{"type":"function","function":{"name":"Bash","parameters":{"type":"object","properties":{}}}}],`
)

func TestRulesOfChatCompletions(t *testing.T) {
	tests := []struct {
		name string
		d    Rules
		body string
		want string // "" = it is taken
	}{
		{"plain", Rules{}, chatWith("", says), ""},
		{"tools and results", Rules{}, chatWith(oneTool, says+","+calls+","+answered), ""},
		{"not JSON", Rules{}, `{"messages":7}`, "could not parse"},
		{"no model", Rules{}, `{"messages":[` + says + `]}`, "provide a model"},
		{"no messages", Rules{}, chatWith("", ""), "empty array"},
		{"unknown", Rules{}, chatWith(`"top_k":4,`, says), "Unknown parameter: 'top_k'"},
		{"unknown, open", Rules{Open: true}, chatWith(`"top_k":4,`, says), ""},
		{"unknown in a message", Rules{}, chatWith("", `{"role":"user","content":"x","cache_control":{}}`), "Unknown parameter: 'messages[0].cache_control'"},
		{"reasoning that comes back", Rules{}, chatWith("", says+`,{"role":"assistant","content":"x","reasoning_content":"y"}`), "reasoning_content"},
		{"a role of others", Rules{}, chatWith("", `{"role":"model","content":"x"}`), "Invalid value: 'model'"},
		{"a call without result", Rules{}, chatWith("", says+","+calls+","+says), "did not have response messages: call_1"},
		{"a call at the end", Rules{}, chatWith("", says+","+calls), "did not have response messages: call_1"},
		{"a result without call", Rules{}, chatWith("", says+","+answered), "preceeding message"},
		{"a result too late", Rules{}, chatWith("", says+","+calls+","+answered+","+answered), "preceeding message"},
		{"no arguments", Rules{}, chatWith("", says+`,{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"B"}}]}`), "arguments"},
		{"empty arguments", Rules{}, chatWith("", says+`,{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"B","arguments":""}}]}`), "not valid JSON"},
		{"null content", Rules{}, chatWith("", `{"role":"user","content":null}`), "expected a string, got null"},
		{"empty text", Rules{}, chatWith("", `{"role":"user","content":[{"type":"text","text":""}]}`), "empty string"},
		{"an image", Rules{}, chatWith("", `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}`), ""},
		{"an image of a tool", Rules{}, chatWith("", says+","+calls+`,{"role":"tool","tool_call_id":"call_1","content":[{"type":"image_url","image_url":{"url":"x"}}]}`), "Invalid value: 'image_url'"},
		{"no tools", Rules{}, chatWith(`"tools":[],`, says), "'tools': empty array"},
		{"a choice without tools", Rules{}, chatWith(`"tool_choice":"auto",`, says), "only allowed when 'tools'"},
		{"a choice of nothing", Rules{}, chatWith(oneTool+`"tool_choice":{"type":"function","function":{"name":"Read"}},`, says), "'Read' is not one of"},
		{"an unknown choice", Rules{}, chatWith(oneTool+`"tool_choice":"any",`, says), "Invalid value: 'any'"},
		{"no properties", Rules{}, chatWith(strings.Replace(oneTool, `,"properties":{}`, "", 1), says), "object schema missing properties"},
		{"anyOf", Rules{}, chatWith(strings.Replace(oneTool, `"properties"`, `"anyOf":[],"properties"`, 1), says), "top level"},
		{"strict", Rules{}, chatWith(strings.Replace(oneTool, `"name"`, `"strict":true,"name"`, 1), says), "additionalProperties"},
		{"a long name", Rules{}, chatWith(strings.Replace(oneTool, `Bash`, strings.Repeat("n", 65), 1), says), "maximum length 64"},
		{"a bad name", Rules{}, chatWith(strings.Replace(oneTool, `Bash`, "a.b", 1), says), "does not match pattern"},
		{"five stops", Rules{}, chatWith(`"stop":["1","2","3","4","5"],`, says), "maximum length 4"},
		{"options without stream", Rules{}, chatWith(`"stream_options":{"include_usage":true},`, says), "only allowed when 'stream'"},
		{"two limits", Rules{}, chatWith(`"max_tokens":1,"max_completion_tokens":1,`, says), "at the same time"},
		{"no output", Rules{}, chatWith(`"max_tokens":0,`, says), "minimum value"},
		{"an unknown effort", Rules{}, chatWith(`"reasoning_effort":"huge",`, says), "Unsupported value"},
		{"a key of the cache", Rules{}, chatWith(`"prompt_cache_key":"k",`, says), ""},
		{"the wrong field", Rules{MaxTokens: "max_completion_tokens"}, chatWith(`"max_tokens":5,`, says), "Use 'max_completion_tokens' instead"},
		{"the other wrong field", Rules{MaxTokens: "max_tokens"}, chatWith(`"max_completion_tokens":5,`, says), "Unrecognized request argument supplied: max_completion_tokens"},
		{"too much output", Rules{MaxOutput: 100}, chatWith(`"max_tokens":101,`, says), "supports at most 100 completion tokens"},
		{"a small window", Rules{Window: 3}, chatWith("", says), "maximum context length is 3 tokens"},
		{"no options", Rules{NoStreamOptions: true}, chatWith(`"stream":true,"stream_options":{},`, says), "supplied: stream_options"},
		{"tools and effort", Rules{ToolsOrEffort: true}, chatWith(oneTool+`"reasoning_effort":"low",`, says), "Function tools with reasoning_effort are not supported for m"},
		{"tools and the effort that is the default", Rules{ToolsOrEffort: true}, chatWith(oneTool, says), "set reasoning_effort to 'none'"},
		{"tools without effort", Rules{ToolsOrEffort: true}, chatWith(oneTool+`"reasoning_effort":"none",`, says), ""},
		{"effort without tools", Rules{ToolsOrEffort: true}, chatWith(`"reasoning_effort":"high",`, says), ""},
		{"few efforts", Rules{Efforts: []string{"low"}}, chatWith(`"reasoning_effort":"high",`, says), "Supported values are: 'low'"},
		{"one temperature", Rules{Temperature: "1"}, chatWith(`"temperature":0.2,`, says), "only 1 is allowed"},
		{"short ids", Rules{ShortIDs: true}, chatWith("", says+","+calls+","+answered), "with a length of 9"},
		{"reasoning is missing", Rules{Reasoning: "must", Open: true}, chatWith("", says+","+calls+","+answered), "Missing `reasoning_content`"},
		{"a system message later", Rules{SystemFirst: true}, chatWith("", says+`,{"role":"system","content":"x"}`), "at the beginning"},
		{"text only", Rules{TextOnly: true}, chatWith("", `{"role":"user","content":[{"type":"text","text":"x"}]}`), "got an array"},
		{"no parallel calls", Rules{NoParallel: true}, chatWith(oneTool+`"parallel_tool_calls":false,`, says), "'parallel_tool_calls' is not supported"},
		{"no stop", Rules{NoStop: true}, chatWith(`"stop":["x"],`, says), "'stop' is not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, up := serve(t, Options{Rules: tt.d})
			mustRefuse(t, s, askChat(t, up, tt.body), tt.want)
		})
	}
}

// mustRefuse checks that a request is refused in these words; "" = it is taken.
func mustRefuse(t *testing.T, s *Server, r reply, want string) {
	t.Helper()
	if want == "" {
		if r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.body)
		}
		return
	}
	if r.status != http.StatusBadRequest {
		t.Fatalf("%d %s", r.status, r.body)
	}
	e, ok := decodeObject(t, r.body)["error"].(object)
	if !ok || e["type"] != "invalid_request_error" || !strings.Contains(e["message"].(string), want) {
		t.Errorf("%s, want %q", r.body, want)
	}
	if b := bills(t, s, 1)[0]; b.Status != http.StatusBadRequest || b.Source != SourceNone {
		t.Errorf("billed %d %s", b.Status, b.Source)
	}
}

func TestRulesOfTheResponsesAPI(t *testing.T) {
	with := func(members, items string) string {
		return `{"model":"m","store":false,` + members + `"input":[` + items + `]}`
	}
	const (
		user    = `{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}`
		call    = `{"type":"function_call","call_id":"call_1","name":"Bash","arguments":"{}"}`
		output  = `{"type":"function_call_output","call_id":"call_1","output":"ok"}`
		thinks  = `{"type":"reasoning","summary":[],"encrypted_content":"abc"}`
		speaks  = `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x"}]}`
		useTool = `"tools":[{"type":"function","name":"Bash","parameters":{"type":"object","properties":{}}}],`
	)
	tests := []struct {
		name string
		d    Rules
		body string
		want string
	}{
		{"text", Rules{}, `{"model":"m","input":"hi"}`, ""},
		{"a loop of tools", Rules{}, with(useTool, user+","+thinks+","+call+","+output), ""},
		{"reasoning and text", Rules{}, with("", user+","+thinks+","+speaks+","+user), ""},
		{"no input", Rules{}, `{"model":"m"}`, "'input'"},
		{"unknown", Rules{}, with(`"stop":["x"],`, user), "Unknown parameter: 'stop'"},
		{"unknown in an item", Rules{}, with("", `{"type":"message","role":"user","content":"x","cache_control":{}}`), "'input[0].cache_control'"},
		{"an unknown item", Rules{}, with("", `{"type":"tool_result"}`), "Invalid value: 'tool_result'"},
		{"a chat's tool", Rules{}, with(`"tools":[{"type":"function","function":{"name":"Bash"}}],`, user), "tools[0].function"},
		{"text of the wrong side", Rules{}, with("", `{"type":"message","role":"assistant","content":[{"type":"input_text","text":"x"}]}`), "Invalid value: 'input_text'"},
		{"a role of tools", Rules{}, with("", `{"type":"message","role":"tool","content":"x"}`), "Invalid value: 'tool'"},
		{"a call without output", Rules{}, with("", user+","+call), "No tool output found for function call call_1"},
		{"an output without call", Rules{}, with("", user+","+output), "No tool call found"},
		{"an output of parts", Rules{}, with("", user+","+call+`,{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"x"}]}`), ""},
		{"an output of parts with a long id", Rules{}, with("", user+","+strings.ReplaceAll(call+`,{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_text","text":"x"}]}`, "call_1", strings.Repeat("c", 65))), "maximum length 64"},
		{"an output with a long id", Rules{}, with("", `{"type":"function_call_output","call_id":"`+strings.Repeat("c", 65)+`","output":[{"type":"input_text","text":"x"}]}`), "'input[0].call_id'"},
		{"unknown in a part", Rules{}, with("", `{"type":"message","role":"user","content":[{"type":"input_text","text":"x","cache_control":{}}]}`), "'input[0].content[0].cache_control'"},
		{"unknown in a part of an output", Rules{}, with("", user+","+call+`,{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_image","image_url":"x","source":{}}]}`), "'input[2].output[0].source'"},
		{"a part of all it may have", Rules{}, with("", `{"type":"message","role":"user","content":[{"type":"input_image","image_url":"x","detail":"auto"},{"type":"input_file","filename":"a.pdf","file_data":"data:x"}]}`), ""},
		{"a search", Rules{}, with(`"tools":[{"type":"web_search","filters":{"allowed_domains":["go.dev"]},"user_location":{"type":"approximate","city":"Berlin"}}],`, user), ""},
		{"unknown in a search", Rules{}, with(`"tools":[{"type":"web_search","max_uses":3}],`, user), "'tools[0].max_uses'"},
		{"unknown in the filters of a search", Rules{}, with(`"tools":[{"type":"web_search","filters":{"blocked_domains":[]}}],`, user), "'tools[0].filters.blocked_domains'"},
		{"reasoning that is not kept", Rules{}, with("", user+`,{"type":"reasoning","id":"rs_1","summary":[]},`+speaks), "not persisted"},
		{"reasoning at the end", Rules{}, with("", user+","+thinks), "required following item"},
		{"reasoning before a user", Rules{}, with("", user+","+thinks+","+user), "required following item"},
		{"too little output", Rules{}, with(`"max_output_tokens":15,`, user), ">= 16"},
		{"encrypted reasoning of a model without", Rules{NoEncrypted: true}, with(`"include":["reasoning.encrypted_content"],`, user), "Encrypted content is not supported"},
		{"a choice without tools", Rules{}, with(`"tool_choice":"required",`, user), "must be specified with 'tools'"},
		{"a choice", Rules{}, with(useTool+`"tool_choice":{"type":"function","name":"Bash"},`, user), ""},
		{"a choice of nothing", Rules{}, with(useTool+`"tool_choice":{"type":"function","name":"Read"},`, user), "'Read' is not one of"},
		{"a format without name", Rules{}, with(`"text":{"format":{"type":"json_schema","schema":{}}},`, user), "text.format.name"},
		{"a small window", Rules{Window: 3}, with("", user), "maximum context length is 3 tokens"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, up := serve(t, Options{Rules: tt.d})
			mustRefuse(t, s, askAt(t, up, "/v1/responses", tt.body), tt.want)
		})
	}
}
