package dashboard

import (
	"fmt"
	"math/big"

	"prism/internal/admin"
)

func sessionsPart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	with, base := q.filter.table()
	query := admin.Query{SQL: with + " select count(distinct session_id) as n from " + base + " where " + c.String(), Params: c.params, LimitMS: asideFor.Milliseconds()}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		n, err := into[struct{ N *int64 }](res)
		if err == nil && len(n) == 1 && reply.Totals != nil {
			reply.Totals.Sessions = n[0].N
		}
		return err
	}}
}

func wastePart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	c.and("outcome in ('client_abort', 'truncated', 'crashed')")
	query := admin.Query{
		SQL:    correctedWith + " select outcome, count(*) as requests, sum(cost_usd)::varchar as cost_usd from " + corrected + " where " + c.String() + " group by outcome order by sum(cost_usd) desc nulls last",
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
			if rows[i].Cost != nil {
				if amount, ok := new(big.Rat).SetString(*rows[i].Cost); ok {
					total.Add(total, amount)
				}
			}
		}
		text := total.FloatString(moneyDecimals)
		w.Cost = &text
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
               sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)) as wr
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
	limit := cacheFor.Milliseconds()
	add := func(name string, query admin.Query, put func(*spendCache, []raw)) spendPart {
		query.LimitMS = limit
		return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
			if reply.Cache == nil {
				reply.Cache = &spendCache{Days: []raw{}, By: []raw{}, Breaks: []raw{}, Late: []string{}, Partial: q.filter.beyondNames()}
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

// beyondNames tells whether there are filters that the macros of the cache do not know.
func (f *filter) beyondNames() bool {
	for name, values := range f.values {
		if len(values) > 0 && name != "profile" && name != "model" {
			return true
		}
	}
	return f.search != "" || f.unpriced
}

// maxWindows5h is how many five-hour windows are told, the newest first.
const maxWindows5h = 200

func windowsPart(q *spendQuery) spendPart {
	var c clause
	c.oneOf("profile", "profile", q.filter.values["profile"])
	ends(&c, q.filter.span)
	c.and("block_start < $until::timestamptz")
	query := admin.Query{SQL: "from blocks(since := $since::timestamptz) where " + c.String(), Params: c.params, MaxRows: maxWindows5h, LimitMS: cacheFor.Milliseconds()}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		objects, err := objectsOf(res)
		reply.Windows = append(reply.Windows, objects...)
		return err
	}}
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
