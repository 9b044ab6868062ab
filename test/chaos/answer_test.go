package chaos

import (
	"fmt"
	"net/http"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// said is how a request ends with the upstream's own error.
func said(status int, header ...string) end {
	e := end{see: exact, status: status, outcome: ledger.OutcomeError, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		e.header[header[i]] = header[i+1]
	}
	return e
}

const words = "in the words of the provider: \u00e4 \"quoted\""

// status is an upstream that answers with an error.
func status(entry, code int, typ string, next bool) fault {
	return fault{
		entry: entry, name: fmt.Sprintf("status %d", code), ways: both(), answer: simulator.Error(code, typ, words, nil),
		tries: []try{{status: code, errorType: typ}}, next: next, alone: said(code),
	}
}

// named gives a fault another name and answer.
func (f fault) named(name string, a simulator.Answer) fault {
	f.name, f.answer = name, a
	return f
}

// asked gives a fault other ways of asking.
func asked(ways []way, f fault) fault {
	f.ways = ways
	return f
}

// failures are the statuses after which the next upstream is asked.
func failures() []fault {
	var list []fault
	for _, c := range []struct {
		code int
		typ  string
	}{{408, "timeout_error"}, {409, "conflict_error"}, {500, "api_error"}, {502, "api_error"}, {503, "api_error"}, {504, "timeout_error"}, {529, "overloaded_error"}} {
		f := status(60, c.code, c.typ, true)
		final := f.named(f.name+", x-should-retry: false", simulator.Error(c.code, c.typ, words, http.Header{"X-Should-Retry": {"false"}}))
		final.next, final.alone = false, said(c.code, "X-Should-Retry", "false")
		insists := f.named(f.name+", x-should-retry: true", simulator.Error(c.code, c.typ, words, http.Header{"X-Should-Retry": {"true"}}))
		insists.alone = said(c.code, "X-Should-Retry", "true")
		list = append(list, f, final, insists)
	}
	page := status(60, 502, "http_502", true).named("an error page", simulator.HTML(502))
	text := status(60, 500, "http_500", true).named("an error without a body", simulator.RawBody(500, "", nil))
	return append(list, page, text)
}

// requests are the statuses that speak of the request: everybody would say the same.
func requests() []fault {
	var list []fault
	for _, c := range []struct {
		code int
		typ  string
	}{{400, "invalid_request_error"}, {404, "not_found_error"}, {405, "invalid_request_error"}, {413, "request_too_large"}, {415, "invalid_request_error"}, {422, "invalid_request_error"}} {
		list = append(list, status(59, c.code, c.typ, false))
	}
	long := status(59, 400, "invalid_request_error", false)
	for _, text := range []string{
		"prompt is too long: 210000 tokens > 200000 maximum", "Prompt is too long",
		"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000", "Input is too long for requested model.",
	} {
		list = append(list, long.named("too long: "+text, simulator.Error(400, "invalid_request_error", text, nil)))
	}
	foreign := status(59, 400, "http_400", false).named("too long, in the words of another API", simulator.RawBody(400, "application/json",
		[]byte(`{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","code":"context_length_exceeded"}}`)))
	foreign.tries[0].errorType = "invalid_request_error"
	return append(list, foreign)
}

// denials are refusals of the key. They are not repeated, and lead to the fallback only where
// the profile says so.
func denials() []fault {
	var list []fault
	for _, c := range []struct {
		code int
		typ  string
		text string
	}{
		{401, "authentication_error", "invalid x-api-key"},
		{402, "billing_error", words},
		{403, "permission_error", words},
		{400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},
	} {
		f := status(58, c.code, c.typ, false)
		f = f.named(fmt.Sprintf("key refused with %d", c.code), simulator.Error(c.code, c.typ, c.text, nil))
		open := f
		open.name += ", fallback_on_auth"
		open.next = true
		open.profile = func(p *config.Profile) { p.FallbackOnAuth = true }
		list = append(list, f, open)
	}
	return list
}

// limits are rate limits and overloads with every form of retry-after: it is passed on as it is.
func limits() []fault {
	var list []fault
	ahead := time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
	for _, c := range []struct {
		code int
		typ  string
	}{{429, "rate_limit_error"}, {503, "api_error"}, {529, "overloaded_error"}} {
		for name, v := range map[string]string{
			"seconds": "7", "zero": "0", "negative": "-1", "very long": "1000000000", "longer than a number": "99999999999999999999", "garbage": "soon",
			"a date ahead": ahead, "a date long ago": "Sun, 06 Nov 1994 08:49:37 GMT",
		} {
			h := http.Header{"Retry-After": {v}}
			f := status(56, c.code, c.typ, true).named(fmt.Sprintf("%d, retry-after %s", c.code, name), simulator.Error(c.code, c.typ, words, h))
			f.alone = said(c.code, "Retry-After", v)
			list = append(list, f)
		}
		f := status(56, c.code, c.typ, true).named(fmt.Sprintf("%d, retry-after-ms", c.code), simulator.Error(c.code, c.typ, words, http.Header{"Retry-After-Ms": {"1500"}}))
		f.alone = said(c.code, "Retry-After-Ms", "1500")
		list = append(list, f)
	}
	bare := status(56, 429, "rate_limit_error", true).named("429 without retry-after", simulator.RateLimited(""))
	spent := status(57, 429, "rate_limit_error", true).named("a spend limit", simulator.SpendLimited())
	return append(list, bare, spent)
}

// redirects are never followed, neither by prism nor by its client.
func redirects() []fault {
	var list []fault
	for _, code := range []int{300, 301, 302, 303, 307, 308} {
		f := fault{
			entry: 61, name: fmt.Sprintf("status %d", code), ways: both(), tries: []try{{status: code, errorType: "upstream_redirect"}},
			alone: end{see: refused, status: http.StatusBadGateway, typ: "api_error", code: "upstream_redirect", final: true, outcome: ledger.OutcomeError},
		}
		f.prelude = func(s *scene) {
			evil := newProvider(s.T, "evil", reply(), true)
			s.work.ClearScript()
			s.work.Script(simulator.Always(simulator.Redirect(evil.run.URL + "/v1/messages").With(simulator.Status(code))))
			s.Cleanup(func() {
				if ever, _ := evil.run.Connections(); ever != 0 {
					s.Errorf("the target of the redirect saw %d connections", ever)
				}
			})
		}
		f.then = func(s *scene) {
			if s.got.header.Get("Location") != "" {
				s.Errorf("the client was sent to %s", s.got.header.Get("Location"))
			}
		}
		list = append(list, f)
	}
	return list
}
