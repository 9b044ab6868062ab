package pricing

import (
	"strings"
	"testing"
	"time"
)

// golden is one request, priced by hand. Amounts are dollars, "-" is Unknown.
type golden struct {
	name  string
	model string // "PROVIDER MODEL"
	at    string // RFC 3339; empty = noon of Thursday, 2026-11-26
	usage Usage  // input, cache read, cache write 5m, cache write 1h, output, web searches
	mod   func(*Query)
	id    string
	parts string // input, cache read, cache write, output, other
	sums  string // list, paid, uncached
}

const unpriced = "- - - - -"

// query is the request of the case.
func (g golden) query(t *testing.T) Query {
	t.Helper()
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	if g.at != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, g.at); err != nil {
			t.Fatal(err)
		}
	}
	provider, model, _ := strings.Cut(g.model, " ")
	q := Query{At: at, Profile: "home", Provider: provider, Model: model, Usage: g.usage}
	if g.mod != nil {
		g.mod(&q)
	}
	return q
}

// run prices the case with b and compares everything.
func (g golden) run(t *testing.T, b *Book) {
	t.Helper()
	q := g.query(t)
	c := b.Price(&q)
	if c.PriceID != g.id {
		t.Errorf("price id %q, want %q", c.PriceID, g.id)
	}
	if got := short(c.Input, c.CacheRead, c.CacheWrite, c.Output, c.Other); got != g.parts {
		t.Errorf("input, read, write, output, other: %s\nwant %s", got, g.parts)
	}
	if got := short(c.List, c.Paid, c.Uncached); got != g.sums {
		t.Errorf("list, paid, uncached: %s\nwant %s", got, g.sums)
	}
	if covers := b.Covers(q.Provider, q.Model, q.At); q.Profile == "home" && covers != (g.id != "") {
		t.Errorf("Covers says %t", covers)
	}
}

// short writes amounts without trailing zeros.
func short(amounts ...USD) string {
	texts := make([]string, len(amounts))
	for i, u := range amounts {
		if texts[i] = "-"; u.Known() {
			texts[i] = strings.TrimSuffix(strings.TrimRight(u.String(), "0"), ".")
		}
	}
	return strings.Join(texts, " ")
}

func embeddedBook(t testing.TB) *Book {
	t.Helper()
	b, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// turn is a turn of an agent: a prompt of 1000 + 20000 + 3000 + 400 = 24400 tokens.
func turn() Usage { return Usage{1000, 20000, 3000, 400, 500, 0} }

func TestEveryClaudeModelIsPricedAsByHand(t *testing.T) {
	b := embeddedBook(t)
	cases := []golden{
		// 1000 x 8 = 0.008; 20000 x 0.2 = 0.004; 3000 x 10 + 400 x 16 = 0.03 + 0.0064 = 0.0364; 500 x 40 = 0.02
		// sum 0.0684; uncached 24400 x 8 + 0.02 = 0.1952 + 0.02 = 0.2152
		{"fable 5.2", "anthropic claude-fable-5-2", "", turn(), nil, "anthropic/claude-fable-5-2", "0.008 0.004 0.0364 0.02 0", "0.0684 0.0684 0.2152"},
		{"mythos 5.2", "anthropic claude-mythos-5-2", "", turn(), nil, "anthropic/claude-mythos-5-2", "0.008 0.004 0.0364 0.02 0", "0.0684 0.0684 0.2152"},
		// 1000 x 10 = 0.01; 20000 x 0.25 = 0.005; 3000 x 12.5 + 400 x 20 = 0.0375 + 0.008 = 0.0455; 500 x 50 = 0.025
		// sum 0.0855; uncached 24400 x 10 + 0.025 = 0.244 + 0.025 = 0.269
		{"fable 5.1", "anthropic claude-fable-5-1", "", turn(), nil, "anthropic/claude-fable-5-1", "0.01 0.005 0.0455 0.025 0", "0.0855 0.0855 0.269"},
		{"mythos 5.1", "anthropic claude-mythos-5-1", "", turn(), nil, "anthropic/claude-mythos-5-1", "0.01 0.005 0.0455 0.025 0", "0.0855 0.0855 0.269"},
		// as above, but reads 20000 x 1 = 0.02; sum 0.1005
		{"fable 5", "anthropic claude-fable-5", "", turn(), nil, "anthropic/claude-fable-5", "0.01 0.02 0.0455 0.025 0", "0.1005 0.1005 0.269"},
		{"mythos 5", "anthropic claude-mythos-5", "", turn(), nil, "anthropic/claude-mythos-5", "0.01 0.02 0.0455 0.025 0", "0.1005 0.1005 0.269"},
		// 1000 x 4 = 0.004; 20000 x 0.2 = 0.004; 3000 x 5 + 400 x 8 = 0.015 + 0.0032 = 0.0182; 500 x 20 = 0.01
		// sum 0.0362; uncached 24400 x 4 + 0.01 = 0.0976 + 0.01 = 0.1076
		{"opus 5.5", "anthropic claude-opus-5-5", "", turn(), nil, "anthropic/claude-opus-5-5@2026-09-22", "0.004 0.004 0.0182 0.01 0", "0.0362 0.0362 0.1076"},
		// 1000 x 5 = 0.005; 20000 x 0.5 = 0.01; 3000 x 6.25 + 400 x 10 = 0.01875 + 0.004 = 0.02275; 500 x 25 = 0.0125
		// sum 0.05025; uncached 24400 x 5 + 0.0125 = 0.122 + 0.0125 = 0.1345
		{"opus 5", "anthropic claude-opus-5", "", turn(), nil, "anthropic/claude-opus-5@2026-07-24", "0.005 0.01 0.02275 0.0125 0", "0.05025 0.05025 0.1345"},
		{"opus 4.8", "anthropic claude-opus-4-8", "", turn(), nil, "anthropic/claude-opus-4-8", "0.005 0.01 0.02275 0.0125 0", "0.05025 0.05025 0.1345"},
		{"opus 4.7", "anthropic claude-opus-4-7", "", turn(), nil, "anthropic/claude-opus-4-7", "0.005 0.01 0.02275 0.0125 0", "0.05025 0.05025 0.1345"},
		{"opus 4.6", "anthropic claude-opus-4-6", "", turn(), nil, "anthropic/claude-opus-4-6", "0.005 0.01 0.02275 0.0125 0", "0.05025 0.05025 0.1345"},
		{"opus 4.5", "anthropic claude-opus-4-5", "", turn(), nil, "anthropic/claude-opus-4-5", "0.005 0.01 0.02275 0.0125 0", "0.05025 0.05025 0.1345"},
		// 1000 x 15 = 0.015; 20000 x 1.5 = 0.03; 3000 x 18.75 + 400 x 30 = 0.05625 + 0.012 = 0.06825; 500 x 75 = 0.0375
		// sum 0.15075; uncached 24400 x 15 + 0.0375 = 0.366 + 0.0375 = 0.4035
		{"opus 4.1", "anthropic claude-opus-4-1", "", turn(), nil, "anthropic/claude-opus-4-1", "0.015 0.03 0.06825 0.0375 0", "0.15075 0.15075 0.4035"},
		{"opus 4", "anthropic claude-opus-4", "", turn(), nil, "anthropic/claude-opus-4", "0.015 0.03 0.06825 0.0375 0", "0.15075 0.15075 0.4035"},
		// 1000 x 2 = 0.002; 20000 x 0.1 = 0.002; 3000 x 2.5 + 400 x 4 = 0.0075 + 0.0016 = 0.0091; 500 x 10 = 0.005
		// sum 0.0181; uncached 24400 x 2 + 0.005 = 0.0488 + 0.005 = 0.0538
		{"sonnet 5.5", "anthropic claude-sonnet-5-5", "", turn(), nil, "anthropic/claude-sonnet-5-5@2026-10-07", "0.002 0.002 0.0091 0.005 0", "0.0181 0.0181 0.0538"},
		// as above, but reads 20000 x 0.2 = 0.004; sum 0.0201
		{"sonnet 5.5 in September", "anthropic claude-sonnet-5-5", "2026-09-30T10:00:00Z", turn(), nil, "anthropic/claude-sonnet-5-5", "0.002 0.004 0.0091 0.005 0", "0.0201 0.0201 0.0538"},
		{"sonnet 5", "anthropic claude-sonnet-5", "", turn(), nil, "anthropic/claude-sonnet-5", "0.002 0.004 0.0091 0.005 0", "0.0201 0.0201 0.0538"},
		// 1000 x 3 = 0.003; 20000 x 0.3 = 0.006; 3000 x 3.75 + 400 x 6 = 0.01125 + 0.0024 = 0.01365; 500 x 15 = 0.0075
		// sum 0.03015; uncached 24400 x 3 + 0.0075 = 0.0732 + 0.0075 = 0.0807
		{"sonnet 4.6", "anthropic claude-sonnet-4-6", "", turn(), nil, "anthropic/claude-sonnet-4-6", "0.003 0.006 0.01365 0.0075 0", "0.03015 0.03015 0.0807"},
		{"sonnet 4.5", "anthropic claude-sonnet-4-5", "", turn(), nil, "anthropic/claude-sonnet-4-5", "0.003 0.006 0.01365 0.0075 0", "0.03015 0.03015 0.0807"},
		{"sonnet 4", "anthropic claude-sonnet-4-20250514", "", turn(), nil, "anthropic/claude-sonnet-4", "0.003 0.006 0.01365 0.0075 0", "0.03015 0.03015 0.0807"},
		{"sonnet 3.7", "anthropic claude-3-7-sonnet-20250219", "", turn(), nil, "anthropic/claude-3-7-sonnet*", "0.003 0.006 0.01365 0.0075 0", "0.03015 0.03015 0.0807"},
		{"sonnet 3.5", "anthropic claude-3-5-sonnet-latest", "", turn(), nil, "anthropic/claude-3-5-sonnet*", "0.003 0.006 0.01365 0.0075 0", "0.03015 0.03015 0.0807"},
		// 1000 x 0.1 = 0.0001; 20000 x 0.01 = 0.0002; 3000 x 0.125 + 400 x 0.2 = 0.000375 + 0.00008 = 0.000455; 500 x 0.5 = 0.00025
		// sum 0.001005; uncached 24400 x 0.1 + 0.00025 = 0.00244 + 0.00025 = 0.00269
		{"haiku 5.5", "anthropic claude-haiku-5-5", "", turn(), nil, "anthropic/claude-haiku-5-5@2026-10-07", "0.0001 0.0002 0.000455 0.00025 0", "0.001005 0.001005 0.00269"},
		// 1000 x 1 = 0.001; 20000 x 0.1 = 0.002; 3000 x 1.25 + 400 x 2 = 0.00375 + 0.0008 = 0.00455; 500 x 5 = 0.0025
		// sum 0.01005; uncached 24400 x 1 + 0.0025 = 0.0244 + 0.0025 = 0.0269
		{"haiku 4.5", "anthropic claude-haiku-4-5", "", turn(), nil, "anthropic/claude-haiku-4-5", "0.001 0.002 0.00455 0.0025 0", "0.01005 0.01005 0.0269"},
		// 1000 x 0.8 = 0.0008; 20000 x 0.08 = 0.0016; 3000 x 1 + 400 x 1.6 = 0.003 + 0.00064 = 0.00364; 500 x 4 = 0.002
		// sum 0.00804; uncached 24400 x 0.8 + 0.002 = 0.01952 + 0.002 = 0.02152
		{"haiku 3.5", "anthropic claude-3-5-haiku-20241022", "", turn(), nil, "anthropic/claude-3-5-haiku*", "0.0008 0.0016 0.00364 0.002 0", "0.00804 0.00804 0.02152"},
	}
	priced := make(map[string]bool)
	for _, g := range cases {
		priced[g.id] = true
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
	for _, r := range b.Rows() {
		if r.Provider == "anthropic" && !priced[r.ID] {
			t.Errorf("nobody worked out what %s costs", r.ID)
		}
	}
}

func TestTierHoldsForTheWholeRequest(t *testing.T) {
	b := embeddedBook(t)
	const haiku, sonnet, m3 = "anthropic/claude-haiku-5-5@2026-10-07", "anthropic/claude-sonnet-4-5", "minimax/MiniMax-M3"
	for _, g := range []golden{
		// prompt 100000: 60000 x 0.1 = 0.006; 30000 x 0.01 = 0.0003; 6000 x 0.125 + 4000 x 0.2 = 0.00075 + 0.0008; 1000 x 0.5 = 0.0005
		// sum 0.00835; uncached 100000 x 0.1 + 0.0005 = 0.0105
		{"at the limit", "anthropic claude-haiku-5-5", "", Usage{60000, 30000, 6000, 4000, 1000, 0}, nil, haiku, "0.006 0.0003 0.00155 0.0005 0", "0.00835 0.00835 0.0105"},
		// prompt 100001: 60001 x 0.5 = 0.0300005; 30000 x 0.05 = 0.0015; 6000 x 0.625 + 4000 x 1 = 0.00375 + 0.004; 1000 x 2.5 = 0.0025
		// sum 0.0417505; uncached 100001 x 0.5 + 0.0025 = 0.0500005 + 0.0025 = 0.0525005
		{"one token above", "anthropic claude-haiku-5-5", "", Usage{60001, 30000, 6000, 4000, 1000, 0}, nil, haiku, "0.0300005 0.0015 0.00775 0.0025 0", "0.0417505 0.0417505 0.0525005"},
		// prompt 100001, nearly all read: 1 x 0.5 = 0.0000005; 100000 x 0.05 = 0.005; 10 x 2.5 = 0.000025
		// sum 0.0050255; uncached 0.0500005 + 0.000025 = 0.0500255
		{"above by cache reads", "anthropic claude-haiku-5-5", "", Usage{1, 100000, 0, 0, 10, 0}, nil, haiku, "0.0000005 0.005 0 0.000025 0", "0.0050255 0.0050255 0.0500255"},
		// 100000 x 0.1 = 0.01; 50000 x 0.5 = 0.025
		{"output does not count", "anthropic claude-haiku-5-5", "", Usage{100000, 0, 0, 0, 50000, 0}, nil, haiku, "0.01 0 0 0.025 0", "0.035 0.035 0.035"},
		// 200000 x 3 = 0.6; 1000 x 15 = 0.015
		{"sonnet 4.5 at 200k", "anthropic claude-sonnet-4-5", "", Usage{200000, 0, 0, 0, 1000, 0}, nil, sonnet, "0.6 0 0 0.015 0", "0.615 0.615 0.615"},
		// 200001 x 6 = 1.200006; 1000 x 22.5 = 0.0225
		{"sonnet 4.5 above 200k", "anthropic claude-sonnet-4-5", "", Usage{200001, 0, 0, 0, 1000, 0}, nil, sonnet, "1.200006 0 0 0.0225 0", "1.222506 1.222506 1.222506"},
		// 200001 x 6 = 1.200006; 1000 x 22.5 = 0.0225: as 4.5
		{"sonnet 4 above 200k", "anthropic claude-sonnet-4-20250514", "", Usage{200001, 0, 0, 0, 1000, 0}, nil, "anthropic/claude-sonnet-4", "1.200006 0 0 0.0225 0", "1.222506 1.222506 1.222506"},
		// 900000 x 3 = 2.7; 1000 x 15 = 0.015
		{"sonnet 4.6 has no tier", "anthropic claude-sonnet-4-6", "", Usage{900000, 0, 0, 0, 1000, 0}, nil, "anthropic/claude-sonnet-4-6", "2.7 0 0 0.015 0", "2.715 2.715 2.715"},
		// 512000 x 0.3 = 0.1536; 100 x 1.2 = 0.00012
		{"minimax at 512k", "minimax MiniMax-M3", "", Usage{512000, 0, 0, 0, 100, 0}, nil, m3, "0.1536 0 0 0.00012 0", "0.15372 0.15372 0.15372"},
		// 12001 x 0.6 = 0.0072006; 500000 x 0.12 = 0.06; 100 x 2.4 = 0.00024; sum 0.0674406
		// uncached 512001 x 0.6 + 0.00024 = 0.3072006 + 0.00024 = 0.3074406
		{"minimax above 512k", "minimax MiniMax-M3", "", Usage{12001, 500000, 0, 0, 100, 0}, nil, m3, "0.0072006 0.06 0 0.00024 0", "0.0674406 0.0674406 0.3074406"},
		// 512001 x 0.6 = 0.3072006; the tier states no price for writes
		{"a tier without the class", "minimax MiniMax-M3", "", Usage{512001, 0, 10, 0, 0, 0}, nil, m3, "0.3072006 0 - 0 0", "- - -"},
		// 272001 x 4 = 1.088004; 1000 x 15 = 0.015
		{"gpt above 272k", "openai gpt-6-sol", "", Usage{272001, 0, 0, 0, 1000, 0}, nil, "openai/gpt-6-sol@2026-09-22", "1.088004 0 0 0.015 0", "1.103004 1.103004 1.103004"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestPriceChangesAtItsInstant(t *testing.T) {
	b := embeddedBook(t)
	read := Usage{CacheRead: 10000}
	million := Usage{Input: 1_000_000, CacheRead: 1_000_000, Output: 1_000_000}
	const before, after = "anthropic/claude-sonnet-5-5", "anthropic/claude-sonnet-5-5@2026-10-07"
	for _, g := range []golden{
		// 10000 x 0.2 = 0.002; uncached 10000 x 2 = 0.02
		{"a microsecond before midnight", "anthropic claude-sonnet-5-5", "2026-10-06T23:59:59.999999Z", read, nil, before, "0 0.002 0 0 0", "0.002 0.002 0.02"},
		// 10000 x 0.1 = 0.001
		{"at midnight", "anthropic claude-sonnet-5-5", "2026-10-07T00:00:00Z", read, nil, after, "0 0.001 0 0 0", "0.001 0.001 0.02"},
		{"midnight is that of UTC", "anthropic claude-sonnet-5-5", "2026-10-07T01:30:00+02:00", read, nil, before, "0 0.002 0 0 0", "0.002 0.002 0.02"},
		{"a model before its time", "anthropic claude-opus-5-5", "2026-09-21T23:59:59Z", turn(), nil, "", unpriced, "- - -"},
		// 0.14 + 0.0028 + 0.28 = 0.4228; uncached 2 x 0.14 + 0.28 = 0.56
		{"a change within a day, before", "deepseek deepseek-v4-flash", "2026-08-16T15:59:59Z", million, nil, "deepseek/deepseek-v4-flash", "0.14 0.0028 0 0.28 0", "0.4228 0.4228 0.56"},
		// 0.22 + 0.007 + 0.66 = 0.887; uncached 2 x 0.22 + 0.66 = 1.1
		{"a change within a day, after", "deepseek deepseek-v4-flash", "2026-08-16T16:00:00Z", million, nil, "deepseek/deepseek-v4-flash@2026-08-16T16:00Z", "0.22 0.007 0 0.66 0", "0.887 0.887 1.1"},
		{"a model that is gone", "deepseek deepseek-v4-flash", "2026-09-10T00:00:00Z", million, nil, "", unpriced, "- - -"},
		// 0.75 + 0.075 + 3.75 = 4.575; uncached 2 x 0.75 + 3.75 = 5.25
		{"a promotion", "google gemini-3.6-flash", "2026-12-31T23:59:59Z", million, nil, "google/gemini-3.6-flash", "0.75 0.075 0 3.75 0", "4.575 4.575 5.25"},
		// 1.5 + 0.15 + 7.5 = 9.15; uncached 2 x 1.5 + 7.5 = 10.5
		{"its end", "google gemini-3.6-flash", "2027-01-01T00:00:00Z", million, nil, "google/gemini-3.6-flash@2027-01-01", "1.5 0.15 0 7.5 0", "9.15 9.15 10.5"},
	} {
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
}

func TestPeakHoursAreThoseOfWeekdaysInUTC(t *testing.T) {
	b := embeddedBook(t)
	use := Usage{Input: 1_000_000, Output: 1_000_000}
	// off peak 0.15 + 0.6 = 0.75; peak 0.3 + 1.2 = 1.5
	off, peak := [2]string{"0.15 0 0 0.6 0", "0.75 0.75 0.75"}, [2]string{"0.3 0 0 1.2 0", "1.5 1.5 1.5"}
	for _, c := range []struct {
		at   string
		want [2]string
	}{
		{"2026-11-26T00:59:59.999999Z", off}, // Thursday
		{"2026-11-26T01:00:00Z", peak},
		{"2026-11-26T03:59:59.999999Z", peak},
		{"2026-11-26T04:00:00Z", off},
		{"2026-11-26T06:00:00Z", peak},
		{"2026-11-26T09:59:59Z", peak},
		{"2026-11-26T10:00:00Z", off},
		{"2026-11-27T02:00:00Z", peak}, // Friday
		{"2026-11-28T02:00:00Z", off},  // Saturday
		{"2026-11-29T07:00:00Z", off},  // Sunday
		{"2026-11-30T02:00:00Z", peak}, // Monday
		{"2026-11-30T09:30:00+08:00", peak},
		{"2026-11-27T22:30:00-05:00", off},  // Saturday, 03:30 in UTC
		{"2026-11-29T20:30:00-05:00", peak}, // Monday, 01:30 in UTC
	} {
		g := golden{c.at, "deepseek deepseek-flash", c.at, use, nil, "deepseek/deepseek-flash@2026-09-10", c.want[0], c.want[1]}
		t.Run(g.name, func(t *testing.T) { g.run(t, b) })
	}
	// 100 x 0.3 = 0.00003; 20000 x 0.006 = 0.00012; 300 x 1.2 = 0.00036; sum 0.00051; uncached 20100 x 0.3 + 0.00036 = 0.00639
	golden{
		"reads", "deepseek deepseek-flash", "2026-11-26T02:00:00Z",
		Usage{100, 20000, 0, 0, 300, 0},
		nil,
		"deepseek/deepseek-flash@2026-09-10", "0.00003 0.00012 0 0.00036 0", "0.00051 0.00051 0.00639",
	}.run(t, b)
}
