package cloud

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/simulator"
)

func TestNoCredentialLeadsToTheFallbackAndIsToldInOurWords(t *testing.T) {
	amazon(t)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	_, at := claude(t, accepts())
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", at)}})
	got := h.message(plainBody)
	if got.status != http.StatusBadGateway || !strings.Contains(got.body, "its login gave no credential") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); row.ErrorType != "credential" {
		t.Errorf("error type %q", row.ErrorType)
	}
	other := simulator.New(simulator.Options{})
	second := other.Start()
	defer second.Close()
	p := bedrock("amazon", at)
	p.Fallback = []string{"other"}
	h = newHouse(t, options{profiles: []config.Profile{p, {Name: "other", BaseURL: second.URL, Dialect: config.DialectAnthropic, Auth: config.AuthNone, Provider: "anthropic", Multiplier: "1"}}})
	if got := h.message(plainBody); got.status != http.StatusOK || len(other.Bill()) != 1 {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestThinkingOfATranslatedAnswerDoesNotReachClaude(t *testing.T) {
	amazon(t)
	s, at := claude(t, accepts())
	other := config.Profile{Name: "other", BaseURL: "http://127.0.0.1:1", Dialect: config.DialectOpenAI, Auth: config.AuthNone, Provider: "acme", Multiplier: "1"}
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", at), other}})
	const body = `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"prism1.abc"},{"type":"text","text":"hello"}]},{"role":"user","content":"go on"}]}`
	if got := h.message(body); got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	if sent := string(s.Bill()[0].RequestBody); strings.Contains(sent, "prism1.") || !strings.Contains(sent, "hello") {
		t.Errorf("it was sent %s", sent)
	}
}

func TestPathsThatAreNoMessagesAreRefusedHere(t *testing.T) {
	h, _ := amazonHouse(t, accepts())
	if got := h.post("/v1/messages/batches", `{"requests":[]}`); got.status != http.StatusNotFound || !strings.Contains(got.body, "messages only") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if got := h.ask(http.MethodGet, "/v1/models", ""); got.status != http.StatusOK || !strings.Contains(got.body, "claude-opus-5-5") {
		t.Errorf("models: %d %s", got.status, got.body)
	}
}

// TestACredentialOfACloudDoesNotGoElsewhere: a table that would send it there is none.
func TestACredentialOfACloudDoesNotGoElsewhere(t *testing.T) {
	amazon(t)
	google(t, time.Hour)
	for _, host := range []string{"https://proxy.example", "https://googleapis.com.evil.example", "https://amazonaws.com.evil.example", "https://api.anthropic.com"} {
		for _, p := range []config.Profile{vertex(host), bedrock("amazon", host)} {
			rt := newRouter(options{})
			if _, err := compile(t, rt, []config.Profile{p}); err == nil || !strings.Contains(err.Error(), "does not go to that host") {
				t.Errorf("auth %s for %s: %v", p.Auth, host, err)
			}
			rt.Close()
		}
	}
}
