package pricing

import "testing"

// beside makes a case bill parts beside its top level.
func beside(more func(*Query), parts ...Iteration) func(*Query) {
	return func(q *Query) {
		if more != nil {
			more(q)
		}
		q.Iterations = parts
	}
}

// Iterations of the cases below. On Opus 5.5 the compaction costs 2000 x 4 = 0.008 and
// 300 x 20 = 0.006, together 0.014; on Haiku 4.5 the advice costs 1000 x 1 = 0.001,
// 5000 x 0.1 = 0.0005 and 200 x 5 = 0.001, together 0.0025; on Fable 5.1 the declined hop costs
// 1000 x 10 = 0.01 and 10 x 50 = 0.0005, together 0.0105.
func compaction() Iteration { return Iteration{Usage: Usage{Input: 2000, Output: 300}} }

func advice() Iteration {
	return Iteration{Model: "claude-haiku-4-5", Usage: Usage{Input: 1000, CacheRead: 5000, Output: 200}}
}

func declined() Iteration {
	return Iteration{Model: "claude-fable-5-1", Usage: Usage{Input: 1000, Output: 10}}
}

func TestIterationsArePricedAtTheirOwnModel(t *testing.T) {
	b := embeddedBook(t)
	const opus, haiku = "anthropic/claude-opus-5-5@2026-09-22", "anthropic/claude-haiku-5-5@2026-10-07"
	nobody := Iteration{Model: "claude-nova-9", Usage: Usage{Input: 1}}
	both := func(q *Query) { batch(q); inUS(q) }
	for _, c := range []struct {
		golden
		costs string // list price of each iteration
		ids   []string
	}{
		// 0.0362 + 0.014 = 0.0502; uncached 0.1076 + 0.014 = 0.1216
		{golden{"compaction", "anthropic claude-opus-5-5", "", turn(), beside(nil, compaction()), opus, "0.004 0.004 0.0182 0.01 0.014", "0.0502 0.0502 0.1216"}, "0.014", []string{opus}},
		// 0.0362 + 0.0025 = 0.0387; 0.1076 + 0.0025 = 0.1101
		{golden{"an adviser", "anthropic claude-opus-5-5", "", turn(), beside(nil, advice()), opus, "0.004 0.004 0.0182 0.01 0.0025", "0.0387 0.0387 0.1101"}, "0.0025", []string{"anthropic/claude-haiku-4-5"}},
		// 0.0362 + 0.0105 = 0.0467; 0.1076 + 0.0105 = 0.1181
		{golden{"a hop that declined", "anthropic claude-opus-5-5", "", turn(), beside(nil, declined()), opus, "0.004 0.004 0.0182 0.01 0.0105", "0.0467 0.0467 0.1181"}, "0.0105", []string{"anthropic/claude-fable-5-1"}},
		// other 2 x 0.01 + 0.014 + 0.0025 = 0.0365; 0.0362 + 0.0365 = 0.0727; paid x 0.8 = 0.05816; 0.1076 + 0.0365 = 0.1441
		{
			golden{"two of them, searches, a multiplier", "anthropic claude-opus-5-5", "", Usage{1000, 20000, 3000, 400, 500, 2}, beside(multiplied("0.8"), compaction(), advice()), opus, "0.004 0.004 0.0182 0.01 0.0365", "0.0727 0.05816 0.1441"},
			"0.014 0.0025",
			[]string{opus, "anthropic/claude-haiku-4-5"},
		},
		{golden{"a flat fee", "anthropic claude-opus-5-5", "", turn(), beside(func(q *Query) { q.FlatFee = true }, compaction()), opus, "0.004 0.004 0.0182 0.01 0.014", "0.0502 0 0.1216"}, "0.014", []string{opus}},
		// 0.014 / 2 x 1.1 = 0.0077; 0.0362 / 2 x 1.1 = 0.01991, parts 0.0022 0.0022 0.01001 0.0055; 0.1076 / 2 x 1.1 = 0.05918
		{golden{"batch and us hold for all", "anthropic claude-opus-5-5", "", turn(), beside(both, compaction()), opus, "0.0022 0.0022 0.01001 0.0055 0.0077", "0.02761 0.02761 0.06688"}, "0.0077", []string{opus}},
		// fast: 2000 x 8 + 300 x 40 = 0.016 + 0.012 = 0.028; the adviser is not known to have been fast: 0.0025
		// other 0.0305; 0.0724 + 0.0305 = 0.1029; 0.2152 + 0.0305 = 0.2457
		{golden{"fast is the model that served", "anthropic claude-opus-5-5", "", turn(), beside(fast, compaction(), advice()), opus, "0.008 0.008 0.0364 0.02 0.0305", "0.1029 0.1029 0.2457"}, "0.028 0.0025", []string{opus, "anthropic/claude-haiku-4-5"}},
		// top 99999 x 0.1 = 0.0099999; compaction 100001 x 0.5 = 0.0500005; sum 0.0600004
		{golden{"each has a tier of its own", "anthropic claude-haiku-5-5", "", Usage{Input: 99999}, beside(nil, Iteration{Usage: Usage{Input: 100001}}), haiku, "0.0099999 0 0 0 0.0500005", "0.0600004 0.0600004 0.0600004"}, "0.0500005", []string{haiku}},
		// top 100001 x 0.5 = 0.0500005; compaction 100 x 0.1 = 0.00001
		{golden{"and the other way round", "anthropic claude-haiku-5-5", "", Usage{Input: 100001}, beside(nil, Iteration{Usage: Usage{Input: 100}}), haiku, "0.0500005 0 0 0 0.00001", "0.0500105 0.0500105 0.0500105"}, "0.00001", []string{haiku}},
		// 10000 x 0.2 = 0.002 until midnight, x 0.1 = 0.001 after; top 1000 x 5 = 0.005
		{golden{"before a change at midnight", "anthropic claude-opus-4-8", "2026-10-06T23:59:59Z", Usage{Input: 1000}, beside(nil, Iteration{Model: "claude-sonnet-5-5", Usage: Usage{CacheRead: 10000}}), "anthropic/claude-opus-4-8", "0.005 0 0 0 0.002", "0.007 0.007 0.007"}, "0.002", []string{"anthropic/claude-sonnet-5-5"}},
		{golden{"after it", "anthropic claude-opus-4-8", "2026-10-07T00:00:00Z", Usage{Input: 1000}, beside(nil, Iteration{Model: "claude-sonnet-5-5", Usage: Usage{CacheRead: 10000}}), "anthropic/claude-opus-4-8", "0.005 0 0 0 0.001", "0.006 0.006 0.006"}, "0.001", []string{"anthropic/claude-sonnet-5-5@2026-10-07"}},
		// at peak 1000 x 0.3 = 0.0003 and 1000 x 0.3 = 0.0003
		{golden{"peak hours hold for all", "deepseek deepseek-flash", "2026-11-26T02:00:00Z", Usage{Input: 1000}, beside(nil, Iteration{Usage: Usage{Input: 1000}}), "deepseek/deepseek-flash@2026-09-10", "0.0003 0 0 0 0.0003", "0.0006 0.0006 0.0006"}, "0.0003", []string{"deepseek/deepseek-flash@2026-09-10"}},
		// dated: 1000 x 1 = 0.001
		{golden{"a dated name", "anthropic claude-opus-4-8", "", Usage{Input: 1000}, beside(nil, Iteration{Model: "claude-haiku-4-5-20251001", Usage: Usage{Input: 1000}}), "anthropic/claude-opus-4-8", "0.005 0 0 0 0.001", "0.006 0.006 0.006"}, "0.001", []string{"anthropic/claude-haiku-4-5"}},
		// one hour: 1000 x 8 = 0.008
		{golden{"an hour's writes", "anthropic claude-opus-5-5", "", Usage{}, beside(nil, Iteration{Usage: Usage{CacheWrite1h: 1000}}), opus, "0 0 0 0 0.008", "0.008 0.008 0.008"}, "0.008", []string{opus}},
		{golden{"a part without a price", "anthropic claude-opus-5-5", "", turn(), beside(nil, compaction(), nobody), opus, "0.004 0.004 0.0182 0.01 -", "- - -"}, "0.014 -", []string{opus, ""}},
		{golden{"a part without a price and without tokens", "anthropic claude-opus-5-5", "", turn(), beside(nil, Iteration{Model: "claude-nova-9"}), opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.0362 0.1076"}, "0", []string{""}},
		{golden{"a part with a class without a price", "moonshot kimi-k3", "", Usage{Input: 1000}, beside(nil, Iteration{Usage: Usage{CacheWrite5m: 1}}), "moonshot/kimi-k3@2026-07-16", "0.003 0 0 0 -", "- - -"}, "-", []string{"moonshot/kimi-k3@2026-07-16"}},
		{golden{"nobody served, an adviser did", "anthropic claude-nova-9", "", turn(), beside(nil, advice()), "", unpriced, "- - -"}, "0.0025", []string{"anthropic/claude-haiku-4-5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, b)
			q := c.query(t)
			got := b.Price(&q).Iterations
			if len(got) != len(c.ids) {
				t.Fatalf("%d iterations, want %d", len(got), len(c.ids))
			}
			amounts := make([]USD, len(got))
			for i, it := range got {
				amounts[i] = it.List
				if it.PriceID != c.ids[i] {
					t.Errorf("iteration %d: price id %q, want %q", i, it.PriceID, c.ids[i])
				}
			}
			if costs := short(amounts...); costs != c.costs {
				t.Errorf("iterations cost %s, want %s", costs, c.costs)
			}
		})
	}
}

func TestIterationsTakeTheOverridesOfTheProfile(t *testing.T) {
	b, err := embeddedBook(t).With([]Row{{ID: "home-haiku", Profile: "home", Provider: "anthropic", ModelMatch: "claude-haiku-4-5", Input: "2", Output: "2"}})
	if err != nil {
		t.Fatal(err)
	}
	// 1000 x 5 = 0.005; 1000 x 2 = 0.002 for home
	golden{
		"home", "anthropic claude-opus-4-8", "",
		Usage{Input: 1000},
		beside(nil, Iteration{Model: "claude-haiku-4-5", Usage: Usage{Input: 1000}}),
		"anthropic/claude-opus-4-8", "0.005 0 0 0 0.002", "0.007 0.007 0.007",
	}.run(t, b)
}

// A provider that tells only the sum of the cache writes leaves the division to the request's
// own time to live: the meter books the sum as five minutes or as an hour, and says so.
func TestASumOfCacheWritesWithoutADivision(t *testing.T) {
	b := embeddedBook(t)
	const opus = "anthropic/claude-opus-5-5@2026-09-22"
	for _, g := range []golden{
		// 3400 x 5 = 0.017; uncached 3400 x 4 = 0.0136
		{"all for five minutes", "anthropic claude-opus-5-5", "", Usage{0, 0, 3400, 0, 0, 0}, nil, opus, "0 0 0.017 0 0", "0.017 0.017 0.0136"},
		// 3400 x 8 = 0.0272
		{"all for an hour", "anthropic claude-opus-5-5", "", Usage{0, 0, 0, 3400, 0, 0}, nil, opus, "0 0 0.0272 0 0", "0.0272 0.0272 0.0136"},
		// 3000 x 5 + 400 x 8 = 0.015 + 0.0032 = 0.0182
		{"divided", "anthropic claude-opus-5-5", "", Usage{0, 0, 3000, 400, 0, 0}, nil, opus, "0 0 0.0182 0 0", "0.0182 0.0182 0.0136"},
		// a provider without a price for an hour: 10 x 0.375 = 0.00000375 is known, 10 for an hour are not
		{"five minutes only", "minimax MiniMax-M2.7", "", Usage{0, 0, 10, 0, 0, 0}, nil, "minimax/MiniMax-M2.7", "0 0 0.00000375 0 0", "0.00000375 0.00000375 0.000003"},
		{"an hour is not known", "minimax MiniMax-M2.7", "", Usage{0, 0, 10, 10, 0, 0}, nil, "minimax/MiniMax-M2.7", "0 0 - 0 0", "- - -"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}
