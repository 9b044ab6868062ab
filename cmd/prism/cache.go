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

type cacheOptions struct {
	selection
	breaks bool
}

func newCache(a *app) *cobra.Command {
	var o cacheOptions
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "What the prompt cache saved, what was written in vain, and what broke it",
		Long: `Cache shows by profile and model which share of the prompts came from the cache, what that
saved at list price, and what was paid for cache writes that nobody read; then the requests
that had to pay again for what had been cached, by cause: the profile was switched, the
entry expired, or the beginning of the prompt changed. --breaks lists these requests. A
profile whose provider seems to count cached tokens inside its input tokens is named.`,
		Example: "  prism cache\n  prism cache --since 30d --profile work\n  prism cache --breaks --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.cache(cmd.Context(), r, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "7d", "from this `time` on: today, yesterday, week, month, 7d, 12h, 2026-11-01")
	f.StringVar(&o.profile, "profile", "", "only this `profile`")
	f.StringVar(&o.model, "model", "", "only this `model`; * stands for any text")
	f.BoolVar(&o.breaks, "breaks", false, "list the requests that paid again for what was cached")
	return cmd
}

// cacheReport is what is known of the prompt cache.
type cacheReport struct {
	models, causes, counting view
}

func (a *app) cache(ctx context.Context, r room, o cacheOptions) error {
	since, err := a.since(o.since)
	if err != nil {
		return err
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return a.show(view{columns: []column{{name: "profile"}}, empty: "no requests in this time"})
	}
	if err != nil {
		return err
	}
	defer db.Close()
	q := cacheQuery{db: db, sel: o.selection, since: sql.Named("since", since)}
	if o.breaks {
		v, err := q.breaks(ctx)
		if err != nil {
			return err
		}
		return a.show(v)
	}
	report, err := q.report(ctx)
	if err != nil {
		return err
	}
	v := report.models
	if format, err := a.formatOf(view{}); err == nil && format == formatJSON || a.jq != "" {
		if v.object, err = report.object(); err != nil {
			return err
		}
	}
	if err := a.show(v); err != nil {
		return err
	}
	return a.afterCache(report, v)
}

// afterCache says what comes after the first table where people read.
func (a *app) afterCache(report *cacheReport, first view) error {
	if format, err := a.formatOf(first); err != nil || format != formatTable {
		return err
	}
	if len(report.causes.rows) > 0 {
		fmt.Fprintln(a.out)
		if err := a.show(report.causes); err != nil {
			return err
		}
	}
	for _, row := range report.counting.rows {
		a.noteCounting(report.counting.columns, row)
	}
	return nil
}

// noteCounting tells of a profile whose cached tokens are counted wrongly.
func (a *app) noteCounting(cols []column, row []cell) {
	get := func(name string) string {
		i := slices.IndexFunc(cols, func(c column) bool { return c.name == name })
		return row[i].raw()
	}
	change := ""
	if usd := get("change_usd"); usd != "" {
		change = a.text(", which would change what they cost by %s", dollars(usd, 4))
	}
	says, setting := "inside its input tokens", "yes"
	if get("verdict") == "looks_separate" {
		says, setting = "beside its input tokens", "no"
	}
	a.note("%s: the provider seems to count cached tokens %s%s   fix: prism edit, input_includes_cache: %s", get("profile"), a.said(says), change, setting)
}

// object is all of the report in JSON.
func (c *cacheReport) object() (any, error) {
	out := map[string]any{}
	for name, v := range map[string]view{"models": c.models, "breaks": c.causes, "counting": c.counting} {
		rows := []any{}
		for _, r := range v.rows {
			obj, err := objectOf(v.columns, r)
			if err != nil {
				return nil, err
			}
			rows = append(rows, obj)
		}
		out[name] = rows
	}
	return out, nil
}

// cacheQuery asks the ledger about the prompt cache.
type cacheQuery struct {
	db    *sql.DB
	sel   selection
	since sql.NamedArg
}

// where is the condition on profile and model.
func (q cacheQuery) where() clause {
	c := clause{args: []any{q.since}}
	c.like("profile", "profile", q.sel.profile)
	c.like("model", "model", q.sel.model)
	return c
}

// whereBroken is where for the requests that paid again. Their view names the model that was
// sent, which need not be the one that is priced.
func (q cacheQuery) whereBroken() clause {
	c := clause{args: []any{q.since}}
	c.like("profile", "profile", q.sel.profile)
	var served clause
	if served.like("model", modelSQL, q.sel.model); len(served.terms) > 0 {
		c.terms = append(c.terms, "request_id in (select request_id from requests where started_at >= $since and "+served.String()+")")
		c.args = append(c.args, served.args...)
	}
	return c
}

func (q cacheQuery) report(ctx context.Context) (*cacheReport, error) {
	var report cacheReport
	for _, part := range []struct {
		view  *view
		query string
		where clause
	}{
		{&report.models, `
select profile, model, requests, prompt_tokens::bigint as prompt_tokens, cache_read_tokens::bigint as cache_read_tokens,
       cache_write_tokens::bigint as cache_write_tokens, round(cache_hit_ratio, 4) as cache_hit_ratio, saved_usd,
       never_read_tokens::bigint as never_read_tokens, never_read_usd, unpriced
from cache_efficiency($since) where %s
order by saved_usd desc nulls last, requests desc, profile, model`, q.where()},
		{&report.causes, `
select cause, count(*) as breaks, sum(rebilled_tokens)::bigint as rebilled_tokens, sum(extra_usd) as extra_usd,
       count(*) filter (extra_usd is null) as unpriced
from cache_breaks($since) where %s
group by cause order by extra_usd desc nulls last, cause`, q.whereBroken()},
	} {
		v, err := queryView(ctx, q.db, fmt.Sprintf(part.query, part.where.String()), part.where.args)
		if err != nil {
			return nil, fmt.Errorf("look at the prompt cache: %w", err)
		}
		*part.view = v.readable()
	}
	report.models.empty = "no requests in this time"
	var err error
	report.counting, err = q.counting(ctx)
	return &report, err
}

// counting are the profiles whose cached tokens seem to be counted in another way than the
// profile says.
func (q cacheQuery) counting(ctx context.Context) (view, error) {
	c := clause{args: []any{q.since}}
	c.like("profile", "profile", q.sel.profile)
	v, err := queryView(ctx, q.db, "select * from cache_counting($since) where looks_wrong and "+c.String(), c.args)
	if err != nil {
		return v, fmt.Errorf("look at how cached tokens are counted: %w", err)
	}
	return v, nil
}

// breaks are the requests that paid again for what was cached.
func (q cacheQuery) breaks(ctx context.Context) (view, error) {
	c := q.whereBroken()
	v, err := queryView(ctx, q.db, `
select started_at, request_id, session_id, profile, prev_profile, upstream_model, cause, idle_s, rebilled_tokens::bigint as rebilled_tokens, extra_usd
from cache_breaks($since) where `+c.String()+`
order by started_at, request_id`, c.args)
	if err != nil {
		return v, fmt.Errorf("look for breaks of the prompt cache: %w", err)
	}
	v = v.readable()
	v.empty = "nothing broke the cache in this time"
	return v, nil
}

// readable gives the columns of a query the form that the reports of prism have: by the end of
// their names they are money, tokens, a share or an instant.
func (v view) readable() view {
	heads := map[string]string{
		"requests": "REQ", "prompt_tokens": "PROMPT", "cache_read_tokens": "READ", "cache_write_tokens": "WRITTEN", "cache_hit_ratio": "CACHED",
		"saved_usd": "SAVED", "never_read_tokens": "UNREAD", "never_read_usd": "LOST", "rebilled_tokens": "PAID AGAIN", "extra_usd": "EXTRA",
	}
	for i, c := range v.columns {
		v.columns[i].theirs = false
		v.columns[i].head, v.columns[i].spare = heads[c.name], c.name == "cache_read_tokens" || c.name == "cache_write_tokens"
		for _, row := range v.rows {
			row[i] = readableCell(c.name, row[i])
		}
	}
	return v
}

func readableCell(name string, c cell) cell {
	n, isCount := c.value.(int64)
	switch {
	case c.value == nil:
		return c
	case strings.HasSuffix(name, "_usd"):
		return moneyCell(c.raw())
	case strings.HasSuffix(name, "_tokens") && isCount:
		return tokenCell(&n)
	case strings.HasSuffix(name, "_ratio"):
		return cell{partOf(c.raw(), "1"), c.value}
	case strings.HasSuffix(name, "_at"):
		if t, err := time.Parse(time.RFC3339Nano, c.raw()); err == nil {
			return timeCell(t, time.DateTime)
		}
	case isCount:
		return countCell(&n)
	}
	return c
}
