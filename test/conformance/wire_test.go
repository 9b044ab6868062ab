//go:build e2e

package conformance

import (
	"io"
	"net/http"
	"strings"
	"testing"

	sim "prism/internal/simulator"

	"prism/internal/translate/translatetest"
)

// rig is prism with a provider for each dialect.
type rig struct {
	url             string
	chat, responses *sim.Server
	doc             *translatetest.Document
	told            []told // the streams that were answered
}

func newRig(t *testing.T) *rig {
	t.Helper()
	doc, err := translatetest.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{chat: sim.New(sim.Options{}), responses: sim.New(sim.Options{}), doc: doc}
	chat, responses := r.chat.Start(), r.responses.Start()
	t.Cleanup(chat.Close)
	t.Cleanup(responses.Close)
	r.url = prism(t, profiles(chat.URL, responses.URL))
	t.Cleanup(func() { capture(t, r.chat, r.responses) })
	return r
}

// answered is what came back for a request.
type answered struct {
	status int
	header http.Header
	body   string
	err    error // how the body ended, if not well
}

// ask sends a request to one of the profiles.
func (r *rig) ask(t *testing.T, method, path, body string) answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		r.told = append(r.told, told{t.Name(), string(raw)})
	}
	return answered{resp.StatusCode, resp.Header, string(raw), err}
}

const (
	streamed = `{"model":"claude-opus-5-5","max_tokens":1024,"stream":true,"messages":[{"role":"user","content":"Do both."}]}`
	whole    = `{"model":"claude-opus-5-5","max_tokens":1024,"messages":[{"role":"user","content":"Do both."}]}`
	counted  = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"Do both."}]}`
)

// TestEveryTranslatedAnswerFollowsTheDocument reads what goes over the wire by the grammar of
// streams and by the API's own document.
func TestEveryTranslatedAnswerFollowsTheDocument(t *testing.T) {
	r := newRig(t)
	for _, d := range []struct {
		profile  string
		provider *sim.Server
		variants []sim.Variant
	}{{"chat", r.chat, sim.ChatVariants()}, {"responses", r.responses, sim.ResponsesVariants()}} {
		for _, v := range append(d.variants, endings()...) {
			t.Run(d.profile+"/"+v.Name, func(t *testing.T) {
				d.provider.ClearScript()
				d.provider.Script(sim.Always(content().With(v.Part)))
				a := r.ask(t, http.MethodPost, "/p/"+d.profile+"/v1/messages", streamed)
				r.mustFollow(t, a)
				b := r.ask(t, http.MethodPost, "/p/"+d.profile+"/v1/messages", whole)
				if b.status != http.StatusOK || b.err != nil {
					t.Fatalf("status %d, %v: %s", b.status, b.err, b.body)
				}
				if err := r.doc.Body([]byte(b.body)); err != nil {
					t.Errorf("the whole message: %v", err)
				}
			})
		}
	}
	mustPutTogether(t, r.told)
}

// endings are the reasons for which an answer may end.
func endings() []sim.Variant {
	return []sim.Variant{
		{Name: "ends at the limit", Part: sim.StopReason("max_tokens")},
		{Name: "ends with a refusal", Part: sim.Reply(sim.StopReason("refusal"), sim.RefusalText())},
		{Name: "ends without usage", Part: sim.UsageIn(sim.UsageNowhere)},
		{Name: "has no details of its usage", Part: sim.UsageSpelled(sim.SpellBare)},
	}
}

// mustFollow checks a stream that came to its end.
func (r *rig) mustFollow(t *testing.T, a answered) {
	t.Helper()
	if a.status != http.StatusOK || a.err != nil || !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("status %d, %s, %v: %s", a.status, a.header.Get("Content-Type"), a.err, a.body)
	}
	got, err := translatetest.Check(a.body)
	if err != nil {
		t.Fatalf("the grammar: %v\n%s", err, a.body)
	}
	if !got.Complete {
		t.Errorf("the stream has no end: %s", a.body)
	}
	if err := r.doc.Stream(a.body); err != nil {
		t.Errorf("the document: %v", err)
	}
}

// TestEveryTranslatedErrorFollowsTheDocument has the providers fail in every way of theirs.
func TestEveryTranslatedErrorFollowsTheDocument(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		name   string
		answer sim.Answer
		status int
		typ    string
		retry  string // x-should-retry
	}{
		{"a bad request", sim.Error(400, "invalid_request_error", "no such thing", nil), 400, "invalid_request_error", ""},
		{"a prompt too long", sim.PromptTooLong(140_000, 128_000), 400, "invalid_request_error", ""},
		{"an unknown model", sim.Error(404, "not_found_error", "The model does not exist", nil), 404, "not_found_error", ""},
		{"a limit", sim.RateLimited("1"), 429, "rate_limit_error", ""},
		{"no money", sim.Error(429, "billing_error", "You exceeded your current quota", nil), 429, "rate_limit_error", "false"},
		{"too much work", sim.Overloaded(), 529, "overloaded_error", ""},
		{"an error of the provider", sim.Error(500, "api_error", "The server had an error", nil), 500, "api_error", ""},
		{"a page", sim.HTML(502), 500, "api_error", ""},
		{"an error at the beginning of a stream", sim.ErrorEventFirst("overloaded_error", "busy"), 529, "overloaded_error", ""},
	}
	for _, profile := range []string{"chat", "responses"} {
		for _, tt := range tests {
			t.Run(profile+"/"+tt.name, func(t *testing.T) {
				for _, s := range []*sim.Server{r.chat, r.responses} {
					s.ClearScript()
					s.Script(sim.Always(tt.answer))
				}
				a := r.ask(t, http.MethodPost, "/p/"+profile+"/v1/messages", streamed)
				if err := r.doc.Validate("ErrorResponse", []byte(a.body)); err != nil {
					t.Errorf("the document: %v in %s", err, a.body)
				}
				if a.status != tt.status || !strings.Contains(a.body, `"`+tt.typ+`"`) || tt.retry != "" && a.header.Get("X-Should-Retry") != tt.retry {
					t.Errorf("status %d, x-should-retry %q: %s; want %d, %q, %s", a.status, a.header.Get("X-Should-Retry"), a.body, tt.status, tt.retry, tt.typ)
				}
			})
		}
	}
}

// TestAStreamThatBreaksIsNeverTakenForAnAnswer: after text, in the middle of a tool's input, and
// with the error in the provider's own words.
func TestAStreamThatBreaksIsNeverTakenForAnAnswer(t *testing.T) {
	r := newRig(t)
	long := sim.Reply(sim.Text(strings.Repeat("words and more words ", 20)), sim.ToolUse("look", `{"where":"`+strings.Repeat("here ", 100)+`"}`))
	tests := []struct {
		name   string
		answer sim.Answer
		told   bool // the provider says itself that it failed
	}{
		{"cut in the text", long.With(sim.CutAfter(8, sim.CutFIN)), false},
		{"a clean end in the text", long.With(sim.CutAfter(8, sim.CutClean)), false},
		{"a clean end in a tool's input", long.With(sim.CutAfter(26, sim.CutClean)), false},
		{"no finish", long.With(sim.NoFinish()), false},
		{"an error", long.With(sim.ErrorEventAfterContent("overloaded_error", "busy")), true},
		{"an error at the end", long.With(sim.ErrorEventAfterBlocks("api_error", "broken")), true},
	}
	for _, profile := range []string{"chat", "responses"} {
		for _, tt := range tests {
			t.Run(profile+"/"+tt.name, func(t *testing.T) {
				for _, s := range []*sim.Server{r.chat, r.responses} {
					s.ClearScript()
					s.Script(sim.Always(tt.answer))
				}
				a := r.ask(t, http.MethodPost, "/p/"+profile+"/v1/messages", streamed)
				got, err := translatetest.Check(a.body)
				if err != nil {
					t.Fatalf("the grammar: %v\n%s", err, a.body)
				}
				if !got.Failed || got.Complete || a.err == nil && !tt.told {
					t.Errorf("failed %v, complete %v, the connection: %v", got.Failed, got.Complete, a.err)
				}
				if err := r.doc.Stream(a.body); err != nil {
					t.Errorf("the document: %v", err)
				}
			})
		}
	}
	mustPutTogether(t, r.told)
}

// TestWhatPrismAnswersByItselfFollowsTheDocument: where the provider has nothing like it.
func TestWhatPrismAnswersByItselfFollowsTheDocument(t *testing.T) {
	r := newRig(t)
	for _, profile := range []string{"chat", "responses"} {
		for _, q := range []struct{ method, path, body, schema string }{
			{http.MethodPost, "/v1/messages/count_tokens", counted, "CountMessageTokensResponse"},
			{http.MethodGet, "/v1/models", "", "ListResponse_ModelInfo_"},
			{http.MethodPost, "/v1/messages", strings.Replace(whole, "1024", "0", 1), "Message"},
			{http.MethodPost, "/v1/messages/count_tokens", `{"model":"claude-opus-5-5","messages":[]}`, "ErrorResponse"},
			{http.MethodPost, "/v1/messages", `{"model":"claude-opus-5-5","max_tokens":5,"messages":[]}`, "ErrorResponse"},
			{http.MethodPost, "/v1/files", "{}", "ErrorResponse"},
		} {
			t.Run(profile+q.path+" as "+q.schema, func(t *testing.T) {
				a := r.ask(t, q.method, "/p/"+profile+q.path, q.body)
				if err := r.doc.Validate(q.schema, []byte(a.body)); err != nil {
					t.Errorf("status %d: %v in %s", a.status, err, a.body)
				}
			})
		}
	}
	for _, s := range []*sim.Server{r.chat, r.responses} {
		if n := len(s.Bill()); n > 0 {
			t.Errorf("%d requests reached a provider", n)
		}
	}
}
