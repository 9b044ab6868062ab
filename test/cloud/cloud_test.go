package cloud

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/translate/translatetest"
	"prism/internal/translate/translatetest/sdk"
)

const (
	streamBody = `{"model":"claude-opus-5-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	plainBody  = `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"}]}`
)

// use is what the scripts say was used.
func use() simulator.Usage {
	return simulator.Usage{Input: 1000, CacheRead: 4096, CacheWrite5m: 10, CacheWrite1h: 20, Output: 77}
}

func script() simulator.Answer {
	return simulator.Reply(simulator.Thinking("Let me look.", ""), simulator.Text("Grüße"), simulator.ToolUse("Bash", `{"command":"ls"}`), use())
}

// likeTheBill holds an entry against the only bill of a simulator.
func likeTheBill(t *testing.T, e *ledger.Entry, s *simulator.Server) {
	t.Helper()
	bills := s.Bill()
	if len(bills) != 1 {
		t.Fatalf("%d bills", len(bills))
	}
	b := &bills[0]
	u := e.Usage
	got := [4]int64{int64(u.Input), int64(u.Output), int64(u.CacheRead), int64(u.CacheWrite5m) + int64(u.CacheWrite1h)}
	want := [4]int64{b.Charged.Input, b.Charged.Output, b.Charged.CacheRead, b.Charged.CacheWrite5m + b.Charged.CacheWrite1h}
	if got != want {
		t.Errorf("the entry says %v, the bill %v", got, want)
	}
	if e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageFinal || !e.Cost.Known() {
		t.Errorf("outcome %s, usage %s, cost %v", e.Outcome, e.UsageSource, e.Cost)
	}
	for _, c := range b.Credentials {
		if strings.Contains(c.Value, clientCredential) {
			t.Error("the cloud saw the client's credential")
		}
	}
}

func TestAStreamOfBedrockIsOneOfTheMessagesAPIInOneRow(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	s.Script(script())
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	got := h.message(streamBody)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/event-stream" || got.header.Get("Request-Id") == "" {
		t.Fatalf("%d %v: %s", got.status, got.header, got.body)
	}
	answer, err := translatetest.Check(got.body)
	if err != nil || !answer.Complete || len(answer.Blocks) != 3 || answer.Blocks[1].Text != "Grüße" || answer.Blocks[2].Text != `{"command":"ls"}` {
		t.Errorf("%v: %+v", err, answer)
	}
	if _, err := sdk.Accumulate(got.body); err != nil {
		t.Errorf("Anthropic's SDK refuses it: %v", err)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	if got := s.Bill()[0].Model; got != "eu.anthropic.claude-opus-5-5-v1:0" {
		t.Errorf("asked for %q", got)
	}
}

func TestBedrockWithoutAStream(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	s.Script(script())
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	got := h.message(plainBody)
	if got.status != http.StatusOK || !strings.Contains(got.body, "Grüße") {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
}

func TestTokensThatOnlyAmazonCountsAreInTheRow(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	opt := accepts()
	opt.Lacks = []string{"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}
	up := s.Cloud(opt).Start()
	defer up.Close()
	s.Script(script())
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	h.message(streamBody)
	row := h.row()
	likeTheBill(t, &row, s)
}

func TestAnInferenceProfileIsSignedFor(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	const arn = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/ab12cd34"
	p := bedrock("amazon", up.URL)
	p.Models = []config.ModelRule{{Match: "*", Use: arn}}
	h := newHouse(t, options{profiles: []config.Profile{p}})
	if got := h.message(plainBody); got.status != http.StatusOK || s.Bill()[0].Model != arn {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestThroughAnOutboundProxyTheSignatureHolds(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	out := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RequestURI = ""
		resp, err := tr.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	defer out.Close()
	via, err := url.Parse(out.URL)
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}, outbound: via})
	if got := h.message(streamBody); got.status != http.StatusOK || !strings.Contains(got.body, "message_stop") {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestWhatBedrockRefusesIsLearnedOnce(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	opt := accepts()
	opt.Betas = []string{"claude-code-20250219"}
	up := s.Cloud(opt).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	const betas = "claude-code-20250219,brand-new-2026-12-01"
	for i, attempts := range []int{2, 1} {
		if got := h.message(streamBody, "Anthropic-Beta", betas); got.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", i, got.status, got.body)
		}
		if row := h.row(); len(row.Attempts) != attempts || !slices.Contains(row.TranslationNotes, "dropped:beta") {
			t.Errorf("request %d: %d attempts, notes %q", i, len(row.Attempts), row.TranslationNotes)
		}
	}
	const managed = `{"model":"claude-opus-5-5","max_tokens":100,"stream":true,"context_management":{"edits":[]},"messages":[{"role":"user","content":"hi"}]}`
	for i, attempts := range []int{2, 1} {
		if got := h.message(managed); got.status != http.StatusOK {
			t.Fatalf("managed request %d: %d %s", i, got.status, got.body)
		}
		if row := h.row(); len(row.Attempts) != attempts || !slices.Contains(row.TranslationNotes, "dropped:context_management") {
			t.Errorf("managed request %d: %d attempts, notes %q", i, len(row.Attempts), row.TranslationNotes)
		}
	}
}

func TestARefusalThatTheClientMendsKeepsItsWords(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	const body = `{"model":"claude-opus-5-5","max_tokens":100,"output_config":{"effort":"high"},"messages":[{"role":"user","content":"hi"}]}`
	got := h.message(body)
	if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"message":"output_config: Extra inputs are not permitted"`) || !strings.Contains(got.body, `"type":"invalid_request_error"`) {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestAnExpiredTokenIsFetchedAnewWithinTheRequest(t *testing.T) {
	amazon(t)
	writeCredentials(t, accessKey, "expired")
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	began := time.Now()
	later := time.Duration(0)
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}, now: func() time.Time { return began.Add(later) }})
	got := h.message(plainBody)
	if got.status != http.StatusForbidden || !strings.Contains(got.body, "expired") || got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); len(row.Attempts) != 1 {
		t.Errorf("a credential that was just read was read again: %d attempts", len(row.Attempts))
	}
	later = 2 * time.Minute
	writeCredentials(t, accessKey, sessionToken)
	if got := h.message(plainBody); got.status != http.StatusOK {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestNoCredentialLeadsToTheFallbackAndIsToldInOurWords(t *testing.T) {
	amazon(t)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
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
	p := bedrock("amazon", up.URL)
	p.Fallback = []string{"other"}
	h = newHouse(t, options{profiles: []config.Profile{p, {Name: "other", BaseURL: second.URL, Dialect: config.DialectAnthropic, Auth: config.AuthNone, Provider: "anthropic", Multiplier: "1"}}})
	if got := h.message(plainBody); got.status != http.StatusOK || len(other.Bill()) != 1 {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestAWrongKeyIsToldWithoutWhatWasSigned(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	opt := accepts()
	opt.Secret = "another"
	up := s.Cloud(opt).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	got := h.message(plainBody)
	if got.status != http.StatusForbidden || strings.Contains(got.body, sessionToken) || strings.Contains(got.body, "x-amz") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); strings.Contains(row.ErrorMessage, sessionToken) {
		t.Errorf("the entry has it: %s", row.ErrorMessage)
	}
}

func TestErrorsOfBedrockHaveTheirStatus(t *testing.T) {
	amazon(t)
	for _, c := range []struct {
		name   string
		script simulator.Answer
		status int
		typ    string
	}{
		{"limited", simulator.Error(429, "rate_limit_error", "slow down", nil), 429, "rate_limit_error"},
		{"overloaded", simulator.Error(529, "overloaded_error", "Overloaded", nil), 529, "overloaded_error"},
		{"broken", simulator.Error(500, "api_error", "broken", nil), 500, "api_error"},
		{"too long", simulator.Error(400, "invalid_request_error", "Input is too long for requested model.", nil), 400, "invalid_request_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := simulator.New(simulator.Options{})
			up := s.Cloud(accepts()).Start()
			defer up.Close()
			s.Script(simulator.Always(c.script))
			h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
			got := h.message(streamBody)
			if got.status != c.status || !strings.Contains(got.body, `"type":"`+c.typ+`"`) {
				t.Errorf("%d: %s", got.status, got.body)
			}
		})
	}
}

func TestAStreamOfBedrockThatIsCutIsNoMessage(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	opt := accepts()
	opt.CutAfter = 24 << 10
	up := s.Cloud(opt).Start()
	defer up.Close()
	s.Script(simulator.Reply(simulator.Text(strings.Repeat("many words ", 10000)), use()))
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	got := h.message(streamBody)
	if strings.Contains(got.body, "message_stop") || !strings.Contains(got.body, "event: error") {
		t.Errorf("the client was told: %.200s", got.body[max(0, len(got.body)-200):])
	}
	if row := h.row(); row.Outcome != ledger.OutcomeTruncated {
		t.Errorf("outcome %s", row.Outcome)
	}
}

func TestBedrockCountsAndElsePrismEstimates(t *testing.T) {
	amazon(t)
	const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}]}`
	for _, uncounted := range []bool{false, true} {
		s := simulator.New(simulator.Options{})
		opt := accepts()
		opt.Uncounted = uncounted
		up := s.Cloud(opt).Start()
		h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
		got := h.post("/v1/messages/count_tokens?beta=true", body)
		if got.status != http.StatusOK || !strings.Contains(got.body, `"input_tokens":`) || (got.header.Get("X-Prism-Estimate") != "") != uncounted {
			t.Errorf("uncounted %t: %d %v %s", uncounted, got.status, got.header, got.body)
		}
		up.Close()
	}
}

func TestThinkingOfATranslatedAnswerDoesNotReachClaude(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	other := config.Profile{Name: "other", BaseURL: "http://127.0.0.1:1", Dialect: config.DialectOpenAI, Auth: config.AuthNone, Provider: "acme", Multiplier: "1"}
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL), other}})
	const body = `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"prism1.abc"},{"type":"text","text":"hello"}]},{"role":"user","content":"go on"}]}`
	if got := h.message(body); got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	if sent := string(s.Bill()[0].RequestBody); strings.Contains(sent, "prism1.") || !strings.Contains(sent, "hello") {
		t.Errorf("it was sent %s", sent)
	}
}

func TestAStreamOfVertexPassesAsItIs(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Cloud(simulator.CloudOptions{Token: "test-token"}).Start()
	defer up.Close()
	s.Script(script())
	h := newHouse(t, options{profiles: []config.Profile{{
		Name: "google", BaseURL: up.URL + "/v1/projects/p/locations/europe-west1", Dialect: config.DialectVertex, Auth: config.AuthBearer,
		APIKey: config.NewSecret("test-token"), Provider: "anthropic", Multiplier: "1", InputIncludesCache: "auto",
	}}})
	got := h.message(streamBody, "Anthropic-Beta", "interleaved-thinking-2025-05-14")
	if got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	b := s.Bill()[0]
	if string(b.ResponseBody) != got.body {
		t.Error("the stream was changed on its way")
	}
	if b.Header.Get("Anthropic-Beta") != "interleaved-thinking-2025-05-14" || b.Header.Get("X-Claude-Code-Session-Id") != "" {
		t.Errorf("headers %v", b.Header)
	}
	count := h.post("/v1/messages/count_tokens", `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}]}`)
	if count.status != http.StatusOK {
		t.Errorf("count: %d %s", count.status, count.body)
	}
}

func TestARefusedTokenOfVertexIsNo401(t *testing.T) {
	s := simulator.New(simulator.Options{})
	up := s.Cloud(simulator.CloudOptions{Token: "test-token"}).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{{
		Name: "google", BaseURL: up.URL + "/v1/projects/p/locations/global", Dialect: config.DialectVertex, Auth: config.AuthBearer,
		APIKey: config.NewSecret("wrong"), Provider: "anthropic", Multiplier: "1",
	}}})
	if got := h.message(streamBody); got.status != http.StatusForbidden || got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d %v: %s", got.status, got.header, got.body)
	}
}

func TestPathsThatAreNoMessagesAreRefusedHere(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	h := newHouse(t, options{profiles: []config.Profile{bedrock("amazon", up.URL)}})
	if got := h.post("/v1/messages/batches", `{"requests":[]}`); got.status != http.StatusNotFound || !strings.Contains(got.body, "messages only") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/v1/models", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(b), "claude-opus-5-5") {
		t.Errorf("models: %d %s", resp.StatusCode, b)
	}
}

func TestTheMessagesAPIAtAmazonIsSigned(t *testing.T) {
	amazon(t)
	s := simulator.New(simulator.Options{})
	up := s.Cloud(accepts()).Start()
	defer up.Close()
	s.Script(script())
	p := bedrock("amazon", up.URL+"/anthropic")
	p.Dialect, p.Models = config.DialectAnthropic, nil
	h := newHouse(t, options{profiles: []config.Profile{p}})
	got := h.message(streamBody, "Anthropic-Beta", "brand-new-2026-12-01")
	if got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	if string(s.Bill()[0].ResponseBody) != got.body || s.Bill()[0].Header.Get("Anthropic-Beta") == "" {
		t.Error("it did not pass as it was")
	}
}
