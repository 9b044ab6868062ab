package cloud

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"prism/internal/ledger"
	"prism/internal/simulator"
	"prism/internal/translate/translatetest"
)

func TestAStreamOfBedrockIsOneOfTheMessagesAPIInOneRow(t *testing.T) {
	h, s := amazonHouse(t, accepts())
	s.Script(script())
	got := h.message(streamBody)
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "text/event-stream" || got.header.Get("Request-Id") == "" {
		t.Fatalf("%d %v: %s", got.status, got.header, got.body)
	}
	answer, err := translatetest.Check(got.body)
	if err != nil || !answer.Complete || len(answer.Blocks) != 3 || answer.Blocks[1].Text != "Grüße" || answer.Blocks[2].Text != `{"command":"ls"}` {
		t.Errorf("%v: %+v", err, answer)
	}
	row := h.row()
	likeTheBill(t, &row, s)
	if got := s.Bill()[0].Model; got != "eu.anthropic.claude-opus-5-5-v1:0" {
		t.Errorf("asked for %q", got)
	}
}

func TestBedrockWithoutAStream(t *testing.T) {
	h, s := amazonHouse(t, accepts())
	s.Script(script())
	got := h.message(plainBody)
	if got.status != http.StatusOK || !strings.Contains(got.body, "Grüße") {
		t.Fatalf("%d: %s", got.status, got.body)
	}
	row := h.row()
	likeTheBill(t, &row, s)
}

func TestTokensThatOnlyAmazonCountsAreInTheRow(t *testing.T) {
	opt := accepts()
	opt.Lacks = []string{"cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"}
	h, s := amazonHouse(t, opt)
	h.lacks = true
	s.Script(script())
	h.message(streamBody)
	row := h.row()
	likeTheBill(t, &row, s)
}

func TestWhatBedrockRefusesIsLearnedOnce(t *testing.T) {
	opt := accepts()
	opt.Betas = []string{"claude-code-20250219"}
	h, _ := amazonHouse(t, opt)
	const betas = "claude-code-20250219,brand-new-2026-12-01"
	for i, attempts := range []int{2, 1} {
		if got := h.message(streamBody, "Anthropic-Beta", betas); got.status != http.StatusOK {
			t.Fatalf("request %d: %d %s", i, got.status, got.body)
		}
		if row := h.row(); len(row.Attempts) != attempts || !slices.Contains(row.TranslationNotes, "dropped:beta") {
			t.Errorf("request %d: %d attempts, notes %q", i, len(row.Attempts), row.TranslationNotes)
		}
	}
	const managed = `{"model":"claude-opus-5-5","max_tokens":100,"stream":true,"context_management":{"edits":[]},"messages":[{"role":"user","content":"hi"}]}`
	for i, attempts := range []int{2, 1} {
		if got := h.message(managed); got.status != http.StatusOK {
			t.Fatalf("managed request %d: %d %s", i, got.status, got.body)
		}
		if row := h.row(); len(row.Attempts) != attempts || !slices.Contains(row.TranslationNotes, "dropped:context_management") {
			t.Errorf("managed request %d: %d attempts, notes %q", i, len(row.Attempts), row.TranslationNotes)
		}
	}
}

func TestARefusalThatTheClientMendsKeepsItsWords(t *testing.T) {
	h, _ := amazonHouse(t, accepts())
	const body = `{"model":"claude-opus-5-5","max_tokens":100,"output_config":{"effort":"high"},"messages":[{"role":"user","content":"hi"}]}`
	got := h.message(body)
	if got.status != http.StatusBadRequest || !strings.Contains(got.body, `"message":"output_config: Extra inputs are not permitted"`) || !strings.Contains(got.body, `"type":"invalid_request_error"`) {
		t.Errorf("%d: %s", got.status, got.body)
	}
}

func TestErrorsOfBedrockHaveTheirStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		script simulator.Answer
		status int
		typ    string
	}{
		{"limited", simulator.Error(429, "rate_limit_error", "slow down", nil), 429, "rate_limit_error"},
		{"overloaded", simulator.Error(529, "overloaded_error", "Overloaded", nil), 529, "overloaded_error"},
		{"broken", simulator.Error(500, "api_error", "broken", nil), 500, "api_error"},
		{"too long", simulator.Error(400, "invalid_request_error", "Input is too long for requested model.", nil), 400, "invalid_request_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, s := amazonHouse(t, accepts())
			s.Script(simulator.Always(c.script))
			got := h.message(streamBody)
			if got.status != c.status || !strings.Contains(got.body, `"type":"`+c.typ+`"`) {
				t.Errorf("%d: %s", got.status, got.body)
			}
		})
	}
}

func TestAStreamOfBedrockThatIsCutIsNoMessage(t *testing.T) {
	opt := accepts()
	opt.CutAfter = 24 << 10
	h, s := amazonHouse(t, opt)
	s.Script(simulator.Reply(simulator.Text(strings.Repeat("many words ", 10000)), use()))
	got := h.message(streamBody)
	if strings.Contains(got.body, "message_stop") || !strings.Contains(got.body, "event: error") {
		t.Errorf("the client was told: %.200s", got.body[max(0, len(got.body)-200):])
	}
	if row := h.row(); row.Outcome != ledger.OutcomeTruncated {
		t.Errorf("outcome %s", row.Outcome)
	}
}

func TestBedrockCountsAndElsePrismEstimates(t *testing.T) {
	const body = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"hi"}]}`
	for _, uncounted := range []bool{false, true} {
		opt := accepts()
		opt.Uncounted = uncounted
		h, _ := amazonHouse(t, opt)
		got := h.post("/v1/messages/count_tokens?beta=true", body)
		if got.status != http.StatusOK || !strings.Contains(got.body, `"input_tokens":`) || (got.header.Get("X-Prism-Estimate") != "") != uncounted {
			t.Errorf("uncounted %t: %d %v %s", uncounted, got.status, got.header, got.body)
		}
	}
}
