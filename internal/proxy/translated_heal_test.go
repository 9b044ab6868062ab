package proxy_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

// Refusals that teach something.
func noTemperature() simulator.Answer {
	return simulator.Error(400, "invalid_request_error", "Unsupported parameter: 'temperature' is not supported with this model.", nil).With(simulator.Param("temperature", "unsupported_parameter"))
}

func noStreamOptions() simulator.Answer {
	return simulator.Error(400, "invalid_request_error", "Unknown parameter: 'stream_options'.", nil).With(simulator.Param("stream_options", "unknown_parameter"))
}

const warmBody = `{"model":"claude-opus-5-5","max_tokens":100,"stream":true,"temperature":0.5,"messages":[{"role":"user","content":"hi"}]}`

// TestAProviderThatRefusesTwoFieldsIsAskedWithoutBoth: it names one at a time.
func TestAProviderThatRefusesTwoFieldsIsAskedWithoutBoth(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(noTemperature(), noStreamOptions(), simulator.Always(simulator.Reply(simulator.Text("hello"))))
	r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, config.DialectOpenAI)}})
	for range 2 {
		if got := r.post(warmBody); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	rows := r.Journal.wait(t, 2)
	if got, want := whys(&rows[0]), "work active 400, work healed 400, work healed 200"; got != want {
		t.Errorf("attempts %s, want %s", got, want)
	}
	if got, want := whys(&rows[1]), "work active 200"; got != want {
		t.Errorf("the next request: attempts %s, want %s", got, want)
	}
	if got := sent(s); strings.Contains(got, "temperature") || strings.Contains(got, "stream_options") {
		t.Errorf("sent %s", got)
	}
}

// TestAProviderThatRefusesEverythingIsAskedThreeTimes: what it says last is the client's.
func TestAProviderThatRefusesEverythingIsAskedThreeTimes(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(noTemperature(), noStreamOptions(), simulator.Error(400, "invalid_request_error", "Unsupported parameter: 'max_completion_tokens' is not supported with this model. Use 'max_tokens' instead.", nil))
	r := newRig(t, rigOptions{profiles: []config.Profile{translated("work", up.URL, config.DialectOpenAI)}})
	got := r.post(warmBody)
	if got.status != http.StatusBadRequest || !bytes.Contains(got.body, []byte("max_completion_tokens")) || len(s.Bill()) != 3 {
		t.Errorf("%d %s after %d requests", got.status, got.body, len(s.Bill()))
	}
}

// TestWhatOneDialectTaughtIsNotHeldAgainstTheOther: two presets of one provider share its connections.
func TestWhatOneDialectTaughtIsNotHeldAgainstTheOther(t *testing.T) {
	s := simulator.New(simulator.Options{Key: testKey})
	up := s.Start()
	defer up.Close()
	s.Script(noTemperature(), simulator.Always(simulator.Reply(simulator.Text("hello"))))
	r := newRig(t, rigOptions{profiles: []config.Profile{translated("chat", up.URL, config.DialectOpenAI), translated("responses", up.URL, config.DialectResponses)}})
	for _, name := range []string{"chat", "responses"} {
		if got := r.post(warmBody, "X-Prism-Profile", name); got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, got.status, got.body)
		}
		if got, want := strings.Contains(sent(s), "temperature"), name == "responses"; got != want {
			t.Errorf("%s: a temperature %v, want %v: %s", name, got, want, sent(s))
		}
	}
}

const thoughtBody = `{"model":"claude-opus-5-5","max_tokens":100,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2lnbmVk"},{"type":"text","text":"hello"}]},{"role":"user","content":"again"}]}`

// TestThinkingIsNotCutOutForWhoNeverGetsIt: the same request would be sent again.
func TestThinkingIsNotCutOutForWhoNeverGetsIt(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		got, e, _ := oneTranslated(t, d, thoughtBody, simulator.Error(400, "invalid_request_error", badSignature, nil))
		if got.status != http.StatusBadRequest || len(e.Attempts) != 1 || healedNote(&e) {
			t.Errorf("%d %s, attempts %s, notes %v", got.status, got.body, whys(&e), e.TranslationNotes)
		}
	})
}

// TestWhatWasCutForAClaudeUpstreamIsNotNotedOfTheFallback: a translated one writes its request anew.
func TestWhatWasCutForAClaudeUpstreamIsNotNotedOfTheFallback(t *testing.T) {
	eachDialect(t, func(t *testing.T, d config.Dialect) {
		claude, other := simulator.New(simulator.Options{Key: testKey}), simulator.New(simulator.Options{Key: testKey})
		one, two := claude.Start(), other.Start()
		defer one.Close()
		defer two.Close()
		claude.Script(simulator.BadSignature(1, 0), simulator.Overloaded())
		other.Script(simulator.Reply(simulator.Text("hello")))
		first := profile("claude", one.URL)
		first.Fallback = []string{"other"}
		r := newRig(t, rigOptions{profiles: []config.Profile{first, translated("other", two.URL, d)}})
		got := r.post(thoughtBody)
		e := r.Journal.wait(t, 1)[0]
		if got, want := whys(&e), "claude active 400, claude healed 529, other fallback 200"; got != want {
			t.Errorf("attempts %s, want %s", got, want)
		}
		if got.status != http.StatusOK || e.Outcome != ledger.OutcomeOK || healedNote(&e) {
			t.Errorf("%d %s, %s, notes %v", got.status, got.body, e.Outcome, e.TranslationNotes)
		}
	})
}
