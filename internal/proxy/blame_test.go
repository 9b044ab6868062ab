package proxy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
	"prism/internal/upstream"
)

// inSession asks as a session does, and returns the answer and its entry.
func (p *pair) inSession(t *testing.T, path, body string) (answer, ledger.Entry) {
	t.Helper()
	n := len(p.Journal.entries())
	a := p.do(http.MethodPost, path, body, "X-Claude-Code-Session-Id", "s1")
	return a, p.Journal.wait(t, n+1)[n]
}

// failing is an error of that status.
func failing(status int) simulator.Answer { return simulator.Error(status, "api_error", "x", nil) }

func TestASessionGoesBackFromAFallbackThatFailsIt(t *testing.T) {
	for _, status := range []int{400, 404, 500, 501} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Once(simulator.Always(simulator.Overloaded())), simulator.Always(text()))
			p.spare.Script(simulator.Once(simulator.Always(text())), simulator.Always(failing(status)))
			for i, want := range []string{"work active 529, spare fallback 200", fmt.Sprintf("spare affinity %d, work active 200", status), "work active 200"} {
				got, e := p.inSession(t, "/v1/messages", streamBody)
				if got.status != 200 || whys(&e) != want {
					t.Errorf("request %d: status %d, attempts %s, want %s", i, got.status, whys(&e), want)
				}
			}
		})
	}
}

func TestTheProfileThatWasMeantSpeaksFirstAlsoWhereItWasAskedLast(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Always(simulator.Overloaded().With(simulator.Header("Retry-After", "7"))))
	p.spare.Script(simulator.Once(simulator.Always(text())), simulator.Always(failing(500)))
	if _, e := p.inSession(t, "/v1/messages", streamBody); e.Profile != "spare" {
		t.Fatalf("entry %+v", e)
	}
	got, e := p.inSession(t, "/v1/messages", streamBody)
	if got.status != 529 || got.header.Get("Retry-After") != "7" || e.Profile != "work" || whys(&e) != "spare affinity 500, work active 529" {
		t.Errorf("the client got %d %s, attempts %s, profile %s", got.status, got.body, whys(&e), e.Profile)
	}
}

func TestWhoCountsTokensDoesNotMoveTheConversation(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.On(simulator.OpCountTokens, simulator.Always(failing(500))), simulator.Always(text()))
	p.spare.Script(simulator.Always(text()))
	if got, e := p.inSession(t, "/v1/messages/count_tokens", plainBody); got.status != 200 || e.Profile != "spare" {
		t.Fatalf("tokens: status %d, entry %+v", got.status, e)
	}
	if _, e := p.inSession(t, "/v1/messages", streamBody); whys(&e) != "work active 200" {
		t.Errorf("attempts %s", whys(&e))
	}
}

func TestAFallbackWhoseKeyIsRefusedDoesNotHideTheOutage(t *testing.T) {
	for _, status := range []int{401, 402, 403} {
		for _, streaming := range both() {
			t.Run(fmt.Sprintf("%d/stream=%v", status, streaming), func(t *testing.T) {
				t.Parallel()
				p := newPair(t, rigOptions{change: []func(*config.Profile){func(p *config.Profile) { p.FallbackOnAuth = true }}})
				p.work.Script(simulator.Always(simulator.CloseBeforeHeaders(simulator.CutFIN)))
				p.spare.Script(simulator.Always(simulator.Error(status, "authentication_error", "invalid x-api-key", http.Header{"Retry-After": {"1"}})))
				got, e := p.ask(t, streaming)
				if got.status != http.StatusBadGateway || got.header.Get("X-Prism-Error") != "upstream_unreachable" || e.Profile != "work" || e.ErrorType != "eof" {
					t.Errorf("the client got %d %s, entry %+v", got.status, got.body, e)
				}
			})
		}
	}
}

func TestAnUpstreamIsNotBlamedForWhatItDoesNotOffer(t *testing.T) {
	t.Run("501 to who counts tokens", func(t *testing.T) {
		p := newPair(t, rigOptions{})
		p.work.Script(simulator.On(simulator.OpCountTokens, simulator.Always(failing(501))), simulator.Always(text()))
		for i := range 6 {
			if got := p.do(http.MethodPost, "/v1/messages/count_tokens", plainBody); got.status != 501 {
				t.Fatalf("request %d: status %d", i, got.status)
			}
		}
		if _, e := p.ask(t, true); whys(&e) != "work active 200" || p.Router.Health("work").View(time.Now()).State != ledger.HealthOK {
			t.Errorf("attempts %s, health %+v", whys(&e), p.Router.Health("work").View(time.Now()))
		}
	})
	t.Run("403 to a file", func(t *testing.T) {
		p := newPair(t, rigOptions{change: []func(*config.Profile){func(p *config.Profile) { p.FallbackOnAuth = true }}})
		p.work.Script(simulator.On("*", simulator.Once(simulator.Always(simulator.Error(403, "permission_error", "no files", nil)))), simulator.Always(text()))
		if got := p.do(http.MethodGet, "/v1/files", ""); got.status != 403 {
			t.Fatalf("status %d", got.status)
		}
		p.Journal.wait(t, 1)
		if _, e := p.ask(t, true); whys(&e) != "work active 200" || p.Router.Health("work").View(time.Now()).State != ledger.HealthOK {
			t.Errorf("attempts %s, health %+v", whys(&e), p.Router.Health("work").View(time.Now()))
		}
	})
}

func TestALargeErrorSaysAsMuchOfHealthAsASmallOne(t *testing.T) {
	for status, want := range map[int]string{429: ledger.HealthCooling, 401: ledger.HealthDenied, 404: ledger.HealthOK} {
		p := newPair(t, rigOptions{})
		large := `{"type":"error","error":{"type":"some_error","message":"` + strings.Repeat("x", 1<<20) + `"}}`
		p.work.Script(simulator.Always(simulator.RawBody(status, "application/json", []byte(large))))
		if got, _ := p.ask(t, true); got.status != status || string(got.body) != large {
			t.Errorf("the client got %d and %d bytes, want %d and %d", got.status, len(got.body), status, len(large))
		}
		if v := p.Router.Health("work").View(time.Now()); v.State != want {
			t.Errorf("%d: health %+v, want %s", status, v, want)
		}
	}
}

func TestAStreamIsWaitedForInFullWhereFailuresAreTooManyToAskAnother(t *testing.T) {
	limits := proxy.Limits{FirstByte: 5 * time.Second, FirstByteFallback: 100 * time.Millisecond}
	p := newPair(t, rigOptions{limits: limits, timeouts: upstream.Timeouts{Dial: time.Second, FirstByte: time.Minute, Idle: time.Minute, IdleConn: time.Minute}})
	p.work.Script(simulator.Times(3, simulator.Always(failing(503))), simulator.Always(text(simulator.Delay(400*time.Millisecond))))
	p.spare.Script(simulator.Always(text()))
	for range 3 { // what the failover budget of ten seconds bears
		if _, e := p.ask(t, true); e.Profile != "spare" {
			t.Fatalf("entry %+v", e)
		}
	}
	if got, e := p.ask(t, true); got.status != 200 || whys(&e) != "work active 200" {
		t.Errorf("the client got %d %s, attempts %s", got.status, got.body, whys(&e))
	}
}

func TestThinkingIsNotCutWhereNoAttemptIsLeftToSendTheRest(t *testing.T) {
	strict := simulator.New(simulator.Options{Name: "strict", Key: testKey, CheckSignatures: true})
	up := strict.Start()
	t.Cleanup(up.Close)
	dead, spare := profile("dead", "http://"+simulator.Refused()), profile("spare", up.URL)
	dead.Fallback = []string{"spare"}
	r := newRig(t, rigOptions{profiles: []config.Profile{dead, spare}})
	thinking := `{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"foreign"},{"type":"text","text":"x"}]},{"role":"user","content":"go on"}`
	got := r.post(strings.Replace(streamBody, `"hi"}`, `"hi"},`+thinking, 1))
	e := r.Journal.wait(t, 1)[0]
	if want := "dead active 0, dead again 0, spare fallback 400"; whys(&e) != want || healedNote(&e) {
		t.Errorf("attempts %s, want %s; notes %v", whys(&e), want, e.TranslationNotes)
	}
	// The client takes the thinking out by itself.
	if got.status != http.StatusBadRequest || !strings.Contains(string(got.body), "signature") {
		t.Errorf("the client got %d %s", got.status, got.body)
	}
}

// stopping is a budget that is used up at one profile, and has prism stop when that is found.
type stopping struct {
	spentAt
	stop func()
}

func (s *stopping) Check(e *ledger.Entry, tell bool) *proxy.Stop {
	found := s.spentAt.Check(e, tell)
	if found != nil {
		s.stop()
	}
	return found
}

func TestTheRowOfAnExchangeThatIsGivenUpNamesWhoWasAsked(t *testing.T) {
	budget := &stopping{spentAt: "spare"}
	p := newPair(t, rigOptions{budgets: budget})
	budget.stop = p.Proxy.Stop
	p.work.Script(simulator.Always(simulator.Overloaded()))
	got, e := p.ask(t, true)
	if got.status != http.StatusServiceUnavailable || e.Outcome != ledger.OutcomeShutdown || len(p.spare.Bill()) != 0 {
		t.Fatalf("the client got %d %s, entry %+v", got.status, got.body, e)
	}
	if e.Profile != "work" || e.RouteReason != "active" || e.UpstreamModel != "claude-opus-5-5" || e.ServerAddress != e.Attempts[0].ServerAddress {
		t.Errorf("the row names %s (%s), %s for %s", e.Profile, e.ServerAddress, e.RouteReason, e.UpstreamModel)
	}
}
