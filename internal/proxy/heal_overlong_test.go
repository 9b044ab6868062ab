package proxy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// overlong are the ways in which providers say that a prompt does not fit, as the client knows
// them.
func overlong() map[string]string {
	invalid := func(message string) string {
		m, _ := json.Marshal(message)
		return `{"type":"error","error":{"type":"invalid_request_error","message":` + string(m) + `},"request_id":"req_1"}`
	}
	return map[string]string{
		"anthropic":        invalid("prompt is too long: 213462 tokens > 200000 maximum"),
		"bare":             invalid("Prompt is too long"),
		"capability":       invalid("capability_rejected: prompt_too_long"),
		"openai":           `{"error":{"message":"This model's maximum context length is 131072 tokens. However, you requested 140000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`,
		"vllm":             `{"object":"error","message":"maximum context length exceeded","type":"BadRequestError","param":null,"code":400}`,
		"bedrock":          `{"message":"Input is too long for requested model."}`,
		"with max_tokens":  invalid("input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length or `max_tokens` and try again"),
		"with odd spacing": "{ \"type\" : \"error\",\n  \"error\": {\"type\":\"invalid_request_error\", \"message\":\"prompt is too long: 1 tokens > 0 maximum\", \"x\":\"\\u00e9\"} }\n",
	}
}

func TestAnOverlongPromptReachesTheClientInTheProvidersWords(t *testing.T) {
	for name, body := range overlong() {
		for _, streaming := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, stream %v", name, streaming), func(t *testing.T) {
				p := newPair(t, rigOptions{})
				p.work.Script(simulator.Always(simulator.RawBody(400, "application/json", []byte(body))))
				p.spare.Script(simulator.Always(simulator.Reply(simulator.Text("not asked"))))
				got, e := p.ask(t, streaming)
				if got.status != 400 || string(got.body) != body {
					t.Errorf("the client got %d %s", got.status, got.body)
				}
				if len(e.Attempts) != 1 || e.Outcome != ledger.OutcomeError || len(p.spare.Bill()) != 0 {
					t.Errorf("%d attempts, outcome %s", len(e.Attempts), e.Outcome)
				}
			})
		}
	}
}

func TestAnOverlongPromptIsA400AlsoWhereTheStreamSaysIt(t *testing.T) {
	for name, body := range overlong() {
		if !json.Valid([]byte(body)) || name == "with odd spacing" || name == "bedrock" || name == "vllm" {
			continue // not what stands in an event
		}
		for _, frame := range []string{"event: error\ndata: " + body + "\n\n", "data: " + body + "\n\n"} {
			t.Run(name, func(t *testing.T) {
				p := newPair(t, rigOptions{})
				p.work.Script(simulator.Always(simulator.RawBody(200, "text/event-stream", []byte(frame))))
				p.spare.Script(simulator.Always(simulator.Reply(simulator.Text("not asked"))))
				got, e := p.ask(t, true)
				if got.status != 400 || string(got.body) != body {
					t.Errorf("the client got %d %s", got.status, got.body)
				}
				if ct := got.header.Get("Content-Type"); ct != "application/json" {
					t.Errorf("content type %s", ct)
				}
				if len(e.Attempts) != 1 || e.HTTPStatus != 400 || len(p.spare.Bill()) != 0 {
					t.Errorf("%d attempts, status %d", len(e.Attempts), e.HTTPStatus)
				}
			})
		}
	}
}

func TestAnOverlongPromptIsToldAfterTheFirstUpstreamFailed(t *testing.T) {
	for name, body := range overlong() {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Always(simulator.CloseBeforeHeaders(simulator.CutRST)))
			p.spare.Script(simulator.Always(simulator.RawBody(400, "application/json", []byte(body))))
			got, e := p.ask(t, true)
			if got.status != 400 || string(got.body) != body {
				t.Errorf("the client got %d %s", got.status, got.body)
			}
			if len(e.Attempts) != 2 || e.HTTPStatus != 400 {
				t.Errorf("%d attempts, status %d", len(e.Attempts), e.HTTPStatus)
			}
		})
	}
}
