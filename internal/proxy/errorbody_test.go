package proxy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// stall answers every connection with a head and a part of a body, and then says nothing more.
func stall(t *testing.T, head, part string) string {
	t.Helper()
	up := simulator.RawListen(func(c net.Conn) {
		_, _ = c.Read(make([]byte, 64<<10))
		_, _ = io.WriteString(c, head+"\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n"+part)
		_, _ = io.Copy(io.Discard, c)
	})
	t.Cleanup(up.Close)
	return up.URL
}

func TestAnErrorWhoseBodyStallsIsJudgedByItsStatus(t *testing.T) {
	for _, c := range []struct {
		status int
		part   string
		next   bool
		typ    string
	}{
		{529, "", true, "overloaded_error"},
		{503, `{"type":"error","error":{"type":"api_`, true, "api_error"},
		{429, `{"type":"error","error":{"type":"rate_limit_error","message":"the key ` + testKey[:12], true, "rate_limit_error"},
		{401, `{"type":"error"`, false, "authentication_error"},
		{400, "5", false, "invalid_request_error"},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			t.Parallel()
			url := stall(t, fmt.Sprintf("HTTP/1.1 %d X\r\nRetry-After: 7\r\nRequest-Id: req_1", c.status), c.part)
			for _, fallback := range []bool{true, false} {
				p := newPair(t, rigOptions{limits: proxy.Limits{ErrorBody: 100 * time.Millisecond}, change: []func(*config.Profile){func(p *config.Profile) {
					if p.BaseURL = url; !fallback {
						p.Fallback = nil
					}
				}}})
				p.spare.Script(simulator.Always(text()))
				began := time.Now()
				got, e := p.ask(t, true)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				if fallback && c.next {
					if got.status != http.StatusOK || e.Profile != "spare" {
						t.Errorf("the fallback was not asked: %d %s", got.status, got.body)
					}
					continue
				}
				want := fmt.Sprintf(`{"type":"error","error":{"type":"%s","message":"prism: profile work (127.0.0.1): it answered %d, and the rest of its answer did not come"},"request_id":"%s"}`, c.typ, c.status, e.RequestID)
				if got.status != c.status || got.err != nil || string(got.body) != want || len(e.Attempts) != 1 {
					t.Errorf("the client got %d, %v: %s\nwant %s", got.status, got.err, got.body, want)
				}
				if got.header.Get("Retry-After") != "7" || got.header.Get("Request-Id") != "req_1" || got.header.Get("X-Prism-Error") != "upstream_incomplete" {
					t.Errorf("headers %v", got.header)
				}
				if e.HTTPStatus != c.status || e.ErrorType != fmt.Sprint("http_", c.status) || e.ErrorMessage != "the answer broke off" {
					t.Errorf("entry %+v", e)
				}
			}
		})
	}
}

func TestAnErrorWhoseBodyBreaksOffBlamesTheRightOne(t *testing.T) {
	t.Run("a limit cools the key", func(t *testing.T) {
		p := newPair(t, rigOptions{change: []func(*config.Profile){twoKeys}})
		p.work.Script(simulator.Once(simulator.Always(simulator.RateLimited("60").With(simulator.CutAtByte(9, simulator.CutFIN)))), simulator.Always(text()))
		if got, e := p.ask(t, true); got.status != http.StatusOK || whys(&e) != "work active 429, work key 200" {
			t.Errorf("the client got %d, attempts %s", got.status, whys(&e))
		}
		if v := p.Router.Health("work").View(time.Now()); v.State != ledger.HealthOK {
			t.Errorf("the whole profile is %s: %s", v.State, v.Why)
		}
	})
	t.Run("a whole error without its end is shown", func(t *testing.T) {
		const body = `{"type":"error","error":{"type":"overloaded_error","message":"m"}}`
		url := stall(t, "HTTP/1.1 529 X", body)
		p := newPair(t, rigOptions{limits: proxy.Limits{ErrorBody: 100 * time.Millisecond}, change: []func(*config.Profile){func(p *config.Profile) { p.BaseURL, p.Fallback = url, nil }}})
		if got, e := p.ask(t, false); got.status != 529 || got.err != nil || string(got.body) != body || e.ErrorType != "overloaded_error" || got.header.Get("X-Prism-Error") != "" {
			t.Errorf("the client got %d, %v: %s, %v", got.status, got.err, got.body, got.header)
		}
	})
}

// twoKeys gives a profile a second key, which the simulator of a pair takes for the first.
func twoKeys(p *config.Profile) {
	p.Keys = []config.Key{{Name: "k1", Secret: p.APIKey}, {Name: "k2", Secret: p.APIKey}}
}

// refusal is a refused key of that status.
func refusal(status int) simulator.Answer {
	return simulator.Error(status, "authentication_error", "invalid x-api-key", nil)
}

// trio is a pair with a second fallback, which is well.
func trio(t *testing.T, opt rigOptions) *pair {
	t.Helper()
	p := newPair(t, opt)
	third := simulator.New(simulator.Options{})
	up := third.Start()
	t.Cleanup(up.Close)
	third.Script(simulator.Always(text()))
	profiles := p.Router.Table().Config.Profiles
	last := profile("third", up.URL)
	profiles[0].Fallback = []string{"spare", "third"}
	p.swap([]config.Profile{profiles[0], profiles[1], last}, nil, "")
	return p
}

func TestOnlyTheProfileThatWasChosenKeepsAFailureForItsKey(t *testing.T) {
	t.Run("a fallback where the session is", func(t *testing.T) {
		for _, status := range []int{401, 402, 403} {
			p := newPair(t, rigOptions{})
			p.work.Script(simulator.Once(simulator.Always(simulator.Overloaded())), simulator.Always(text()))
			p.spare.Script(simulator.Once(simulator.Always(text())), simulator.Always(refusal(status)))
			p.inSession(t, "/v1/messages", streamBody)
			if got, e := p.inSession(t, "/v1/messages", streamBody); got.status != 200 || whys(&e) != fmt.Sprintf("spare affinity %d, work active 200", status) {
				t.Errorf("status %d, attempts %s", got.status, whys(&e))
			}
		}
	})
	t.Run("a fallback before another one", func(t *testing.T) {
		p := trio(t, rigOptions{})
		p.work.Script(simulator.Always(simulator.Overloaded()))
		p.spare.Script(simulator.Always(refusal(401)))
		if got, e := p.ask(t, true); got.status != 200 || whys(&e) != "work active 529, spare fallback 401, third fallback 200" {
			t.Errorf("status %d, attempts %s", got.status, whys(&e))
		}
	})
	t.Run("a fallback that a budget has chosen", func(t *testing.T) {
		p := trio(t, rigOptions{budgets: &gatekeeper{stops: map[string]bool{"work": true}}})
		p.spare.Script(simulator.Always(refusal(401)))
		for _, want := range []string{"spare fallback 401, third fallback 200", "third fallback 200"} {
			if got, e := p.ask(t, true); got.status != 200 || whys(&e) != want {
				t.Errorf("status %d, attempts %s, want %s", got.status, whys(&e), want)
			}
		}
	})
	t.Run("a key after one that was used up", func(t *testing.T) {
		p := newPair(t, rigOptions{change: []func(*config.Profile){twoKeys}})
		p.work.Script(simulator.RateLimited("60"), simulator.Always(refusal(401)))
		p.spare.Script(simulator.Always(text()))
		if got, e := p.ask(t, true); got.status != 200 || whys(&e) != "work active 429, work key 401, spare fallback 200" {
			t.Errorf("status %d, attempts %s", got.status, whys(&e))
		}
	})
	t.Run("the chosen one, after a connection that was made at the second try", func(t *testing.T) {
		p := newPair(t, rigOptions{})
		p.work.Script(text(), simulator.Always(refusal(401).With(simulator.KeepAliveClose(simulator.CutFIN))))
		p.ask(t, true)
		if got, e := p.ask(t, true); got.status != 401 || whys(&e) != "work active 0, work again 401" {
			t.Errorf("status %d, attempts %s", got.status, whys(&e))
		}
	})
}

func TestASessionGoesHomeFromAFallbackWhateverItWasAskedAgainFor(t *testing.T) {
	p := newPair(t, rigOptions{})
	p.work.Script(simulator.Once(simulator.Always(simulator.Overloaded())), simulator.Always(text()))
	p.spare.Script(text(), simulator.Always(failing(404).With(simulator.KeepAliveClose(simulator.CutFIN))))
	p.inSession(t, "/v1/messages", streamBody)
	if got, e := p.inSession(t, "/v1/messages", streamBody); got.status != 200 || whys(&e) != "spare affinity 0, spare again 404, work active 200" {
		t.Errorf("status %d, attempts %s", got.status, whys(&e))
	}
}

func TestTheCredentialOfAClientIsHiddenWhoeverWasAskedLast(t *testing.T) {
	const own = "credential-of-the-client-0123456789"
	p := newPair(t, rigOptions{change: []func(*config.Profile){func(p *config.Profile) { p.Auth, p.APIKey = config.AuthPassthrough, config.Secret{} }}})
	open := simulator.New(simulator.Options{})
	up := open.Start()
	t.Cleanup(up.Close)
	open.Script(simulator.Always(simulator.Error(529, "overloaded_error", "no room for "+own, nil)))
	profiles := p.Router.Table().Config.Profiles
	profiles[0].BaseURL = up.URL
	p.swap(profiles, nil, "")
	p.spare.Script(simulator.Always(failing(500)))
	got := p.post(streamBody, "Authorization", "Bearer "+own)
	e := p.Journal.wait(t, 1)[0]
	if got.status != 529 || len(e.Attempts) != 2 || e.ErrorMessage != "no room for [redacted:client]" || strings.Contains(e.ErrorMessage, own) {
		t.Errorf("status %d, %d attempts, in the ledger: %q", got.status, len(e.Attempts), e.ErrorMessage)
	}
}
