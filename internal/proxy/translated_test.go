package proxy_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// translated is a profile of a simulator that is asked in another dialect.
func translated(name, url string, d config.Dialect) config.Profile {
	p := profile(name, url+"/v1")
	p.Dialect, p.Auth, p.Provider = d, config.AuthBearer, "openai"
	p.Models = []config.ModelRule{{Match: "*", Use: "gpt-5.6-sol"}}
	return p
}

func eachDialect(t *testing.T, run func(t *testing.T, d config.Dialect)) {
	t.Helper()
	for _, d := range []config.Dialect{config.DialectOpenAI, config.DialectResponses} {
		t.Run(string(d), func(t *testing.T) { run(t, d) })
	}
}

const toolBody = `{"model":"claude-opus-5-5","max_tokens":1000,"stream":true,"tools":[{"name":"Bash","description":"runs","input_schema":{"type":"object","properties":{"command":{"type":"string"}}}}],"messages":[{"role":"user","content":"hi"}]}`

func TestATranslatedAnswerIsAMessageAndItsRowIsTheProvidersBill(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		defer up.Close()
		for _, stream := range []bool{true, false} {
			s.Script(simulator.Reply(simulator.Text("Let me look."), simulator.ToolUse("Bash", `{"command":"ls"}`), simulator.Usage{Input: 100, CacheRead: 900, Output: 50}))
			r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
			body := toolBody
			if !stream {
				body = strings.Replace(body, `"stream":true,`, "", 1)
			}
			got := r.post(body)
			if got.status != http.StatusOK || got.err != nil {
				t.Fatalf("%d %s %v", got.status, got.body, got.err)
			}
			said := string(got.body)
			if stream != strings.Contains(said, "event: message_stop") || !strings.Contains(said, `"name":"Bash"`) || !strings.Contains(said, "Let me look.") || !strings.Contains(said, `"model":"claude-opus-5-5"`) {
				t.Errorf("the client got %s", said)
			}
			e := r.Journal.wait(t, 1)[0]
			if e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || e.Usage.Input != 100 || e.Usage.CacheRead != 900 || e.Usage.Output != 50 || e.StopReason != "tool_use" {
				t.Errorf("row: %s %s %+v %s", e.Outcome, e.UsageSource, e.Usage, e.StopReason)
			}
			if e.UpstreamModel != "gpt-5.6-sol" || e.RequestModel != "claude-opus-5-5" || len(e.Attempts) != 1 {
				t.Errorf("row: %s asked as %s, %d attempts", e.RequestModel, e.UpstreamModel, len(e.Attempts))
			}
		}
		for _, b := range s.Bill() {
			if b.Key != testKey || b.Header.Get("Anthropic-Version") != "" || b.Header.Get("X-Claude-Code-Session-Id") != "" {
				t.Errorf("the provider saw %v", b.Header)
			}
		}
	})
}

func TestATranslatedProvidersErrorsReachTheClientInTheWordsOfTheMessagesAPI(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		for _, tt := range []struct {
			says   simulator.Answer
			status int
			want   string
		}{
			{simulator.PromptTooLong(250_000, 200_000), http.StatusBadRequest, "prompt is too long: 250000 tokens > 200000 maximum"},
			{simulator.RateLimited("7"), http.StatusTooManyRequests, "rate_limit_error"},
			{simulator.Error(401, "authentication_error", "bad key", nil), http.StatusForbidden, "permission_error"}, // the client repeats a 401 ten times,
			{simulator.HTML(502), http.StatusInternalServerError, `"type":"api_error","message":"Sign in"`},
			{simulator.Overloaded(), 529, "overloaded_error"},
			{simulator.ErrorEventFirst("overloaded_error", "Overloaded"), 529, "overloaded_error"},
		} {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			s.Script(simulator.Always(tt.says))
			r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
			got := r.post(streamBody)
			up.Close()
			var e struct {
				Type  string
				Error struct{ Type, Message string }
			}
			if err := json.Unmarshal(got.body, &e); err != nil || e.Type != "error" || e.Error.Type == "" {
				t.Errorf("status %d: %s", got.status, got.body)
				continue
			}
			if got.status != tt.status || !strings.Contains(string(got.body), tt.want) {
				t.Errorf("status %d, want %d: %s", got.status, tt.status, got.body)
			}
		}
	})
}

func TestARefusalOfPrismNamesTheFieldAndTheProfile(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		defer up.Close()
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
		for body, want := range map[string]string{
			`{"model":"claude-opus-5","max_tokens":9,"tools":[{"type":"web_search_20250305","name":"web_search"}],"messages":[{"role":"user","content":"x"}]}`: "prism: profile work: tools: web search is not available through this route",
			`{"model":"claude-opus-5","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}`:        "prism: profile work: messages.0.content.0.image.source: it is a file",
		} {
			if got := r.post(body); got.status != http.StatusBadRequest || !strings.Contains(string(got.body), want) {
				t.Errorf("status %d, want %q: %s", got.status, want, got.body)
			}
		}
		if n := len(s.Bill()); n != 0 {
			t.Errorf("the provider was asked %d times", n)
		}
	})
}

// TestATranslatedStreamThatBreaksOffIsNoMessage: what the client has got of a tool call must not
// pass for the whole.
func TestATranslatedStreamThatBreaksOffIsNoMessage(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		for _, how := range []simulator.Answer{
			simulator.Reply(simulator.Text("Let me look."), simulator.ToolUse("Bash", `{"command":"ls"}`), simulator.CutAfter(4, simulator.CutRST)),
			simulator.Reply(simulator.Text("Let me look."), simulator.ToolUse("Bash", `{"command":"ls"}`), simulator.CutAfter(4, simulator.CutFIN)),
		} {
			s := simulator.New(simulator.Options{Key: testKey})
			up := s.Start()
			s.Script(simulator.Always(how))
			r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
			got := r.post(toolBody)
			up.Close()
			e := r.Journal.wait(t, 1)[0]
			if bytes.Contains(got.body, []byte("message_stop")) || bytes.Contains(got.body, []byte(`"stop_reason":"tool_use"`)) || got.err == nil && got.status == http.StatusOK {
				t.Errorf("the client takes it for a message: %d %v %s", got.status, got.err, got.body)
			}
			if e.Outcome != ledger.OutcomeTruncated {
				t.Errorf("row: %s %s", e.Outcome, e.ErrorType)
			}
		}
	})
}

func TestTokensAreCountedByAnEstimateThatSaysSoAndCostsNothing(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		defer up.Close()
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
		got := r.do(http.MethodPost, "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"how many tokens are these, roughly?"}]}`)
		var n struct {
			Input int `json:"input_tokens"`
		}
		if err := json.Unmarshal(got.body, &n); err != nil || got.status != http.StatusOK || n.Input < 5 || n.Input > 40 || got.header.Get("X-Prism-Estimate") != "local" {
			t.Errorf("%d %s %v", got.status, got.body, got.header)
		}
		if e := r.Journal.wait(t, 1)[0]; e.UsageSource != ledger.UsageNone || e.Usage.Input.Known() || e.Cost != ledger.NoMoney {
			t.Errorf("row %+v", e)
		}
		if len(s.Bill()) != 0 {
			t.Error("the provider was asked")
		}
	})
}

func TestTheModelsOfATranslatedProfileAreListed(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, config.DialectOpenAI)}})
	got := r.do(http.MethodGet, "/v1/models?limit=1000", "")
	if got.status != http.StatusOK || !bytes.Contains(got.body, []byte("gpt-5.6-sol")) || !bytes.Contains(got.body, []byte("claude-opus")) {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestARefusalThatTeachesSomethingIsAskedAgainOnceAndRemembered(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(
		simulator.Error(400, "invalid_request_error", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", nil),
		simulator.Always(simulator.Reply(simulator.Text("hello"))))
	p := translated("work", up.URL, config.DialectOpenAI)
	p.Quirks.MaxTokensField = "max_tokens"
	r := newRig(t, rigOptions{profiles: []config.Profile{p}})
	if got := r.post(streamBody); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if got := r.post(streamBody); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	rows := r.Journal.wait(t, 2)
	if len(rows[0].Attempts) != 2 || rows[0].Attempts[1].Why != "healed" || len(rows[0].TranslationNotes) == 0 || len(rows[1].Attempts) != 1 {
		t.Errorf("attempts %s and %s, notes %v", whys(&rows[0]), whys(&rows[1]), rows[0].TranslationNotes)
	}
}

// TestThinkingOfATranslatedAnswerDoesNotReachAClaudeUpstream switches in mid-session.
func TestThinkingOfATranslatedAnswerDoesNotReachAClaudeUpstream(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{profile("claude", up.URL), translated("other", up.URL, config.DialectOpenAI)}})
	body := `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"prism1.openai.e30"},{"type":"text","text":"hello"}]},{"role":"user","content":"again"}]}`
	if got := r.post(body, "X-Prism-Profile", "claude"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	sent := s.Bill()[0].RequestBody
	if bytes.Contains(sent, []byte("prism1.")) || !bytes.Contains(sent, []byte(`"content":[{"type":"text","text":"hello"}]`)) {
		t.Errorf("sent %s", sent)
	}
	if e := r.Journal.wait(t, 1)[0]; !slices.Contains(e.TranslationNotes, "thinking_removed") || len(e.Attempts) != 1 {
		t.Errorf("notes %v, %d attempts", e.TranslationNotes, len(e.Attempts))
	}
}
