package dashboard

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"prism/internal/admin"
)

func sessionsPart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	with, base := q.filter.table()
	query := admin.Query{SQL: with + " select count(distinct session_id) as n from " + base + " where " + c.String(), Params: c.params, LimitMS: asideFor.Milliseconds()}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		reply.late("sessions", res)
		n, err := into[struct{ N *int64 }](res)
		if err == nil && len(n) == 1 && reply.Totals != nil {
			reply.Totals.Sessions = n[0].N
		}
		return err
	}}
}

// wasteSQL is true of an answer that did not arrive whole. An error counts if it came after an answer had
// begun, or after an attempt that is paid all the same: most errors cost nothing.
const wasteSQL = "case when outcome in ('error', 'shutdown') then prompt_tokens is not null or cost_usd > 0 else outcome in ('client_abort', 'truncated', 'crashed') end"

func wastePart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	c.and(wasteSQL)
	query := admin.Query{
		SQL:    correctedWith + " select outcome, count(*) as requests, count(*) filter (" + unpricedSQL + ") as unpriced, sum(cost_usd)::varchar as cost_usd from " + corrected + " where " + c.String() + " group by outcome order by sum(cost_usd) desc nulls last",
		Params: c.params,
	}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		objects, err := objectsOf(res)
		if err != nil {
			return err
		}
		rows, err := into[sums](res)
		if err != nil {
			return err
		}
		w := &spendWaste{By: append([]raw{}, objects...)}
		total := new(big.Rat)
		for i := range rows {
			w.Requests += rows[i].Requests
			w.Unpriced += rows[i].Unpriced
			if rows[i].Cost == nil {
				continue
			}
			if amount, ok := new(big.Rat).SetString(*rows[i].Cost); ok {
				text := total.Add(total, amount).FloatString(moneyDecimals)
				w.Cost = &text
			}
		}
		reply.Waste = w
		return nil
	}}
}

// unpricedModels is how many models without a price are told.
const unpricedModels = 20

func unpricedPart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	c.and(unpricedSQL)
	query := admin.Query{
		SQL:    correctedWith + " select " + modelSQL + " as model, provider, count(*) as requests from " + corrected + " where " + c.String() + " group by all order by requests desc, model",
		Params: c.params, MaxRows: unpricedModels, LimitMS: asideFor.Milliseconds(),
	}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		reply.late("unpriced", res)
		objects, err := objectsOf(res)
		reply.Unpriced = append(reply.Unpriced, objects...)
		return err
	}}
}

// spendCache is what the prompt cache brought and cost.
type spendCache struct {
	Days   []raw `json:"days"`
	By     []raw `json:"by"`     // by profile and model; writes that nobody read are in it
	Breaks []raw `json:"breaks"` // prefixes that had to be paid for again, by cause
	// Partial: By and Breaks heed the profile and the model that are asked for, no other filter.
	Partial bool     `json:"partial"`
	Late    []string `json:"late"` // were not computed in time
}

const cacheDaysSQL = correctedWith + `
select strftime(period, %[1]s) as at, sum(rd)::bigint as cache_read_tokens, sum(prompt)::bigint as prompt_tokens, sum(wr)::bigint as cache_write_tokens,
       sum(rd) / nullif(sum(prompt), 0) as cache_hit_ratio, sum(saved)::varchar as saved_usd
from (
  select date_trunc('%[2]s', _quarter_start(quarter)) as period, *
  from (select _quarter(started_at) as quarter, sum(cache_read_tokens) as rd, sum(prompt_tokens) as prompt, sum(cost_uncached_usd - cost_list_usd) as saved,
               sum(` + cacheWriteSQL + `) as wr
        from %[3]s where %[4]s group by 1))
group by period order by period`

func cacheParts(q *spendQuery) []spendPart {
	days := q.where(q.filter.span)
	var named clause // what the macros know of the filters
	named.oneOf("profile", "profile", q.filter.values["profile"])
	breaks := named.clone()
	named.oneOf("model", "model", q.filter.values["model"])
	ends(&named, q.filter.span)
	ends(&breaks, q.filter.span)
	breaks.and("started_at < $until::timestamptz")
	breaks.served(q.filter.values["model"])
	limit := cacheFor.Milliseconds()
	add := func(name string, query admin.Query, put func(*spendCache, []raw)) spendPart {
		query.LimitMS = limit
		return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
			if reply.Cache == nil {
				reply.Cache = &spendCache{Days: []raw{}, By: []raw{}, Breaks: []raw{}, Late: []string{}, Partial: q.filter.beyond("profile", "model")}
			}
			if missed(res) {
				reply.Cache.Late = append(reply.Cache.Late, name)
				return nil
			}
			objects, err := objectsOf(res)
			if len(objects) > 0 {
				put(reply.Cache, objects)
			}
			return err
		}}
	}
	return []spendPart{
		add("days", admin.Query{SQL: fmt.Sprintf(cacheDaysSQL, labels(q.grain), q.grain, corrected, days.String()), Params: days.params}, func(c *spendCache, rows []raw) { c.Days = rows }),
		add("by", admin.Query{SQL: "from cache_efficiency(since := $since::timestamptz, until := $until::timestamptz) where " + named.String(), Params: named.params, MaxRows: spendGroups},
			func(c *spendCache, rows []raw) { c.By = rows }),
		add("breaks", admin.Query{
			SQL: "select cause, count(*) as n, sum(rebilled_tokens)::bigint as tokens, sum(extra_usd)::varchar as cost_usd from cache_breaks(since := $since::timestamptz) where " +
				breaks.String() + " group by cause order by sum(extra_usd) desc nulls last",
			Params: breaks.params,
		}, func(c *spendCache, rows []raw) { c.Breaks = rows }),
	}
}

// served keeps the breaks at requests of one of the models. The macro names the model that was sent,
// which need not be the one that is priced.
func (c *clause) served(models []string) {
	var of clause
	if of.oneOf("model", modelSQL, models); len(of.terms) == 0 {
		return
	}
	c.and("request_id in (select request_id from requests where started_at >= $since::timestamptz and " + of.String() + ")")
	for name, value := range of.params {
		c.set(name, value)
	}
}

// ends gives the ends of a span to a macro.
func ends(c *clause, s span) {
	since, until := "-infinity", "infinity"
	if !s.From.IsZero() {
		since = stamp(s.From)
	}
	if !s.To.IsZero() {
		until = stamp(s.To)
	}
	c.set("since", since, "until", until)
}

// beyond tells whether there are filters by something else than what is named.
func (f *filter) beyond(names ...string) bool {
	for name, values := range f.values {
		if len(values) > 0 && !slices.Contains(names, name) {
			return true
		}
	}
	return f.search != "" || f.unpriced
}

// maxWindows5h is how many five-hour windows are told, the newest first.
const maxWindows5h = 200

// windowsBack is how far before the time that is asked for the windows are looked for: where one
// begins depends on where the one before it ended, back to a pause of five hours.
const windowsBack = 48 * time.Hour

func windowsPart(q *spendQuery) spendPart {
	var c clause
	c.oneOf("profile", "profile", q.filter.values["profile"])
	s := q.filter.span
	ends(&c, s)
	c.and("block_end > $since::timestamptz and block_start < $until::timestamptz")
	back := "-infinity"
	if !s.From.IsZero() {
		back = stamp(s.From.Add(-windowsBack))
	}
	c.set("back", back)
	query := admin.Query{SQL: "from blocks(since := $back::timestamptz) where " + c.String(), Params: c.params, MaxRows: maxWindows5h, LimitMS: cacheFor.Milliseconds()}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		reply.late("windows", res)
		reply.WindowsPartial = q.filter.beyond("profile")
		objects, err := objectsOf(res)
		reply.Windows = append(reply.Windows, objects...)
		return err
	}}
}

// late notes a part of the answer that was not computed in time.
func (r *spendReply) late(name string, res *admin.QueryResult) {
	if missed(res) {
		r.Late = append(r.Late, name)
	}
}

// maxBudgetEvents is how many changes of budgets are told.
const maxBudgetEvents = 500

func (d *Data) budgetsPart(q *spendQuery) spendPart {
	var c clause
	ends(&c, q.filter.span)
	c.and("rule = 'budget'")
	c.and("event_at >= $since::timestamptz and event_at < $until::timestamptz")
	query := admin.Query{
		SQL:    "select name, scope, period, event_at, state, action, amount_usd, limit_usd, message from alerts where " + c.String() + " order by event_at desc",
		Params: c.params, MaxRows: maxBudgetEvents,
	}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		if d.opt.Budgets == nil {
			return nil
		}
		objects, err := objectsOf(res)
		if err != nil {
			return err
		}
		names, err := into[struct{ Name, Scope, Period *string }](res)
		if err != nil {
			return err
		}
		for _, b := range d.opt.Budgets() {
			own := spendBudget{BudgetStatus: b, Events: []raw{}}
			for i := range names {
				if same(names[i].Name, b.Name) && same(names[i].Scope, b.Scope) && same(names[i].Period, b.Per) {
					own.Events = append(own.Events, objects[i])
				}
			}
			reply.Budgets = append(reply.Budgets, own)
		}
		return nil
	}}
}

func same(a *string, b string) bool { return a != nil && *a == b }
