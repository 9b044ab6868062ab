package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"prism/config"
	"prism/internal/translate"
)

// accounts is a provider of which every account takes its own reasoning only.
type accounts struct {
	mu   sync.Mutex
	asks []string // "KEY sealed" or "KEY bare"; guarded by mu
}

// ServeHTTP implements [http.Handler].
func (a *accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	body, _ := io.ReadAll(r.Body)
	ask := key + " bare"
	if bytes.Contains(body, []byte("encrypted_content\":")) {
		ask = key + " sealed"
	}
	a.mu.Lock()
	a.asks = append(a.asks, ask)
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(string(body), `"encrypted_content":"of-`) && !strings.Contains(string(body), `"encrypted_content":"of-`+key+`"`) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"The encrypted content gAAA...DQ== could not be verified.","type":"invalid_request_error","param":null,"code":"invalid_encrypted_content"}}`)
		return
	}
	_, _ = io.WriteString(w, `{"id":"resp_1","status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"hello"}]}],"usage":{"input_tokens":10,"output_tokens":1}}`)
}

// said returns what was asked since the last call.
func (a *accounts) said() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	said := a.asks
	a.asks = nil
	return said
}

// TestReasoningThatAnotherAccountHasSealedIsLeftOutAndRemembered: a session goes on with a second key
// of the same provider, and comes back.
func TestReasoningThatAnotherAccountHasSealedIsLeftOutAndRemembered(t *testing.T) {
	provider := &accounts{}
	up := httptest.NewServer(provider)
	defer up.Close()
	first, second := translated("first", up.URL, config.DialectResponses), translated("second", up.URL, config.DialectResponses)
	first.APIKey, second.APIKey = config.NewSecret("one"), config.NewSecret("two")
	r := newRig(t, rigOptions{profiles: []config.Profile{first, second}})
	sealed := translate.Envelope{Provider: "openai", Kind: translate.KindEncrypted, Payload: "of-one"}.String()
	body := `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[` +
		`{"type":"thinking","thinking":"","signature":"` + sealed + `"},{"type":"text","text":"hello"}]},{"role":"user","content":"again"}]}`
	for i, step := range []struct {
		profile string
		want    []string
	}{
		{"first", []string{"one sealed"}},
		{"second", []string{"two sealed", "two bare"}},
		{"second", []string{"two bare"}},
		{"first", []string{"one sealed"}},
	} {
		if got := r.post(body, "X-Prism-Profile", step.profile); got.status != http.StatusOK {
			t.Fatalf("step %d: %d %s", i, got.status, got.body)
		}
		if said := provider.said(); !slices.Equal(said, step.want) {
			t.Errorf("step %d: %q, want %q", i, said, step.want)
		}
	}
	e := r.Journal.wait(t, 4)[1]
	if len(e.Attempts) != 2 || e.Attempts[1].Why != "healed" || !slices.Contains(e.TranslationNotes, translate.NoteThinking) {
		t.Errorf("attempts %s, notes %v", whys(&e), e.TranslationNotes)
	}
}
