package pricing

import (
	"math"
	"testing"
	"time"
)

func fast(q *Query)  { q.Speed = "fast" }
func batch(q *Query) { q.ServiceTier = "batch" }
func inUS(q *Query)  { q.InferenceGeo = "us" }

func multiplied(by string) func(*Query) {
	return func(q *Query) { q.Multiplier = by }
}

func TestFactorsOfTheRequestAreApplied(t *testing.T) {
	b := embeddedBook(t)
	const opus, haiku, kimi = "anthropic/claude-opus-5-5@2026-09-22", "anthropic/claude-haiku-5-5@2026-10-07", "moonshot/kimi-k3@2026-07-16"
	for _, g := range []golden{
		// 1000 x 8 = 0.008; 20000 x 0.4 = 0.008; 3000 x 10 + 400 x 16 = 0.03 + 0.0064 = 0.0364; 500 x 40 = 0.02
		// sum 0.0724; uncached 24400 x 8 + 0.02 = 0.1952 + 0.02 = 0.2152
		{"fast", "anthropic claude-opus-5-5", "", turn(), fast, opus, "0.008 0.008 0.0364 0.02 0", "0.0724 0.0724 0.2152"},
		// 1000 x 10 = 0.01; 20000 x 1 = 0.02; 3000 x 12.5 + 400 x 20 = 0.0375 + 0.008 = 0.0455; 500 x 50 = 0.025
		// sum 0.1005; uncached 24400 x 10 + 0.025 = 0.244 + 0.025 = 0.269
		{"fast opus 5", "anthropic claude-opus-5", "", turn(), fast, "anthropic/claude-opus-5@2026-07-24", "0.01 0.02 0.0455 0.025 0", "0.1005 0.1005 0.269"},
		{"fast opus 4.8", "anthropic claude-opus-4-8", "", turn(), fast, "anthropic/claude-opus-4-8", "0.01 0.02 0.0455 0.025 0", "0.1005 0.1005 0.269"},
		{"standard speed", "anthropic claude-opus-5-5", "", turn(), func(q *Query) { q.Speed = "standard" }, opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.0362 0.1076"},
		// no fast prices in the row: nothing is taken from the plain ones; searches 2 x 10 / 1000 = 0.02
		{"fast without fast prices", "anthropic claude-opus-4-7", "", Usage{10, 0, 0, 0, 10, 2}, fast, "anthropic/claude-opus-4-7", "- 0 0 - 0.02", "- - -"},
		// 1 x 10 / 1000 = 0.01
		{"fast without tokens", "anthropic claude-opus-4-7", "", Usage{0, 0, 0, 0, 0, 1}, fast, "anthropic/claude-opus-4-7", "0 0 0 0 0.01", "0.01 0.01 0.01"},
		// half of 0.004, 0.004, 0.0182, 0.01; 0.0362 / 2 = 0.0181; 0.1076 / 2 = 0.0538
		{"batch", "anthropic claude-opus-5-5", "", turn(), batch, opus, "0.002 0.002 0.0091 0.005 0", "0.0181 0.0181 0.0538"},
		{"standard service tier", "anthropic claude-opus-5-5", "", turn(), func(q *Query) { q.ServiceTier = "standard" }, opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.0362 0.1076"},
		// 1000 x 3 = 0.003; 1000 x 15 = 0.015
		{"batch without a multiplier", "moonshot kimi-k3", "", Usage{1000, 0, 0, 0, 1000, 0}, batch, kimi, "0.003 0 0 0.015 0", "0.018 0.018 0.018"},
		// 0.004 x 1.1 = 0.0044 twice; 0.0182 x 1.1 = 0.02002; 0.01 x 1.1 = 0.011; 0.0362 x 1.1 = 0.03982; 0.1076 x 1.1 = 0.11836
		{"us", "anthropic claude-opus-5-5", "", turn(), inUS, opus, "0.0044 0.0044 0.02002 0.011 0", "0.03982 0.03982 0.11836"},
		{"global", "anthropic claude-opus-5-5", "", turn(), func(q *Query) { q.InferenceGeo = "global" }, opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.0362 0.1076"},
		{"us without a multiplier", "moonshot kimi-k3", "", Usage{1000, 0, 0, 0, 1000, 0}, inUS, kimi, "0.003 0 0 0.015 0", "0.018 0.018 0.018"},
		// 1 x 0.01 per million = 1e-8, x 0.5 = 5e-9, x 1.1 = 5.5e-9; uncached 1e-7 x 0.5 x 1.1 = 5.5e-8
		{"batch in the us, one token", "anthropic claude-haiku-5-5", "", Usage{0, 1, 0, 0, 0, 0}, func(q *Query) { batch(q); inUS(q) }, haiku, "0 0.0000000055 0 0 0", "0.0000000055 0.0000000055 0.000000055"},
		// (0.008 + 0.02) x 1.1: 0.0088 + 0.022 = 0.0308
		{"fast in the us", "anthropic claude-opus-5-5", "", Usage{1000, 0, 0, 0, 500, 0}, func(q *Query) { fast(q); inUS(q) }, opus, "0.0088 0 0 0.022 0", "0.0308 0.0308 0.0308"},
		// 0.004 x 1.1 = 0.0044; 0.01 x 1.1 = 0.011; 7 x 0.01 = 0.07 without a factor; sum 0.0854
		{"searches know no factor", "anthropic claude-opus-5-5", "", Usage{1000, 0, 0, 0, 500, 7}, inUS, opus, "0.0044 0 0 0.011 0.07", "0.0854 0.0854 0.0854"},
		// 1000 x 3 = 0.003; no price for a search
		{"searches without a price", "moonshot kimi-k3", "", Usage{1000, 0, 0, 0, 0, 1}, nil, kimi, "0.003 0 0 0 -", "- - -"},
		// 0.0362 x 0.8 = 0.02896
		{"multiplier below one", "anthropic claude-opus-5-5", "", turn(), multiplied("0.8"), opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.02896 0.1076"},
		// 0.0362 x 1.25 = 0.04525
		{"multiplier above one", "anthropic claude-opus-5-5", "", turn(), multiplied("1.25"), opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0.04525 0.1076"},
		// (0.004 + 0.01) + 0.07 = 0.084; x 0.5 = 0.042: searches are paid by the same agreement
		{"multiplier and searches", "anthropic claude-opus-5-5", "", Usage{1000, 0, 0, 0, 500, 7}, multiplied("0.5"), opus, "0.004 0 0 0.01 0.07", "0.084 0.042 0.084"},
		// 0.0000000100 x 0.025 = 2.5e-10, rounded away from zero to 3e-10; uncached 1 x 0.1 = 1e-7
		{"multiplier rounds once", "anthropic claude-haiku-5-5", "", Usage{0, 1, 0, 0, 0, 0}, multiplied("0.025"), haiku, "0 0.00000001 0 0 0", "0.00000001 0.0000000003 0.0000001"},
		{"multiplier of zero", "anthropic claude-opus-5-5", "", turn(), multiplied("0"), opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0 0.1076"},
		{"multiplier that is none", "anthropic claude-opus-5-5", "", turn(), multiplied("0,8"), opus, "0.004 0.004 0.0182 0.01 0", "0.0362 - 0.1076"},
		{"flat fee", "anthropic claude-opus-5-5", "", turn(), func(q *Query) { q.FlatFee, q.Multiplier = true, "0.8" }, opus, "0.004 0.004 0.0182 0.01 0", "0.0362 0 0.1076"},
		{"flat fee without a row", "anthropic claude-nova-9", "", turn(), func(q *Query) { q.FlatFee = true }, "", unpriced, "- - -"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestWhatIsNotKnownIsNotZero(t *testing.T) {
	b := embeddedBook(t)
	const flash, pro = "deepseek/deepseek-flash@2026-09-10", "deepseek/deepseek-v4-pro"
	for _, g := range []golden{
		{"unknown model", "anthropic claude-nova-9", "", turn(), nil, "", unpriced, "- - -"},
		{"a known model elsewhere", "openrouter claude-opus-5-5", "", turn(), nil, "", unpriced, "- - -"},
		{"no provider", " claude-opus-5-5", "", turn(), nil, "", unpriced, "- - -"},
		{"no model", "anthropic ", "", turn(), nil, "", unpriced, "- - -"},
		{"case matters", "anthropic Claude-Opus-5-5", "", turn(), nil, "", unpriced, "- - -"},
		// 10 x 0.15 = 0.0000015; 5 writes have no price; 10 x 0.6 = 0.000006
		{"a class without a price", "deepseek deepseek-flash", "", Usage{10, 0, 5, 0, 10, 0}, nil, flash, "0.0000015 0 - 0.000006 0", "- - -"},
		{"one-hour writes without a price", "openai gpt-6-luna", "", Usage{0, 0, 0, 1, 0, 0}, nil, "openai/gpt-6-luna@2026-09-22", "0 0 - 0 0", "- - -"},
		// 8 x 0.1 = 0.0000008; 8 x 0.125 = 0.000001
		{"five-minute writes beside it", "openai gpt-6-luna", "", Usage{8, 0, 8, 0, 0, 0}, nil, "openai/gpt-6-luna@2026-09-22", "0.0000008 0 0.000001 0 0", "0.0000018 0.0000018 0.0000016"},
		{"no tokens cost nothing", "deepseek deepseek-flash", "", Usage{}, nil, flash, "0 0 0 0 0", "0 0 0"},
		{"unknown counts are no tokens", "deepseek deepseek-flash", "", Usage{-1, -1, -1, -1, -1, -1}, nil, flash, "0 0 0 0 0", "0 0 0"},
		// 1000 x 1 = 0.001; 5000 x 0.2 = 0.001; 770 x 0 = 0; 100 x 3.2 = 0.00032; sum 0.00232; uncached 6770 x 1 + 0.00032 = 0.00709
		{"a price of zero is a price", "zai glm-5", "", Usage{1000, 5000, 700, 70, 100, 0}, nil, "zai/glm-5", "0.001 0.001 0 0.00032 0", "0.00232 0.00232 0.00709"},
		// 1 x 0.003625 = 36.25e-10, down to 36e-10; uncached 1 x 0.435 = 4350e-10
		{"a line is rounded down", "deepseek deepseek-v4-pro", "2026-08-01T00:00:00Z", Usage{0, 1, 0, 0, 0, 0}, nil, pro, "0 0.0000000036 0 0 0", "0.0000000036 0.0000000036 0.000000435"},
		// 2 x 0.003625 = 72.5e-10, away from zero to 73e-10
		{"a half is rounded up", "deepseek deepseek-v4-pro", "2026-08-01T00:00:00Z", Usage{0, 2, 0, 0, 0, 0}, nil, pro, "0 0.0000000073 0 0 0", "0.0000000073 0.0000000073 0.00000087"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestLargeNumbersDoNotOverflow(t *testing.T) {
	b := embeddedBook(t)
	const id = "anthropic/claude-fable-5"
	for _, g := range []golden{
		// 2e6 x 50 / 1e6 = 100
		{"two million tokens", "anthropic claude-fable-5", "", Usage{Output: 2_000_000}, nil, id, "0 0 0 100 0", "100 100 100"},
		// 2e9 x 50 / 1e6 = 100000
		{"two billion", "anthropic claude-fable-5", "", Usage{Output: 2_000_000_000}, nil, id, "0 0 0 100000 0", "100000 100000 100000"},
		// (2e12 - 1) x 50 / 1e6 = 1e8 - 0.00005: the most that DECIMAL(18,10) holds at this price
		{"the last that fits", "anthropic claude-fable-5", "", Usage{Output: 1_999_999_999_999}, nil, id, "0 0 0 99999999.99995 0", "99999999.99995 99999999.99995 99999999.99995"},
		{"the first that does not", "anthropic claude-fable-5", "", Usage{Output: 2_000_000_000_000}, nil, id, "0 0 0 - 0", "- - -"},
		// 6e12 x 10 = 6e7 and 1.2e12 x 50 = 6e7 fit, their sum does not, nor does what output adds to it; half of it does
		{"a sum that does not", "anthropic claude-fable-5", "", Usage{Input: 6e12, Output: 1.2e12}, nil, id, "60000000 0 0 60000000 0", "- - -"},
		{"half of that sum", "anthropic claude-fable-5", "", Usage{Input: 6e12, Output: 1.2e12}, batch, id, "30000000 0 0 30000000 0", "60000000 60000000 60000000"},
		{"paid does not fit", "anthropic claude-fable-5", "", Usage{Output: 2_000_000}, multiplied("1000000"), id, "0 0 0 100 0", "100 - 100"},
		{"nonsense", "anthropic claude-fable-5", "", Usage{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64}, nil, id, "- - - - -", "- - -"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestNameIsStrippedOnlyWhereNothingMatchesWhole(t *testing.T) {
	b, err := embeddedBook(t).With([]Row{
		{ID: "whole", Provider: "anthropic", ModelMatch: "claude-haiku-4-5-2025*", Input: "7", Output: "7"},
		{ID: "stripped", Profile: "home", Provider: "anthropic", ModelMatch: "claude-haiku-4-5", Input: "8", Output: "8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := Usage{Input: 1000} // x 5 = 0.005, x 3 = 0.003, x 15 = 0.015, x 7 = 0.007, x 8 = 0.008
	price := func(usd string) (parts, sums string) { return usd + " 0 0 0 0", usd + " " + usd + " " + usd }
	for _, c := range []struct{ model, id, usd string }{
		{"claude-opus-4-8[1m]", "anthropic/claude-opus-4-8", "0.005"},
		{"claude-opus-4-5-20251101", "anthropic/claude-opus-4-5", "0.005"},
		{"claude-sonnet-4-5-20250929[1m]", "anthropic/claude-sonnet-4-5", "0.003"},
		{"claude-opus-4-20250514", "anthropic/claude-opus-4", "0.015"},
		{"claude-opus-4-1-20250805", "anthropic/claude-opus-4-1", "0.015"},
		{"claude-haiku-4-5-20251001", "whole", "0.007"},     // the row of the user matches whole, the higher override does not
		{"claude-haiku-4-5-20251001[1m]", "whole", "0.007"}, // and here as well, the * takes the suffix
		{"claude-haiku-4-5-20261001", "stripped", "0.008"},
		{"global.anthropic.claude-opus-4-8-v1", "anthropic/claude-opus-4-8", "0.005"},
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic/claude-sonnet-4-5", "0.003"},
		{"apac.anthropic.claude-opus-4-20250514-v1:0[1m]", "anthropic/claude-opus-4", "0.015"},
		{"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-1-20250805-v1:0", "anthropic/claude-opus-4-1", "0.015"},
		{"claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5", "0.003"},
		{"claude-opus-4-8@default", "anthropic/claude-opus-4-8", "0.005"},
		{"anthropic.claude-haiku-4-5-20261001-v1:0", "stripped", "0.008"},
	} {
		parts, sums := price(c.usd)
		golden{c.model, "anthropic " + c.model, "", in, nil, c.id, parts, sums}.run(t, b)
	}
	for _, model := range []string{
		"claude-opus-4-5-19991101", "claude-opus-4-5-2025110", "claude-opus-4-5-2025110a", "claude-opus-4-5-202511011",
		"claude-opus-4-5_20251101", "claude-opus-4-8[1m]x", "claude-opus-4-8[1m][2m]", "claude-opus-4-8]", "xclaude-opus-4-8", "-20251101", "[1m]",
	} {
		golden{model, "anthropic " + model, "", in, nil, "", unpriced, "- - -"}.run(t, b)
	}
}

func TestTheMostSpecificRowOfTheFirstLayerWins(t *testing.T) {
	day := func(m time.Month, d int) time.Time { return time.Date(2026, m, d, 0, 0, 0, 0, time.UTC) }
	b, err := embeddedBook(t).With([]Row{
		{ID: "all", Provider: "anthropic", ModelMatch: "claude-*", Input: "1", Output: "1", EffectiveTo: day(11, 20)},
		{ID: "opus", Provider: "anthropic", ModelMatch: "claude-opus-*", Input: "2", Output: "2", EffectiveTo: day(11, 20)},
		{ID: "opus-5", Provider: "anthropic", ModelMatch: "claude-opus-5", Input: "3", Output: "3", EffectiveTo: day(11, 20)},
		{ID: "opus-5-october", Provider: "anthropic", ModelMatch: "claude-opus-5", Input: "4", Output: "4", EffectiveFrom: day(10, 1), EffectiveTo: day(11, 20)},
		{ID: "opus-5-2027", Provider: "anthropic", ModelMatch: "claude-opus-5", Input: "5", Output: "5", EffectiveFrom: day(12, 1)},
		{ID: "work-all", Profile: "work", Provider: "anthropic", ModelMatch: "*", Input: "6", Output: "6"},
		{ID: "local", Provider: "local", ModelMatch: "*", Input: "0", Output: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	work := func(q *Query) { q.Profile = "work" }
	in := Usage{Input: 1000}
	const november = "2026-11-10T00:00:00Z"
	for _, g := range []golden{
		// 1000 tokens at 1, 2, 3, 4, 6, 0 and, embedded, 5 and 1
		{"a glob of the user above an embedded name", "anthropic claude-haiku-4-5", november, in, nil, "all", "0.001 0 0 0 0", "0.001 0.001 0.001"},
		{"the longer glob", "anthropic claude-opus-4-8", november, in, nil, "opus", "0.002 0 0 0 0", "0.002 0.002 0.002"},
		{"a name above globs", "anthropic claude-opus-5", "2026-09-10T00:00:00Z", in, nil, "opus-5", "0.003 0 0 0 0", "0.003 0.003 0.003"},
		{"of two open rows the later one", "anthropic claude-opus-5", november, in, nil, "opus-5-october", "0.004 0 0 0 0", "0.004 0.004 0.004"},
		{"an override above all", "anthropic claude-opus-5", november, in, work, "work-all", "0.006 0 0 0 0", "0.006 0.006 0.006"},
		{"rows of the user that ended", "anthropic claude-opus-5", "", in, nil, "anthropic/claude-opus-5@2026-07-24", "0.005 0 0 0 0", "0.005 0.005 0.005"},
		{"and then begin again", "anthropic claude-opus-5", "2026-12-01T00:00:00Z", in, nil, "opus-5-2027", "0.005 0 0 0 0", "0.005 0.005 0.005"},
		{"an override is for one profile", "anthropic claude-haiku-4-5", "", in, nil, "anthropic/claude-haiku-4-5", "0.001 0 0 0 0", "0.001 0.001 0.001"},
		{"a row is for one provider", "zai glm-5", november, in, work, "zai/glm-5", "0.001 0 0 0 0", "0.001 0.001 0.001"},
		{"a model that costs nothing", "local qwen3-coder", "", in, nil, "local", "0 0 0 0 0", "0 0 0"},
		// rows are not merged: the row of the user has no cache price and no batch multiplier
		{"nothing is taken from the row below", "anthropic claude-opus-5", november, Usage{1000, 1, 0, 0, 0, 0}, batch, "opus-5-october", "0.004 - 0 0 0", "- - -"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestPartsAddUpToTheListPriceWhereRoundingBites(t *testing.T) {
	b, err := embeddedBook(t).With([]Row{{
		ID: "tiny", Provider: "x", ModelMatch: "m", Input: "0.0001", Output: "0.0001", CacheRead: "0.0001",
		CacheWrite5m: "0.0001", CacheWrite1h: "0.0001", BatchMultiplier: "0.5",
	}})
	if err != nil {
		t.Fatal(err)
	}
	// Each token is 1e-10. Half of 1, 2, 4, 5 is, rounded, 1, 1, 2, 3: the parts are 1, 0, 1, 1. Uncached: half of 4 is 2, of 5 is 3.
	golden{
		"batch", "x m", "",
		Usage{1, 1, 1, 1, 1, 0},
		batch, "tiny",
		"0.0000000001 0 0.0000000001 0.0000000001 0", "0.0000000003 0.0000000003 0.0000000003",
	}.run(t, b)
}
