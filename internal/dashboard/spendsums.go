package dashboard

import (
	"encoding/json"
	"fmt"

	"prism/internal/admin"
)

// measures are the sums of a group of rows.
const measures = `count(*) as requests, count(*) filter (outcome not in ('ok', 'client_abort')) as failed, count(*) filter (` + unpricedSQL + `) as unpriced,
         sum(input_tokens) as input_tokens, sum(cache_read_tokens) as cache_read_tokens,
         sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0)) as cache_write_tokens,
         sum(prompt_tokens) as prompt_tokens, sum(output_tokens) as output_tokens,
         sum(cost_usd) as cost_usd, sum(cost_list_usd) as cost_list_usd, sum(cost_uncached_usd - cost_list_usd) as saved_usd`

// summed adds up sums. Ratios come last, from sums.
const summed = `sum(requests)::bigint as requests, sum(failed)::bigint as failed, sum(unpriced)::bigint as unpriced,
       sum(input_tokens)::bigint as input_tokens, sum(cache_read_tokens)::bigint as cache_read_tokens, sum(cache_write_tokens)::bigint as cache_write_tokens,
       sum(prompt_tokens)::bigint as prompt_tokens, sum(output_tokens)::bigint as output_tokens,
       sum(cache_read_tokens) / nullif(sum(prompt_tokens), 0) as cache_hit_ratio,
       sum(cost_usd)::varchar as cost_usd, sum(cost_list_usd)::varchar as cost_list_usd, sum(saved_usd)::varchar as saved_usd`

// One pass over the rows makes the sums of all groups, and of all quarters of an hour of each part of
// the chart; days, weeks and months are put together from quarters, since that is where they begin in
// every time zone, and the calendar is asked once for each quarter and not once per row.
const sumsSQL = correctedWith + `,
sums as materialized (
  select grouping(g) as no_group, grouping(quarter) as no_quarter, g, s, quarter,
         ` + measures + `
  from (select %[1]s as g, %[2]s as s, _quarter(started_at) as quarter, * from %[3]s where %[4]s)
  group by grouping sets ((), (g), (quarter, s))),
points as (
  select strftime(period, %[5]s) as label, s, ` + summed + `
  from (select date_trunc('%[6]s', _quarter_start(quarter)) as period, * from sums where no_quarter = 0)
  group by period, s),
groups as (select g, ` + summed + ` from sums where no_group = 0 and no_quarter = 1 group by g),
periods as (
  select strftime(period, %[7]s) as label, ` + summed + `
  from (select date_trunc('%[8]s', _quarter_start(quarter)) as period, * from sums where no_quarter = 0)
  group by period)
select 'total' as part, null as label, (select count(*) from groups)::varchar as name, * from (select ` + summed + ` from sums where no_group = 1 and no_quarter = 1)
union all by name
select * from (select 'group' as part, null as label, g as name, * exclude (g) from groups order by cost_usd::decimal(38, 10) desc nulls last, requests desc, g limit %[9]d)
union all by name
select * from (select 'period' as part, label, null as name, * exclude (label) from periods order by label)
union all by name
select 'point' as part, label, s as name, * exclude (label, s) from points`

// labels are how a part of the time is written.
func labels(grain string) string {
	if grain == "hour" {
		return `'%Y-%m-%dT%H:00'`
	}
	return `'%Y-%m-%d'`
}

// sumRow is a row of [sumsSQL].
type sumRow struct {
	Part  string  `json:"part"`
	Label *string `json:"label"`
	Name  *string `json:"name"`
	sums
}

// where is which rows count: those of messages.
func (q *spendQuery) where(s span) clause {
	f := q.filter
	f.span = s
	c := f.condition("")
	c.terms = append([]string{"operation = 'messages'"}, c.terms...)
	return c
}

// text is the sums as a query that a person can go on with.
func (q *spendQuery) text() string {
	c := q.where(q.filter.span)
	by := q.by.in(&c, "group")
	if q.by.ofTime() {
		by = "date_trunc('" + q.by.name + "', started_at)"
	}
	return c.literal("select " + by + " as grp, count(*) as requests, sum(prompt_tokens) as prompt_tokens, sum(cache_read_tokens) as cache_read_tokens,\n" +
		"       sum(output_tokens) as output_tokens, sum(cost_usd) as cost_usd, sum(cost_uncached_usd - cost_list_usd) as saved_usd\nfrom priced\nwhere " + c.String() +
		"\ngroup by all\norder by cost_usd desc nulls last")
}

func (d *Data) sumsPart(q *spendQuery) spendPart {
	c := q.where(q.filter.span)
	by, split := q.by.in(&c, "group"), q.split.in(&c, "split")
	period := q.grain
	if q.by.ofTime() {
		period = q.by.name
	}
	text := fmt.Sprintf(sumsSQL, by, split, corrected, c.String(), labels(q.grain), q.grain, labels(period), period, spendGroups)
	return spendPart{admin.Query{SQL: text, Params: c.params, MaxRows: spendGroups + spendSeries}, func(reply *spendReply, res *admin.QueryResult) error {
		rows, err := into[sumRow](res)
		if err != nil {
			return err
		}
		for i := range rows {
			reply.add(&rows[i], q)
		}
		reply.SeriesCut = res.Truncated
		if reply.Totals != nil {
			reply.Totals.Rate = rate(q.filter.span, d.opt.Now(), reply.Totals.Cost)
		}
		return nil
	}}
}

// add puts a row of the sums where it belongs.
func (r *spendReply) add(row *sumRow, q *spendQuery) {
	switch row.Part {
	case "total":
		r.Totals = &spendTotals{sums: row.sums}
		if n, err := json.Number(*row.Name).Int64(); err == nil && !q.by.ofTime() {
			r.More = max(0, n-spendGroups)
		}
	case "group":
		if !q.by.ofTime() {
			r.Groups = append(r.Groups, spendGroup{Key: row.Name, sums: row.sums})
		}
	case "period":
		if q.by.ofTime() {
			r.Groups = append(r.Groups, spendGroup{Key: row.Label, sums: row.sums})
		}
	case "point":
		if row.Label != nil {
			r.Series = append(r.Series, spendPoint{At: *row.Label, Key: row.Name, sums: row.sums})
		}
	}
}

const beforeSQL = correctedWith + `,
sums as (
  select grouping(g) as no_group, g, ` + measures + `
  from (select %[1]s as g, * from %[2]s where %[3]s)
  group by grouping sets ((), (g)))
select case no_group when 1 then 'total' else 'group' end as part, g as name, ` + summed + ` from sums group by no_group, g`

func beforePart(q *spendQuery) spendPart {
	c := q.where(*q.before)
	by := q.by.in(&c, "group")
	query := admin.Query{SQL: fmt.Sprintf(beforeSQL, by, corrected, c.String()), Params: c.params}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		rows, err := into[sumRow](res)
		if err != nil {
			return err
		}
		costs := map[string]*string{}
		zero := "0"
		for i := range rows {
			if rows[i].Part == "total" {
				reply.Before = &spendBefore{From: q.before.From.UTC(), To: q.before.To.UTC(), sums: rows[i].sums}
				continue
			}
			costs[keyOf(rows[i].Name)] = rows[i].Cost
		}
		for i := range reply.Groups {
			if q.by.ofTime() || res.Truncated {
				break // a day has no counterpart; of very many groups not all are known
			}
			if cost, known := costs[keyOf(reply.Groups[i].Key)]; known {
				reply.Groups[i].Before = cost
			} else {
				reply.Groups[i].Before = &zero
			}
		}
		return nil
	}}
}

// keyOf tells a group without a name from one whose name is empty.
func keyOf(name *string) string {
	if name == nil {
		return ""
	}
	return "=" + *name
}
