package proxy_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// pair is a profile with one fallback, each before a simulator of its own.
type pair struct {
	*rig
	work, spare *simulator.Server
}

const spareKey = "canary-fallback-key-0123456789"

func newPair(t *testing.T, opt rigOptions) *pair {
	t.Helper()
	p := &pair{work: simulator.New(simulator.Options{Key: testKey}), spare: simulator.New(simulator.Options{Key: spareKey})}
	work, spare := p.work.Start(), p.spare.Start()
	t.Cleanup(work.Close)
	t.Cleanup(spare.Close)
	first, second := profile("work", work.URL), profile("spare", spare.URL)
	first.Fallback = []string{"spare"}
	second.APIKey = config.NewSecret(spareKey)
	second.Keys = []config.Key{{Secret: second.APIKey}}
	second.Models = []config.ModelRule{{Match: "*", Use: "claude-sonnet-5-5"}}
	for _, change := range opt.change {
		change(&first)
	}
	opt.profiles = []config.Profile{first, second}
	p.rig = newRig(t, opt)
	return p
}

// ask sends one request and returns the answer and its entry.
func (p *pair) ask(t *testing.T, streaming bool) (answer, ledger.Entry) {
	t.Helper()
	body := plainBody
	if streaming {
		body = streamBody
	}
	n := len(p.Journal.entries())
	a := p.post(body)
	return a, p.Journal.wait(t, n+1)[n]
}

func TestAFailureBeforeTheCommitIsAnsweredByTheFallback(t *testing.T) {
	tests := []struct {
		name      string
		streaming []bool
		answer    simulator.Answer
		errorType string
		outcome   string // of the lost attempt
		billed    bool
		attempts  int // at the primary
		timed     bool
	}{
		{"529", both(), simulator.Overloaded(), "overloaded_error", ledger.OutcomeError, false, 1, false},
		{"429", both(), simulator.RateLimited("3"), "rate_limit_error", ledger.OutcomeError, false, 1, false},
		{"408", both(), simulator.Error(408, "timeout_error", "x", nil), "timeout_error", ledger.OutcomeError, false, 1, false},
		{"409", both(), simulator.Error(409, "conflict_error", "x", nil), "conflict_error", ledger.OutcomeError, false, 1, false},
		{"a proxy's error page", both(), simulator.HTML(502), "http_502", ledger.OutcomeError, false, 1, false},
		{"closed before an answer", both(), simulator.CloseBeforeHeaders(simulator.CutFIN), "eof", ledger.OutcomeError, true, 1, false},
		{"reset before an answer", both(), simulator.CloseBeforeHeaders(simulator.CutRST), "reset", ledger.OutcomeError, true, 1, false},
		{"no answer", both(), simulator.Silence(0), "timeout", ledger.OutcomeError, true, 1, true},
		{"a captive portal", both(), simulator.HTML(200), "not_json", ledger.OutcomeError, false, 1, false},
		{"no content", both(), simulator.NoContent(), "not_json", ledger.OutcomeError, false, 1, false},
		{"an error of status 200", both(), simulator.RawBody(200, "application/json", []byte(`{"type":"error","error":{"type":"overloaded_error","message":"x"}}`)), "overloaded_error", ledger.OutcomeError, false, 1, false},
		{"half of a JSON", both(), simulator.RawBody(200, "application/json", []byte(`{"type":"mess`)), "not_a_message", ledger.OutcomeError, true, 1, false},
		{"an empty stream", streamed(), simulator.EmptyStream(), "empty_stream", ledger.OutcomeError, true, 1, false},
		{"an error event first", streamed(), simulator.ErrorEventFirst("overloaded_error", "x"), "overloaded_error", ledger.OutcomeError, false, 1, false},
		{"an error event behind message_start and a ping", streamed(), text(simulator.Insert(1, "ping", `{"type":"ping"}`), simulator.ErrorEventAfter(2, "api_error", "x")), "api_error", ledger.OutcomeError, true, 1, false},
		{"the end behind message_start", streamed(), text(simulator.CutAfter(1, simulator.CutClean)), "eof", ledger.OutcomeTruncated, true, 1, false},
		{"a reset behind message_start", streamed(), text(simulator.CutAfter(1, simulator.CutRST), simulator.EventDelay(5*time.Millisecond)), "reset", ledger.OutcomeTruncated, true, 1, false},
		{"half of a JSON body", plainly(), text(simulator.CutAtByte(100, simulator.CutFIN)), "eof", ledger.OutcomeTruncated, true, 1, false},
	}
	for _, tt := range tests {
		for _, streaming := range tt.streaming {
			t.Run(fmt.Sprintf("%s/stream=%v", tt.name, streaming), func(t *testing.T) {
				t.Parallel()
				opt := rigOptions{}
				if tt.timed {
					opt.timeouts = shortTimeouts()
				}
				p := newPair(t, opt)
				p.work.Script(simulator.Always(tt.answer))
				p.spare.Script(simulator.Always(text()))
				got, e := p.ask(t, streaming)
				if e.Profile != "spare" {
					t.Fatalf("the fallback was not asked: %d %.200q, entry %+v", got.status, got.body, e)
				}
				bills, err := p.spare.WaitBills(t.Context(), 1)
				if err != nil || got.err != nil || got.status != http.StatusOK || !bytes.Equal(got.body, bills[0].ResponseBody) {
					t.Fatalf("the client got %d %.200q, %v; the fallback sent %.200q, %v", got.status, got.body, got.err, bills[0].ResponseBody, err)
				}
				if e.Outcome != ledger.OutcomeOK || e.Profile != "spare" || e.RouteReason != "fallback" || e.UpstreamModel != "claude-sonnet-5-5" || e.UsageSource != ledger.UsageFinal || e.Usage.Output != 9 || len(e.Attempts) != 2 {
					t.Fatalf("entry %+v", e)
				}
				lost, served := e.Attempts[0], e.Attempts[1]
				if lost.Profile != "work" || lost.Outcome != tt.outcome || lost.ErrorType != tt.errorType || lost.MaybeBilled != tt.billed || lost.Why != "active" {
					t.Errorf("lost attempt %+v", lost)
				}
				if served.Profile != "spare" || served.Outcome != ledger.OutcomeOK || served.MaybeBilled || served.Why != "fallback" || served.Usage != e.Usage || served.CostList != e.CostList {
					t.Errorf("attempt that served %+v", served)
				}
			})
		}
	}
}

func TestWhatNobodyElseCanMendGoesToNobodyElse(t *testing.T) {
	for _, status := range []int{400, 401, 402, 403, 404, 405, 413, 415, 422, 501} {
		for _, streaming := range both() {
			t.Run(fmt.Sprintf("%d/stream=%v", status, streaming), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, rigOptions{})
				p.work.Script(simulator.Always(simulator.Error(status, "invalid_request_error", "in its own words", nil)))
				got, e := p.ask(t, streaming)
				if got.status != status || !strings.Contains(string(got.body), "in its own words") || len(e.Attempts) != 1 || e.Profile != "work" || len(p.spare.Bill()) != 0 {
					t.Errorf("status %d, %s, entry %+v", got.status, got.body, e)
				}
			})
		}
	}
	t.Run("x-should-retry: false", func(t *testing.T) {
		p := newPair(t, rigOptions{})
		p.work.Script(simulator.Always(simulator.Overloaded().With(simulator.Header("X-Should-Retry", "false"))))
		if got, e := p.ask(t, true); got.status != 529 || got.header.Get("X-Should-Retry") != "false" || len(e.Attempts) != 1 {
			t.Errorf("status %d, %v, entry %+v", got.status, got.header, e)
		}
	})
	t.Run("fallback_on_auth", func(t *testing.T) {
		p := newPair(t, rigOptions{change: []func(*config.Profile){func(p *config.Profile) { p.FallbackOnAuth = true }}})
		p.work.Script(simulator.Always(simulator.Error(401, "authentication_error", "x", nil)))
		if got, e := p.ask(t, true); got.status != http.StatusOK || len(e.Attempts) != 2 || e.Profile != "spare" {
			t.Errorf("status %d, entry %+v", got.status, e)
		}
	})
}

func TestTheClientGetsTheMostUsefulTrueAnswer(t *testing.T) {
	limited := simulator.RateLimited("7")
	dead := simulator.CloseBeforeHeaders(simulator.CutFIN)
	tests := []struct {
		name        string
		work, spare simulator.Answer
		status      int
		says, code  string
		profile     string
	}{
		{"the primary's own words", simulator.Overloaded(), limited, 529, "Overloaded", "", "work"},
		{"a date to come back to, not a dead line", dead, limited, 429, "rate_limit_error", "", "spare"},
		{"a provider that is overloaded, not a dead line", dead, simulator.Overloaded(), 529, "Overloaded", "", "spare"},
		{"a prompt that can be made shorter", dead, simulator.PromptTooLong(300_000, 200_000), 400, "prompt is too long", "", "spare"},
		{"not what only the fallback does not know", dead, simulator.Error(404, "not_found_error", "model", nil), 502, "no profile could answer: work (127.0.0.1): the connection was closed before an answer came; spare (127.0.0.1): 404 not_found_error", "upstream_unreachable", "work"},
		{"all lines are dead", dead, dead, 502, "no profile could answer: work", "upstream_unreachable", "work"},
	}
	for _, tt := range tests {
		for _, streaming := range both() {
			t.Run(fmt.Sprintf("%s/stream=%v", tt.name, streaming), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, rigOptions{})
				p.work.Script(simulator.Always(tt.work))
				p.spare.Script(simulator.Always(tt.spare))
				got, e := p.ask(t, streaming)
				if got.status != tt.status || !strings.Contains(string(got.body), tt.says) || got.header.Get("X-Prism-Error") != tt.code {
					t.Errorf("the client got %d %s, %v", got.status, got.body, got.header)
				}
				if e.HTTPStatus != tt.status || e.Profile != tt.profile || e.Outcome != ledger.OutcomeError || len(e.Attempts) != 2 || e.UsageSource != ledger.UsageNone || e.Cost.Known() {
					t.Errorf("entry %+v", e)
				}
			})
		}
	}
}

func TestNoAttemptFollowsTheCommit(t *testing.T) {
	for name, a := range map[string]simulator.Answer{
		"reset":          text(simulator.CutAfter(3, simulator.CutRST), simulator.EventDelay(5*time.Millisecond)),
		"clean end":      text(simulator.CutAfter(3, simulator.CutClean)),
		"error event":    text(simulator.ErrorEventAfterContent("overloaded_error", "x")),
		"a large answer": bigText(simulator.CutAtByte(40_000, simulator.CutFIN)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Always(a))
			_, e := p.ask(t, true)
			if len(e.Attempts) != 1 || e.Profile != "work" || e.Outcome == ledger.OutcomeOK || len(p.spare.Bill()) != 0 {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestAStreamThatHasBegunIsNotHeldBackForLong(t *testing.T) {
	p := newPair(t, rigOptions{limits: proxy.Limits{Hold: 20 * time.Millisecond}})
	p.work.Script(simulator.Always(text(simulator.Insert(1, "ping", `{"type":"ping"}`), simulator.Pause(1, 300*time.Millisecond), simulator.CutAfter(2, simulator.CutFIN))))
	got, e := p.ask(t, true)
	if got.status != http.StatusOK || !bytes.HasPrefix(got.body, []byte("event: message_start")) || !bytes.Contains(got.body, []byte("event: error")) || len(e.Attempts) != 1 || e.Outcome != ledger.OutcomeTruncated {
		t.Errorf("the client got %d %q, entry %+v", got.status, got.body, e)
	}
}

func TestAPlainAnswerThatTricklesIsNotHeldBack(t *testing.T) {
	p := newPair(t, rigOptions{limits: proxy.Limits{Hold: 20 * time.Millisecond}})
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "  ")
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, `{"type":"message"}`)
	}))
	t.Cleanup(srv.Close)
	p.swap([]config.Profile{profile("work", srv.URL)}, nil, "")
	req, err := http.NewRequest(http.MethodPost, p.URL+"/v1/messages", strings.NewReader(plainBody))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 2)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	close(release)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(first)+string(rest) != `  {"type":"message"}` {
		t.Errorf("the client got %q%q, %v", first, rest, err)
	}
}

func TestTheNextUpstreamGetsTheSameBodyAndNothingElseOfTheFirst(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Always(simulator.Overloaded()))
	p.post(streamBody, "Authorization", "Bearer of-the-client", "Anthropic-Beta", "some-beta")
	first, err1 := p.work.WaitBills(t.Context(), 1)
	second, err2 := p.spare.WaitBills(t.Context(), 1)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if want := strings.Replace(streamBody, "claude-opus-5-5", "claude-sonnet-5-5", 1); string(first[0].RequestBody) != streamBody || string(second[0].RequestBody) != want {
		t.Errorf("bodies %s and %s", first[0].RequestBody, second[0].RequestBody)
	}
	for name, values := range second[0].Header {
		if joined := strings.Join(values, " "); strings.Contains(joined, testKey) || strings.Contains(joined, "of-the-client") {
			t.Errorf("header %s: %s at the fallback", name, joined)
		}
	}
	if second[0].Header.Get("X-Api-Key") != spareKey || second[0].Header.Get("Anthropic-Beta") != "some-beta" {
		t.Errorf("headers %v", second[0].Header)
	}
}

func TestWhatALostAttemptReportedIsPaid(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Always(text(simulator.CutAfter(1, simulator.CutClean))))
	p.spare.Script(simulator.Always(text()))
	_, e := p.ask(t, true)
	lost := e.Attempts[0]
	if lost.Usage.Input != 100 || lost.Usage.CacheRead != 50 || !lost.CostList.Known() || lost.CostList == 0 {
		t.Fatalf("lost attempt %+v", lost)
	}
	if e.Cost != e.CostList+lost.CostList || e.Attempts[1].CostList != e.CostList {
		t.Errorf("cost %d of list %d, lost %d", e.Cost, e.CostList, lost.CostList)
	}
}

func TestAStreamWaitsLessWhereSomebodyElseCouldAnswer(t *testing.T) {
	limits := proxy.Limits{FirstByte: 5 * time.Second, FirstByteFallback: 100 * time.Millisecond}
	p := newPair(t, rigOptions{limits: limits, timeouts: upstream.Timeouts{Dial: time.Second, FirstByte: time.Minute, Idle: time.Minute, IdleConn: time.Minute}})
	p.work.Script(simulator.Always(text(simulator.Delay(700 * time.Millisecond))))
	p.spare.Script(simulator.Always(text()))
	if _, e := p.ask(t, true); e.Profile != "spare" || e.Attempts[0].ErrorType != "timeout" {
		t.Errorf("a stream: entry %+v", e)
	}
	if _, e := p.ask(t, false); e.Profile != "work" || len(e.Attempts) != 1 {
		t.Errorf("a plain answer is waited for: entry %+v", e)
	}
}

func TestAllAttemptsShareOneDeadline(t *testing.T) {
	p := newPair(t, rigOptions{limits: proxy.Limits{FirstByte: 300 * time.Millisecond}})
	p.work.Script(simulator.Always(simulator.Error(529, "overloaded_error", "x", nil).With(simulator.Delay(200 * time.Millisecond))))
	p.spare.Script(simulator.Always(simulator.Silence(0)))
	began := time.Now()
	got, e := p.ask(t, false)
	if got.status != 529 || len(e.Attempts) != 2 || e.Attempts[1].ErrorType != "timeout" || time.Since(began) > 3*time.Second {
		t.Errorf("status %d after %v, entry %+v", got.status, time.Since(began), e)
	}
}

func TestAFileIsNotLookedForElsewhere(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.On("*", simulator.Always(simulator.Overloaded())))
	if got := p.do(http.MethodGet, "/v1/files/file_1", ""); got.status != 529 {
		t.Errorf("status %d", got.status)
	}
	if e := p.Journal.wait(t, 1)[0]; len(e.Attempts) != 1 || len(p.spare.Bill()) != 0 {
		t.Errorf("entry %+v", e)
	}
}

func TestABudgetKeepsAFailureFromItsFallback(t *testing.T) {
	p := newPair(t, rigOptions{budgets: spentAt("spare")})
	p.work.Script(simulator.Always(simulator.Overloaded()))
	if got, e := p.ask(t, true); got.status != 529 || len(e.Attempts) != 1 || e.Profile != "work" || e.RouteReason != "active" || len(p.spare.Bill()) != 0 {
		t.Errorf("status %d, entry %+v", got.status, e)
	}
}

// spentAt is a budget that is used up at one profile.
type spentAt string

func (s spentAt) Check(e *ledger.Entry, _ bool) *proxy.Stop {
	if e.Profile != string(s) {
		return nil
	}
	return &proxy.Stop{Name: "b", Message: "spent", Told: func(string) {}}
}
