package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/stream"
)

// oneTranslated sends a body to a translated provider that gives one answer, and returns the answer,
// the entry and the bill.
func oneTranslated(t *testing.T, d config.Dialect, body string, says simulator.Answer, change ...func(*config.Profile)) (answer, ledger.Entry, simulator.Billed) {
	t.Helper()
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(simulator.Always(says))
	work := translated("work", up.URL, d)
	for _, f := range change {
		f(&work)
	}
	r := newRig(t, rigOptions{profiles: []config.Profile{work}})
	got := r.post(body)
	return got, r.Journal.wait(t, 1)[0], s.Bill()[0]
}

// used are tokens of gpt-5.6-sol: 4 in, 20 out, 0.4 read and 5 write per million.
//
//	100 x 4 + 900 x 0.4 + 40 x 5 + 50 x 20 = 400 + 360 + 200 + 1,000 = 1,960 per million
func used() simulator.Usage {
	return simulator.Usage{Input: 100, CacheRead: 900, CacheWrite5m: 40, Output: 50, Thinking: 30}
}

func TestEveryPartOfATranslatedAnswerHasThePriceOfTheModelThatAnswered(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		for _, body := range []string{streamBody, plainBody} {
			_, e, b := oneTranslated(t, d, body, simulator.Reply(simulator.Text("done"), used()), func(p *config.Profile) { p.Multiplier = "0.5" })
			if e.CostInput != 4_000_000 || e.CostCacheRead != 3_600_000 || e.CostCacheWrite != 2_000_000 || e.CostOutput != 10_000_000 {
				t.Errorf("input %d, reads %d, writes %d, output %d", e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput)
			}
			if e.CostList != 19_600_000 || e.Cost != 9_800_000 || !strings.HasPrefix(e.PriceID, "openai/gpt-5.6-sol@") {
				t.Errorf("list %d, paid %d by %s", e.CostList, e.Cost, e.PriceID)
			}
			if e.ResponseModel != "gpt-5.6-sol" || e.ResponseID != b.MessageID || e.UsageSource != ledger.UsageFinal || e.Usage.Reasoning != 30 {
				t.Errorf("answered by %s as %s, the bill says %s; %s %+v", e.ResponseModel, e.ResponseID, b.MessageID, e.UsageSource, e.Usage)
			}
		}
	})
}

// witness is a journal that keeps what the usage records of exchanges under way say.
type witness struct {
	*memory
	mu   sync.Mutex
	said []string // guarded by mu
}

// Usage implements proxy.Journal.
func (w *witness) Usage(e *ledger.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, fmt.Sprintf("%s %s %s %t", e.ResponseModel, e.ResponseID, e.UsageSource, e.Usage.CacheRead.Known()))
	return nil
}

// TestATranslatedStreamThatIsCutIsStillTheProviders: what came was written by the model of the
// provider, under its name for the answer, and is paid at its price. The crash of prism itself would
// leave the usage record, which says the same.
func TestATranslatedStreamThatIsCutIsStillTheProviders(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		defer up.Close()
		cut := map[config.Dialect]int{config.DialectOpenAI: 3, config.DialectResponses: 5}[d] // in the middle of the text
		s.Script(simulator.Always(simulator.Reply(simulator.TextPieces("Let me look at it.", 4), used(), simulator.CutAfter(cut, simulator.CutFIN))))
		w := &witness{memory: newMemory()}
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}, journal: w})
		r.post(streamBody)
		e := w.wait(t, 1)[0]
		b := s.Bill()[0]
		if e.Outcome != ledger.OutcomeTruncated || e.ResponseModel != "gpt-5.6-sol" || e.ResponseID != b.MessageID {
			t.Errorf("%s by %q as %q, the bill says %q", e.Outcome, e.ResponseModel, e.ResponseID, b.MessageID)
		}
		if e.UsageSource != ledger.UsageEstimated || !slices.Contains(e.UsageNotes, "usage_estimated") || e.Usage.Output < 1 || !e.Cost.Known() || e.CostList == 0 {
			t.Errorf("%s %v %+v, cost %d", e.UsageSource, e.UsageNotes, e.Usage, e.Cost)
		}
		if n := len(slices.Compact(slices.Sorted(slices.Values(e.UsageNotes)))); n != len(e.UsageNotes) {
			t.Errorf("notes %v", e.UsageNotes)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if want := "gpt-5.6-sol " + b.MessageID + " estimated false"; len(w.said) != 1 || w.said[0] != want {
			t.Errorf("the usage record says %q, want %q", w.said, want)
		}
	})
}

func TestATranslatedStreamThatTheClientLeavesIsPaidAtTheProvidersPrice(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		s := simulator.New(simulator.Options{Key: testKey})
		up := s.Start()
		defer up.Close()
		s.Script(simulator.Always(simulator.Reply(simulator.TextPieces(strings.Repeat("words ", 40), 8), used(), simulator.Pause(8, time.Minute))))
		r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, d)}})
		c := r.dial(rawPost(streamBody))
		buf := make([]byte, 4<<10)
		for seen := ""; !strings.Contains(seen, "text_delta"); {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			seen += string(buf[:n])
		}
		leave(c, true)
		e := r.Journal.wait(t, 1)[0]
		if e.Outcome != ledger.OutcomeClientAbort || e.ResponseModel != "gpt-5.6-sol" || e.UsageSource != ledger.UsageEstimated || !e.Cost.Known() {
			t.Errorf("%s by %q, %s, cost %d", e.Outcome, e.ResponseModel, e.UsageSource, e.Cost)
		}
	})
}

// failsEarly is an answer that has begun when its provider reports an error.
func failsEarly(d config.Dialect) simulator.Answer {
	a := simulator.Reply(simulator.Text("never said"), used(), simulator.ErrorEventAfter(1, "overloaded_error", "Overloaded"))
	if d == config.DialectResponses {
		a = a.With(simulator.ResponseFailed())
	}
	return a
}

func TestALostTranslatedAttemptCostsNothingThatNobodyReported(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		p := newPair(t, rigOptions{change: []func(*config.Profile){func(first *config.Profile) {
			*first = func(was config.Profile) config.Profile {
				now := translated("work", was.BaseURL, d)
				now.Fallback = was.Fallback
				return now
			}(*first)
		}}})
		p.work.Script(simulator.Always(failsEarly(d)))
		p.spare.Script(simulator.Always(text()))
		got, e := p.ask(t, true)
		if got.status != http.StatusOK || e.Profile != "spare" || len(e.Attempts) != 2 {
			t.Fatalf("%d %s, %s", got.status, got.body, whys(&e))
		}
		if lost := e.Attempts[0]; lost.Usage != stream.NoUsage() || lost.CostList.Known() || !lost.MaybeBilled {
			t.Errorf("the lost attempt used %+v for %d", lost.Usage, lost.CostList)
		}
		if !e.Cost.Known() || e.Cost != e.CostList || e.UsageSource != ledger.UsageFinal {
			t.Errorf("cost %d, list %d, %s", e.Cost, e.CostList, e.UsageSource)
		}
	})
}

func TestATranslatedAnswerThatFailsHasAPromptThatIsMarkedAsEstimated(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		got, e, _ := oneTranslated(t, d, streamBody, failsEarly(d))
		if got.status != 529 || e.Outcome != ledger.OutcomeError || e.ErrorType != "overloaded_error" {
			t.Fatalf("%d %s, %s %s", got.status, got.body, e.Outcome, e.ErrorType)
		}
		if e.UsageSource != ledger.UsageEstimated || !slices.Equal(e.UsageNotes, []string{"usage_estimated"}) || e.ResponseModel != "gpt-5.6-sol" {
			t.Errorf("%s %v by %q", e.UsageSource, e.UsageNotes, e.ResponseModel)
		}
	})
}

// TestWhatAProviderReportsBeforeItFailsCounts: running sums in every chunk are its own word.
func TestWhatAProviderReportsBeforeItFailsCounts(t *testing.T) {
	says := simulator.Reply(simulator.TextPieces("some words of an answer", 4), used(), simulator.UsageIn(simulator.UsageEverywhere), simulator.CutAfter(4, simulator.CutFIN))
	_, e, _ := oneTranslated(t, config.DialectOpenAI, streamBody, says)
	if e.UsageSource != ledger.UsagePartial || e.Usage.Input != 100 || e.Usage.CacheRead != 900 || e.Usage.CacheWrite5m != 40 || e.Usage.Output < 1 {
		t.Errorf("%s %v %+v", e.UsageSource, e.UsageNotes, e.Usage)
	}
	if e.PromptTokens != 1040 || slices.Contains(e.UsageNotes, "usage_estimated") || !e.Cost.Known() {
		t.Errorf("prompt %d, notes %v, cost %d", e.PromptTokens, e.UsageNotes, e.Cost)
	}
}

func TestACacheThatAProviderSaysNothingOfIsUnknownAndNotZero(t *testing.T) {
	for _, body := range []string{streamBody, plainBody} {
		got, e, _ := oneTranslated(t, config.DialectOpenAI, body, simulator.Reply(simulator.Text("done"), used(), simulator.UsageSpelled(simulator.SpellBare)))
		want := stream.NoUsage()
		want.Input, want.Output = 1040, 50
		if e.Usage != want || e.UsageSource != ledger.UsageFinal || e.PromptTokens != 1040 || e.CostInput != 41_600_000 || !e.CostList.Known() {
			t.Errorf("%s %+v, prompt %d, cost %d of %d", e.UsageSource, e.Usage, e.PromptTokens, e.CostInput, e.CostList)
		}
		if !bytes.Contains(got.body, []byte(`"cache_read_input_tokens":0`)) {
			t.Errorf("the client needs a number: %s", got.body)
		}
	}
}

func TestATranslatedAnswerWithoutAUsageIsMarkedAsEstimated(t *testing.T) {
	for _, body := range []string{streamBody, plainBody} {
		_, e, _ := oneTranslated(t, config.DialectOpenAI, body, simulator.Reply(simulator.Text("some words of an answer"), simulator.UsageIn(simulator.UsageNowhere)))
		if e.Outcome != ledger.OutcomeOK || e.UsageSource != ledger.UsageEstimated || !slices.Equal(e.UsageNotes, []string{"usage_estimated"}) {
			t.Errorf("%s %s %v", e.Outcome, e.UsageSource, e.UsageNotes)
		}
		if e.Usage.Input < 1 || e.Usage.Output < 1 || e.Usage.CacheRead.Known() || e.Usage.CacheWrite5m.Known() || !e.Cost.Known() {
			t.Errorf("%+v, cost %d", e.Usage, e.Cost)
		}
	}
}

// TestAnAnswerThatNamesNoModelIsPricedAsTheOneThatWasAskedFor: the name in the translated body is the
// client's, and no model of the provider.
func TestAnAnswerThatNamesNoModelIsPricedAsTheOneThatWasAskedFor(t *testing.T) {
	says := simulator.RawBody(http.StatusOK, "application/json", []byte(`{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010}}`))
	_, e, _ := oneTranslated(t, config.DialectOpenAI, plainBody, says)
	if e.ResponseModel != "" || e.UpstreamModel != "gpt-5.6-sol" || e.ResponseID != "c1" || e.CostList != 42_000_000 {
		t.Errorf("answered by %q, asked for %q, id %q, list %d", e.ResponseModel, e.UpstreamModel, e.ResponseID, e.CostList)
	}
}

// TestARequestForNothingCostsNothing: it warms a cache that no other provider has.
func TestARequestForNothingCostsNothing(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, config.DialectOpenAI)}})
	got := r.post(strings.Replace(plainBody, `"max_tokens":100`, `"max_tokens":0`, 1))
	e := r.Journal.wait(t, 1)[0]
	if got.status != http.StatusOK || len(s.Bill()) != 0 || e.Usage.Input != 0 || e.ResponseModel != "" || e.Cost != 0 || e.PriceID == "" {
		t.Errorf("%d %s, by %q, cost %d at %q", got.status, got.body, e.ResponseModel, e.Cost, e.PriceID)
	}
}

func TestACostThatTheProviderStatesIsWhatIsPaid(t *testing.T) {
	says := simulator.Reply(simulator.Text("done"), used(), simulator.StatedCost("0.0125"))
	noPrice := func(p *config.Profile) { p.Models = []config.ModelRule{{Match: "*", Use: "nobody-prices-this"}} }
	tests := []struct {
		name       string
		change     func(*config.Profile)
		list, paid ledger.Money
		noted      bool
	}{
		{"beside a list price", func(*config.Profile) {}, 19_600_000, 125_000_000, true},
		{"whatever the profile's multiplier is", func(p *config.Profile) { p.Multiplier = "0.5" }, 19_600_000, 125_000_000, true},
		{"nothing is paid per token", func(p *config.Profile) { p.FlatFee = true }, 19_600_000, 0, false},
		{"without a price there is no list price", noPrice, ledger.NoMoney, 125_000_000, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, body := range []string{streamBody, plainBody} {
				_, e, _ := oneTranslated(t, config.DialectOpenAI, body, says, tt.change)
				if e.CostList != tt.list || e.Cost != tt.paid || slices.Contains(e.UsageNotes, "cost_stated") != tt.noted {
					t.Errorf("list %d, paid %d, notes %v; want %d and %d", e.CostList, e.Cost, e.UsageNotes, tt.list, tt.paid)
				}
				if !tt.list.Known() && (e.PriceID != "" || e.CostInput.Known() || e.CostOutput.Known()) {
					t.Errorf("a part has a price: %q %d %d", e.PriceID, e.CostInput, e.CostOutput)
				}
			}
		})
	}
}

// TestARefusalWithinAnAnswerCostsNothing: the Responses API says that an answer has begun before it has
// looked at the prompt. What it then refuses it has not read.
func TestARefusalWithinAnAnswerCostsNothing(t *testing.T) {
	for _, one := range []struct {
		code, message string
		status        int
	}{
		{"context_length_exceeded", "Your input exceeds the context window of this model.", 400},
		{"rate_limit_exceeded", "Rate limit reached. Please try again in 2.4s.", 429},
		{"insufficient_quota", "You exceeded your current quota.", 429},
	} {
		raw := "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5.6-sol\",\"status\":\"in_progress\",\"output\":[]}}\n\n" +
			"event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"output\":[],\"usage\":null,\"error\":{\"code\":\"" + one.code + "\",\"message\":\"" + one.message + "\"}}}\n\n"
		got, e, _ := oneTranslated(t, config.DialectResponses, streamBody, simulator.RawBody(200, "text/event-stream", []byte(raw)))
		if got.status != one.status || e.Outcome != ledger.OutcomeError {
			t.Fatalf("%d %s, %s", got.status, got.body, e.Outcome)
		}
		if e.UsageSource != ledger.UsageNone || e.Usage != stream.NoUsage() || e.Cost.Known() || e.PromptTokens.Known() || len(e.UsageRaw) > 0 || len(e.UsageNotes) > 0 {
			t.Errorf("%s: %s %+v, prompt %d, for %d, notes %v, %s", one.code, e.UsageSource, e.Usage, e.PromptTokens, e.Cost, e.UsageNotes, e.UsageRaw)
		}
		if a := e.Attempts[len(e.Attempts)-1]; a.MaybeBilled || e.ResponseID != "resp_1" {
			t.Errorf("%s: the attempt %+v of %q", one.code, a, e.ResponseID)
		}
	}
}
