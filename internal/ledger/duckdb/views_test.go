package duckdb

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// book holds the two prices of the sample.
func book() []PriceRow {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return []PriceRow{
		{
			ID: "anthropic/claude-opus-5", Layer: 2, Provider: "anthropic", ModelMatch: "claude-opus-5", EffectiveFrom: &from,
			Input: "5", Output: "25", CacheRead: "0.5", CacheWrite5m: "6.25", CacheWrite1h: "10", WebSearchPer1k: "10",
			BatchMultiplier: "0.5", Source: "a page", Confidence: "official",
		},
		{
			ID: "moonshot/kimi-k3", Layer: 2, Provider: "moonshot", ModelMatch: "kimi-k3*", Input: "1", Output: "4", CacheRead: "0.1",
			TierOverPromptTokens: 100_000, TierInput: "2", TierOutput: "8", TierCacheRead: "0.2",
			PeakWindowsUTC: []string{"01:00-04:00"}, PeakDays: []int{1, 2}, PeakInput: "3",
		},
	}
}

// sample writes five exchanges whose figures are computed by hand in the tests.
//
//	1  20 Nov 12:00:01  session-a  opus   ok            0.0148750000
//	2  20 Nov 23:30:00  session-a  opus   client_abort  0.0148750000
//	3  21 Nov 08:00:00  session-b  kimi   error, no usage, two attempts
//	4  21 Nov 09:00:00  session-b  gpt-x  ok, no price
//	5  21 Nov 10:00:00  no session count_tokens
func sample(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	h.opt.Prices = book()
	two := entry(2)
	two.StartedAt = time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC)
	two.EndedAt, two.Outcome, two.TTFTMS, two.DurationMS = two.StartedAt.Add(time.Second), ledger.OutcomeClientAbort, 700, 1000
	three := failedEntry(3)
	four := entry(4)
	four.StartedAt = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	four.EndedAt, four.SessionID, four.Profile, four.Provider = four.StartedAt.Add(3*time.Second), "session-b", "lab", "lab"
	four.RequestModel, four.UpstreamModel, four.ResponseModel, four.PriceID = "gpt-x", "gpt-x", "gpt-x", ""
	four.TTFTMS, four.DurationMS, four.Usage.Output = 1000, 3000, 200
	four.CostInput, four.CostCacheRead, four.CostCacheWrite, four.CostOutput, four.CostOther = ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney
	four.CostList, four.Cost, four.CostUncached = ledger.NoMoney, ledger.NoMoney, ledger.NoMoney
	five := &ledger.Entry{}
	five.Reset()
	five.RequestID, five.StartedAt, five.Operation, five.Outcome = fmt.Sprintf("01K%023d", 5), time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), "count_tokens", "ok"
	five.Profile, five.HTTPStatus = "work", 200
	h.close(entry(1), two, three, four, five)
	if err := h.journal.Config(&ledger.ConfigEvent{Generation: 3, EventAt: noon, Trigger: "start", Accepted: true}); err != nil {
		t.Fatal(err)
	}
	h.fold()
	return h
}

func failedEntry(n int) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.StartedAt = fmt.Sprintf("01K%023d", n), time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	e.EndedAt, e.SessionID, e.AgentID, e.Profile, e.Provider = e.StartedAt.Add(time.Second), "session-b", "agent-1", "kimi", "moonshot"
	e.Operation, e.RequestModel, e.UpstreamModel, e.Stream = "messages", "kimi-k3", "kimi-k3", true
	e.HTTPStatus, e.Outcome, e.ErrorType, e.ErrorMessage, e.UsageSource = 502, ledger.OutcomeError, "dial", "connection refused", ledger.UsageNone
	for i, kind := range []string{"timeout", "dial"} {
		e.Attempts = append(e.Attempts, ledger.Attempt{
			N: i + 1, Profile: "kimi", Model: "kimi-k3", StartedAt: e.StartedAt, ErrorType: kind,
			TTFBMS: stream.Unknown, DurationMS: 400, Outcome: "error", MaybeBilled: i == 0, Usage: stream.NoUsage(), CostList: ledger.NoMoney,
		})
	}
	return e
}

func (h *home) expect(query string, want ...string) {
	h.t.Helper()
	rows := h.rows(query)
	got := make([]string, len(rows))
	for i, r := range rows {
		cells := make([]string, len(r))
		for c, v := range r {
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format("2006-01-02T15:04")
			}
			cells[c] = fmt.Sprint(v)
		}
		got[i] = strings.Join(cells, " | ")
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.t.Errorf("%s\n got %s\nwant %s", query, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestSpendAddsUpByHand(t *testing.T) {
	h := sample(t)
	h.expect(`select period, grp, requests, failed, unpriced, input_tokens, cache_read_tokens, cache_write_tokens, prompt_tokens, output_tokens,
		cost_usd, cost_list_usd, cache_saved_usd, round(cache_hit_ratio, 6) from spend(since := date '2026-11-01', by_col := 'model') order by period, grp`,
		"2026-11-20T00:00 | claude-opus-5 | 2 | 0 | 0 | 200 | 2000 | 600 | 2800 | 100 | 0.0297500000 | 0.0297500000 | 0.0067500000 | 0.714286",
		"2026-11-21T00:00 | gpt-x | 1 | 0 | 1 | 100 | 1000 | 300 | 1400 | 200 | <nil> | <nil> | <nil> | 0.714286",
		"2026-11-21T00:00 | kimi-k3 | 1 | 1 | 0 | <nil> | <nil> | 0 | <nil> | <nil> | <nil> | <nil> | <nil> | <nil>")
	h.expect(`select grp, requests, cost_usd from spend(since := date '2026-11-01', grain := 'month', by_col := 'tag:team') order by grp`,
		"blue | 3 | 0.0297500000", "<nil> | 1 | <nil>")
	h.expect(`select usd(sum(cost_usd)), usd(-0.5) from spend(since := date '2026-11-01')`, "$0.0298 | -$0.5000")
}

func TestDaysFollowTheTimeZoneOfTheReader(t *testing.T) {
	h := sample(t)
	const query = `select day::varchar, requests, failed, unpriced, sessions, prompt_tokens, cost_usd from daily order by day`
	h.expect(query, "2026-11-20 | 2 | 0 | 0 | 1 | 2800 | 0.0297500000", "2026-11-21 | 2 | 1 | 1 | 1 | 1400 | <nil>")
	db := h.read("Europe/Berlin")
	_, rows, err := Query(context.Background(), db, query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rows); got != "[[2026-11-20 1 0 0 1 1400 0.0148750000] [2026-11-21 3 1 1 2 2800 0.0148750000]]" {
		t.Errorf("in Berlin: %s", got)
	}
	// The second use of the same database keeps the zone and the lock on the settings.
	for range 3 {
		if _, rows, err := Query(context.Background(), db, `select current_setting('TimeZone')`, nil); err != nil || rows[0][0] != "Europe/Berlin" {
			t.Fatalf("zone = %v, %v", rows, err)
		}
	}
}

func TestSessionsErrorsAttemptsAndUnpriced(t *testing.T) {
	h := sample(t)
	h.expect(`select session_id, project, requests, agents, models, profiles, prompt_tokens, cost_usd, unpriced from sessions where session_id = 'session-a'`,
		"session-a | prism | 2 | 0 | [claude-opus-5] | [work] | 2800 | 0.0297500000 | 0")
	h.expect(`select requests, agents, list_sort(profiles), cost_usd, unpriced, first_at, last_at from sessions where session_id = 'session-b'`,
		"2 | 1 | [kimi lab] | <nil> | 1 | 2026-11-21T08:00 | 2026-11-21T09:00")
	h.expect(`select profile, model, http_status, outcome, error_type, error_message, attempts from errors order by started_at`,
		"work | claude-opus-5 | 200 | client_abort | <nil> | <nil> | 1", "kimi | kimi-k3 | 502 | error | dial | connection refused | 2")
	h.expect(`select provider, model, requests, prompt_tokens, output_tokens, why from unpriced`, "lab | gpt-x | 1 | 1400 | 200 | no row")
	h.expect(`select n, profile, error_type, ttfb_ms, duration_ms, outcome, maybe_billed, usage, cost_list_usd, request_outcome from attempts where profile = 'kimi' order by n`,
		"1 | kimi | timeout | <nil> | 400 | error | true | <nil> | <nil> | error", "2 | kimi | dial | <nil> | 400 | error | false | <nil> | <nil> | error")
	h.expect(`select usage.output_tokens, cost_list_usd from attempts where request_id = '01K00000000000000000000001'`, "50 | 0.0127500000")
}

func TestLatencyIsOfGoodStreamsOnly(t *testing.T) {
	h := sample(t)
	h.expect(`select profile, model, n, ttft_p50_ms, ttft_p95_ms, duration_p95_ms, overhead_p95_us, longest_gap_ms, output_tok_per_s from latency(since := date '2026-11-01') order by profile`,
		"lab | gpt-x | 1 | 1000 | 1000 | 3000 | 180 | 90 | 100", "work | claude-opus-5 | 1 | 500 | 500 | 1500 | 180 | 90 | 50")
}

func TestRepricedAgreesWithWhatTheGatewayStored(t *testing.T) {
	h := sample(t)
	h.expect(`select model, stored_price_id, new_price_id, requests, stored_list_usd, new_list_usd, diff_usd, still_unpriced from repriced(since := date '2026-11-01') order by model`,
		"claude-opus-5 | anthropic/claude-opus-5 | anthropic/claude-opus-5 | 2 | 0.0297500000 | 0.0297500000 | 0.0000000000 | 0",
		"gpt-x | <nil> | <nil> | 1 | <nil> | <nil> | <nil> | 1")
	// 2 x (100 input + 300 written tokens without a price of their own at 1, 1,000 read at 0.1, 50 out at 4 = 0.0007), and 2 searches
	// at 0.01. What a search costs at a provider without a price is not known: it is left out.
	h.expect(`select was_model, price_id, requests, what_if_usd, diff_to_list_usd, not_compared from what_if('kimi-k3', 'moonshot', since := date '2026-11-01') order by was_model`,
		"claude-opus-5 | moonshot/kimi-k3 | 2 | 0.0214000000 | -0.0083500000 | 0", "gpt-x | moonshot/kimi-k3 | 1 | 0.0013000000 | <nil> | 1")
}

// What was priced sample by sample cannot be computed from sums: as long as its price row stays, so does its price.
func TestRepricedLeavesWhatWasPricedBySample(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = []PriceRow{{ID: "anthropic/claude-opus-5", Layer: 2, Provider: "anthropic", ModelMatch: "claude-opus-5", Input: "1", Output: "1"}}
	e := entry(1)
	e.UsageNotes = append(e.UsageNotes, "priced_by_sample")
	h.close(e)
	h.fold()
	h.expect(`select requests, diff_usd, still_unpriced from repriced(since := date '2026-01-01')`, "1 | 0.0000000000 | 0")
	h.opt.Prices[0].ID = "another"
	h.fold()
	h.expect(`select new_price_id, new_list_usd is distinct from stored_list_usd from repriced(since := date '2026-01-01')`, "another | true")
}

// Two globs that are as specific as each other: the id decides, here as in pricing.
func TestRepricedDecidesATieById(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = []PriceRow{
		{ID: "c", Layer: 1, Provider: "anthropic", ModelMatch: "claude-o*", Input: "3"},
		{ID: "a", Layer: 1, Provider: "anthropic", ModelMatch: "*e-opus-5", Input: "1"},
		{ID: "b", Layer: 1, Provider: "anthropic", ModelMatch: "claude-?p*", Input: "2"},
	}
	h.close(entry(1), entry(2))
	h.fold()
	h.expect(`select new_price_id, requests from repriced(since := date '2026-01-01')`, "a | 2")
}

func TestBlocksNameTheirSource(t *testing.T) {
	h := sample(t)
	h.expect(`select profile, block_start, source, requests, cost_usd, used from blocks(since := date '2026-11-01') where profile = 'work'`,
		"work | 2026-11-20T10:00 | header | 2 | 0.0297500000 | 0.25")
}

func TestEveryTableViewMacroAndColumnIsDescribed(t *testing.T) {
	h := sample(t)
	missing := h.rows(`select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal and comment is null and table_name not like '\_%' escape '\'
		union all select table_name, '' from duckdb_tables() where not internal and comment is null
		union all select view_name, '' from duckdb_views() where not internal and comment is null and view_name not like '\_%' escape '\'
		union all select function_name, '' from duckdb_functions() where not internal and comment is null and function_name not like '\_%' escape '\'`)
	if len(missing) > 0 {
		t.Errorf("without a comment: %v", missing)
	}
	h.expect(`select count(*) from duckdb_columns() where table_name = 'requests'`, "75")
}

func TestThePriceBookIsReplacedWholeWhenItChanged(t *testing.T) {
	h := sample(t)
	h.expect(`select id, layer, input, cache_write_1h, web_search_per_1k, batch_multiplier, effective_from from prices where id like 'anthropic%'`,
		"anthropic/claude-opus-5 | 2 | 5.0000000000 | 10.0000000000 | 10.0000000000 | 0.5000 | 2026-01-01T00:00")
	h.expect(`select tier_over_prompt_tokens, tier_output, peak_windows_utc, peak_days, cache_write_5m, profile from prices where id like 'moon%'`,
		"100000 | 8.0000000000 | [01:00-04:00] | [1 2] | <nil> | <nil>")
	folds := func() string { return fmt.Sprint(h.rows(`select count(*) from ledger_meta`)) }
	before := folds()
	h.fold()
	if after := folds(); after != before {
		t.Errorf("a fold of nothing wrote: %s -> %s", before, after)
	}
	h.opt.Prices = h.opt.Prices[:1]
	h.opt.Prices[0].Input = "4"
	h.fold()
	h.expect(`select id, input from prices`, "anthropic/claude-opus-5 | 4.0000000000")
	h.expect(`select count(*) from duckdb_columns() where table_name = 'prices' and comment is null`, "0")
	h.expect(`select diff_usd from repriced(since := date '2026-11-01') where model like 'claude%'`, "-0.0002000000")
}
