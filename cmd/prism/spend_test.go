package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"prism/internal/ledger"
)

// week is a ledger of which every sum is worked out by hand:
//
//	Thursday 26, today: a at work 08:00, a at work 09:00, kimi 10:00 at half the list price
//	Wednesday 25: b at work 08:00 for 10 cents, and at 13:00, which is after "this time"
//	Monday 23: c without a price 08:00
//	Sunday 22, the week before: a at work 08:00
func week(t *testing.T) *books {
	t.Helper()
	b := newBooks(t)
	day := func(d, hour int) time.Time { return time.Date(2026, 11, d, hour, 0, 0, 0, time.UTC) }
	shop := func(e *ledger.Entry) {
		e.Project, e.GitBranch, e.Tags = "shop", "feature/x", map[string]string{"team": "blue"}
	}
	b.row("r1", day(26, 8), shop)
	b.row("r2", day(26, 9), func(e *ledger.Entry) { e.Project = "blog" })
	b.row("r3", day(26, 10), func(e *ledger.Entry) {
		shop(e)
		e.Profile, e.Provider, e.UpstreamModel, e.ResponseModel, e.Cost = "kimi", "moonshot", "kimi-k3", "kimi-k3", 2*cent
	})
	dear := func(e *ledger.Entry) {
		e.ResponseModel, e.Project = "claude-b", "shop"
		e.CostOutput, e.CostList, e.Cost, e.CostUncached = 7*cent, 10*cent, 10*cent, 15*cent
	}
	b.row("r4", day(25, 8), dear)
	b.row("r5", day(25, 13), dear)
	b.row("r6", day(23, 8), func(e *ledger.Entry) { e.ResponseModel = "claude-c"; unpriced(e) })
	b.row("r7", day(22, 8), nil)
	b.row("n1", day(26, 8), func(e *ledger.Entry) { e.Operation = ledger.OpCountTokens; unpriced(e) })
	return b
}

func (b *books) spend(o spendOptions) func(context.Context) error {
	if o.by == "" {
		o.by = "model"
	}
	return func(ctx context.Context) error { return b.a.spendReport(ctx, b.r, o) }
}

func TestSpendSumsByAnyColumn(t *testing.T) {
	b := week(t)
	b.a.format = formatTSV
	b.a.jq = ""
	for by, want := range map[string]string{
		"model":         "claude-a 2 0.0800000000|kimi-k3 1 0.0200000000",
		"profile":       "work 2 0.0800000000|kimi 1 0.0200000000",
		"provider":      "anthropic 2 0.0800000000|moonshot 1 0.0200000000",
		"project":       "shop 2 0.0600000000|blog 1 0.0400000000",
		"branch":        "feature/x 2 0.0600000000| 1 0.0400000000",
		"tag:team":      "blue 2 0.0600000000| 1 0.0400000000",
		"hour":          "2026-11-26 08:00 1 0.0400000000|2026-11-26 09:00 1 0.0400000000|2026-11-26 10:00 1 0.0200000000",
		"project,model": "blog claude-a 1 0.0400000000|shop claude-a 1 0.0400000000|shop kimi-k3 1 0.0200000000",
	} {
		if got := b.groups(spendOptions{by: by}); got != want {
			t.Errorf("by %s: %s, want %s", by, got, want)
		}
	}
}

// groups are the groups of a report with their requests and their cost.
func (b *books) groups(o spendOptions) string {
	b.t.Helper()
	b.out.Reset()
	b.a.format = formatTSV
	if err := b.journal.Sync(); err != nil {
		b.t.Fatal(err)
	}
	if err := b.spend(o)(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	all := strings.Split(strings.TrimSuffix(b.out.String(), "\n"), "\n")
	head := strings.Split(all[0], "\t")
	var out []string
	for _, line := range all[1:] {
		cells := strings.Split(line, "\t")
		var kept []string
		for i, name := range head {
			if i < strings.Count(o.by, ",")+1 || name == "requests" || name == "cost_usd" || name == "before_usd" || name == "change_usd" {
				kept = append(kept, cells[i])
			}
		}
		out = append(out, strings.Join(kept, " "))
	}
	return strings.Join(out, "|")
}

func TestSpendKnowsItsPeriods(t *testing.T) {
	b := week(t)
	for _, c := range []struct {
		sel  selection
		want string
	}{
		{selection{}, "kimi 1 0.0200000000|work 2 0.0800000000"},
		{selection{period: "today"}, "kimi 1 0.0200000000|work 2 0.0800000000"},
		{selection{period: "yesterday"}, "work 2 0.2000000000"},
		{selection{period: "week"}, "kimi 1 0.0200000000|work 5 0.2800000000"},
		{selection{period: "month"}, "kimi 1 0.0200000000|work 6 0.3200000000"},
		{selection{since: "2026-11-22", until: "2026-11-23"}, "work 1 0.0400000000"},
		{selection{since: "4d", until: "2026-11-25 13:00"}, "work 3 0.1400000000"},
		{selection{since: "2020-01-01", until: "2020-01-02"}, ""},
	} {
		got := strings.Split(b.groups(spendOptions{selection: c.sel, by: "profile"}), "|")
		if len(got) == 2 && got[0] > got[1] {
			got[0], got[1] = got[1], got[0]
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%+v: %s, want %s", c.sel, got, c.want)
		}
	}
}

func TestSpendFiltersByName(t *testing.T) {
	b := week(t)
	for _, c := range []struct {
		sel  selection
		want string
	}{
		{selection{profile: "kimi"}, "kimi-k3 1 0.0200000000"},
		{selection{model: "claude-*"}, "claude-a 2 0.0800000000"},
		{selection{model: "kimi-k?"}, "kimi-k3 1 0.0200000000"},
		{selection{model: "kimi-k"}, ""},
		{selection{branch: "feature/*", model: "claude-a"}, "claude-a 1 0.0400000000"},
		{selection{project: "blog"}, "claude-a 1 0.0400000000"},
		{selection{project: "bl…g"}, "claude-a 1 0.0400000000"},
		{selection{tags: []string{"team"}}, "claude-a 1 0.0400000000|kimi-k3 1 0.0200000000"},
		{selection{tags: []string{"team=blue"}, profile: "work"}, "claude-a 1 0.0400000000"},
		{selection{tags: []string{"team=red"}}, ""},
		{selection{project: "shop' or true --"}, ""},
		{selection{project: ".*"}, ""},
	} {
		if got := b.groups(spendOptions{selection: c.sel, by: "model"}); got != c.want {
			t.Errorf("%+v: %s, want %s", c.sel, got, c.want)
		}
	}
}

// Yesterday by noon only r4 had been made, for 10 cents; what is gone today has a line too.
func TestSpendComparesWithTheSamePartOfThePeriodBefore(t *testing.T) {
	b := week(t)
	want := "claude-a 2 0.0800000000 0 0.0800000000|kimi-k3 1 0.0200000000 0 0.0200000000|claude-b 0 0 0.1000000000 -0.1000000000"
	if got := b.groups(spendOptions{by: "model", compare: true}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Until Thursday noon of the week before there was r7 only on Sunday, after that time.
	want = "claude-b 2 0.2000000000 0 0.2000000000|claude-a 2 0.0800000000 0 0.0800000000|kimi-k3 1 0.0200000000 0 0.0200000000|claude-c 1  0 "
	if got := b.groups(spendOptions{selection: selection{period: "week"}, by: "model", compare: true}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if err := b.a.spendReport(context.Background(), b.r, spendOptions{by: "day", compare: true}); err == nil {
		t.Error("days were compared with days")
	}
}

func TestSpendTellsPeopleWhereItIsGoing(t *testing.T) {
	b := week(t)
	b.a.format = formatTable
	b.says(`MODEL     REQ  PROMPT  CACHED  OUTPUT     COST     LIST    SAVED  TTFT P95  UNPRICED
claude-a    2     200     80%      10  $0.0800  $0.0800  $0.1000      0.3s         0
kimi-k3     1     100     80%       5  $0.0200  $0.0400  $0.0500      0.3s         0
total       3     300     80%      15  $0.1000  $0.1200  $0.1500      0.3s         0
`, b.spend(spendOptions{}))
	if want := "$0.10 paid today   $0.12 at list price   $0.10 yesterday by this time +0%   at this rate $0.20 by the end of it\n"; b.errs.String() != want {
		t.Errorf("stderr %q, want %q", b.errs, want)
	}
	b.says(`MODEL     REQ  PROMPT  CACHED  OUTPUT  COST  LIST  SAVED  TTFT P95  UNPRICED
claude-c    1     100     80%       5     –     –      –      0.3s         1
total       1     100     80%       5     –     –      –      0.3s         1
`, b.spend(spendOptions{selection: selection{since: "2026-11-23", until: "2026-11-24"}}))
	if want := "1 request of claude-c at anthropic without a price   fix: prism prices set claude-c --provider anthropic --input USD --output USD\n"; b.errs.String() != want {
		t.Errorf("stderr %q, want %q", b.errs, want)
	}
}

// A correction is what counts from then on, in every report.
func TestSpendCountsCorrectedPrices(t *testing.T) {
	b := week(t)
	c := ledger.Correction{RequestID: "r1", CorrectedAt: b.now, Reason: "reprice", PriceID: "test/new"}
	c.CostInput, c.CostCacheRead, c.CostCacheWrite, c.CostOutput, c.CostOther = cent, cent, cent, 0, 0
	c.CostList, c.Cost, c.CostUncached = 3*cent, 3*cent, 8*cent
	if err := b.journal.Correct(&c); err != nil {
		t.Fatal(err)
	}
	if got, want := b.groups(spendOptions{by: "profile"}), "work 2 0.0700000000|kimi 1 0.0200000000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSpendRefusesWhatItCannotSumBy(t *testing.T) {
	b := week(t)
	for _, o := range []spendOptions{
		{by: "colour"},
		{by: "tag:"},
		{by: "day,model,profile"},
		{by: "model,model"},
		{by: ""},
		{by: "tag:a,tag:b"},
		{by: "model", selection: selection{period: "week", since: "7d"}},
		{by: "model", selection: selection{since: "x"}},
		{by: "model", selection: selection{since: "2026-11-02", until: "2026-11-01"}},
		{by: "model", check: true},
		{blocks: true, selection: selection{project: "shop"}},
	} {
		if err := b.a.spendReport(context.Background(), b.r, o); exitCode(err) != exitUsage {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Three windows: of work on the 25th, of work on the 26th at 8, and kimi's, which goes on: 2 cents
// in two hours are 1 cent an hour and 5 cents by its end.
func TestBlocksAreThoseOfTheProfile(t *testing.T) {
	b := newBooks(t)
	now := time.Now().UTC().Truncate(time.Hour).Add(10 * time.Minute)
	b.now = now
	b.row("r1", now.Add(-30*time.Hour), nil)
	b.row("r2", now.Add(-29*time.Hour), nil)
	b.row("r3", now.Add(-2*time.Hour), func(e *ledger.Entry) { e.Profile, e.Cost = "kimi", 2*cent })
	b.a.format = formatTSV
	start := now.Truncate(time.Hour).Add(-2 * time.Hour)
	rate := scaled("0.02", time.Hour, now.Sub(start))
	b.says(strings.Join([]string{
		"block_start\tblock_end\tprofile\tsource\tis_active\trequests\tprompt_tokens\toutput_tokens\tused\tcost_usd\tcost_list_usd\tusd_per_hour\tprojected_usd",
		start.Format(time.RFC3339) + "\t" + start.Add(5*time.Hour).Format(time.RFC3339) + "\tkimi\tderived\ttrue\t1\t100\t5\t\t0.0200000000\t0.0400000000\t" + rate + "\t" + scaled("0.02", 5*time.Hour, now.Sub(start)),
	}, "\n")+"\n", b.spend(spendOptions{blocks: true, selection: selection{profile: "kimi"}}))
	b.says(strings.Join([]string{
		"block_start\tblock_end\tprofile\tsource\tis_active\trequests\tprompt_tokens\toutput_tokens\tused\tcost_usd\tcost_list_usd\tusd_per_hour\tprojected_usd",
		start.Add(-28*time.Hour).Format(time.RFC3339) + "\t" + start.Add(-23*time.Hour).Format(time.RFC3339) + "\twork\tderived\tfalse\t2\t200\t10\t\t0.0800000000\t0.0800000000\t" +
			scaled("0.08", time.Hour, time.Hour+10*time.Minute+2*time.Second) + "\t",
	}, "\n")+"\n", b.spend(spendOptions{blocks: true, selection: selection{profile: "work"}}))
}
