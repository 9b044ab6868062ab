package dashboard

import (
	"encoding/json"
	"fmt"
	"slices"

	"prism/internal/admin"
)

// measures are the sums of a group of rows.
const measures = `count(*) as requests, count(*) filter (` + failedSQL + `) as failed, count(*) filter (` + unpricedSQL + `) as unpriced,
         sum(input_tokens) as input_tokens, sum(cache_read_tokens) as cache_read_tokens,
         sum(` + cacheWriteSQL + `) as cache_write_tokens,
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
// every time zone, and the calendar is asked once for each quarter and not once per row. A chart shows
// the largest of what it is split by, and all others together: whichever measure is looked at, what
// is largest by it is among them, and no span lacks one of them because there were too many rows.
const sumsSQL = correctedWith + `,
%[1]s,
spans as materialized (select *, date_trunc('%[3]s', _quarter_start(quarter)) as span from sums where no_quarter = 0),
places as (
  select s, row_number() over (order by sum(cost_usd) desc nulls last, sum(requests) desc, s) as cost_place,
         least(row_number() over (order by sum(requests) desc, s), row_number() over (order by sum(prompt_tokens) desc nulls last, s),
               row_number() over (order by sum(output_tokens) desc nulls last, s)) as other_place
  from spans group by s),
kept as materialized (
  select s, cost_place <= %[6]d or other_place <= %[6]d and (select count(distinct span) <= %[7]d from spans) as apart from places),
points as (
  select strftime(span, %[2]s) as label, name, other, ` + summed + `
  from (select case when apart then spans.s end as name, not apart as other, spans.* from spans join kept on kept.s is not distinct from spans.s)
  group by span, name, other),
parts as materialized (%[4]s)
select 'total' as part, null as label, (select count(*) from parts)::varchar as name, * from (select ` + summed + ` from sums where no_group = 1 and no_quarter = 1)
union all by name
select * from (select 'part' as part, * from parts order by %[5]s)
union all by name
select * from (select 'point' as part, * from points order by label desc, other, name)`

// byNameSQL and byTimeSQL are the rows that [sumsSQL] begins with. Where the groups are parts of the time,
// all of them come from the quarters, which takes three quarters of the processor time.
const (
	byNameSQL = `sums as materialized (
  select grouping(g) as no_group, grouping(quarter) as no_quarter, g, s, quarter,
         ` + measures + `
  from (select %[1]s as g, %[2]s as s, _quarter(started_at) as quarter, * from %[3]s where %[4]s)
  group by grouping sets ((), (g), (quarter, s)))`

	byTimeSQL = `quarters as materialized (
  select s, quarter, ` + measures + `
  from (select %[1]s as s, _quarter(started_at) as quarter, * from %[2]s where %[3]s)
  group by quarter, s),
sums as materialized (
  select 1 as no_group, grouping(quarter) as no_quarter, null::varchar as g, s, quarter,
         sum(requests) as requests, sum(failed) as failed, sum(unpriced) as unpriced,
         sum(input_tokens) as input_tokens, sum(cache_read_tokens) as cache_read_tokens, sum(cache_write_tokens) as cache_write_tokens,
         sum(prompt_tokens) as prompt_tokens, sum(output_tokens) as output_tokens,
         sum(cost_usd) as cost_usd, sum(cost_list_usd) as cost_list_usd, sum(saved_usd) as saved_usd
  from quarters group by grouping sets ((), (quarter, s)))`
)

// groupsSQL and periodsSQL are the groups of [sumsSQL]: by a name, or by a part of the time.
const (
	groupsSQL = `select null::varchar as label, g as name, ` + summed + ` from sums where no_group = 0 and no_quarter = 1 group by g`

	periodsSQL = `
  select strftime(period, %[1]s) as label, null::varchar as name, ` + summed + `
  from (select date_trunc('%[2]s', _quarter_start(quarter)) as period, * from sums where no_quarter = 0)
  group by period`
)

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
	Other *bool   `json:"other"`
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
	found := fmt.Sprintf(byNameSQL, by, split, corrected, c.String())
	parts, order := groupsSQL, fmt.Sprintf("cost_usd::decimal(38, 10) desc nulls last, requests desc, name limit %d", spendGroups)
	if q.by.ofTime() {
		found = fmt.Sprintf(byTimeSQL, split, corrected, c.String())
		parts, order = fmt.Sprintf(periodsSQL, labels(q.by.name), q.by.name), fmt.Sprintf("label desc limit %d", spendPeriods)
	}
	text := fmt.Sprintf(sumsSQL, found, labels(q.grain), q.grain, parts, order, spendKeys, spendFine)
	return spendPart{admin.Query{SQL: text, Params: c.params, MaxRows: 1 + max(spendGroups, spendPeriods) + spendSeries}, func(reply *spendReply, res *admin.QueryResult) error {
		rows, err := into[sumRow](res)
		if err != nil {
			return err
		}
		for i := range rows {
			reply.add(&rows[i], q)
		}
		reply.arrange(q, res.Truncated)
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
		if n, err := json.Number(*row.Name).Int64(); err == nil {
			r.More = n // less those that are told
		}
	case "part":
		key := row.Name
		if q.by.ofTime() {
			key = row.Label
		}
		r.Groups = append(r.Groups, spendGroup{Key: key, sums: row.sums})
		r.More--
	case "point":
		if row.Label != nil {
			r.Series = append(r.Series, spendPoint{At: *row.Label, Key: row.Name, Other: row.Other != nil && *row.Other, sums: row.sums})
		}
	}
}

// arrange puts what came with the newest first into the order of time. Where points were cut off, the
// last span may lack some of its own, and goes.
func (r *spendReply) arrange(q *spendQuery, truncated bool) {
	if q.by.ofTime() {
		slices.Reverse(r.Groups)
	}
	slices.Reverse(r.Series)
	if r.SeriesCut = truncated; truncated && len(r.Series) > 0 {
		first := r.Series[0].At
		r.Series = slices.DeleteFunc(r.Series, func(p spendPoint) bool { return p.At == first })
	}
}

const beforeSQL = correctedWith + `,
sums as (
  select grouping(g) as no_group, g, ` + measures + `
  from (select %[1]s as g, * from %[2]s where %[3]s)
  group by grouping sets ((), (g)))
select case no_group when 1 then 'total' else 'group' end as part, g as name, ` + summed + ` from sums group by no_group, g
order by no_group desc, sum(cost_usd) desc nulls last, g`

func beforePart(q *spendQuery) spendPart {
	c := q.where(*q.before)
	by := q.by.in(&c, "group")
	query := admin.Query{SQL: fmt.Sprintf(beforeSQL, by, corrected, c.String()), Params: c.params}
	return spendPart{query, func(reply *spendReply, res *admin.QueryResult) error {
		rows, err := into[sumRow](res)
		if err != nil || len(rows) == 0 {
			return err
		}
		reply.Before = &spendBefore{From: q.before.From.UTC(), To: q.before.To.UTC(), sums: rows[0].sums}
		if !q.by.ofTime() && !res.Truncated { // a day has no counterpart; of very many groups not all are known
			reply.compare(rows[1:])
		}
		return nil
	}}
}

// compare says what each group cost in the period before. A group that was there only then has a row
// too, if it is sure that there is none now.
func (r *spendReply) compare(before []sumRow) {
	at := map[string]int{}
	zero := "0"
	for i := range r.Groups {
		at[keyOf(r.Groups[i].Key)] = i
		r.Groups[i].Before = &zero
	}
	sure := r.More == 0
	for i := range before {
		row := &before[i]
		j, known := at[keyOf(row.Name)]
		switch {
		case known:
			r.Groups[j].Before = row.Cost
		case sure && len(r.Groups) < spendGroups:
			r.Groups = append(r.Groups, spendGroup{Key: row.Name, sums: sums{Cost: &zero}, Before: row.Cost})
		case sure:
			r.More++
		}
	}
}

// keyOf tells a group without a name from one whose name is empty.
func keyOf(name *string) string {
	if name == nil {
		return ""
	}
	return "=" + *name
}
