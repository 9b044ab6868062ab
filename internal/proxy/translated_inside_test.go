package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"prism/config"
	"prism/internal/ledger"
)

// provider answers every request with the next of the streams, the last one again and again. Like many
// servers it has no id for a request.
func provider(t *testing.T, streams ...string) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		n := int(asked.Add(1))
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, streams[min(n, len(streams))-1])
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// A call without an id, in both dialects.
const (
	chatCall = `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"Bash","arguments":"{\"command\":\"ls\"}"}}]},"finish_reason":"tool_calls"}]}` + "\n\ndata: [DONE]\n\n"

	responsesCall = `data: {"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","name":"Bash","arguments":"{\"command\":\"ls\"}"}}` + "\n\n" +
		`data: {"type":"response.completed","response":{"status":"completed"}}` + "\n\n"
)

func inDialect(d config.Dialect, chat, responses string) string {
	if d == config.DialectOpenAI {
		return chat
	}
	return responses
}

// TestCallsOfTwoAnswersNeverHaveOneID: both stand in the history of the next request.
func TestCallsOfTwoAnswersNeverHaveOneID(t *testing.T) {
	ids := regexp.MustCompile(`"id":"((?:toolu|msg)_[^"]+)"`)
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		url, _ := provider(t, inDialect(d, chatCall, responsesCall))
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", url, d)}})
		seen := make(map[string]bool)
		for range 2 {
			got := r.post(toolBody)
			found := ids.FindAllSubmatch(got.body, -1)
			if len(found) != 2 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			for _, id := range found {
				if seen[string(id[1])] {
					t.Errorf("%s is there twice", id[1])
				}
				seen[string(id[1])] = true
			}
		}
	})
}

// TestAQuotaThatIsUsedUpStopsTheClientAlsoWithinAnAnswer: the status was 200, and waiting is in vain.
func TestAQuotaThatIsUsedUpStopsTheClientAlsoWithinAnAnswer(t *testing.T) {
	const quota = `"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}`
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		for name, body := range map[string]string{
			"first":                inDialect(d, "data: {"+quota+"}\n\n", `data: {"type":"response.failed","response":{"status":"failed",`+quota+"}}\n\n"),
			"behind the beginning": inDialect(d, `data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}`+"\n\ndata: {"+quota+"}\n\n", `data: {"type":"response.created","response":{"id":"r"}}`+"\n\n"+`data: {"type":"response.failed","response":{"status":"failed",`+quota+"}}\n\n"),
			"as a body":            "{" + quota + "}",
		} {
			t.Run(name, func(t *testing.T) {
				url, _ := provider(t, body)
				r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", url, d)}})
				got := r.post(streamBody)
				if got.status != http.StatusTooManyRequests || got.header.Get("X-Should-Retry") != "false" || !strings.Contains(string(got.body), "rate_limit_error") {
					t.Errorf("%d %v %s", got.status, got.header, got.body)
				}
			})
		}
	})
}

// TestALimitWithinAnAnswerTellsHowLongToWait as one with a status does.
func TestALimitWithinAnAnswerTellsHowLongToWait(t *testing.T) {
	const limit = `"error":{"message":"Rate limit reached. Please try again in 20s.","type":"rate_limit_error","code":"rate_limit_exceeded"}`
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		url, _ := provider(t, inDialect(d, "data: {"+limit+"}\n\n", `data: {"type":"error",`+limit+"}\n\n"))
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", url, d)}})
		if got := r.post(streamBody); got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "20" {
			t.Errorf("%d %v %s", got.status, got.header, got.body)
		}
	})
}

// TestARefusalWithinAnAnswerTeachesAsOneWithAStatusDoes: some gateways say 200 before they know.
func TestARefusalWithinAnAnswerTeachesAsOneWithAStatusDoes(t *testing.T) {
	refusal := `data: {"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}` + "\n\n"
	url, asked := provider(t, refusal, chatCall)
	p := translated("work", url, config.DialectOpenAI)
	p.Quirks.MaxTokensField = "max_tokens"
	r := newRig(t, rigOptions{profiles: []config.Profile{p}})
	for range 2 {
		if got := r.post(toolBody); got.status != http.StatusOK || !strings.Contains(string(got.body), "toolu_") {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	rows := r.Journal.wait(t, 2)
	if asked.Load() != 3 || len(rows[0].Attempts) != 2 || rows[0].Attempts[1].Why != "healed" || rows[0].Outcome != ledger.OutcomeOK {
		t.Errorf("asked %d times; attempts %s, %s", asked.Load(), whys(&rows[0]), rows[0].Outcome)
	}
	if !slices.Contains(rows[0].TranslationNotes, "learned:max_tokens") {
		t.Errorf("notes %v", rows[0].TranslationNotes)
	}
}
