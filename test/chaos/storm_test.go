package chaos

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// overloaded is a 529 with that retry-after.
func overloaded(after string) simulator.Answer {
	return simulator.Error(529, "overloaded_error", "Overloaded", http.Header{"Retry-After": {after}})
}

func failing() simulator.Answer { return simulator.Error(500, "api_error", "Internal", nil) }

func TestInAStormEveryProfileIsAskedOnceAndThreeAtMost(t *testing.T) {
	inBoth(t, "60/storm", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: overloaded("8")}, part{name: "spare", does: overloaded("30")}, part{name: "third", does: overloaded("40")}, part{name: "fourth", does: reply()})
		r := s.ask("")
		if r.status != 529 || r.header.Get("Retry-After") != "8" || r.row.Profile != "work" || r.row.Outcome != ledger.OutcomeError {
			t.Errorf("status %d, retry-after %q, row: %s by %s; want the first one's 529", r.status, r.header.Get("Retry-After"), r.row.Outcome, r.row.Profile)
		}
		s.wantAttempts(&r, did{"work", "active", "overloaded_error"}, did{"spare", "fallback", "overloaded_error"}, did{"third", "fallback", "overloaded_error"})
		s.wantContacts(map[string]int{"work": 1, "spare": 1, "third": 1, "fourth": 0})
	})
}

func TestARepeatCountsAmongTheThreeAttempts(t *testing.T) {
	inBoth(t, "83/repeat", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", worse: refusing}, part{name: "spare", does: overloaded("8")}, part{name: "third", does: reply()})
		r := s.ask("")
		if r.status != 529 || r.row.Profile != "spare" {
			t.Errorf("status %d, row by %s; want the 529 of spare", r.status, r.row.Profile)
		}
		s.wantAttempts(&r, did{"work", "active", "dial"}, did{"work", "again", "dial"}, did{"spare", "fallback", "overloaded_error"})
		s.wantContacts(map[string]int{"third": 0})
	})
}

func TestTheThirdProfileAnswersWhereTwoFail(t *testing.T) {
	inBoth(t, "83/third", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: failing()}, part{name: "spare", does: simulator.EmptyStream()}, part{name: "third", does: reply()})
		r := s.ask("")
		s.wantOK(&r, "third")
		s.wantAttempts(&r, did{"work", "active", "api_error"}, did{"spare", "fallback", "empty_stream"}, did{"third", "fallback", ""})
	})
}

// TestFailuresDoNotMakeAStormLarger: attempts beyond the requests are a fifth of them, and three
// at least, within ten seconds.
func TestFailuresDoNotMakeAStormLarger(t *testing.T) {
	const requests = 60
	inBoth(t, "60/budget", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: failing()}, part{name: "spare", does: failing()})
		began := time.Now()
		for i := range requests {
			r := s.ask("")
			if r.status != http.StatusInternalServerError || r.header.Get("X-Prism-Error") != "" {
				t.Fatalf("request %d: status %d, x-prism-error %q", i, r.status, r.header.Get("X-Prism-Error"))
			}
		}
		if spent := time.Since(began); spent > 10*time.Second {
			t.Skipf("the machine is too slow: %v", spent)
		}
		extra := s.contacts("work") + s.contacts("spare") - requests
		if extra > requests/5 || extra < 3 {
			t.Errorf("%d attempts beyond %d requests, want from 3 to %d", extra, requests, requests/5)
		}
	})
}

// TestAProfileThatKeepsFailingIsLeftOut: after five failures the breaker is open, and the
// fallback is asked first. A stream that runs meanwhile is not touched.
func TestAProfileThatKeepsFailingIsLeftOut(t *testing.T) {
	s := perform(t, streamed, options{}, part{name: "work", steps: func(p *provider) {
		p.Script(reply(simulator.EventDelay(60*time.Millisecond)), simulator.Always(failing()))
	}}, part{name: "spare", does: reply()})
	running := make(chan answer, 1)
	go func() { running <- s.house.ask(t.Context(), streamBody, nil) }()
	for s.contacts("work") == 0 {
		time.Sleep(time.Millisecond)
	}
	for range 5 {
		s.house.ask(t.Context(), streamBody, nil)
	}
	s.house.rows(5)
	if n := s.contacts("work"); n != 6 {
		t.Fatalf("work was asked %d times, want 6", n)
	}
	if v := s.house.router.Health("work").View(time.Now()); v.State != ledger.HealthOpen {
		t.Errorf("after five failures work is %s", v.State)
	}
	last := s.house.ask(t.Context(), streamBody, nil)
	rows := s.house.rows(1)
	if row := &rows[len(rows)-1]; last.status != http.StatusOK || row.Profile != "spare" || len(row.Attempts) != 1 || row.Attempts[0].Why != "fallback" {
		t.Errorf("status %d, attempts %+v; want one, at the fallback", last.status, row.Attempts)
	}
	if n := s.contacts("work"); n != 6 {
		t.Errorf("work was asked %d times although it is out", n)
	}
	if got := <-running; got.status != http.StatusOK || got.err != nil {
		t.Errorf("the stream that ran: status %d, %v", got.status, got.err)
	}
	s.house.rows(1)
}

// TestABreakerIsNeverAnOutage: a profile without a fallback is asked however it is.
func TestABreakerIsNeverAnOutage(t *testing.T) {
	inBoth(t, "84/alone", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: failing()})
		const requests = 9
		for range requests {
			if r := s.ask(""); r.status != http.StatusInternalServerError {
				t.Errorf("status %d", r.status)
			}
		}
		if v := s.house.router.Health("work").View(time.Now()); v.State != ledger.HealthOpen {
			t.Errorf("after %d failures the profile is %s", requests, v.State)
		}
		s.wantContacts(map[string]int{"work": requests})
	})
}

// TestWhoAsksToBeLeftAloneIsLeftAlone: retry-after keeps the profile out for that long, for five
// minutes at most, whatever it says.
func TestWhoAsksToBeLeftAloneIsLeftAlone(t *testing.T) {
	for _, status := range []int{429, 503, 529} {
		for after, most := range map[string]time.Duration{"60": time.Minute, "1000000000": 5 * time.Minute, "99999999999999999999": 5 * time.Minute} {
			inBoth(t, fmt.Sprintf("56/%d after %s", status, after), func(t *testing.T, w way) {
				typ := map[int]string{429: "rate_limit_error", 503: "api_error", 529: "overloaded_error"}[status]
				s := perform(t, w, options{}, part{name: "work", does: simulator.Error(status, typ, "m", http.Header{"Retry-After": {after}})}, part{name: "spare", does: reply()})
				first := s.ask("")
				s.wantOK(&first, "spare")
				second := s.ask("")
				s.wantOK(&second, "spare")
				s.wantAttempts(&second, did{"spare", "fallback", ""})
				s.wantContacts(map[string]int{"work": 1, "spare": 2})
				now := time.Now()
				v := s.house.router.Health("work").View(now)
				if left := v.Until.Sub(now); v.State != ledger.HealthCooling || left > most || left < most-20*time.Second {
					t.Errorf("work is %s for %v, want cooling for %v", v.State, left, most)
				}
			})
		}
	}
}

func TestASpendLimitWithoutATimeKeepsTheKeyOut(t *testing.T) {
	inBoth(t, "57/spend limit", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: simulator.SpendLimited()}, part{name: "spare", does: reply()})
		for range 2 {
			r := s.ask("")
			s.wantOK(&r, "spare")
		}
		s.wantContacts(map[string]int{"work": 1, "spare": 2})
	})
}

func TestWhereAllCoolDownTheyAreAskedInOrder(t *testing.T) {
	inBoth(t, "83/all cooling", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: overloaded("60")}, part{name: "spare", does: overloaded("50")})
		s.ask("")
		r := s.ask("")
		s.wantAttempts(&r, did{"work", "active", "overloaded_error"}, did{"spare", "fallback", "overloaded_error"})
		if r.status != 529 || r.header.Get("Retry-After") != "60" {
			t.Errorf("status %d, retry-after %q", r.status, r.header.Get("Retry-After"))
		}
	})
}

// TestARefusedKeyIsShownAndNotHidden: the profile is marked, whether or not somebody else answers.
func TestARefusedKeyIsShownAndNotHidden(t *testing.T) {
	for _, status := range []int{401, 402, 403} {
		inBoth(t, fmt.Sprintf("58/%d", status), func(t *testing.T, w way) {
			typ := map[int]string{401: "authentication_error", 402: "billing_error", 403: "permission_error"}[status]
			s := perform(t, w, options{}, part{name: "work", does: simulator.Error(status, typ, "no", nil), set: func(p *config.Profile) { p.FallbackOnAuth = true }}, part{name: "spare", does: reply()})
			r := s.ask("")
			s.wantOK(&r, "spare")
			if v := s.house.router.Health("work").View(time.Now()); v.State != ledger.HealthDenied || v.Why != typ {
				t.Errorf("work is %s because of %s, want denied because of %s", v.State, v.Why, typ)
			}
		})
	}
}

// TestThreeSilentProfilesCostTwoWaits: what was not answered in time is tried once more elsewhere,
// and then the client is told.
func TestThreeSilentProfilesCostTwoWaits(t *testing.T) {
	t.Parallel()
	silent := simulator.Silence(0)
	s := perform(t, streamed, options{timeouts: hurried(), limits: hurry()}, part{name: "work", does: silent}, part{name: "spare", does: silent}, part{name: "third", does: reply()})
	r := s.ask("")
	if r.status != http.StatusGatewayTimeout || r.header.Get("X-Prism-Error") != "upstream_timeout" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	s.wantAttempts(&r, did{"work", "active", "timeout"}, did{"spare", "fallback", "timeout"})
	s.wantContacts(map[string]int{"third": 0})
	if r.took > waitAlone+2*time.Second {
		t.Errorf("it took %v", r.took)
	}
}

// TestARefusedConnectionCostsLessThanASecond runs by itself: it is about time.
func TestARefusedConnectionCostsLessThanASecond(t *testing.T) {
	s := perform(t, streamed, options{}, part{name: "work", worse: refusing}, part{name: "spare", does: reply()})
	r := s.ask("")
	s.wantOK(&r, "spare")
	if r.took > time.Second {
		t.Errorf("it took %v", r.took)
	}
}
