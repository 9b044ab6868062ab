//go:build e2e

package conformance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/v2"
	"github.com/anthropics/anthropic-sdk-go/v2/option"

	sim "prism/internal/simulator"
)

// content is what every answer below says, in one block each.
func content() sim.Answer {
	return sim.Reply(
		sim.Thinking("First the plan — 先に。", ""), sim.Text("Both at once."),
		sim.ToolUse("look", `{"where":"here \\ \"there\"","deep":{"n":[1,2.5,null,true]}}`), sim.ToolUse("wait", `{}`),
		sim.Usage{Input: 100, CacheRead: 900, Output: 50, Thinking: 30},
	)
}

// wanted is the content of that answer as every SDK must have it.
func wanted() []any {
	return []any{
		map[string]any{"type": "thinking", "thinking": "First the plan — 先に。"},
		map[string]any{"type": "text", "text": "Both at once."},
		map[string]any{"type": "tool_use", "name": "look", "input": map[string]any{
			"where": `here \ "there"`, "deep": map[string]any{"n": []any{1.0, 2.5, nil, true}},
		}},
		map[string]any{"type": "tool_use", "name": "wait", "input": map[string]any{}},
	}
}

// TestTheAccumulatorsOfTheSDKsAcceptEveryTranslatedStream asks prism through the SDKs, in every way
// in which the provider may answer.
func TestTheAccumulatorsOfTheSDKsAcceptEveryTranslatedStream(t *testing.T) {
	chat, responses := sim.New(sim.Options{}), sim.New(sim.Options{})
	chatUp, responsesUp := chat.Start(), responses.Start()
	t.Cleanup(chatUp.Close)
	t.Cleanup(responsesUp.Close)
	url := prism(t, profiles(chatUp.URL, responsesUp.URL))
	for _, d := range []struct {
		profile  string
		provider *sim.Server
		variants []sim.Variant
	}{{"chat", chat, sim.ChatVariants()}, {"responses", responses, sim.ResponsesVariants()}} {
		for _, v := range d.variants {
			t.Run(d.profile+"/"+v.Name, func(t *testing.T) {
				d.provider.ClearScript()
				d.provider.Script(sim.Always(content().With(v.Part)))
				base := url + "/p/" + d.profile
				mustBe(t, "Go, streamed", goStream(t, base))
				mustBe(t, "Go, whole", goWhole(t, base))
				mustBe(t, "TypeScript", typescript(t, base))
			})
		}
	}
	capture(t, chat, responses)
}

// profiles is a file with one profile per dialect.
func profiles(chat, responses string) string {
	return `active: chat

profiles:
  - name: chat
    dialect: openai
    base_url: ` + chat + `/v1
    auth: none
    model: gpt-other

  - name: responses
    dialect: openai-responses
    base_url: ` + responses + `/v1
    auth: none
    model: gpt-other
`
}

// mustBe checks a message that an SDK has put together.
func mustBe(t *testing.T, who string, message []byte) {
	t.Helper()
	var m struct {
		Model      string           `json:"model"`
		StopReason string           `json:"stop_reason"`
		Content    []map[string]any `json:"content"`
		Usage      struct {
			Input     int64 `json:"input_tokens"`
			CacheRead int64 `json:"cache_read_input_tokens"`
			Output    int64 `json:"output_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(message, &m); err != nil {
		t.Fatalf("%s: %v in %s", who, err, message)
	}
	if m.Model != "claude-opus-5-5" || m.StopReason != "tool_use" || m.Usage.Input != 100 || m.Usage.CacheRead != 900 || m.Usage.Output != 50 {
		t.Errorf("%s: model %s, stop reason %s, usage %+v", who, m.Model, m.StopReason, m.Usage)
	}
	got := make([]any, 0, len(m.Content))
	for i, b := range m.Content {
		if b["type"] == "thinking" && b["signature"] == "" {
			t.Errorf("%s: block %d, thinking, has no signature", who, i)
		}
		if b["type"] == "tool_use" && b["id"] == "" {
			t.Errorf("%s: block %d, tool_use, has no id", who, i)
		}
		slim := map[string]any{}
		for _, k := range []string{"type", "thinking", "text", "name", "input"} {
			if v := b[k]; v != nil && v != "" {
				slim[k] = v
			}
		}
		got = append(got, any(slim))
	}
	if !reflect.DeepEqual(got, wanted()) {
		t.Errorf("%s: got  %v\nwant %v", who, got, wanted())
	}
}

// params is the request of every test.
func params() anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: "claude-opus-5-5", MaxTokens: 1024,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Do both."))},
		Tools: []anthropic.ToolUnionParam{
			{OfTool: &anthropic.ToolParam{Name: "look", InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"where": map[string]any{"type": "string"}}}}},
			{OfTool: &anthropic.ToolParam{Name: "wait", InputSchema: anthropic.ToolInputSchemaParam{}}},
		},
	}
}

func client(base string) anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL(base), option.WithAPIKey("k"), option.WithMaxRetries(0))
}

// goStream asks for a stream and adds it up.
func goStream(t *testing.T, base string) []byte {
	t.Helper()
	c := client(base)
	s := c.Messages.NewStreaming(t.Context(), params())
	defer s.Close()
	var m anthropic.Message
	for s.Next() {
		if err := m.Accumulate(s.Current()); err != nil {
			t.Fatalf("the Go SDK refuses an event: %v", err)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatalf("the Go SDK refuses the stream: %v", err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// goWhole asks for a whole message.
func goWhole(t *testing.T, base string) []byte {
	t.Helper()
	c := client(base)
	m, err := c.Messages.New(t.Context(), params())
	if err != nil {
		t.Fatalf("the Go SDK refuses the message: %v", err)
	}
	return []byte(m.RawJSON())
}

// accumulate is a program that prints the message of a stream; its exit status is 1 when the SDK
// refuses it.
const accumulate = `
const {Anthropic} = require('@anthropic-ai/sdk');
const c = new Anthropic({apiKey: 'k', baseURL: process.argv[2], maxRetries: 0});
c.messages.stream({model: 'claude-opus-5-5', max_tokens: 1024, messages: [{role: 'user', content: 'Do both.'}],
  tools: [{name: 'look', input_schema: {type: 'object'}}, {name: 'wait', input_schema: {type: 'object'}}]}).finalMessage()
  .then(m => console.log(JSON.stringify(m)), e => { console.error(String(e)); process.exit(1); });
`

// typescript asks for a stream with the TypeScript SDK.
func typescript(t *testing.T, base string) []byte {
	t.Helper()
	tools := need(t, "CONFORMANCE_TOOLS")
	cmd := exec.CommandContext(t.Context(), "node", "-", base)
	cmd.Stdin, cmd.Dir = strings.NewReader(accumulate), tools
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the TypeScript SDK refuses the stream: %v: %s", err, failure.String())
	}
	return out
}

// capture writes the requests that the providers saw into the folder that PRISM_REQUESTS names, for
// the types of OpenAI's library: see the module in openai.
func capture(t *testing.T, servers ...*sim.Server) {
	t.Helper()
	dir := os.Getenv("PRISM_REQUESTS")
	if dir == "" {
		return
	}
	for _, s := range servers {
		for _, b := range s.Bill() {
			write(t, filepath.Join(dir, fmt.Sprintf("sdk-%x.json", b.RequestSHA256[:8])), string(b.RequestBody))
		}
	}
}
