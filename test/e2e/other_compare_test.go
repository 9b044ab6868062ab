//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	sim "prism/internal/simulator"
)

// compareOther checks one row against the bill of its request, and against what the client got.
func (h *house) compareOther(t *testing.T, r row, b *sim.Billed) {
	t.Helper()
	h.compareAnswer(t, r, b)
	h.compareTokens(t, r, b)
	comparePrice(t, r, b)
	h.mustBePrivate(t, b)
	model, id := b.ResponseModel, b.MessageID
	if b.Status >= http.StatusBadRequest {
		model, id = "", ""
	}
	host, _, _ := strings.Cut(b.Host, ":")
	for column, billed := range map[string]string{
		"upstream_model": b.Model, "response_model": model, "response_id": id, "upstream_request_id": b.RequestID,
		"usage_source": otherSource(b), "session_id": b.SessionID, "stream": strconv.FormatBool(b.Stream),
		"operation": b.Operation, "profile": "other", "provider": "openai", "server_address": host,
		"service_tier": "", "speed": "",
	} {
		if got := r.text(column); got != billed {
			t.Errorf("request %d: %s is %q, the bill says %q", b.Seq, column, got, billed)
		}
	}
	if b.ErrorType != "" && r.text("error_type") != b.ErrorType {
		t.Errorf("request %d: error_type is %q, the bill says %q", b.Seq, r.text("error_type"), b.ErrorType)
	}
}

// otherSource is the word of the ledger for what the bill knows of the usage: of an answer that had
// begun, what its provider has not told is estimated.
func otherSource(b *sim.Billed) string {
	if b.Source == sim.SourceNone && b.Status < http.StatusBadRequest {
		return "estimated"
	}
	return b.Source
}

// compareAnswer checks what a row says of the answer against the one that went over the wire.
func (h *house) compareAnswer(t *testing.T, r row, b *sim.Billed) {
	t.Helper()
	status, size, whole, found := h.other.wire.answer(b.RequestID)
	switch {
	case !found:
		t.Errorf("request %d: no answer with its id went to the client", b.Seq)
	case r.num(t, "http_status") != int64(status):
		t.Errorf("request %d: http_status is %d, the client got %d", b.Seq, r.num(t, "http_status"), status)
	case whole && r.num(t, "response_bytes") != size:
		t.Errorf("request %d: response_bytes is %d, the client got %d", b.Seq, r.num(t, "response_bytes"), size)
	}
}

// compareTokens checks every count. What the provider has not told is NULL, but for an estimate of
// the prompt and of the output, which must be marked as one.
func (h *house) compareTokens(t *testing.T, r row, b *sim.Billed) {
	t.Helper()
	estimated := otherSource(b) == "estimated"
	if noted := slices.Contains(r.notes(), "usage_estimated"); noted != estimated {
		t.Errorf("request %d: usage_notes say %v, estimated: %v", b.Seq, r.notes(), estimated)
	}
	u := b.Charged
	hours := int64(sim.Absent)
	if u.CacheWrite >= 0 {
		hours = 0 // all of it is in the first column
	}
	for column, billed := range map[string]int64{
		"input_tokens": u.Input, "output_tokens": u.Output, "cache_read_tokens": u.CacheRead,
		"cache_write_5m_tokens": u.CacheWrite, "cache_write_1h_tokens": hours,
		"reasoning_tokens": u.Thinking, "web_search_requests": sim.Absent,
	} {
		got := r.num(t, column)
		if guessed := column == "input_tokens" || column == "output_tokens"; guessed && estimated && billed < 0 {
			if got < 1 {
				t.Errorf("request %d: %s is %d, want an estimate", b.Seq, column, got)
			}
			continue
		}
		if got != max(billed, sim.Absent) {
			t.Errorf("request %d: %s is %d, the bill says %d", b.Seq, column, got, billed)
		}
	}
}

// notes are the usage notes of a row.
func (r row) notes() []string {
	list, _ := r["usage_notes"].([]any)
	var notes []string
	for _, v := range list {
		notes = append(notes, fmt.Sprint(v))
	}
	return notes
}

// comparePrice checks the money of a row by its parts: the price of the model that answered, whoever
// the client asked for. A request that has used nothing has no cost.
func comparePrice(t *testing.T, r row, b *sim.Billed) {
	t.Helper()
	if otherSource(b) == sim.SourceNone {
		for _, column := range []string{"price_id", "cost_list_usd", "cost_usd"} {
			if got := r.text(column); got != "" {
				t.Errorf("request %d: %s is %s, although nothing is known to be used", b.Seq, column, got)
			}
		}
		return
	}
	if id := r.text("price_id"); !strings.HasPrefix(id, "openai/"+otherModel+"@") {
		t.Errorf("request %d: the price is %q, want one of %s", b.Seq, id, otherModel)
	}
	list := 0.0
	for _, part := range []struct {
		column, tokens string
		million        float64
	}{
		{"cost_input_usd", "input_tokens", otherInput},
		{"cost_cache_read_usd", "cache_read_tokens", otherCacheRead},
		{"cost_cache_write_usd", "cache_write_5m_tokens", otherCacheWrite},
		{"cost_output_usd", "output_tokens", otherOutput},
	} {
		want := float64(max(r.num(t, part.tokens), 0)) * part.million / 1e6
		mustCost(t, fmt.Sprintf("request %d: %s", b.Seq, part.column), r.dollars(t, part.column), want)
		list += want
	}
	mustCost(t, fmt.Sprintf("request %d: cost_list_usd", b.Seq), r.dollars(t, "cost_list_usd"), list)
	mustCost(t, fmt.Sprintf("request %d: cost_usd", b.Seq), r.dollars(t, "cost_usd"), list)
}

// mustBePrivate checks that nothing reached the provider that is none of its business.
func (h *house) mustBePrivate(t *testing.T, b *sim.Billed) {
	t.Helper()
	if len(b.Credentials) != 1 || b.Key != h.other.key {
		t.Errorf("request %d: %d credentials reached the provider, want one, its own", b.Seq, len(b.Credentials))
	}
	for name, values := range b.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "anthropic-") || strings.HasPrefix(lower, "x-claude-code-") || strings.HasPrefix(lower, "x-stainless-") {
			t.Errorf("request %d: the header %s went to another provider", b.Seq, name)
		}
		if slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, h.token) }) {
			t.Errorf("request %d: the client token went upstream in %s", b.Seq, name)
		}
	}
	for _, word := range []string{"x-anthropic-billing-header", "safeguards", "classifier_context", "device_id", "prism1."} {
		if strings.Contains(string(b.RequestBody), word) {
			t.Errorf("request %d: the body holds %q", b.Seq, word)
		}
	}
}
