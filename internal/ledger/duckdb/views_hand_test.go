package duckdb

import (
	"fmt"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// at is an instant of 20 November 2026, UTC.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-11-20 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// turn is a good exchange of a session at claude-opus-5 (5 USD per million tokens in, 25 out, 0.5 read, 6.25 and 10 written) with
// nothing but what is given; its cost is left to the tests that need it.
func turn(n int, clock, session string, usage stream.Usage) *ledger.Entry {
	e := &ledger.Entry{}
	e.Reset()
	e.RequestID, e.StartedAt, e.Source = fmt.Sprintf("01K%023d", n), at(clock), "proxy"
	e.EndedAt = e.StartedAt.Add(10 * time.Second)
	e.SessionID, e.Profile, e.Provider = session, "work", "anthropic"
	e.Operation, e.RequestModel, e.UpstreamModel, e.ResponseModel = "messages", "claude-opus-5", "claude-opus-5", "claude-opus-5"
	e.HTTPStatus, e.Outcome, e.UsageSource, e.Usage, e.PromptTokens = 200, "ok", "final", usage, usage.Prompt()
	e.PriceID = "anthropic/claude-opus-5"
	return e
}

// tokens is a usage of input, cache reads, five-minute and one-hour writes, and output.
func tokens(in, read, write5m, write1h, out stream.Count) stream.Usage {
	u := stream.NoUsage()
	u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite5m, u.CacheWrite1h, u.Output = in, read, write5m+write1h, write5m, write1h, out
	return u
}

func costs(e *ledger.Entry, input, read, write, output, other, uncached ledger.Money) *ledger.Entry {
	e.CostInput, e.CostCacheRead, e.CostCacheWrite, e.CostOutput, e.CostOther = input, read, write, output, other
	e.CostList = input + read + write + output + other
	e.Cost, e.CostUncached = e.CostList, uncached
	return e
}

func (h *home) correct(c ...*ledger.Correction) {
	h.t.Helper()
	for _, c := range c {
		if err := h.journal.Correct(c); err != nil {
			h.t.Fatal(err)
		}
	}
	h.fold()
}

const november = ` since := date '2026-11-01'`

func TestTheNewestCorrectionOfARowCounts(t *testing.T) {
	h := sample(t)
	id := func(n int) string { return fmt.Sprintf("01K%023d", n) }
	correction := func(n int, after time.Duration, m ledger.Money) *ledger.Correction {
		return &ledger.Correction{
			RequestID: id(n), CorrectedAt: noon.Add(after), Reason: "reprice", PriceID: "new", CostInput: m, CostCacheRead: 0, CostCacheWrite: 0,
			CostOutput: 0, CostOther: 0, CostList: m, Cost: 2 * m, CostUncached: 3 * m,
		}
	}
	unknown := &ledger.Correction{RequestID: id(2), CorrectedAt: noon.Add(3 * time.Hour), Reason: "reprice"}
	for _, m := range []*ledger.Money{
		&unknown.CostInput, &unknown.CostCacheRead, &unknown.CostCacheWrite, &unknown.CostOutput, &unknown.CostOther, &unknown.CostList, &unknown.Cost, &unknown.CostUncached,
	} {
		*m = ledger.NoMoney
	}
	// The newer instant wins, not the later line; of two at one instant the later line.
	h.correct(correction(1, 2*time.Hour, 10_000_000_000), correction(1, time.Hour, 70_000_000_000), correction(2, time.Hour, 90_000_000_000), unknown,
		correction(4, time.Hour, 50_000_000_000), correction(4, time.Hour, 20_000_000_000))
	h.expect(`select right(request_id, 1), price_id, cost_input_usd, cost_list_usd, cost_usd, cost_uncached_usd, corrected_at from priced where cost_usd is not null or corrected_at is not null order by 1`,
		"1 | new | 1.0000000000 | 1.0000000000 | 2.0000000000 | 3.0000000000 | 2026-11-20T14:00",
		"2 | <nil> | <nil> | <nil> | <nil> | <nil> | 2026-11-20T15:00",
		"4 | new | 2.0000000000 | 2.0000000000 | 4.0000000000 | 6.0000000000 | 2026-11-20T13:00")
	h.expect(`select count(*), count(distinct request_id) from priced`, "5 | 5")
	h.expect(`select cost_usd from requests where request_id = '`+id(1)+`'`, "0.0148750000")
	// Whatever shows money shows the corrected sums.
	for _, query := range []string{
		`select sum(cost_usd), sum(unpriced) from spend(` + november + `)`, `select sum(cost_usd), sum(unpriced) from daily`,
		`select sum(cost_usd), sum(unpriced) from sessions`, `select sum(cost_usd), sum(unpriced) from sessions(` + november + `)`,
		`select sum(cost_usd), sum(unpriced) from blocks(` + november + `)`,
	} {
		h.expect(query, "6.0000000000 | 1")
	}
	h.expect(`select sum(saved_usd), sum(unpriced) from cache_efficiency(`+november+`)`, "6.0000000000 | 3") // a price that is not in the book values no write
	h.expect(`select sum(stored_list_usd) from repriced(`+november+`)`, "3.0000000000")
	h.expect(`select sum(cost_list_usd) from what_if('kimi-k3', 'moonshot',`+november+`)`, "3.0000000000")
	h.expect(`select model, why from unpriced`, "claude-opus-5 | no row")
}

func TestACorrectionTakesTheDifferenceAway(t *testing.T) {
	h := sample(t)
	h.opt.Prices[0].Input = "4"
	h.fold()
	// 200 input tokens at 1 USD less per million.
	h.expect(`select model, diff_usd from repriced(`+november+`) where diff_usd is not null`, "claude-opus-5 | -0.0002000000")
	for n := 1; n <= 2; n++ {
		h.correct(&ledger.Correction{
			RequestID: fmt.Sprintf("01K%023d", n), CorrectedAt: noon, Reason: "reprice", PriceID: "anthropic/claude-opus-5",
			CostInput: 4_000_000, CostCacheRead: 5_000_000, CostCacheWrite: 26_250_000, CostOutput: 12_500_000, CostOther: 100_000_000,
			CostList: 147_750_000, Cost: 147_750_000, CostUncached: 168_500_000,
		})
	}
	h.expect(`select model, requests, diff_usd from repriced(`+november+`) where diff_usd is not null`, "claude-opus-5 | 2 | 0.0000000000")
}

// Request 1: 1,000 in at 5 and 10 out at 25 = 0.00525; beside it a compaction of its own model, 100 in = 0.0005, and an adviser that
// is kimi-k3 in the peak hours of a Tuesday, 1,000 in at 3 and nothing else that has a peak price = 0.003. In all 0.00875.
// Request 2: the same top level; its iteration has a model that nobody prices.
func TestIterationsArePricedAtTheirOwnModels(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = book()
	h.opt.Prices[1].Provider = "anthropic"
	one := costs(turn(1, "02:00:00", "s", tokens(1000, 0, 0, 0, 10)), 50_000_000, 0, 0, 2_500_000, 35_000_000, 87_500_000)
	one.StartedAt = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	one.Iterations = []ledger.Iteration{
		{Type: "compaction", Usage: tokens(100, 0, 0, 0, 0), PriceID: "anthropic/claude-opus-5", CostList: 5_000_000},
		{Type: "advisor_message", Model: "kimi-k3", Usage: tokens(1000, 0, 0, 0, 0), PriceID: "moonshot/kimi-k3", CostList: 30_000_000},
	}
	two := turn(2, "12:00:00", "s", tokens(1000, 0, 0, 0, 10))
	two.CostInput, two.CostCacheRead, two.CostCacheWrite, two.CostOutput = 50_000_000, 0, 0, 2_500_000
	two.Iterations = []ledger.Iteration{{Type: "advisor_message", Model: "oracle-1", Usage: tokens(500, 50, 0, 0, 7), CostList: ledger.NoMoney}}
	h.close(one, two)
	h.fold()
	h.expect(`select right(request_id, 1), len(iterations), iterations[1].type, iterations[1].input_tokens, iterations[-1].model, iterations[-1].cost_list_usd from priced order by 1`,
		"1 | 2 | compaction | 100 | kimi-k3 | 0.0030000000", "2 | 1 | advisor_message | 500 | oracle-1 | <nil>")
	h.expect(`select stored_price_id, requests, stored_list_usd, new_list_usd, diff_usd, still_unpriced from repriced(`+november+`)`,
		"anthropic/claude-opus-5 | 2 | 0.0087500000 | 0.0087500000 | 0.0000000000 | 1")
	h.expect(`select provider, model, requests, prompt_tokens, output_tokens, why from unpriced`, "anthropic | oracle-1 | 1 | 550 | 7 | no row")
	h.expect(`select requests, unpriced, cost_list_usd from spend(grain := 'all',`+november+`)`, "2 | 1 | 0.0087500000")
	// All of it as kimi-k3 outside its peak: not what happened to request 1, whose 2,100 tokens fall into it.
	h.expect(`select was_model, requests, what_if_usd, not_compared from what_if('kimi-k3', 'anthropic',`+november+`)`, "claude-opus-5 | 2 | 0.0015730000 | 2")
}

func TestRowsThatLackAPriceForAKindOfTokenAreNamed(t *testing.T) {
	h := newHome(t)
	e := turn(1, "12:00:00", "s", tokens(10, 0, 20, 0, 5))
	e.CostInput, e.CostCacheRead, e.CostOutput, e.CostOther = 1, 0, 1, 0
	h.close(e)
	h.fold()
	h.expect(`select model, requests, prompt_tokens, why from unpriced`, "claude-opus-5 | 1 | 30 | no price for cache writes")
}

// Written and never read, by hand. Session a: request 1 writes 1,000 (5 minutes) and 2,000 (1 hour); request 2, four minutes later,
// reads 2,500, so that 500 of the short ones were in vain; what it writes, 400, is read by nobody. Request 3 comes two hours later
// and reads nothing. Lost: 900 x (6.25 - 5) = 0.001125. Session b: the same writes, and the reader is another model: all in vain:
// 1,000 x 1.25 + 2,000 x (10 - 5) = 0.01125. Sessions c and d: 1,000 written and read again after five minutes is not too late, a second
// more is: 0.00125. A request without a session tells nothing.
func TestCacheWritesThatNobodyReadAreValued(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = book()
	other := turn(5, "12:01:00", "b", tokens(0, 3000, 0, 0, 1))
	other.RequestModel, other.UpstreamModel = "claude-haiku", "claude-haiku"
	h.close(
		costs(turn(1, "12:00:00", "a", tokens(100, 0, 1000, 2000, 1)), 0, 0, 0, 0, 0, 7),
		costs(turn(2, "12:04:00", "a", tokens(100, 2500, 400, 0, 1)), 0, 0, 0, 0, 0, 5),
		costs(turn(3, "14:04:00", "a", tokens(100, 0, 0, 0, 1)), 0, 0, 0, 0, 0, 0),
		turn(4, "12:00:00", "b", tokens(100, 0, 1000, 2000, 1)), other,
		turn(6, "12:00:00", "", tokens(100, 0, 9000, 0, 1)),
		turn(7, "13:00:00", "c", tokens(100, 0, 1000, 0, 1)), turn(8, "13:05:01", "c", tokens(100, 1000, 0, 0, 1)),
		turn(9, "13:00:00", "d", tokens(100, 0, 1000, 0, 1)), turn(10, "13:05:00", "d", tokens(100, 1000, 0, 0, 1)),
	)
	h.fold()
	h.expect(`select profile, model, requests, prompt_tokens, cache_read_tokens, cache_write_tokens, round(cache_hit_ratio, 6), saved_usd, never_read_tokens, never_read_usd, unpriced from cache_efficiency(`+november+`)`,
		"work | claude-opus-5 | 10 | 25800 | 7500 | 17400 | 0.290698 | 0.0000000012 | 4900 | 0.0136250000 | 7")
}

// Breaks, by hand: request 2 comes six minutes after 1, whose five-minute entry is gone: 2,000 tokens are written again at 6.25
// instead of read at 0.5 = 0.0115. Request 3 reads 500 of 2,100 after ten seconds: the prefix changed; 1,600 at plain input,
// 5 - 0.5 = 0.0072. Request 4 is served elsewhere, at a price without cache reads. Request 5 goes on where 4 ended: no break.
// Request 6 misses by 1,000 tokens, which is below what counts. Sub-agent and background calls have prefixes of their own.
func TestCacheBreaksHaveACauseAndAPrice(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = book()
	four := turn(4, "12:06:20", "a", tokens(4000, 0, 0, 0, 1))
	four.Profile, four.Provider, four.UpstreamModel, four.ResponseModel, four.PriceID = "kimi", "moonshot", "kimi-k3", "kimi-k3", "moonshot/kimi-k3"
	agent := turn(7, "12:00:05", "a", tokens(5000, 0, 0, 0, 1))
	agent.AgentID = "agent-1"
	background := turn(8, "12:00:06", "a", tokens(5000, 0, 0, 0, 1))
	background.RequestClass = "auxiliary"
	failed := turn(9, "12:06:02", "a", stream.NoUsage())
	failed.Outcome, failed.UsageSource = "error", "none"
	h.close(
		turn(1, "12:00:00", "a", tokens(100, 0, 2000, 0, 1)), agent, background,
		turn(2, "12:06:01", "a", tokens(100, 0, 2100, 0, 1)), failed,
		turn(3, "12:06:11", "a", tokens(1700, 500, 0, 0, 1)),
		four,
		turn(5, "12:06:30", "b", tokens(10, 0, 4000, 0, 1)),
		turn(6, "12:06:40", "b", tokens(1000, 3000, 0, 0, 1)),
	)
	h.fold()
	const columns = `select right(request_id, 1), cause, idle_s, cached_before_tokens, cache_read_tokens, rebilled_tokens, extra_usd, profile, prev_profile`
	want := []string{
		"2 | cache expired | 361 | 2000 | 0 | 2000 | 0.0115000000 | work | work",
		"3 | prefix changed | 10 | 2100 | 500 | 1600 | 0.0072000000 | work | work",
	}
	h.expect(columns+` from cache_breaks order by 1`, want...)
	h.expect(columns+` from cache_breaks(`+november+`) order by 1`, want...)
	h.expect(columns+` from cache_breaks(since := timestamptz '2026-11-20 12:06:05+00') order by 1`, want[1])
}

func TestASwitchOfProfilesBreaksTheCache(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = book()
	hour := turn(4, "14:30:00", "b", tokens(100, 0, 0, 5000, 1))
	switched := turn(2, "12:00:10", "a", tokens(3000, 0, 0, 0, 1))
	switched.Profile, switched.Provider, switched.UpstreamModel, switched.ResponseModel, switched.PriceID = "kimi", "moonshot", "kimi-k3", "kimi-k3", "moonshot/kimi-k3"
	h.close(
		turn(1, "12:00:00", "a", tokens(100, 0, 2000, 0, 1)), switched,
		turn(3, "14:00:00", "b", tokens(100, 0, 0, 5000, 1)), hour, // half an hour: an entry of one hour is alive, so the prefix changed
		turn(5, "15:30:01", "b", tokens(100, 0, 0, 5000, 1)), // and after more than an hour it has expired
	)
	h.fold()
	// 2,000 at 1 instead of 0.1; 5,000 at 10 instead of 0.5.
	h.expect(`select right(request_id, 1), cause, rebilled_tokens, extra_usd, profile, prev_profile from cache_breaks order by 1`,
		"2 | profile switched | 2000 | 0.0018000000 | kimi | work", "4 | prefix changed | 5000 | 0.0475000000 | work | work",
		"5 | cache expired | 5000 | 0.0475000000 | work | work")
}
