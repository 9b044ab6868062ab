package chaos

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/proxy"
	"prism/internal/simulator"
)

// TestTokensOfOneAttemptAreNotCountedForTheNext: an attempt that reported its prompt is followed by
// one that reported nothing.
func TestTokensOfOneAttemptAreNotCountedForTheNext(t *testing.T) {
	const lost = 4_100_000 // 100 x 4 + 50 x 0.2 per million tokens
	for name, c := range map[string]struct {
		second part
		status int
		source string // of the row, which tells of the attempt that is shown
	}{
		"no connection": {part{name: "spare", worse: refusing}, http.StatusBadGateway, ledger.UsagePartial},
		"529":           {part{name: "spare", does: overloaded("9")}, 529, ledger.UsageNone},
	} {
		t.Run("87/"+name, func(t *testing.T) {
			t.Parallel()
			s := perform(t, streamed, options{}, part{name: "work", does: reply(simulator.CutAfter(1, simulator.CutFIN))}, c.second)
			r := s.ask("")
			if r.status != c.status || r.row.UsageSource != c.source {
				t.Errorf("status %d, usage from %s; want %d, %s", r.status, r.row.UsageSource, c.status, c.source)
			}
			for i, a := range r.row.Attempts {
				if told := i == 0; a.Usage.Input.Known() != told || a.CostList.Known() != told {
					t.Errorf("attempt %d: usage %+v, cost %d", i+1, a.Usage, a.CostList)
				}
			}
			if r.row.Cost != lost {
				t.Errorf("the row costs %d, want %d", r.row.Cost, lost)
			}
		})
	}
}

// TestASwapDuringAFailoverChangesNothingForTheRequest: it finishes the plan it began with.
func TestASwapDuringAFailoverChangesNothingForTheRequest(t *testing.T) {
	inBoth(t, "88/swap", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "work", does: overloaded("1").With(simulator.Delay(250 * time.Millisecond))}, part{name: "spare", does: reply()})
		other := newProvider(t, "other", reply(), false)
		done := make(chan request, 1)
		go func() {
			defer close(done) // a check that failed has ended this goroutine only
			done <- s.ask("")
		}()
		for s.contacts("work") == 0 {
			time.Sleep(time.Millisecond)
		}
		s.house.swap(other.profile())
		r := <-done
		s.wantOK(&r, "spare")
		s.wantAttempts(&r, did{"work", "active", "overloaded_error"}, did{"spare", "fallback", ""})
		if r.row.Generation != 1 {
			t.Errorf("the row has generation %d, want the one it began with", r.row.Generation)
		}
		next := s.ask("")
		s.wantOK(&next, "other")
		if next.row.Generation != 2 {
			t.Errorf("the next row has generation %d, want 2", next.row.Generation)
		}
		s.wantContacts(map[string]int{"work": 1, "spare": 1})
	})
}

// TestAProfileThatLeadsBackToPrismIsFoundOut: the request goes round once, and the client is told.
func TestAProfileThatLeadsBackToPrismIsFoundOut(t *testing.T) {
	inBoth(t, "67/loop", func(t *testing.T, w way) {
		s := perform(t, w, options{}, part{name: "spare", does: reply()})
		mirror := profileAt("mirror", s.house.url, "canary-key-of-mirror-0123456789")
		mirror.Fallback = []string{"spare"}
		s.house.swap(mirror, s.profiles[0])
		r := s.ask("")
		if r.status != http.StatusLoopDetected || r.header.Get("X-Should-Retry") != "false" || r.row.Outcome != ledger.OutcomeError {
			t.Errorf("status %d, x-should-retry %q, row %s: %s", r.status, r.header.Get("X-Should-Retry"), r.row.Outcome, r.body)
		}
		s.wantAttempts(&r, did{"mirror", "active", "invalid_request_error"})
		s.wantContacts(map[string]int{"spare": 0})
	})
}

// TestAClientThatLeavesEndsTheAttemptsAndBlamesNobody leaves while one upstream is waited for.
func TestAClientThatLeavesEndsTheAttemptsAndBlamesNobody(t *testing.T) {
	for name, c := range map[string]struct {
		first simulator.Answer
		want  []did
	}{
		"the first attempt":  {simulator.Silence(0), []did{{"work", "active", ""}}},
		"the second attempt": {failing(), []did{{"work", "active", "api_error"}, {"spare", "fallback", ""}}},
	} {
		inBoth(t, "36/"+name, func(t *testing.T, w way) {
			s := perform(t, w, options{}, part{name: "work", does: c.first}, part{name: "spare", does: simulator.Silence(0)}, part{name: "third", does: reply()})
			last := c.want[len(c.want)-1].profile
			ctx, leave := context.WithCancel(t.Context())
			done := make(chan request, 1)
			go func() {
				defer close(done) // a check that failed has ended this goroutine only
				done <- s.askWith(ctx, w.body(), "")
			}()
			for s.contacts(last) == 0 {
				time.Sleep(time.Millisecond)
			}
			leave()
			r := <-done
			if r.row.Outcome != ledger.OutcomeClientAbort || r.row.ErrorType != "" {
				t.Errorf("row: %s %s, want %s", r.row.Outcome, r.row.ErrorType, ledger.OutcomeClientAbort)
			}
			s.wantAttempts(&r, c.want...)
			if a := r.row.Attempts[len(c.want)-1]; a.Outcome != ledger.OutcomeClientAbort || !a.MaybeBilled {
				t.Errorf("the attempt that was left: %+v", a)
			}
			s.wantContacts(map[string]int{"third": 0})
			if v := s.house.router.Health(last).View(time.Now()); v.Errors1h != 0 || v.InFlight != 0 {
				t.Errorf("%s was blamed: %+v", last, v)
			}
		})
	}
}

// TestCountingTokensFailsOverLikeMessages: it names a model, and is routed by it.
func TestCountingTokensFailsOverLikeMessages(t *testing.T) {
	for name, c := range map[string]struct {
		first simulator.Answer
		want  []did
	}{
		"529": {simulator.Overloaded(), []did{{"work", "active", "overloaded_error"}, {"spare", "fallback", ""}}},
		"404": {simulator.Error(404, "not_found_error", "no such model", nil), []did{{"work", "active", "not_found_error"}}},
	} {
		t.Run("86/"+name, func(t *testing.T) {
			t.Parallel()
			s := perform(t, plain, options{}, part{name: "work", steps: func(p *provider) { p.Script(simulator.On(simulator.OpCountTokens, simulator.Always(c.first))) }}, part{name: "spare", does: reply()})
			got := s.house.post(t.Context(), "/v1/messages/count_tokens", plainBody, nil)
			row := s.house.rows(1)[0]
			s.wantAttempts(&request{got, row}, c.want...)
			last := s.providers[c.want[len(c.want)-1].profile].Bill()
			if !bytes.Equal(got.body, last[len(last)-1].ResponseBody) || row.Operation != ledger.OpCountTokens || row.UsageSource != ledger.UsageNone || row.Cost.Known() {
				t.Errorf("status %d: %s; row: %s, usage %s, cost %d", got.status, got.body, row.Operation, row.UsageSource, row.Cost)
			}
		})
	}
}

// panicking is a journal at which something goes badly wrong in the middle of a stream.
type panicking struct{ proxy.Journal }

// Usage implements [proxy.Journal].
func (panicking) Usage(*ledger.Entry) error { panic("the meter is broken") }

// TestAPanicEndsOneRequestOnly: its connection is aborted and its row says so; prism lives.
func TestAPanicEndsOneRequestOnly(t *testing.T) {
	slow := part{name: "work", does: reply(simulator.EventDelay(20 * time.Millisecond))}
	for name, parts := range map[string][]part{
		"80/alone": {slow}, "80/fallback": {slow, {name: "spare", does: reply()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := perform(t, streamed, options{wrap: func(j proxy.Journal) proxy.Journal { return panicking{j} }}, parts...)
			for range 2 {
				r := s.ask("")
				if r.err == nil || r.row.Outcome != ledger.OutcomeError || r.row.ErrorType != "internal" {
					t.Errorf("error %v, row: %s %s", r.err, r.row.Outcome, r.row.ErrorType)
				}
				if bytes.Contains(r.body, []byte("message_stop")) {
					t.Errorf("the client got a whole answer: %s", r.body)
				}
				if len(r.row.Attempts) != 1 {
					t.Errorf("attempts %+v", r.row.Attempts)
				}
			}
		})
	}
}

// TestWhatALostAttemptReportedIsPaidToo: every attempt at the prices and the terms of its own
// profile, and the row is their sum.
func TestWhatALostAttemptReportedIsPaidToo(t *testing.T) {
	terms := func(multiplier string) func(*config.Profile) {
		return func(p *config.Profile) { p.Multiplier = multiplier }
	}
	t.Run("87/two terms", func(t *testing.T) {
		t.Parallel()
		s := perform(t, streamed, options{},
			part{name: "work", does: reply(simulator.CutAfter(1, simulator.CutFIN)), set: terms("3")}, part{name: "spare", does: reply(), set: terms("0.5")})
		r := s.ask("")
		s.wantOK(&r, "spare")
		// 100 x 4 + 50 x 0.2 = 410 per million tokens of the attempt that died after message_start,
		// which tells no output; 100 x 4 + 50 x 0.2 + 9 x 20 = 590 of the one that served.
		const lost, served = 4_100_000, 5_900_000
		a := r.row.Attempts
		if len(a) != 2 || a[0].CostList != lost || !a[0].MaybeBilled || a[1].CostList != served || a[1].MaybeBilled {
			t.Errorf("attempts %+v", a)
		}
		if r.row.CostList != served || r.row.Cost != 3*lost+served/2 {
			t.Errorf("the row costs %d, list %d; want %d and %d", r.row.Cost, r.row.CostList, 3*lost+served/2, served)
		}
		if r.row.Usage.Input != 100 || r.row.PromptTokens != 150 {
			t.Errorf("the row's own tokens are those that served: %+v", r.row.Usage)
		}
	})
}
