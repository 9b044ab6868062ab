package duckdb

import (
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// change writes a health event some seconds after noon.
func (h *home) change(second int, profile, key, from, to, why string) {
	h.t.Helper()
	ev := &ledger.HealthEvent{EventAt: noon.Add(time.Duration(second) * time.Second), Profile: profile, Key: key, FromState: from, ToState: to, Why: why}
	if err := h.journal.Health(ev); err != nil {
		h.t.Fatal(err)
	}
}

func TestOutagesAreTheStretchesThatWereNotOK(t *testing.T) {
	h := newHome(t)
	h.change(0, "kimi", "", "ok", "open", "overloaded_error")
	h.change(5, "work", "spare", "ok", "cooling", "rate_limit_error") // the same instant of another profile
	h.change(15, "kimi", "", "open", "probing", "")
	h.change(16, "kimi", "", "probing", "open", "overloaded_error")
	h.change(46, "kimi", "", "open", "probing", "")
	h.change(47, "kimi", "", "probing", "ok", "")
	h.change(65, "work", "spare", "cooling", "ok", "")
	h.change(90, "kimi", "", "ok", "denied", "authentication_error")
	h.change(100, "kimi", "", "ok", "cooling", "rate_limit_error") // the gateway was started again
	h.fold()
	h.expect(`select profile, key, epoch_ms(began_at) - epoch_ms(timestamptz '2026-11-20 12:00:00.123456+00') as began, lasted_ms, state, why, changes from outages order by began`,
		"kimi | <nil> | 0 | 47000 | open | overloaded_error | 5",
		"work | spare | 5000 | 60000 | cooling | rate_limit_error | 2",
		"kimi | <nil> | 90000 | <nil> | denied | authentication_error | 1",
		"kimi | <nil> | 100000 | <nil> | cooling | rate_limit_error | 1")
}

// A clock that is set back between two changes does not make the second one the first.
func TestAnOutageEndsThoughTheClockWasSetBack(t *testing.T) {
	h := newHome(t)
	h.change(0, "kimi", "", "ok", "open", "overloaded_error")
	h.change(-60, "kimi", "", "open", "ok", "")
	h.change(-30, "kimi", "", "ok", "cooling", "rate_limit_error")
	h.change(-20, "kimi", "", "cooling", "ok", "")
	h.fold()
	h.expect(`select state, why, ended_at is not null, lasted_ms, changes from outages order by changes, state`,
		"cooling | rate_limit_error | true | 10000 | 2",
		"open | overloaded_error | true | 0 | 2")
}

func TestAttemptsShowKeyReasonAndTokens(t *testing.T) {
	h := newHome(t)
	e := entry(1)
	lost := ledger.Attempt{
		N: 1, Profile: "kimi", Key: "first", Why: "active", Model: "kimi-k3", StartedAt: e.StartedAt, HTTPStatus: 200, ErrorType: "reset",
		TTFBMS: 10, DurationMS: 20, Outcome: ledger.OutcomeTruncated, MaybeBilled: true, Usage: stream.NoUsage(), CostList: 7,
	}
	lost.Usage.Input, lost.Usage.CacheRead = 900, 100
	e.Attempts[0].N, e.Attempts[0].Why = 2, "fallback"
	e.Attempts = append([]ledger.Attempt{lost}, e.Attempts...)
	failed := failedEntry(2)
	h.close(e, failed)
	h.fold()
	h.expect(`select n, profile, key, why, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, cost_list_usd
		from attempts where request_id = '01K00000000000000000000001' order by n`,
		"1 | kimi | first | active | 900 | 100 | <nil> | <nil> | <nil> | 0.0000000007",
		"2 | work | <nil> | fallback | 100 | 1000 | 100 | 200 | 50 | 0.0127500000")
	h.expect(`select request_id, tried, maybe_billed from errors`, "01K00000000000000000000002 | [kimi kimi] | true")
}
