package chaos

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"prism/internal/ledger"
	"prism/internal/simulator"
)

// pair is how two profiles of a chain fail, and whose answer the client gets.
type pair struct {
	name          string
	first, second part
	shows         string // first or second; "" = prism's own words
	status        int
	code          string
}

// pairs are the cases of the rule: the client sees the error of the profile that its request was
// meant for, unchanged, unless a later one is of more use.
func pairs() []pair {
	answers := func(a simulator.Answer) part { return part{does: a} }
	refusing := part{worse: refusing}
	busy := simulator.Error(529, "overloaded_error", "come back", http.Header{"Retry-After": {"9"}})
	limited := simulator.Error(429, "rate_limit_error", "slow down", http.Header{"Retry-After": {"11"}})
	long := simulator.Error(400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", nil)
	denied := simulator.Error(401, "authentication_error", "invalid x-api-key", nil)
	failed := simulator.Error(500, "api_error", "Internal", nil)
	return []pair{
		{"both refuse the connection", refusing, refusing, "", 502, "upstream_unreachable"},
		{"no connection, then 529 with retry-after", refusing, answers(busy), "second", 529, ""},
		{"no connection, then 429 with retry-after", refusing, answers(limited), "second", 429, ""},
		{"no connection, then a prompt that is too long", refusing, answers(long), "second", 400, ""},
		{"an empty stream, then 529 with retry-after", answers(simulator.EmptyStream()), answers(busy), "second", 529, ""},
		{"closed before the head, then 529 with retry-after", answers(simulator.CloseBeforeHeaders(simulator.CutFIN)), answers(busy), "second", 529, ""},
		{"529, then no connection", answers(busy), refusing, "first", 529, ""},
		{"529, then an empty stream", answers(busy), answers(simulator.EmptyStream()), "first", 529, ""},
		{"529, then a key that is refused", answers(busy), answers(denied), "first", 529, ""},
		{"529, then 500", answers(busy), answers(failed), "first", 529, ""},
		{"500, then 529 with retry-after", answers(failed), answers(busy), "first", 500, ""},
		{"529 on both", answers(busy), answers(simulator.Overloaded()), "first", 529, ""},
		{"429, then a redirect", answers(limited), answers(simulator.Redirect("http://127.0.0.1:1/")), "first", 429, ""},
	}
}

func TestTheClientGetsTheMostUsefulTrueAnswer(t *testing.T) {
	list := pairs()
	for i := range list {
		p := &list[i]
		inBoth(t, "83/"+p.name, p.play)
	}
}

func (p *pair) play(t *testing.T, w way) {
	t.Helper()
	first, second := p.first, p.second
	first.name, second.name = "work", "spare"
	s := perform(t, w, options{}, first, second)
	r := s.ask("")
	if r.status != p.status || r.header.Get("X-Prism-Error") != p.code || r.err != nil {
		t.Fatalf("status %d, x-prism-error %q, error %v; want %d %q\n%s", r.status, r.header.Get("X-Prism-Error"), r.err, p.status, p.code, r.body)
	}
	name, reason := "work", "active"
	if p.shows == "second" {
		name, reason = "spare", "fallback"
	}
	if r.row.Outcome != ledger.OutcomeError || r.row.HTTPStatus != p.status || r.row.Profile != name || r.row.RouteReason != reason {
		t.Errorf("row: %s, status %d, profile %s, reason %s; want %s, %s", r.row.Outcome, r.row.HTTPStatus, r.row.Profile, r.row.RouteReason, name, reason)
	}
	if p.shows == "" {
		p.checkOwn(t, &r)
		return
	}
	bills := s.providers[name].Bill()
	b := &bills[len(bills)-1]
	if !bytes.Equal(r.body, b.ResponseBody) || r.header.Get("Request-Id") != b.RequestID {
		t.Errorf("the client got %s (%s), %s sent %s (%s)", r.body, r.header.Get("Request-Id"), name, b.ResponseBody, b.RequestID)
	}
	if r.row.ErrorType != b.ErrorType || r.row.UpstreamRequestID != b.RequestID {
		t.Errorf("row: error %s of request %s, the answer is %s of %s", r.row.ErrorType, r.row.UpstreamRequestID, b.ErrorType, b.RequestID)
	}
	wait := map[int]string{529: "9", 429: "11"}[p.status]
	if got := r.header.Get("Retry-After"); got != wait {
		t.Errorf("retry-after is %q, want %q", got, wait)
	}
}

// checkOwn: prism's one error tells about all of them.
func (p *pair) checkOwn(t *testing.T, r *request) {
	t.Helper()
	for _, name := range []string{"work", "spare"} {
		if !strings.Contains(string(r.body), name) {
			t.Errorf("the error does not tell about %s: %s", name, r.body)
		}
	}
	if !strings.Contains(string(r.body), r.row.RequestID) {
		t.Errorf("the error has another id than its row %s: %s", r.row.RequestID, r.body)
	}
}
