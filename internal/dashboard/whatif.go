package dashboard

import (
	"context"
	"fmt"
	"net/url"

	"prism/internal/admin"
)

type whatIfReply struct {
	Range   spanView    `json:"range"`
	Rows    []whatIfRow `json:"rows"`
	More    int64       `json:"more"`    // rows that are not told
	Total   *whatIfRow  `json:"total"`   // of all
	Partial bool        `json:"partial"` // of the filters only profile and model count
	Models  []raw       `json:"models"`  // that the price book knows by their whole names
	SQL     string      `json:"sql"`
	Empty   bool        `json:"empty,omitempty"`
}

// whatIfRow is what requests of one model cost, and would have cost. Amounts are exact decimals; null
// is unknown.
type whatIfRow struct {
	Profile     *string `json:"profile"`
	Was         *string `json:"was_model"`
	PriceID     *string `json:"price_id"`
	Requests    int64   `json:"requests"`
	Cost        *string `json:"cost_usd"`
	List        *string `json:"cost_list_usd"`
	WhatIf      *string `json:"what_if_usd"`
	Diff        *string `json:"diff_to_list_usd"`
	NotCompared int64   `json:"not_compared"`
}

// The total comes first: it is what is left where there are more rows than an answer may hold.
const whatIfSQL = `
select grouping(profile, was_model, price_id) > 0 as total, count(*) over () - 1 as n, profile, was_model, price_id, sum(requests)::bigint as requests,
       sum(cost_usd)::varchar as cost_usd, sum(cost_list_usd)::varchar as cost_list_usd, sum(what_if_usd)::varchar as what_if_usd,
       sum(diff_to_list_usd)::varchar as diff_to_list_usd, sum(not_compared)::bigint as not_compared
from what_if($model_if, $provider_if, since := $since::timestamptz, until := $until::timestamptz)
where %s
group by grouping sets ((), (profile, was_model, price_id))
order by total desc, sum(what_if_usd) desc nulls last, profile, was_model`

// Names with wildcards stand for many models.
const modelsSQL = `
select distinct model_match as model, provider from prices
where profile is null and not regexp_matches(model_match, '[*?\[]') order by provider, model`

// whatIf prices the same tokens as if another model had answered, model_if= at provider_if=. Without
// them it says which there are. It is an estimate: tokenisers differ.
func (d *Data) whatIf(ctx context.Context, v url.Values) (any, error) {
	f, err := d.filterOf(v, "month")
	if err != nil {
		return nil, err
	}
	other := []string{v.Get("model_if"), v.Get("provider_if")}
	if err := checkValues("model_if and provider_if", other); err != nil {
		return nil, err
	}
	reply := whatIfReply{Range: d.view(f.span), Rows: []whatIfRow{}, Models: []raw{}, Partial: f.beyond("profile", "model")}
	queries := []admin.Query{{SQL: modelsSQL, MaxRows: 2000}}
	if other[0] != "" && other[1] != "" {
		c := f.whatIf(other[0], other[1])
		reply.SQL = c.literal("from what_if($model_if, $provider_if, since := $since::timestamptz, until := $until::timestamptz)\nwhere " + c.String())
		queries = append(queries, admin.Query{SQL: fmt.Sprintf(whatIfSQL, c.String()), Params: c.params, MaxRows: spendGroups + 1})
	}
	results, err := d.ask(ctx, spendDeadline, queries)
	if noLedger(err) {
		reply.Empty = true
		return reply, nil
	}
	if err != nil {
		return nil, err
	}
	if reply.Models, err = objectsOf(&results[0]); err != nil || len(results) == 1 {
		return reply, err
	}
	rows, err := into[struct {
		Total bool  `json:"total"`
		N     int64 `json:"n"`
		whatIfRow
	}](&results[1])
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if rows[i].Total {
			reply.Total, reply.More = &rows[i].whatIfRow, rows[i].N
			continue
		}
		reply.Rows = append(reply.Rows, rows[i].whatIfRow)
		reply.More--
	}
	return reply, nil
}

// whatIf is the part of f that the macro what_if can heed.
func (f *filter) whatIf(model, provider string) clause {
	var c clause
	c.oneOf("profile", "profile", f.values["profile"])
	c.oneOf("model", "was_model", f.values["model"])
	ends(&c, f.span)
	c.set("model_if", model, "provider_if", provider)
	return c
}
