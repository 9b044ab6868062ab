package cloud

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"prism/config"
	"prism/internal/ledger"
	"prism/internal/simulator"
)

func TestAStreamOfVertexPassesAsItIs(t *testing.T) {
	s, at := claude(t, simulator.CloudOptions{Token: "test-token"})
	s.Script(script())
	h := newHouse(t, options{profiles: []config.Profile{keyed(vertex(at), "test-token")}})
	got := h.message(streamBody, "Anthropic-Beta", "interleaved-thinking-2025-05-14")
	if got.status != http.StatusOK {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	b := s.Bill()[0]
	if string(b.ResponseBody) != got.body {
		t.Error("the stream was changed on its way")
	}
	if b.Header.Get("Anthropic-Beta") != "interleaved-thinking-2025-05-14" || b.Header.Get("X-Claude-Code-Session-Id") != "" {
		t.Errorf("headers %v", b.Header)
	}
	count := h.post("/v1/messages/count_tokens", `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}]}`)
	if count.status != http.StatusOK {
		t.Errorf("count: %d %s", count.status, count.body)
	}
}

func TestARefusedTokenOfVertexIsNo401(t *testing.T) {
	_, at := claude(t, simulator.CloudOptions{Token: "test-token"})
	h := newHouse(t, options{profiles: []config.Profile{keyed(vertex(at), "wrong")}})
	if got := h.message(streamBody); got.status != http.StatusForbidden || got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("%d %v: %s", got.status, got.header, got.body)
	}
}

// TestATokenOfGoogleIsFetchedWithTheFirstRequestAndKept: a service account signs for it at its login.
func TestATokenOfGoogleIsFetchedWithTheFirstRequestAndKept(t *testing.T) {
	login := google(t, time.Hour)
	s, at := claude(t, simulator.CloudOptions{Token: "token-1"})
	s.Script(simulator.Always(script()))
	h := newHouse(t, options{profiles: []config.Profile{vertex(at)}})
	if login.Asked() != 0 {
		t.Error("a token was fetched before anybody needed one")
	}
	for range 2 {
		if got := h.message(streamBody); got.status != http.StatusOK || !strings.Contains(got.body, "message_stop") {
			t.Fatalf("%d: %s", got.status, got.body)
		}
		if row := h.row(); row.Outcome != ledger.OutcomeOK || !row.Cost.Known() || len(row.Attempts) != 1 {
			t.Errorf("outcome %s, cost %v, %d attempts", row.Outcome, row.Cost, len(row.Attempts))
		}
	}
	if login.Asked() != 1 {
		t.Errorf("%d tokens were fetched", login.Asked())
	}
	for _, b := range s.Bill() {
		if b.Header.Get("Authorization") != "Bearer token-1" || b.Header.Get("X-Api-Key") != "" {
			t.Errorf("headers %v", b.Header)
		}
	}
}

func TestARefusedTokenOfGoogleIsFetchedAnewWithinTheRequest(t *testing.T) {
	login := google(t, time.Hour)
	s, at := claude(t, simulator.CloudOptions{Token: "token-2"})
	s.Script(script())
	began, later := time.Now(), time.Duration(0)
	h := newHouse(t, options{profiles: []config.Profile{vertex(at)}, now: func() time.Time { return began.Add(later) }})
	got := h.message(plainBody)
	if row := h.row(); got.status != http.StatusForbidden || got.header.Get("X-Should-Retry") != "false" || len(row.Attempts) != 1 {
		t.Errorf("a token that was just fetched was fetched again: %d %s, %d attempts", got.status, got.body, len(row.Attempts))
	}
	later = 2 * time.Minute
	got = h.message(plainBody)
	if row := h.row(); got.status != http.StatusOK || len(row.Attempts) != 2 || login.Asked() != 2 {
		t.Errorf("%d %s, %d attempts, %d tokens", got.status, got.body, len(row.Attempts), login.Asked())
	} else {
		likeTheBill(t, &row, s)
	}
}

func TestALoginOfGoogleThatRefusesIsToldInOurWords(t *testing.T) {
	google(t, time.Hour)
	other := simulator.NewLogin(time.Hour)
	if err := os.WriteFile(os.Getenv("GOOGLE_APPLICATION_CREDENTIALS"), other.File("http://127.0.0.1:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, at := claude(t, simulator.CloudOptions{Token: "token-1"})
	h := newHouse(t, options{profiles: []config.Profile{vertex(at)}})
	if got := h.message(plainBody); got.status != http.StatusBadGateway || !strings.Contains(got.body, "its login gave no credential") || len(s.Bill()) != 0 {
		t.Errorf("%d: %s", got.status, got.body)
	}
	if row := h.row(); row.ErrorType != "credential" {
		t.Errorf("error type %q", row.ErrorType)
	}
}
