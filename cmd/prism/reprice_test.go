package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"iter"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"prism/internal/ledger"
	"prism/internal/pricing"
	"prism/internal/proxy"
	"prism/internal/stream"
)

// ledgerApp is an app with a home of its own and no gateway.
func ledgerApp(t *testing.T) (*app, room) {
	t.Helper()
	home := t.TempDir()
	env := map[string]string{
		"HOME": home, "TZ": "UTC", "XDG_CONFIG_HOME": filepath.Join(home, "c"), "XDG_DATA_HOME": filepath.Join(home, "d"),
		"XDG_STATE_HOME": filepath.Join(home, "s"), "XDG_RUNTIME_DIR": filepath.Join(home, "r"),
	}
	a := &app{out: io.Discard, err: io.Discard, getenv: func(k string) string { return env[k] }, format: formatCSV}
	a.now = func() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }
	r, err := a.room(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(r.paths.ConfigDir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.settings.AllowPlaintext = true
	profiles := "active: home\nprofiles:\n  - {name: home, base_url: https://a.example, auth: none}\n  - {name: work, base_url: https://b.example, auth: none, multiplier: 0.85}\n" +
		"prices:\n  - {provider: anthropic, model_match: \"claude-sonnet-4*\", input: 2.9, output: 14, effective_from: 2026-10-01}\n  - {profile: work, provider: deepseek, model_match: deepseek-flash, input: 0.1, output: 0.2, cache_read: 0.01}\n"
	if err := os.WriteFile(r.paths.Profiles, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	return a, r
}

// randomEntries are exchanges that nobody has priced yet: names with dates and suffixes, both sides
// of tiers, peak hours, all factors, unknown counts and parts beside the top level.
func randomEntries(n int) iter.Seq2[ledger.Appendable, error] {
	rnd := rand.New(rand.NewPCG(20261126, 3))
	pick := func(names ...string) string { return names[rnd.IntN(len(names))] }
	models := [][2]string{
		{"anthropic", "claude-haiku-5-5"},
		{"anthropic", "claude-opus-5-5"},
		{"anthropic", "claude-sonnet-5-5"},
		{"anthropic", "claude-sonnet-4-5-20250929"},
		{"anthropic", "claude-opus-4-8[1m]"},
		{"anthropic", "claude-3-5-haiku-20241022"},
		{"anthropic", "claude-nova-9"},
		{"deepseek", "deepseek-flash"},
		{"deepseek", "deepseek-v4-pro"},
		{"openai", "gpt-6-sol"},
		{"zai", "glm-5"},
		{"local", "qwen3-coder"},
	}
	usage := func() stream.Usage {
		u := stream.NoUsage()
		for _, c := range []*stream.Count{&u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h} {
			switch rnd.IntN(5) {
			case 0:
			case 1:
				*c = stream.Count(rnd.IntN(300_000))
			default:
				*c = stream.Count(rnd.IntN(3000))
			}
		}
		u.CacheWrite = written(&u)
		if rnd.IntN(10) == 0 {
			u.WebSearches = stream.Count(rnd.IntN(4))
		}
		return u
	}
	return func(yield func(ledger.Appendable, error) bool) {
		for i := range n {
			var e ledger.Entry
			e.Reset()
			m := models[rnd.IntN(len(models))]
			e.RequestID, e.Source, e.Operation, e.UsageSource = fmt.Sprintf("row-%06d", i), "import:test", ledger.OpMessages, ledger.UsageFinal
			e.StartedAt = time.Date(2026, 9, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(rnd.Int64N(int64(60 * 24 * time.Hour))).Truncate(time.Microsecond))
			e.EndedAt, e.Outcome = e.StartedAt.Add(time.Second), ledger.OutcomeOK
			e.Profile, e.Provider, e.ResponseModel = pick("home", "work"), m[0], m[1]
			e.Speed, e.ServiceTier, e.InferenceGeo = pick("", "", "standard", "fast"), pick("", "", "standard", "batch"), pick("", "", "global", "us")
			e.Usage = usage()
			e.PromptTokens = e.Usage.Prompt()
			for range rnd.IntN(3) * rnd.IntN(2) {
				u := usage()
				u.WebSearches = stream.Unknown
				e.Iterations = append(e.Iterations, ledger.Iteration{Type: "compaction", Model: pick("", m[1], "claude-haiku-4-5", "claude-sonnet-5-5", "claude-nova-9"), Usage: u, CostList: ledger.NoMoney})
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
}

// repricedSums are what the new costs of all models come to.
func repricedSums(t *testing.T, a *app, r room) (unknown int64, list string, diff string) {
	t.Helper()
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.QueryRowContext(t.Context(), "select sum(still_unpriced)::bigint, sum(new_list_usd)::varchar, coalesce(sum(diff_usd), 0)::varchar from repriced(timestamptz '2026-01-01')").Scan(&unknown, &list, &diff)
	if err != nil {
		t.Fatal(err)
	}
	return unknown, list, diff
}

func TestRepriceAgreesWithTheViewsToTheLastDigit(t *testing.T) {
	a, r := ledgerApp(t)
	const rows = 600
	if n, err := a.appendRecords(t.Context(), r, randomEntries(rows)); err != nil || n != rows {
		t.Fatalf("%d rows written, %v", n, err)
	}
	unknown, list, _ := repricedSums(t, a, r)
	o := repriceOptions{selection: selection{since: "2026-01-01"}, terms: termsStored, reason: "reprice", write: true}
	run := pass(t, a, r, o)
	if run.total.rows != rows || run.total.unpricedAfter != unknown || moneySum(&run.total.listAfter, run.total.knownListAfter) != list {
		t.Errorf("%d rows, %d without a price, list %s; the views say %d and %s", run.total.rows, run.total.unpricedAfter, moneySum(&run.total.listAfter, run.total.knownListAfter), unknown, list)
	}
	if unknown == 0 || unknown == rows {
		t.Errorf("%d of %d rows without a price prove little", unknown, rows)
	}
	if err := a.reprice(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
	if _, again, diff := repricedSums(t, a, r); again != list || new(big.Rat).SetInt64(0).Cmp(amount(diff)) != 0 {
		t.Errorf("after the corrections: list %s, want %s; the difference is %s, want 0", again, list, diff)
	}
	if run := pass(t, a, r, o); run.changed != 0 {
		t.Errorf("%d rows would change again", run.changed)
	}
}

// pass prices the ledger without writing.
func pass(t *testing.T, a *app, r room, o repriceOptions) *repricing {
	t.Helper()
	prices, err := a.pricer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	w, err := a.window(o.selection)
	if err != nil {
		t.Fatal(err)
	}
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run := &repricing{a: a, prices: prices, o: o, now: a.now()}
	if err := run.scan(context.WithoutCancel(t.Context()), db, w); err != nil {
		t.Fatal(err)
	}
	return run
}

func TestTermsOfARowAreThoseItWasPaidAt(t *testing.T) {
	usd := func(text string) ledger.Money { return ledger.Money(pricing.ParseUSD(text)) }
	for _, c := range []struct {
		name, list, paid string
		today, want      proxy.Terms
		known            bool
	}{
		{"today's, where they fit", "0.0362", "0.02896", proxy.Terms{Multiplier: "0.80"}, proxy.Terms{Multiplier: "0.80"}, true},
		{"none", "0.0362", "0.0362", proxy.Terms{Multiplier: "0.5"}, proxy.Terms{}, true},
		{"a flat fee", "0.0362", "0", proxy.Terms{Multiplier: "0.5"}, proxy.Terms{FlatFee: true}, true},
		{"a multiplier of then", "0.0362", "0.04525", proxy.Terms{FlatFee: true}, proxy.Terms{Multiplier: "1.25"}, true},
		{"a flat fee of today is not that of then", "0.0362", "0.0362", proxy.Terms{FlatFee: true}, proxy.Terms{}, true},
	} {
		got, known := storedTerms(&ledger.Correction{CostList: usd(c.list), Cost: usd(c.paid)}, c.today)
		if got != c.want || known != c.known {
			t.Errorf("%s: got %+v, %t; want %+v, %t", c.name, got, known, c.want, c.known)
		}
	}
}

func TestWhatAGoneProfilePaidForAnUnpricedRowIsNotKnown(t *testing.T) {
	book, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	p := &repricing{prices: pricer{book: book}, o: repriceOptions{terms: termsStored}}
	var e ledger.Entry
	e.Reset()
	e.Operation, e.UsageSource, e.Provider, e.ResponseModel = ledger.OpMessages, ledger.UsageFinal, "anthropic", "claude-opus-4-8"
	e.StartedAt, e.Usage.Input = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), 1000
	unpriced := correctionOf(&e)
	e.Profile = "gone"
	if p.price(&e, &unpriced); e.CostList != 50_000_000 || e.Cost.Known() { // 1000 x 5 per million
		t.Errorf("list %d, paid %d", e.CostList, e.Cost)
	}
	e.Profile = "" // imported rows belong to no profile, and to no agreement
	if p.price(&e, &unpriced); e.Cost != 50_000_000 {
		t.Errorf("paid %d without a profile", e.Cost)
	}
}

// An exchange whose first attempt reported its input before it broke: what was lost is paid, whatever the rest is priced at again.
func TestRepriceKeepsWhatLostAttemptsCost(t *testing.T) {
	a, r := ledgerApp(t)
	entries := func(yield func(ledger.Appendable, error) bool) {
		for i, lost := range []struct {
			profile string
			list    ledger.Money
		}{{"work", 1_000_000}, {"work", ledger.NoMoney}, {"gone", 1_000_000}} {
			var e ledger.Entry
			e.Reset()
			e.RequestID, e.Source, e.Operation, e.UsageSource = fmt.Sprintf("row-%d", i), "import:test", ledger.OpMessages, ledger.UsageFinal
			e.StartedAt = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
			e.EndedAt, e.Outcome, e.Profile, e.Provider, e.ResponseModel = e.StartedAt.Add(time.Second), ledger.OutcomeOK, "home", "anthropic", "claude-opus-5-5"
			e.Usage.Input, e.Usage.Output = 1000, 100
			e.PromptTokens = 1000
			first := ledger.Attempt{N: 1, Profile: lost.profile, StartedAt: e.StartedAt, Outcome: ledger.OutcomeTruncated, Usage: stream.NoUsage(), CostList: lost.list}
			first.Usage.Input = 1000
			e.Attempts = []ledger.Attempt{first, {N: 2, Profile: "home", StartedAt: e.StartedAt, Outcome: ledger.OutcomeOK, Usage: e.Usage, CostList: 9}}
			if !yield(&e, nil) {
				return
			}
		}
	}
	if n, err := a.appendRecords(t.Context(), r, entries); err != nil || n != 3 {
		t.Fatalf("%d rows written, %v", n, err)
	}
	o := repriceOptions{selection: selection{since: "2026-01-01"}, terms: termsStored, reason: "reprice", write: true}
	if err := a.reprice(t.Context(), r, o); err != nil {
		t.Fatal(err)
	}
	db, err := a.reader(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"row-0": "0.0000850000", "row-1": "", "row-2": ""} { // 0.85 of what was lost
		var over string
		if err := db.QueryRowContext(t.Context(), "select coalesce((cost_usd - cost_list_usd)::varchar, '') from priced where request_id = ?", id).Scan(&over); err != nil || over != want {
			t.Errorf("%s: %q is paid beside the list price, %v; want %q", id, over, err, want)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if run := pass(t, a, r, o); run.changed != 0 {
		t.Errorf("a second pass would change %d rows", run.changed)
	}
}

func TestRepriceKeepsAKnownCostWhereTheProfileOfALostAttemptIsGone(t *testing.T) {
	book, err := pricing.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, unset := range []bool{false, true} {
		p := &repricing{prices: pricer{book: book}, o: repriceOptions{terms: termsStored, unset: unset}}
		var row pricedRow
		row.entry.Reset()
		e := &row.entry
		e.Operation, e.UsageSource, e.Provider, e.ResponseModel = ledger.OpMessages, ledger.UsageFinal, "anthropic", "claude-opus-4-8"
		e.StartedAt, e.Usage.Input = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), 1000
		e.Attempts = []ledger.Attempt{{Profile: "gone", Usage: stream.NoUsage(), CostList: 1_000_000}, {Usage: e.Usage, CostList: 40_000_000}}
		e.Attempts[0].Usage.Input = 20
		row.money[5], row.money[6] = sql.NullString{String: "0.0040000000", Valid: true}, sql.NullString{String: "0.0041000000", Valid: true}
		if err := p.see(&row); err != nil {
			t.Fatal(err)
		}
		paid, lost := "0.0041000000", 1
		if unset {
			paid, lost = "", 0
		}
		if list := moneySum(&p.total.listAfter, p.total.knownListAfter); list != "0.0050000000" {
			t.Errorf("list price %s", list)
		}
		if got := moneySum(&p.total.paidAfter, p.total.knownPaidAfter); got != paid || p.lost != lost {
			t.Errorf("unset %v: paid %q, want %q; %d rows keep a cost", unset, got, paid, p.lost)
		}
	}
}

// What OpenRouter says that an answer costs is what was paid for it, whatever the price book says, and whenever it says something.
func TestRepriceLeavesAStatedCostAsItIs(t *testing.T) {
	a, r := ledgerApp(t)
	entries := func(yield func(ledger.Appendable, error) bool) {
		for i, notes := range [][]string{{"cost_stated"}, {"ttl_assumed", "cost_stated"}, {"ttl_assumed"}, nil} {
			var e ledger.Entry
			e.Reset()
			e.RequestID, e.Source, e.Operation, e.UsageSource = fmt.Sprintf("row-%d", i), "import:test", ledger.OpMessages, ledger.UsageFinal
			e.StartedAt = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
			e.EndedAt, e.Outcome, e.Profile, e.Provider, e.ResponseModel = e.StartedAt.Add(time.Second), ledger.OutcomeOK, "work", "anthropic", "claude-opus-5-5"
			e.Usage.Input, e.PromptTokens, e.UsageNotes = 1000, 1000, notes // 1000 x 4 per million, of which work pays 0.85
			if i < 2 {
				e.Cost = 125_000_000
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
	if n, err := a.appendRecords(t.Context(), r, entries); err != nil || n != 4 {
		t.Fatalf("%d rows written, %v", n, err)
	}
	for _, terms := range []string{termsStored, termsToday} {
		o := repriceOptions{selection: selection{since: "2026-01-01"}, terms: terms, reason: "reprice", write: true}
		if err := a.reprice(t.Context(), r, o); err != nil {
			t.Fatal(err)
		}
		db, err := a.reader(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{"row-0": "0.0125000000", "row-1": "0.0125000000", "row-2": "0.0034000000", "row-3": "0.0034000000"} {
			var list, paid string
			err := db.QueryRowContext(t.Context(), "select coalesce(cost_list_usd::varchar, ''), coalesce(cost_usd::varchar, '') from priced where request_id = ?", id).Scan(&list, &paid)
			if err != nil || paid != want || list != "0.0040000000" {
				t.Errorf("terms %s, %s: list %q, paid %q, %v; want %s", terms, id, list, paid, err, want)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if run := pass(t, a, r, o); run.changed != 0 {
			t.Errorf("terms %s: a second pass would change %d rows", terms, run.changed)
		}
	}
}
