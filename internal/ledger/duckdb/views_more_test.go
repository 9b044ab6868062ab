package duckdb

import (
	"fmt"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/stream"
)

// limited is a turn whose provider named the end of the five-hour window.
func limited(n int, clock, reset string, used float64) *ledger.Entry {
	e := costs(turn(n, clock, "a", tokens(10, 0, 0, 0, 1)), 10_000_000_000, 0, 0, 0, 0, 10_000_000_000)
	e.RL5hUsed, e.RL5hResetAt = used, at(reset)
	return e
}

// Windows, by hand. The rate is what was spent by the hours from the beginning of the window to the last byte: 3,550, 3,610, 18,009
// and 1,810 seconds. Profile work: the provider says 15:00, give or take some seconds, so 10:00 to 15:00; the request of 11:00 says
// nothing and lies in it. Nothing was heard of a window of 16:20: one is derived, from 16:00. At 21:30 the next begins, at 21:00.
// Profile kimi never says anything: 09:59 opens 09:00 to 14:00, 14:00:00 is the first instant of the next.
func TestBlocksFollowTheProviderAndElseTheFullHour(t *testing.T) {
	h := newHome(t)
	silent := func(n int, clock, profile string) *ledger.Entry {
		e := costs(turn(n, clock, "a", tokens(10, 0, 0, 0, 1)), 10_000_000_000, 0, 0, 0, 0, 10_000_000_000)
		e.Profile = profile
		return e
	}
	unpriced := turn(9, "15:00:00", "a", tokens(10, 0, 0, 0, 1))
	unpriced.Profile, unpriced.PriceID = "kimi", ""
	h.close(
		limited(1, "10:00:30", "15:00:20", 0.1), silent(2, "11:00:00", "work"), limited(3, "14:59:59", "14:59:40", 0.9),
		silent(4, "16:20:00", "work"), silent(5, "20:59:59", "work"), silent(6, "21:30:00", "work"),
		silent(7, "09:59:00", "kimi"), silent(8, "14:00:00", "kimi"), unpriced,
	)
	h.fold()
	const query = `select profile, block_start, block_end, source, first_at, last_at, requests, unpriced, prompt_tokens, output_tokens, cost_usd, used, round(usd_per_hour, 6), is_active
		from blocks(` + november + `) order by profile, block_start`
	want := []string{
		"kimi | 2026-11-20T09:00 | 2026-11-20T14:00 | derived | 2026-11-20T09:59 | 2026-11-20T09:59 | 1 | 0 | 10 | 1 | 1.0000000000 | <nil> | 1.014085 | false",
		"kimi | 2026-11-20T14:00 | 2026-11-20T19:00 | derived | 2026-11-20T14:00 | 2026-11-20T15:00 | 2 | 1 | 20 | 2 | 1.0000000000 | <nil> | 0.99723 | false",
		"work | 2026-11-20T10:00 | 2026-11-20T15:00 | header | 2026-11-20T10:00 | 2026-11-20T15:00 | 3 | 0 | 30 | 3 | 3.0000000000 | 0.9 | 0.5997 | false",
		"work | 2026-11-20T16:00 | 2026-11-20T21:00 | derived | 2026-11-20T16:20 | 2026-11-20T21:00 | 2 | 0 | 20 | 2 | 2.0000000000 | <nil> | 0.3998 | false",
		"work | 2026-11-20T21:00 | 2026-11-21T02:00 | derived | 2026-11-20T21:30 | 2026-11-20T21:30 | 1 | 0 | 10 | 1 | 1.0000000000 | <nil> | 1.98895 | false",
	}
	h.expect(query, want...)
	// A zone of half hours moves no window.
	db := h.read("Asia/Kolkata")
	_, rows, err := Query(t.Context(), db, `select count(distinct block_start), min(epoch(block_start)::bigint % 3600), max(epoch(block_start)::bigint % 3600) from blocks(`+november+`)`, nil)
	if err != nil || fmt.Sprint(rows) != "[[5 0 0]]" {
		t.Errorf("in Kolkata: %v, %v", rows, err)
	}
}

func TestTheBlockOfThisMomentIsActive(t *testing.T) {
	h := newHome(t)
	e := turn(1, "10:00:00", "a", tokens(10, 0, 0, 0, 1))
	e.StartedAt = time.Now().UTC()
	e.EndedAt = e.StartedAt
	h.close(e)
	h.fold()
	h.expect(`select count(*) from blocks() where is_active`, "1")
}

func TestRepeatsOfTheClientPointAtWhatTheyRepeat(t *testing.T) {
	h := newHome(t)
	first := turn(1, "12:00:00", "a", stream.NoUsage())
	first.Outcome, first.ErrorType, first.HTTPStatus, first.UsageSource, first.PriceID = "error", "overloaded_error", 529, "none", ""
	again := costs(turn(2, "12:00:11", "a", tokens(10, 0, 0, 0, 1)), 500_000, 0, 0, 250_000, 0, 750_000)
	again.RetryOf, again.RetryCount, again.Profile = first.RequestID, 1, "kimi"
	stray := turn(3, "12:01:00", "b", tokens(10, 0, 0, 0, 1))
	stray.RetryCount = 2
	plain := turn(4, "12:02:00", "b", tokens(10, 0, 0, 0, 1))
	plain.RetryCount = 0
	h.close(first, again, stray, plain)
	h.fold()
	h.expect(`select right(request_id, 1), retry_count, outcome, profile, cost_usd, right(retry_of, 1), prev_profile, prev_outcome, prev_http_status, prev_error_type, prev_cost_usd, waited_ms from client_retries order by 1`,
		"2 | 1 | ok | kimi | 0.0000750000 | 1 | work | error | 529 | overloaded_error | <nil> | 1000",
		"3 | 2 | ok | work | <nil> | <nil> | <nil> | <nil> | <nil> | <nil> | <nil> | <nil>")
}

// counted is a turn with what the provider reported beside what prism made of it.
func counted(n int, profile, raw string, usage stream.Usage, notes ...string) *ledger.Entry {
	e := costs(turn(n, "12:00:00", "a", usage), 0, 0, 0, 0, 0, 0)
	e.Profile, e.UsageRaw, e.UsageNotes = profile, []byte(raw), notes
	return e
}

// Claude-opus-5 costs 5 USD per million input tokens.
func TestProvidersThatCountTheCacheWithinTheInputAreFound(t *testing.T) {
	h := newHome(t)
	h.opt.Prices = book()
	n := 0
	next := func(profile, raw string, usage stream.Usage, notes ...string) {
		n++
		h.close(counted(n, profile, raw, usage, notes...))
	}
	for range 20 { // every answer fits both readings: 20 x 900 cached tokens are charged as input as well
		next("likely", `{"input_tokens":1000,"output_tokens":1}`, tokens(1000, 900, 0, 0, 1))
	}
	for range 19 {
		next("too-few", `{"input_tokens":1000,"output_tokens":1}`, tokens(1000, 900, 0, 0, 1))
	}
	// One more such answer, and one with more cached tokens than input.
	next("separate", `{"input_tokens":1000,"output_tokens":1}`, tokens(1000, 900, 0, 0, 1))
	next("separate", `{"input_tokens":10,"output_tokens":1}`, tokens(10, 900, 0, 0, 1))
	next("total-in", `{"input_tokens":1000,"output_tokens":5,"total_tokens":1005}`, tokens(1000, 300, 100, 0, 5))
	next("total-out", `{"input_tokens":1000,"output_tokens":5,"total_tokens":1405}`, tokens(1000, 300, 100, 0, 5))
	next("both", `{"input_tokens":1000,"output_tokens":5,"total_tokens":1005}`, tokens(1000, 300, 100, 0, 5))
	next("both", `{"input_tokens":10,"output_tokens":5}`, tokens(10, 300, 100, 0, 5))
	// prism subtracts, and is right; or wrong: 10 reported tokens became 0, 1,000 became 600.
	next("subtracts", `{"input_tokens":1000,"output_tokens":5,"total_tokens":1005}`, tokens(600, 300, 100, 0, 5), "cache_subtracted")
	next("subtracts-in-vain", `{"input_tokens":10,"output_tokens":5}`, tokens(0, 300, 100, 0, 5), "cache_subtracted")
	next("subtracts-in-vain", `{"input_tokens":1000,"output_tokens":5}`, tokens(600, 300, 100, 0, 5), "cache_subtracted")
	// Without cached tokens nothing can be told.
	next("none", `{"input_tokens":10,"output_tokens":5}`, tokens(10, 0, 0, 0, 5))
	imported := counted(n+1, "imported", `{"input_tokens":10}`, tokens(10, 900, 0, 0, 5))
	imported.Source = "import:claude-jsonl"
	h.close(imported)
	h.fold()
	h.expect(`select profile, requests, subtracted, proofs_separate, proofs_included, verdict, looks_wrong, change_usd, unpriced from cache_counting(`+november+`) order by profile`,
		"both | 2 | 0 | 1 | 1 | unclear | <nil> | <nil> | 0",
		"likely | 20 | 0 | 0 | 0 | looks_included | true | -0.0900000000 | 0",
		"separate | 2 | 0 | 1 | 0 | looks_separate | false | 0.0000000000 | 0",
		"subtracts | 1 | 1 | 0 | 1 | looks_included | false | 0.0000000000 | 0",
		"subtracts-in-vain | 2 | 2 | 1 | 0 | looks_separate | true | 0.0020500000 | 0",
		"too-few | 19 | 0 | 0 | 0 | unclear | <nil> | <nil> | 0",
		"total-in | 1 | 0 | 0 | 1 | looks_included | true | -0.0020000000 | 0",
		"total-out | 1 | 0 | 1 | 0 | looks_separate | false | 0.0000000000 | 0")
}

func TestSpendByEveryColumnAndPeriod(t *testing.T) {
	h := sample(t)
	for by, want := range map[string]string{
		"none": "all", "profile": "kimi lab work", "provider": "anthropic lab moonshot", "project": "<nil> prism", "session": "session-a session-b",
		"host": "<nil> box", "branch": "<nil> main", "source": "<nil> proxy", "tag:team": "<nil> blue", "tag:nobody": "<nil>",
	} {
		h.expect(`select string_agg(grp, ' ' order by grp) from (select distinct coalesce(grp, '<nil>') as grp from spend(by_col := '`+by+`',`+november+`))`, want)
	}
	for grain, want := range map[string]string{
		"hour": "2026-11-20T12:00", "day": "2026-11-20T00:00", "week": "2026-11-16T00:00", "month": "2026-11-01T00:00", "all": "<nil>",
	} {
		h.expect(`select min(period) from spend(grain := '`+grain+`',`+november+`)`, want)
	}
	h.expect(`select requests, cost_usd from spend(grain := 'all',`+november+`)`, "4 | 0.0297500000")
	// The end is not included.
	h.expect(`select requests from spend(grain := 'all',`+november+`, until := timestamptz '2026-11-20 23:30:00+00')`, "1")
	if _, _, err := Query(t.Context(), h.read(""), `from spend(by_col := 'colour',`+november+`)`, nil); err == nil {
		t.Error("an unknown column is passed over")
	}
}

func TestTheMacrosOfViewsLookAtLaterRowsOnly(t *testing.T) {
	h := sample(t)
	const later = `since := timestamptz '2026-11-20 20:00:00+00'`
	h.expect(`select session_id, requests, first_at from sessions(`+later+`) order by 1`, "session-a | 1 | 2026-11-20T23:30", "session-b | 2 | 2026-11-21T08:00")
	h.expect(`select count(*) from sessions`, "2")
}

func TestImportedRowsWithoutTimesAreNotInTheLatency(t *testing.T) {
	h := newHome(t)
	e := turn(1, "12:00:00", "a", tokens(10, 0, 0, 0, 1))
	e.Source, e.Stream = "import:claude-jsonl", true
	h.close(e)
	h.fold()
	h.expect(`select count(*) from latency(`+november+`)`, "0")
	h.expect(`select grp, requests from spend(grain := 'all', by_col := 'source',`+november+`)`, "import:claude-jsonl | 1")
}
