package dashboard

import (
	"context"
	"fmt"
	"net/url"

	"prism/internal/admin"
)

type whatIfReply struct {
	Range  spanView `json:"range"`
	Rows   []raw    `json:"rows"`
	Total  *raw     `json:"total"`
	Models []raw    `json:"models"` // that the price book knows by their whole names
	SQL    string   `json:"sql"`
	Empty  bool     `json:"empty,omitempty"`
}

const whatIfSQL = `
select grouping(profile, was_model, price_id) > 0 as total, profile, was_model, price_id, sum(requests)::bigint as requests,
       sum(cost_usd)::varchar as cost_usd, sum(cost_list_usd)::varchar as cost_list_usd, sum(what_if_usd)::varchar as what_if_usd,
       sum(diff_to_list_usd)::varchar as diff_to_list_usd, sum(not_compared)::bigint as not_compared
from what_if($model, $provider, since := $since::timestamptz, until := $until::timestamptz)
where %s
group by grouping sets ((), (profile, was_model, price_id))
order by total, sum(what_if_usd) desc nulls last, profile, was_model`

// Names with wildcards stand for many models.
const modelsSQL = `
select distinct model_match as model, provider from prices
where profile is null and not regexp_matches(model_match, '[*?\[]') order by provider, model`

// whatIf prices the same tokens as if another model had answered. Without a model it says which there
// are. It is an estimate: tokenisers differ.
func (d *Data) whatIf(ctx context.Context, v url.Values) (any, error) {
	f, err := d.filterOf(v, "month")
	if err != nil {
		return nil, err
	}
	model, provider := v.Get("model"), v.Get("provider")
	reply := whatIfReply{Range: d.view(f.span), Rows: []raw{}, Models: []raw{}}
	queries := []admin.Query{{SQL: modelsSQL, MaxRows: 2000}}
	var c clause
	if model != "" && provider != "" {
		c.oneOf("profile", "profile", v["profile"])
		ends(&c, f.span)
		c.set("model", model, "provider", provider)
		reply.SQL = c.literal("from what_if($model, $provider, since := $since::timestamptz, until := $until::timestamptz)")
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
	rows, err := objectsOf(&results[1])
	if err != nil {
		return nil, err
	}
	totals, err := into[struct{ Total bool }](&results[1])
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if totals[i].Total {
			reply.Total = &rows[i]
		} else {
			reply.Rows = append(reply.Rows, rows[i])
		}
	}
	return reply, nil
}
