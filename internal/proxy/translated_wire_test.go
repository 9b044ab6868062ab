package proxy_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/upstream"
)

// Answers of a provider, word for word, for what the simulator does too well.
const (
	chatText   = `data: {"id":"c","model":"gpt-5.6-sol","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}` + "\n\n"
	chatFinish = `data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	chatUsage  = `data: {"id":"c","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105}}` + "\n\n"
	chatWhole  = `{"id":"c","model":"gpt-5.6-sol","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105}}`

	responsesText = `data: {"type":"response.created","response":{"id":"r","model":"gpt-5.6-sol","status":"in_progress"}}` + "\n\n" +
		`data: {"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"i"}}` + "\n\n" +
		`data: {"type":"response.output_text.delta","output_index":0,"item_id":"i","delta":"hello"}` + "\n\n"
)

// atProvider is a rig before a provider that answers every request in this way.
func atProvider(t *testing.T, d config.Dialect, how http.HandlerFunc) *rig {
	t.Helper()
	up := httptest.NewServer(how)
	t.Cleanup(up.Close)
	return newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
}

// say writes the parts of an answer, each as soon as it is there.
func say(w http.ResponseWriter, to io.Writer, parts ...string) {
	for _, p := range parts {
		_, _ = io.WriteString(to, p)
		if z, ok := to.(*gzip.Writer); ok {
			_ = z.Flush()
		}
		_ = http.NewResponseController(w).Flush()
	}
}

// TestATranslatedAnswerThatWasCompressedUnaskedIsRead: prism asks for none that is.
func TestATranslatedAnswerThatWasCompressedUnaskedIsRead(t *testing.T) {
	for _, c := range []struct {
		name, contentType string
		status            int
		parts             []string
		body              string
		want              string
	}{
		{"a stream", "text/event-stream", 200, []string{chatText, chatFinish, chatUsage, "data: [DONE]\n\n"}, streamBody, "message_stop"},
		{"a message", "application/json", 200, []string{chatWhole}, plainBody, `"text":"hello"`},
		{"an error", "application/json", 400, []string{`{"error":{"message":"that is not so"}}`}, streamBody, `"message":"that is not so"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := atProvider(t, config.DialectOpenAI, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.Header().Set("Content-Encoding", "gzip")
				w.WriteHeader(c.status)
				z := gzip.NewWriter(w)
				say(w, z, c.parts...)
				_ = z.Close()
			})
			got := r.post(c.body)
			if got.status != c.status || got.err != nil || !strings.Contains(string(got.body), c.want) || got.header.Get("Content-Encoding") != "" {
				t.Errorf("%d %v %v: %s", got.status, got.err, got.header, got.body)
			}
			if e := r.Journal.wait(t, 1)[0]; c.status == 200 && (e.UsageSource != ledger.UsageFinal || e.Usage.Input != 100 || !e.Cost.Known()) {
				t.Errorf("usage %s %+v, cost %v", e.UsageSource, e.Usage, e.Cost)
			}
		})
	}
}

func TestATranslatedAnswerThatCannotBeReadIsNone(t *testing.T) {
	r := atProvider(t, config.DialectOpenAI, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "br")
		say(w, w, "\x0b\x02\x80compressed\x03")
	})
	got := r.post(streamBody)
	if got.status != http.StatusBadGateway || !strings.Contains(string(got.body), "compressed its answer") {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeError || r.Router.Health("work").View(time.Now()).LastError == "" {
		t.Errorf("row %s, health %+v", e.Outcome, r.Router.Health("work").View(time.Now()))
	}
}

func TestEveryStatusOfSuccessIsTranslated(t *testing.T) {
	for _, status := range []int{http.StatusCreated, http.StatusAccepted, http.StatusPartialContent} {
		r := atProvider(t, config.DialectOpenAI, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			say(w, w, chatWhole)
		})
		if got := r.post(plainBody); got.status != http.StatusOK || !strings.Contains(string(got.body), `"type":"message"`) {
			t.Errorf("%d: %d %s", status, got.status, got.body)
		}
	}
}

// TestAnAnswerOfOursSaysNothingOfTheProvider: tokens are counted here. That it worked does not make a
// provider well that asks to be left alone.
func TestAnAnswerOfOursSaysNothingOfTheProvider(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		r := atProvider(t, d, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			say(w, w, `{"error":{"message":"slow down"}}`)
		})
		if got := r.post(streamBody); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "60" {
			t.Fatalf("%d %v: %s", got.status, got.header, got.body)
		}
		before := r.Router.Health("work").View(time.Now())
		for _, path := range []string{"/v1/messages/count_tokens", "/v1/models"} {
			method, body := http.MethodPost, plainBody
			if path == "/v1/models" {
				method, body = http.MethodGet, ""
			}
			if got := r.do(method, path, body); got.status != http.StatusOK {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		r.Journal.wait(t, 3)
		if after := r.Router.Health("work").View(time.Now()); after.State != ledger.HealthCooling || after.State != before.State || !after.LastOK.IsZero() {
			t.Errorf("it was %s, and is %s, well at %v", before.State, after.State, after.LastOK)
		}
	})
}

// TestAProviderThatIsDoneButHoldsTheConnectionIsNotWaitedFor: neither usage nor an end comes.
func TestAProviderThatIsDoneButHoldsTheConnectionIsNotWaitedFor(t *testing.T) {
	gone := make(chan struct{})
	r := atProvider(t, config.DialectOpenAI, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		say(w, w, chatText, chatFinish)
		<-req.Context().Done()
		close(gone)
	})
	got := r.post(streamBody)
	if got.status != http.StatusOK || got.err != nil || !strings.HasSuffix(string(got.body), "data: {\"type\":\"message_stop\"}\n\n") {
		t.Errorf("%d %v: %s", got.status, got.err, got.body)
	}
	if e := r.Journal.wait(t, 1)[0]; e.Outcome != ledger.OutcomeOK || e.StopReason != "end_turn" || e.UsageSource != ledger.UsageEstimated {
		t.Errorf("row %s %s %s", e.Outcome, e.StopReason, e.UsageSource)
	}
	<-gone
}

// TestAClientThatLeavesATranslatedStreamStopsTheProvider: what nobody reads is not to be paid.
func TestAClientThatLeavesATranslatedStreamStopsTheProvider(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		gone := make(chan struct{})
		r := atProvider(t, d, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			if d == config.DialectOpenAI {
				say(w, w, chatText)
			} else {
				say(w, w, responsesText)
			}
			<-req.Context().Done()
			close(gone)
		})
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		resp := r.open(ctx, streamBody)
		defer resp.Body.Close()
		for said := ""; !strings.Contains(said, "hello"); {
			b := make([]byte, 4096)
			n, err := resp.Body.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			said += string(b[:n])
		}
		leave()
		<-gone
		e := r.Journal.wait(t, 1)[0]
		if e.Outcome != ledger.OutcomeClientAbort || e.UsageSource != ledger.UsageEstimated || e.UpstreamModel != "gpt-5.6-sol" || !e.Cost.Known() {
			t.Errorf("row %s, usage %s of %s, cost %v", e.Outcome, e.UsageSource, e.UpstreamModel, e.Cost)
		}
		if v := r.Router.Health("work").View(time.Now()); v.LastError != "" {
			t.Errorf("the provider is blamed for it: %s", v.LastError)
		}
	})
}

// open sends a request and returns the answer, not read yet.
func (r *rig) open(ctx context.Context, body string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL+"/v1/messages?beta=true", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := r.Client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

// TestAProviderIsReadNoFasterThanTheClientReads: an answer does not pile up here.
func TestAProviderIsReadNoFasterThanTheClientReads(t *testing.T) {
	const most = 256 << 20
	wrote := make(chan int, 1)
	r := atProvider(t, config.DialectOpenAI, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		event := strings.Replace(chatText, "hello", strings.Repeat("many words ", 4<<10), 1)
		rc, n := http.NewResponseController(w), 0
		for n < most {
			_ = rc.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
			m, err := io.WriteString(w, event)
			if n += m; err != nil {
				break
			}
		}
		wrote <- n
	})
	ctx, leave := context.WithCancel(t.Context())
	resp := r.open(ctx, streamBody)
	if n := <-wrote; n >= most/4 {
		t.Errorf("the provider could send %d MiB that nobody has read", n>>20)
	}
	leave()
	_ = resp.Body.Close()
	r.Journal.wait(t, 1)
}

// TestTokensAreCountedAndModelsListedWhileTheProviderIsDown: nobody has to be asked for them.
func TestTokensAreCountedAndModelsListedWhileTheProviderIsDown(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		r := newRig(t, rigOptions{
			profiles: []config.Profile{translated("work", "http://127.0.0.1:1", d)},
			timeouts: upstream.Timeouts{Dial: time.Second, FirstByte: time.Second, Idle: time.Second},
		})
		if got := r.do(http.MethodPost, "/v1/messages/count_tokens", plainBody); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := r.do(http.MethodGet, "/v1/models?limit=1000", ""); got.status != http.StatusOK || !strings.Contains(string(got.body), "gpt-5.6-sol") {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}
