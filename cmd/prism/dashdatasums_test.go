package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger"
	"prism/internal/stream"
)

// spentEntries are exchanges of two weeks in a few sessions, the newest first, with prompts that were
// cached and lost again, answers that broke off, prices that are not known and prices that were corrected.
func spentEntries(n int, now time.Time) func(yield func(ledger.Appendable, error) bool) {
	return func(yield func(ledger.Appendable, error) bool) {
		for i := range n {
			e := spentEntry(i, now)
			if !yield(e, nil) {
				return
			}
			if i%11 != 0 {
				continue
			}
			c := ledger.Correction{RequestID: e.RequestID, CorrectedAt: now, Reason: "reprice", PriceID: e.PriceID, CostList: 7e8, Cost: 6e8, CostUncached: 9e8}
			if !yield(&c, nil) {
				return
			}
		}
	}
}

func spentEntry(i int, now time.Time) *ledger.Entry {
	var e ledger.Entry
	e.Reset()
	e.RequestID, e.Source, e.Operation, e.UsageSource = fmt.Sprintf("01SPENT%05d", i), "proxy", ledger.OpMessages, ledger.UsageFinal
	e.StartedAt = now.Add(-time.Duration(i*i%7+50*i) * time.Minute)
	e.EndedAt = e.StartedAt.Add(time.Minute)
	e.Profile, e.Provider = []string{"work", "kimi", "work", "local"}[i%4], "anthropic"
	e.RequestModel = []string{"claude-opus-5-5", "claude-haiku-5-5"}[i%2]
	e.UpstreamModel, e.ResponseModel = "sent-"+e.RequestModel, []string{"", e.RequestModel, e.RequestModel}[i%3]
	e.SessionID, e.Project, e.GitBranch = fmt.Sprint("s", i%3), fmt.Sprint("p", i%30), []string{"main", ""}[i%2]
	e.Outcome = []string{ledger.OutcomeOK, ledger.OutcomeOK, ledger.OutcomeError, ledger.OutcomeClientAbort, ledger.OutcomeOK, "truncated", ledger.OutcomeOK}[i%7]
	e.Usage.Input, e.Usage.Output = stream.Count(100+i%9), stream.Count(10+i%5)
	e.Usage.CacheRead = stream.Count([]int64{40_000, 40_000, 0, 3_000}[i%4])
	e.Usage.CacheWrite5m, e.Usage.CacheWrite1h = stream.Count([]int64{0, 9_000, 40_000}[i%3]), stream.Count([]int64{0, 0, 0, 500, 0}[i%5])
	e.PromptTokens = e.Usage.Input + e.Usage.CacheRead + e.Usage.CacheWrite5m + e.Usage.CacheWrite1h
	if i%6 != 5 {
		price := ledger.Money(1e7 * (1 + i%40))
		e.PriceID = "anthropic/claude-opus-5-5@2026-09-22"
		e.CostInput, e.CostList, e.Cost, e.CostUncached = price, price, price, 2*price
	}
	return &e
}

// object is a JSON object of an answer; text is a value of it as it was written.
type object map[string]json.RawMessage

func (o object) text(names ...string) string {
	var all []string
	for _, name := range names {
		all = append(all, strings.Trim(string(o[name]), `"`))
	}
	return strings.Join(all, " ")
}

// rowTexts are rows of text, in order.
func rowTexts[T any](list []T, line func(T) string) string {
	all := make([]string, 0, len(list))
	for _, one := range list {
		all = append(all, line(one))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// same compares an answer with rows of the ledger, each row as one text.
func (d *dash) same(what, got, query string) {
	d.Helper()
	want := d.figure("select coalesce(string_agg(line, chr(10) order by line), '') from (select concat_ws(' ', " + query + ")")
	want = strings.ReplaceAll(want, "<nil>", "")
	if got != want {
		d.Errorf("%s:\n%s\nwant\n%s", what, got, want)
	}
}

// jsonNull writes a value as JSON does, so that unknown differs from nothing.
func jsonNull(expr string) string { return "coalesce((" + expr + ")::varchar, 'null')" }

func spentDash(t *testing.T, rows int) *dash {
	t.Helper()
	return newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) { return spentEntries(rows, now) }, dashOptions{})
}

// filtered are filters of a page, and what they mean in the columns of priced.
func filtered() map[string]struct {
	query url.Values
	where string
} {
	return map[string]struct {
		query url.Values
		where string
	}{
		"all":               {url.Values{}, "true"},
		"a profile":         {url.Values{"profile": {"work"}}, "profile = 'work'"},
		"a model":           {url.Values{"model": {"claude-opus-5-5"}}, modelSQL + " = 'claude-opus-5-5'"},
		"a model as sent":   {url.Values{"model": {"sent-claude-opus-5-5"}}, modelSQL + " = 'sent-claude-opus-5-5'"},
		"two and a profile": {url.Values{"model": {"claude-opus-5-5", "claude-haiku-5-5"}, "profile": {"kimi", "local"}}, modelSQL + " in ('claude-opus-5-5', 'claude-haiku-5-5') and profile in ('kimi', 'local')"},
	}
}

func TestTheCacheOfAPageIsThatOfTheLedger(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 300)
	since := "timestamptz '2026-11-19 00:00:00+00'"
	for name, f := range filtered() {
		q := url.Values{"range": {"7d"}, "part": {"cache"}, "grain": {"week"}}
		maps.Copy(q, f.query)
		var s struct {
			Cache struct {
				Days, By, Breaks []object
				Partial          bool
				Late             []string
			}
		}
		d.get("/api/spend", q, &s)
		if s.Cache.Partial || len(s.Cache.Late) > 0 || len(s.Cache.By) == 0 {
			t.Errorf("%s: %+v", name, s.Cache)
		}
		d.same(name+": breaks", rowTexts(s.Cache.Breaks, func(o object) string { return o.text("cause", "n", "tokens", "cost_usd") }),
			"cause, count(*), sum(rebilled_tokens)::bigint, "+jsonNull("sum(extra_usd)")+") as line from cache_breaks(since := "+since+") b join (select request_id, "+modelSQL+" as served from priced) p using (request_id) where "+
				strings.ReplaceAll(f.where, modelSQL, "served")+" group by cause")
		d.same(name+": by", rowTexts(s.Cache.By, func(o object) string {
			return o.text("profile", "model", "requests", "cache_read_tokens", "never_read_tokens", "saved_usd")
		}),
			"profile, model, requests, cache_read_tokens, "+jsonNull("never_read_tokens")+", "+jsonNull("saved_usd")+") as line from cache_efficiency(since := "+since+") where "+strings.ReplaceAll(f.where, modelSQL, "model"))
		d.same(name+": days", rowTexts(s.Cache.Days, func(o object) string { return o.text("at", "cache_read_tokens", "cache_write_tokens", "saved_usd") }),
			"strftime(date_trunc('week', started_at), '%Y-%m-%d'), sum(cache_read_tokens), sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)), sum(cost_uncached_usd - cost_list_usd)) as line from priced where operation = 'messages' and started_at >= "+
				since+" and "+f.where+" group by date_trunc('week', started_at)")
	}
	var s struct {
		Cache struct{ Partial bool }
	}
	if d.get("/api/spend", url.Values{"part": {"cache"}, "project": {"p1"}}, &s); !s.Cache.Partial {
		t.Error("a filter that does not count is not told")
	}
}

func TestWindowsBeginBeforeTheRangeWhereTheyDid(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 200)
	for _, c := range []struct{ name, from, to, profile string }{
		{"today", "2026-11-26 00:00:00+00", "2026-11-27 00:00:00+00", ""},
		{"yesterday", "2026-11-25 00:00:00+00", "2026-11-26 00:00:00+00", "work"},
		{"week", "2026-11-23 00:00:00+00", "2026-11-30 00:00:00+00", "kimi"},
		{"all", "-infinity", "infinity", ""},
	} {
		q := url.Values{"range": {c.name}, "part": {"windows"}}
		where := "true"
		if c.profile != "" {
			q.Set("profile", c.profile)
			where = "profile = '" + c.profile + "'"
		}
		var s struct {
			Windows        []object
			WindowsPartial bool `json:"windows_partial"`
			Late           []string
		}
		d.get("/api/spend", q, &s)
		if s.WindowsPartial || len(s.Late) > 0 || len(s.Windows) == 0 {
			t.Errorf("%s: %d windows, partial %v, late %v", c.name, len(s.Windows), s.WindowsPartial, s.Late)
		}
		d.same(c.name, rowTexts(s.Windows, func(o object) string { return o.text("profile", "block_start", "requests", "cost_usd", "unpriced") }),
			"profile, strftime(timezone('UTC', block_start), '%Y-%m-%dT%H:%M:%SZ'), requests, "+jsonNull("cost_usd")+", unpriced) as line from blocks(since := '-infinity'::timestamptz) where block_end > timestamptz '"+c.from+"' and block_start < timestamptz '"+c.to+"' and "+where)
	}
	var s struct {
		WindowsPartial bool `json:"windows_partial"`
	}
	if d.get("/api/spend", url.Values{"part": {"windows"}, "model": {"m"}}, &s); !s.WindowsPartial {
		t.Error("a filter that does not count is not told")
	}
}

func TestBudgetsAreShownWithWhatHappenedInTheRange(t *testing.T) {
	t.Parallel()
	event := func(at time.Time, name, state string) *ledger.AlertEvent {
		return &ledger.AlertEvent{EventAt: at, Name: name, Rule: "budget", Scope: "all", Period: "day", State: state, Action: "notify", Amount: 5e8, Limit: 4e8}
	}
	budget := admin.BudgetStatus{Name: "team", Scope: "all", Per: "day", LimitUSD: "0.04", SpentUSD: "0.05"}
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			_ = yield(event(now.Add(-time.Hour), "team", ledger.AlertReached), nil) && yield(event(now.Add(-2*time.Hour), "team", ledger.AlertWarned), nil) &&
				yield(event(now.Add(-time.Hour), "another", ledger.AlertReached), nil) && yield(event(now.AddDate(0, 0, -1), "team", ledger.AlertReached), nil) && yield(spentEntry(1, now), nil)
		}
	}, dashOptions{budgets: []admin.BudgetStatus{budget}})
	var s struct {
		Budgets []struct {
			admin.BudgetStatus
			Events []object
		}
	}
	d.get("/api/spend", url.Values{"range": {"today"}, "part": {"budgets"}}, &s)
	if len(s.Budgets) != 1 || s.Budgets[0].BudgetStatus != budget {
		t.Fatalf("%+v", s)
	}
	if got := rowTexts(s.Budgets[0].Events, func(o object) string { return o.text("state", "amount_usd") }); got != "reached 0.0500000000\nwarned 0.0500000000" {
		t.Errorf("%s", got)
	}
}

func TestAPeriodIsComparedToTheLastDigitAndGroupsOfBeforeStay(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 300)
	for _, by := range []string{"project", "profile", "model", "branch"} {
		expr := map[string]string{"project": "project", "profile": "profile", "model": modelSQL, "branch": "git_branch"}[by]
		var s struct {
			Totals struct {
				Cost *string `json:"cost_usd"`
				Rate *string `json:"run_rate_usd"`
			}
			Before struct {
				From, To time.Time
				Requests int
				Cost     *string `json:"cost_usd"`
			}
			Groups []object
			More   int
		}
		// Until noon of today, and until noon of yesterday.
		d.get("/api/spend", url.Values{"range": {"today"}, "by": {by}, "part": {"sums"}, "compare": {"1"}}, &s)
		today, before := "started_at >= timestamptz '2026-11-26 00:00:00+00'", "started_at >= timestamptz '2026-11-25 00:00:00+00' and started_at < timestamptz '2026-11-25 12:00:00+00'"
		if want := d.figure("select sum(cost_usd)::varchar || ' ' || count(*) from priced where " + before); s.Before.Cost == nil || fmt.Sprintf("%s %d", *s.Before.Cost, s.Before.Requests) != want {
			t.Errorf("by %s: before %+v, want %s", by, s.Before, want)
		}
		if want := d.figure("select (2 * sum(cost_usd))::varchar from priced where " + today); s.Totals.Rate == nil || *s.Totals.Rate != want {
			t.Errorf("by %s: rate %v, want %s", by, s.Totals.Rate, want)
		}
		d.same("by "+by, rowTexts(s.Groups, func(o object) string {
			return fmt.Sprint(o.text("key", "requests"), " ", zero(o.text("cost_usd")), " ", zero(o.text("before_usd")))
		}), jsonNull("coalesce(a.k, b.k)")+", coalesce(n, 0), case when n is null then '0' else coalesce(now::varchar, 'null') end, case when m is null then '0' else coalesce(earlier::varchar, '') end) as line from"+
			" (select "+expr+" as k, count(*) as n, sum(cost_usd) as now from priced where "+today+" group by 1) a full join (select "+expr+" as k, count(*) as m, sum(cost_usd) as earlier from priced where "+before+" group by 1) b on a.k is not distinct from b.k")
	}
}

// zero is 0 for any spelling of it.
func zero(amount string) string {
	if amount != "" && strings.Trim(amount, "0.") == "" {
		return "0"
	}
	return amount
}

func TestWhatOtherModelsCostIsToldWholeAlsoWhereThereAreManyGroups(t *testing.T) {
	t.Parallel()
	const models = 211
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			for i := range 2 * models {
				e := spentEntry(i, now)
				e.ResponseModel, e.StartedAt = fmt.Sprintf("model-%03d", i%models), now.Add(-time.Duration(i)*time.Minute)
				if !yield(e, nil) {
					return
				}
			}
		}
	}, dashOptions{})
	type answer struct {
		Rows    []object
		Total   object
		More    int
		Partial bool
		SQL     string
	}
	for name, c := range map[string]struct {
		query url.Values
		where string
	}{
		"all":                 {nil, "true"},
		"a profile":           {url.Values{"profile": {"kimi"}}, "profile = 'kimi'"},
		"a profile, a model":  {url.Values{"profile": {"work"}, "model": {"model-004"}}, "profile = 'work' and was_model = 'model-004'"},
		"a model of no rows":  {url.Values{"model": {"nothing"}}, "was_model = 'nothing'"},
		"with what is unused": {url.Values{"project": {"p1"}, "profile": {"kimi"}}, "profile = 'kimi'"},
	} {
		q := url.Values{"range": {"month"}, "model_if": {"kimi-k3"}, "provider_if": {"moonshot"}}
		maps.Copy(q, c.query)
		var a answer
		d.get("/api/whatif", q, &a)
		from := " from what_if('kimi-k3', 'moonshot', since := timestamptz '2026-11-01 00:00:00+00') where " + c.where
		columns := []string{"requests", "cost_usd", "cost_list_usd", "what_if_usd", "diff_to_list_usd", "not_compared"}
		if want := d.figure("select concat_ws(' ', coalesce(sum(requests), 0), " + jsonNull("sum(cost_usd)") + ", " + jsonNull("sum(cost_list_usd)") + ", " + jsonNull("sum(what_if_usd)") + ", " + jsonNull("sum(diff_to_list_usd)") + ", coalesce(sum(not_compared), 0))" + from); a.Total.text(columns...) != want {
			t.Errorf("%s: total %s, want %s", name, a.Total.text(columns...), want)
		}
		if want := d.figure("select count(*)" + from); fmt.Sprint(len(a.Rows)+a.More) != want || len(a.Rows) > 200 || a.More > 0 && len(a.Rows) != 200 {
			t.Errorf("%s: %d rows, %d more, want %s", name, len(a.Rows), a.More, want)
		}
		if a.Partial != (c.query.Get("project") != "") {
			t.Errorf("%s: partial %v", name, a.Partial)
		}
		if want := d.figure("select count(*) from (" + a.SQL + ")"); want != fmt.Sprint(len(a.Rows)+a.More) {
			t.Errorf("%s: %d rows, and %s of its query\n%s", name, len(a.Rows)+a.More, want, a.SQL)
		}
	}
}

// An error after the answer had begun was paid; one in place of an answer was not, and is no waste.
func TestAnErrorIsPaidForNothingOnlyAfterAnAnswerHadBegun(t *testing.T) {
	t.Parallel()
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			for i := range 60 {
				e := spentEntry(i, now.Add(-time.Hour))
				if e.Outcome == ledger.OutcomeError && i%2 == 0 {
					none := spentEntry(i, now)
					e.Reset()
					e.RequestID, e.Source, e.Operation, e.UsageSource = none.RequestID, none.Source, none.Operation, ledger.UsageNone
					e.StartedAt, e.EndedAt, e.Outcome = none.StartedAt, none.EndedAt, ledger.OutcomeError
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}, dashOptions{})
	var s struct {
		Waste struct {
			Requests int
			By       []object
		}
	}
	d.get("/api/spend", url.Values{"range": {"all"}, "part": {"sums"}}, &s)
	got := map[string]string{}
	for _, by := range s.Waste.By {
		got[by.text("outcome")] = by.text("requests", "cost_usd")
	}
	for _, outcome := range []string{"error", "client_abort", "truncated"} {
		if want := d.figure("select count(*) || ' ' || sum(cost_usd) from priced where prompt_tokens is not null and outcome = '" + outcome + "'"); got[outcome] != want {
			t.Errorf("%s: %s, want %s", outcome, got[outcome], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("waste of %v", got)
	}
}

func TestWhatWasPaidForNothingIsUnknownWhereNoPriceIs(t *testing.T) {
	t.Parallel()
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			for i := range 60 {
				e := spentEntry(i, now.Add(-time.Hour))
				if e.Profile == "kimi" {
					e.PriceID, e.CostInput, e.CostList, e.Cost, e.CostUncached = "", ledger.NoMoney, ledger.NoMoney, ledger.NoMoney, ledger.NoMoney
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}, dashOptions{})
	for profile, known := range map[string]bool{"kimi": false, "work": true} {
		var s struct {
			Waste struct {
				Requests, Unpriced int
				Cost               *string `json:"cost_usd"`
				By                 []object
			}
		}
		d.get("/api/spend", url.Values{"range": {"all"}, "profile": {profile}, "part": {"sums"}}, &s)
		cost := "null"
		if s.Waste.Cost != nil {
			cost = *s.Waste.Cost
		}
		got := fmt.Sprint(s.Waste.Requests, " ", s.Waste.Unpriced, " ", cost)
		if want := d.figure("select concat_ws(' ', count(*), count(*) filter (cost_list_usd is null), " + jsonNull("sum(cost_usd)") + ") from priced where outcome in ('client_abort', 'truncated', 'error') and profile = '" + profile + "'"); got != want || (cost != "null") != known {
			t.Errorf("%s: %s, want %s", profile, got, want)
		}
	}
}

func TestAChartHoldsTheLargestByEveryMeasureAndTheRestInOne(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 600)
	for _, grain := range []string{"day", "hour"} { // of hours there are so many that cost alone decides
		var s struct {
			Series []struct {
				At       string
				Key      *string
				Other    bool
				Requests int
				Prompt   int64   `json:"prompt_tokens"`
				Cost     *string `json:"cost_usd"`
			}
			SeriesCut bool `json:"series_cut"`
		}
		d.get("/api/spend", url.Values{"range": {"all"}, "by": {"model"}, "split": {"project"}, "grain": {grain}, "part": {"sums"}}, &s)
		keys := map[string]bool{}
		got := map[string]string{}
		requests, last := 0, ""
		for _, p := range s.Series {
			if p.At < last {
				t.Fatalf("%s comes after %s", p.At, last)
			}
			last = p.At
			key := "the rest"
			if !p.Other {
				key = *p.Key
				keys[key] = true
			}
			requests += p.Requests
			if got[key] == "" {
				got[key] = "0"
			}
			if p.Cost != nil {
				got[key] = minus(got[key], minus("0", *p.Cost))
			}
		}
		if want := d.figure("select count(*) from priced"); fmt.Sprint(requests) != want || s.SeriesCut {
			t.Errorf("%s: %d requests, want %s; cut %v", grain, requests, want, s.SeriesCut)
		}
		if grain == "hour" && len(keys) != 8 || len(keys) < 8 || got["the rest"] == "" {
			t.Errorf("%s: %d keys, the rest %s", grain, len(keys), got["the rest"])
		}
		var list []string
		for key := range keys {
			if want := d.figure("select sum(cost_usd)::varchar from priced where project = '" + key + "'"); compareMoney(got[key], want) != 0 {
				t.Errorf("%s of %s: %s, want %s", grain, key, got[key], want)
			}
			list = append(list, "'"+key+"'")
		}
		for _, measure := range []string{"sum(cost_usd)", "count(*)", "sum(prompt_tokens)", "sum(output_tokens)"}[:map[string]int{"day": 4, "hour": 1}[grain]] {
			if n := d.figure("select count(*) from (select project from priced group by 1 order by " + measure + " desc, project limit 8) where project in (" + strings.Join(list, ", ") + ")"); n != "8" {
				t.Errorf("%s: of the eight largest by %s only %s are drawn", grain, measure, n)
			}
		}
	}
}

func TestTheHoursOfADayAreThoseOfTheGateway(t *testing.T) {
	t.Parallel()
	entries := func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			for i := range 400 {
				e := spentEntry(i, now)
				e.StartedAt = now.Add(-time.Duration(i) * 5 * time.Minute)
				switch i % 10 {
				case 3:
					e.Operation = ledger.OpCountTokens
				case 4:
					e.Source = "import:claude"
				case 5:
					e.Profile = "" // refused before one was chosen
				}
				if !yield(e, nil) || i%9 == 0 && !yield(&ledger.Correction{RequestID: e.RequestID, CorrectedAt: now, Reason: "reprice", PriceID: e.PriceID, CostList: 7e8, Cost: 6e8, CostUncached: 9e8}, nil) {
					return
				}
			}
		}
	}
	type hour struct {
		At                         time.Time
		Requests, Failed, Unpriced int
		Cost                       *string `json:"cost_usd"`
	}
	for zone, first := range map[string]string{"UTC": "2026-11-25T13:00:00Z", "Asia/Kolkata": "2026-11-25T12:30:00Z"} {
		d := newDashOf(t, entries, dashOptions{zone: zone})
		var a struct {
			All      []hour
			Profiles []struct {
				Profile *string
				Hours   []hour
			}
			LastHour *string `json:"last_hour_usd"`
		}
		d.get("/api/hours", nil, &a)
		if len(a.All) != 24 || a.All[0].At.Format(time.RFC3339) != first || len(a.Profiles) != 4 {
			t.Fatalf("%s: %d hours, %d profiles: %+v", zone, len(a.All), len(a.Profiles), a.All)
		}
		check := func(name, where string, hours []hour) {
			t.Helper()
			for i, h := range hours {
				cost := "null"
				if h.Cost != nil {
					cost = *h.Cost
				}
				begins := h.At.Format("'2006-01-02 15:04:05+00'")
				want := d.figure("select concat_ws(' ', count(*), count(*) filter (outcome not in ('ok', 'client_abort')), count(*) filter (cost_list_usd is null), " + jsonNull("sum(cost_usd)") + ") from priced where operation = 'messages' and source = 'proxy' and " + where +
					" and started_at >= timestamptz " + begins + " and started_at < timestamptz " + begins + " + interval 1 hour")
				if got := fmt.Sprint(h.Requests, " ", h.Failed, " ", h.Unpriced, " ", cost); got != want {
					t.Errorf("%s, %s, hour %d: %s, want %s", zone, name, i, got, want)
				}
			}
		}
		check("all", "true", a.All)
		for _, p := range a.Profiles {
			if p.Profile == nil {
				check("none", "profile is null", p.Hours)
			} else {
				check(*p.Profile, "profile = '"+*p.Profile+"'", p.Hours)
			}
		}
		if want := d.figure("select sum(cost_usd)::varchar from priced where operation = 'messages' and source = 'proxy' and started_at >= timestamptz '2026-11-26 11:00:00+00'"); a.LastHour == nil || *a.LastHour != want {
			t.Errorf("%s: the last hour %v, want %s", zone, a.LastHour, want)
		}
	}
}

func TestUnknownCacheWritesAreNotZero(t *testing.T) {
	t.Parallel()
	d := newDashOf(t, func(now time.Time) func(func(ledger.Appendable, error) bool) {
		return func(yield func(ledger.Appendable, error) bool) {
			for i := range 3 {
				e := spentEntry(i, now)
				if i == 0 {
					e.Usage, e.PromptTokens, e.UsageSource = stream.NoUsage(), stream.Unknown, ledger.UsageNone
				}
				if i == 1 {
					e.Usage.CacheWrite1h = stream.Unknown
				}
				if !yield(e, nil) {
					return
				}
			}
		}
	}, dashOptions{})
	var p dashPage
	d.get("/api/requests", url.Values{"range": {"all"}}, &p)
	got := fmt.Sprint(p.Rows[0]["cache_write_tokens"], p.Rows[1]["cache_write_tokens"], p.Rows[2]["cache_write_tokens"])
	if want := "<nil> 9000 40000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var s struct {
		Totals struct {
			Write *int64 `json:"cache_write_tokens"`
		}
	}
	if d.get("/api/spend", url.Values{"range": {"all"}, "part": {"sums"}, "session": {"s0"}}, &s); s.Totals.Write != nil {
		t.Errorf("%d written by who reported nothing", *s.Totals.Write)
	}
}

func TestFailedMeansTheSameInFiltersAndInSums(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 140)
	var s struct{ Totals struct{ Failed int } }
	d.get("/api/spend", url.Values{"range": {"all"}, "part": {"sums"}}, &s)
	for query, where := range map[string]string{"failed": "outcome not in ('ok', 'client_abort')", "failed ok": "outcome <> 'client_abort'", "failed client_abort": "outcome <> 'ok'"} {
		var p dashPage
		d.get("/api/requests", url.Values{"range": {"all"}, "limit": {"1"}, "patience": {"1"}, "outcome": strings.Fields(query)}, &p)
		if want := d.figure("select count(*) from requests where " + where); p.Total == nil || fmt.Sprint(*p.Total) != want || query == "failed" && *p.Total != s.Totals.Failed {
			t.Errorf("%s: %v, want %s; failed in the sums: %d", query, p.Total, want, s.Totals.Failed)
		}
	}
}

func TestASearchInEveryOrderFindsTheSame(t *testing.T) {
	t.Parallel()
	d := spentDash(t, 300)
	want := d.figure("select count(*) from requests where contains(project, 'p2')")
	for _, sort := range []string{"-started_at", "started_at", "-cost_usd", "duration_ms"} {
		seen := map[any]bool{}
		q := url.Values{"range": {"all"}, "q": {"p2"}, "sort": {sort}, "limit": {"20"}}
		var times []string
		for range 40 {
			var p dashPage
			if code := d.get("/api/requests", q, &p); code != http.StatusOK {
				t.Fatalf("%s: %d", sort, code)
			}
			for _, row := range p.Rows {
				seen[row["request_id"]] = true
				times = append(times, fmt.Sprint(row["started_at"]))
			}
			if p.Next == nil {
				break
			}
			q.Set("after", *p.Next)
		}
		if fmt.Sprint(len(seen)) != want || fmt.Sprint(len(times)) != want {
			t.Errorf("sort=%s: %d rows, %d different, want %s", sort, len(times), len(seen), want)
		}
		if sort == "started_at" && !slices.IsSorted(times) {
			t.Error("a search forward in time is not in the order of time")
		}
	}
}
