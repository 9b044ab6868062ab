package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

type spendOptions struct {
	period  string
	since   string
	until   string
	by      string
	profile string
}

func newSpend(a *app) *cobra.Command {
	var o spendOptions
	cmd := &cobra.Command{
		Use:   "spend [today|week|month]",
		Short: "What was spent: by day, model, profile, project, session, host, branch or tag",
		Long: `Spend sums the ledger. Costs are what is paid; SAVED is what the same tokens would have cost
more without caching, at list price. Requests without a price are counted, never taken as 0.`,
		Example:   "  prism spend week --by day\n  prism spend --since 30d --by tag:team --json",
		ValidArgs: []string{"today", "week", "month"},
		Args:      args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 1 && !slices.Contains(cmd.ValidArgs, given[0]) {
				return usagef("prism spend today|week|month, or prism spend --since 7d", "%q is not a period", given[0])
			}
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if len(given) == 1 {
				o.period = given[0]
			}
			return a.spend(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "from this `time` on: 7d, 12h, 2026-11-01")
	f.StringVar(&o.until, "until", "", "up to this `time`, not including it")
	f.StringVar(&o.by, "by", "model", "day|model|profile|provider|project|session|host|branch|tag:NAME")
	f.StringVar(&o.profile, "profile", "", "only this `profile`")
	return cmd
}

// window returns the span of time that is asked for.
func (a *app) window(o spendOptions) (from, to time.Time, err error) {
	now := a.now()
	from, to = midnight(now), now.Add(time.Minute)
	switch o.period {
	case "week":
		from = from.AddDate(0, 0, -(int(now.Weekday())+6)%7)
	case "month":
		from = from.AddDate(0, 0, 1-now.Day())
	}
	if o.since != "" {
		if o.period != "" {
			return from, to, usagef("prism spend --since "+o.since, "%s and --since are two beginnings", o.period)
		}
		if from, err = a.since(o.since); err != nil {
			return from, to, err
		}
	}
	if o.until != "" {
		if to, err = a.since(o.until); err != nil {
			return from, to, err
		}
	}
	return from, to, nil
}

// grouping returns the SQL expression of a group and its parameter.
func grouping(by string) (expr string, param any, err error) {
	switch by {
	case "day":
		return "started_at::date::varchar", nil, nil
	case "model":
		return "_model(response_model, upstream_model, request_model)", nil, nil
	case "profile", "provider", "project":
		return by, nil, nil
	case "session":
		return "session_id", nil, nil
	case "host":
		return "host_name", nil, nil
	case "branch":
		return "git_branch", nil, nil
	}
	if tag, ok := strings.CutPrefix(by, "tag:"); ok && tag != "" {
		return "tags[$tag]", tag, nil
	}
	return "", nil, usagef("prism spend --by day|model|profile|provider|project|session|host|branch|tag:NAME", "cannot group by %q", by)
}

const spendSQL = `
select %s as grp, count(*) as requests,
       sum(prompt_tokens)::bigint, sum(cache_read_tokens)::bigint, sum(output_tokens)::bigint,
       sum(cost_usd)::varchar, sum(cost_uncached_usd - cost_list_usd)::varchar,
       quantile_cont(ttft_ms, 0.95)::bigint,
       count(*) filter (price_id is null and _billable(operation, usage_source)) as unpriced
from requests
where operation = 'messages' and started_at >= $from and started_at < $to and ($profile = '' or profile = $profile)
group by all
order by %s`

func (a *app) spend(ctx context.Context, r room, o spendOptions) error {
	from, to, err := a.window(o)
	if err != nil {
		return err
	}
	expr, tag, err := grouping(o.by)
	if err != nil {
		return err
	}
	name, _, _ := strings.Cut(o.by, ":")
	v := spendColumns(name)
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return a.show(v)
	}
	if err != nil {
		return err
	}
	defer db.Close()
	params := []any{sql.Named("from", from), sql.Named("to", to), sql.Named("profile", o.profile)}
	if v.rows, err = spendRows(ctx, db, fmt.Sprintf(spendSQL, expr, orderOf(o.by)), withTag(params, tag)); err != nil {
		return err
	}
	total, err := spendRows(ctx, db, fmt.Sprintf(spendSQL, "'total'", "1"), params)
	if err != nil {
		return err
	}
	if len(total) == 1 {
		v.total = total[0]
	}
	if err := a.show(v); err != nil {
		return err
	}
	return a.noteUnpriced(ctx, db, params)
}

func withTag(params []any, tag any) []any {
	if tag == nil {
		return params
	}
	return append(append([]any{}, params...), sql.Named("tag", tag))
}

func orderOf(by string) string {
	if by == "day" {
		return "grp"
	}
	return "sum(cost_usd) desc nulls last, requests desc, grp"
}

func spendColumns(by string) view {
	return view{columns: []column{
		{name: by},
		{name: "requests", head: "REQ", right: true},
		{name: "prompt_tokens", head: "PROMPT", right: true},
		{name: "cache_hit_ratio", head: "CACHED", right: true},
		{name: "output_tokens", head: "OUTPUT", right: true},
		{name: "cost_usd", head: "COST", right: true},
		{name: "saved_usd", head: "SAVED", right: true, spare: true},
		{name: "ttft_p95_ms", head: "TTFT P95", right: true, spare: true},
		{name: "unpriced", right: true},
	}, empty: "no requests in this time"}
}

func spendRows(ctx context.Context, db *sql.DB, query string, params []any) ([][]cell, error) {
	rows, err := db.QueryContext(ctx, query, params...)
	if err != nil {
		return nil, fmt.Errorf("sum the ledger: %w", err)
	}
	defer rows.Close()
	var out [][]cell
	for rows.Next() {
		var group, cost, saved sql.NullString
		var requests, unpriced int64
		var prompt, cached, output, ttft *int64
		if err := rows.Scan(&group, &requests, &prompt, &cached, &output, &cost, &saved, &ttft, &unpriced); err != nil {
			return nil, fmt.Errorf("sum the ledger: %w", err)
		}
		out = append(out, []cell{
			textCell(group.String), countCell(&requests), tokenCell(prompt), percentCell(cached, prompt),
			tokenCell(output), moneyCell(cost.String), moneyCell(saved.String), msCell(ttft), countCell(&unpriced),
		})
	}
	return out, rows.Err()
}

// maxUnpriced is how many models without a price are named.
const maxUnpriced = 5

// noteUnpriced names the models that the price book does not know.
func (a *app) noteUnpriced(ctx context.Context, db *sql.DB, params []any) error {
	rows, err := db.QueryContext(ctx, `
select count(*), _model(response_model, upstream_model, request_model), provider
from requests
where operation = 'messages' and started_at >= $from and started_at < $to and ($profile = '' or profile = $profile)
  and price_id is null and _billable(operation, usage_source)
group by all order by 1 desc, 2`, params...)
	if err != nil {
		return fmt.Errorf("look for requests without a price: %w", err)
	}
	defer rows.Close()
	models := 0
	for ; rows.Next(); models++ {
		var n int
		var model, provider sql.NullString
		if err := rows.Scan(&n, &model, &provider); err != nil {
			return err
		}
		if models >= maxUnpriced {
			continue
		}
		a.note("%s of %s at %s without a price   fix: prism edit, add a row to prices:", plural(n, "request"), firstOf(model.String, "an unnamed model"), firstOf(provider.String, "an unknown provider"))
	}
	if models > maxUnpriced {
		a.note("and %d more without a price   see: prism sql \"from unpriced\"", models-maxUnpriced)
	}
	return rows.Err()
}
