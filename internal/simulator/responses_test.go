package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const responsesStream = `{"model":"m","stream":true,"store":false,"include":["reasoning.encrypted_content"],"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]}`

// responseEvent is as much of an event as the tests look at.
type responseEvent struct {
	Type     string
	Seq      *int `json:"sequence_number"`
	Index    int  `json:"output_index"`
	Delta    string
	Item     object
	Response struct {
		Status string
		Output []object
		Error  object
		Usage  object
		Reason struct{ Reason string } `json:"incomplete_details"`
	}
	Code, Message, Arguments string
}

// responseEvents reads the events of a stream.
func responseEvents(t *testing.T, r reply) []responseEvent {
	t.Helper()
	if r.status != http.StatusOK || r.err != nil {
		t.Fatalf("status %d, %v: %s", r.status, r.err, r.body)
	}
	var list []responseEvent
	for line := range strings.Lines(strings.ReplaceAll(string(r.body), "\r\n", "\n")) {
		if data, ok := strings.CutPrefix(line, "data:"); ok {
			var e responseEvent
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			list = append(list, e)
		}
	}
	return list
}

func TestAResponseSaysTheSameInEveryVariant(t *testing.T) {
	for _, v := range ResponsesVariants() {
		t.Run(v.Name, func(t *testing.T) {
			s, up := serve(t, Options{}, everything().With(v.Part))
			r := askAt(t, up, "/v1/responses", responsesStream)
			output := decodeResponse(t, v.Name, r)
			if len(output) != 4 || output[0]["encrypted_content"] == nil || output[3]["arguments"] != `{"file_path":"/tmp/ünï"}` {
				t.Errorf("output %v", output)
			}
			b := bills(t, s, 1)[0]
			if b.Source != SourceFinal || b.Dialect != DialectResponses || b.Charged.Input != 100 || b.Charged.CacheRead != 900 || b.Charged.Thinking != 30 {
				t.Errorf("billed %s %+v", b.Source, b.Charged)
			}
		})
	}
}

// decodeResponse returns the items of a response, from the events and from its end, which must agree.
func decodeResponse(t *testing.T, variant string, r reply) []object {
	t.Helper()
	if variant == "JSON instead of a stream" {
		var whole struct{ Output []object }
		if err := json.Unmarshal(r.body, &whole); err != nil {
			t.Fatal(err)
		}
		return whole.Output
	}
	list := responseEvents(t, r)
	text := map[int]string{}
	items := map[int]object{}
	for i, e := range list {
		switch e.Type {
		case "response.output_text.delta", "response.reasoning_summary_text.delta", "response.function_call_arguments.delta":
			text[e.Index] += e.Delta
		case "response.output_item.done":
			items[e.Index] = e.Item
		}
		if e.Seq == nil && e.Type != "future_event" {
			t.Errorf("event %d, %s, has no number", i, e.Type)
		}
	}
	last := list[len(list)-1]
	if list[0].Type != "response.created" || last.Type != "response.completed" || last.Response.Status != "completed" {
		t.Errorf("begins with %s, ends with %s, %s", list[0].Type, last.Type, last.Response.Status)
	}
	if text[0] != "Let me see, 考える." || text[1] != "I will look — 見る." {
		t.Errorf("%v", text)
	}
	if got := text[3]; got != `{"file_path":"/tmp/ünï"}` && (variant != "arguments when done" || got != "") {
		t.Errorf("arguments %q", got)
	}
	if u := last.Response.Usage; u["input_tokens"] != 1000.0 || u["output_tokens"] != 50.0 || u["input_tokens_details"].(object)["cached_tokens"] != 900.0 {
		t.Errorf("usage %v", u)
	}
	for i, it := range last.Response.Output {
		if items[i]["id"] != it["id"] {
			t.Errorf("item %d is %v at its end and %v in the response", i, items[i]["id"], it["id"])
		}
	}
	return last.Response.Output
}

func TestFaultsOfAResponse(t *testing.T) {
	long := Reply(TextPieces("one two three four", 4), Usage{Input: 9, Output: 4})
	tests := []struct {
		name   string
		answer Answer
		last   string
		has    string
	}{
		{"incomplete", long.With(StopReason("max_tokens")), "response.incomplete", `"reason":"max_output_tokens"`},
		{"filtered", long.With(StopReason("refusal"), RefusalText()), "response.incomplete", `"response.refusal.delta"`},
		{"error", long.With(ErrorEventAfterContent("overloaded_error", "busy")), "error", `"code":"server_overloaded","message":"busy"`},
		{"failed", long.With(ErrorEventAfterBlocks("api_error", "broken"), ResponseFailed()), "response.failed", `"error":{"code":"server_error","message":"broken"}`},
		{"cut", long.With(NoFinish()), "response.output_item.done", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, up := serve(t, Options{}, tt.answer)
			r := askAt(t, up, "/v1/responses", responsesStream)
			list := responseEvents(t, r)
			if got := list[len(list)-1].Type; got != tt.last || !strings.Contains(string(r.body), tt.has) {
				t.Errorf("ends with %s, want %s: %s", got, tt.last, r.body)
			}
		})
	}
}

func TestAResponseIsParsedForScripts(t *testing.T) {
	var got Request
	_, up := serve(t, Options{Name: "own", CheckSignatures: true}, Always(AnswerFunc(func(r Request) Answer { got = r; return Text("x") })))
	body := func(encrypted string) string {
		return `{"model":"m","max_output_tokens":77,"store":false,"instructions":"sys","reasoning":{"effort":"low"},"text":{"format":{"type":"json_schema","name":"n","schema":{}}},
		"tools":[{"type":"function","name":"Bash","parameters":{"type":"object","properties":{}}}],
		"input":[{"role":"user","content":"please build"},{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"` + encrypted + `"},
		{"type":"function_call","call_id":"call_1","name":"Bash","arguments":"{}"},{"type":"function_call_output","call_id":"call_1","output":"ok"}]}`
	}
	r := askAt(t, up, "/v1/responses", body(signatureOf("own", "hm")))
	if r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got.System != "sys" || got.Turns != 1 || got.Rounds != 1 || got.Prompt != "please build" || got.Effort != "low" || got.MaxTokens != 77 || got.OutputFormat != "json_schema" || got.Signed() != 1 {
		t.Errorf("%+v", got)
	}
	if r := askAt(t, up, "/v1/responses", body(signatureOf("other", "hm"))); r.status != 400 || !strings.Contains(string(r.body), "invalid_encrypted_content") {
		t.Errorf("a foreign item is answered %d %s", r.status, r.body)
	}
}
