package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
	"prism/internal/reconcile"
)

// codeDiffers is the code of a comparison that found differences.
const codeDiffers = "differs"

type reconcileOptions struct {
	columns      []string // ours=theirs
	since, until string
	provider     string
	profile      string
	tolerance    string
	toleranceUSD string
	imported     bool
	all          bool
}

func newReconcile(a *app) *cobra.Command {
	var o reconcileOptions
	cmd := &cobra.Command{
		Use:   "reconcile FILE",
		Short: "Compare a provider's usage or cost export (CSV) with the ledger, by day and model",
		Long: `Reconcile reads the figures that a provider gives for each day and model, and shows where the
ledger has others. Days are UTC's, as the provider's. The exports of the Anthropic console are
known; for others, --map says which column is what, such as --map input_tokens="Prompt tokens".
A cost counts as equal if rounding in the file explains the difference. Costs are list prices.
It ends with 0 if everything is equal, else with 1.`,
		Example: `  prism reconcile usage-2026-11.csv
  prism reconcile bill.csv --provider moonshot --map date=Day --map cost_list_usd=Amount --tolerance 0.5%`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.reconcile(cmd.Context(), r, given[0], o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.columns, "map", nil, "say which column is what, as `ours=theirs`; may be given again")
	f.StringVar(&o.since, "since", "", "only days from this `time` on")
	f.StringVar(&o.until, "until", "", "only days before this `time`")
	f.StringVar(&o.provider, "provider", "", "only rows of this `provider`; anthropic for exports of its console")
	f.StringVar(&o.profile, "profile", "", "only rows of this `profile`: the one whose key the export is of")
	f.StringVar(&o.tolerance, "tolerance", "0%", "let figures differ by this `share` of the provider's")
	f.StringVar(&o.toleranceUSD, "tolerance-usd", "0", "let costs differ by this many `dollars`")
	f.BoolVar(&o.imported, "imported", false, "count imported rows too, not only what passed through prism")
	f.BoolVar(&o.all, "all", false, "show what is equal as well")
	return cmd
}

func (a *app) reconcile(ctx context.Context, r room, file string, o reconcileOptions) error {
	tolerance, err := toleranceOf(o)
	if err != nil {
		return err
	}
	provider, err := a.statement(file, &o)
	if err != nil {
		return err
	}
	own := reconcile.NewStatement()
	first, last := provider.Days()
	db, err := a.reader(ctx, r)
	switch {
	case errors.Is(err, errNoLedger):
	case err != nil:
		return err
	default:
		defer db.Close()
		if err := loadFigures(ctx, db, own, billedDays{first, last, o}); err != nil {
			return fmt.Errorf("sum the ledger: %w", err)
		}
	}
	list := reconcile.Compare(provider, own, tolerance)
	if err := a.show(a.reconcileView(list, provider, o.all)); err != nil {
		return err
	}
	for _, d := range list {
		if !d.Equal {
			return quietError{codeDiffers}
		}
	}
	return nil
}

// toleranceOf reads the two tolerances, exactly.
func toleranceOf(o reconcileOptions) (reconcile.Tolerance, error) {
	share, percent := strings.CutSuffix(strings.TrimSpace(o.tolerance), "%")
	v, ok := new(big.Rat).SetString(share)
	if !ok || v.Sign() < 0 || len(share) > 20 {
		return reconcile.Tolerance{}, usagef("--tolerance 0.5%", "%q is not a share", o.tolerance)
	}
	if percent {
		v.Quo(v, big.NewRat(100, 1))
	}
	usd, ok := new(big.Rat).SetString(o.toleranceUSD)
	if !ok || usd.Sign() < 0 || len(o.toleranceUSD) > 20 {
		return reconcile.Tolerance{}, usagef("--tolerance-usd 0.01", "%q is not an amount", o.toleranceUSD)
	}
	return reconcile.Tolerance{Share: v, USD: usd}, nil
}

// statement reads the file, and keeps the days that were asked for.
func (a *app) statement(path string, o *reconcileOptions) (*reconcile.Statement, error) {
	mapped := make(map[string]string, len(o.columns))
	for _, m := range o.columns {
		ours, theirs, ok := strings.Cut(m, "=")
		if !ok {
			return nil, usagef("--map input_tokens=\"Prompt tokens\"", "%q is not ours=theirs", m)
		}
		mapped[ours] = theirs
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, notFound("prism reconcile FILE", "%v", err)
	}
	defer in.Close()
	s, err := reconcile.Read(in, mapped)
	if err != nil {
		return nil, &admin.Error{
			Code: codeUsage, Message: "the export cannot be read: " + err.Error(), Fix: "prism reconcile --help", At: &admin.Position{File: path},
		}
	}
	if s.Format != reconcile.FormatOther && o.provider == "" {
		o.provider = anthropic
	}
	return s, a.cutDays(s, o)
}

func (a *app) cutDays(s *reconcile.Statement, o *reconcileOptions) error {
	from, to := "", ""
	for _, bound := range []struct {
		text string
		day  *string
	}{{o.since, &from}, {o.until, &to}} {
		if bound.text == "" {
			continue
		}
		t, err := a.since(bound.text)
		if err != nil {
			return err
		}
		// A day that was named is meant as such, whatever the time is here.
		*bound.day = t.Format(time.DateOnly)
	}
	for key := range s.Lines {
		if key.Day < from || to != "" && key.Day >= to {
			delete(s.Lines, key)
		}
	}
	return nil
}

// billedDays is which rows of the ledger are compared.
type billedDays struct {
	first, last string // days; the last is included
	reconcileOptions
}

// figuresSQL sums the ledger by the day of UTC. What is billed beside the top level belongs to
// the model of its own, tokens and money.
const figuresSQL = `
with billed as (
  select (started_at at time zone 'UTC')::date as day, _model(response_model, upstream_model, request_model) as model, r.*
  from priced r
  where operation = 'messages' and usage_source is distinct from 'none'
    and started_at >= $first::date::timestamp at time zone 'UTC' and started_at < ($last::date + 1)::timestamp at time zone 'UTC'
    and ($provider = '' or provider = $provider) and ($profile = '' or profile = $profile)
    and ($imported or source = 'proxy')
), parts as (
  select day, model, 1 as requests, input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, web_search_requests,
         cost_input_usd, cost_cache_read_usd, cost_cache_write_usd, cost_output_usd,
         cost_other_usd - coalesce(list_sum(list_transform(iterations, lambda i: i.cost_list_usd)), 0) as cost_other_usd,
         cost_list_usd - coalesce(list_sum(list_transform(iterations, lambda i: i.cost_list_usd)), 0) as cost_list_usd
  from billed
  union all
  select day, coalesce(i.model, model), 0, i.input_tokens, i.cache_read_tokens, i.cache_write_5m_tokens, i.cache_write_1h_tokens, i.output_tokens,
         i.web_search_requests, null, null, null, null, i.cost_list_usd, i.cost_list_usd
  from (select day, model, unnest(iterations) as i from billed)
)
select day::varchar, coalesce(model, ''), sum(requests)::varchar, sum(input_tokens)::varchar, sum(cache_read_tokens)::varchar,
       sum(coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))::varchar, sum(cache_write_5m_tokens)::varchar,
       sum(cache_write_1h_tokens)::varchar, sum(output_tokens)::varchar, sum(web_search_requests)::varchar,
       sum(cost_input_usd)::varchar, sum(cost_cache_read_usd)::varchar, sum(cost_cache_write_usd)::varchar, sum(cost_output_usd)::varchar,
       sum(cost_other_usd)::varchar, sum(cost_list_usd)::varchar
from parts
group by all`

// loadFigures fills in the ledger's side.
func loadFigures(ctx context.Context, db *sql.DB, own *reconcile.Statement, s billedDays) error {
	if s.first == "" {
		return nil
	}
	stmt := duckdb.Statement{SQL: figuresSQL, Args: []any{
		sql.Named("first", s.first), sql.Named("last", s.last), sql.Named("provider", s.provider), sql.Named("profile", s.profile),
		sql.Named("imported", s.imported),
	}}
	kinds := reconcile.Kinds()
	return eachRow(ctx, db, stmt, func(rows *sql.Rows) error {
		var day, model string
		figures := make([]sql.NullString, len(kinds))
		into := []any{&day, &model}
		for i := range figures {
			into = append(into, &figures[i])
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, kind := range kinds {
			if v, ok := new(big.Rat).SetString(figures[i].String); ok && figures[i].Valid {
				own.Add(day, model, kind, v)
			}
		}
		return nil
	})
}

// reconcileView shows what differs, or everything.
func (a *app) reconcileView(list []reconcile.Difference, provider *reconcile.Statement, all bool) view {
	v := view{columns: []column{
		{name: "day"},
		{name: "model"},
		{name: "kind", whole: true},
		{name: "provider", right: true},
		{name: "ledger", right: true},
		{name: "difference", right: true},
		{name: "equal"},
	}}
	for _, d := range list {
		if d.Equal && !all {
			continue
		}
		v.rows = append(v.rows, []cell{
			textCell(d.Day), textCell(d.Name), a.wordCell(string(d.Kind)),
			figureCell(d.Kind, d.Provider), figureCell(d.Kind, d.Ledger), figureCell(d.Kind, d.Diff), a.boolCell(d.Equal),
		})
	}
	first, last := provider.Days()
	v.empty = a.text("equal: %s, %s to %s", plural(len(list), "%d figures"), first, last)
	if len(list) == 0 {
		v.empty = "the export holds no figures"
	}
	return v
}

// figureCell shows a figure exactly; what a side does not have is unknown.
func figureCell(kind reconcile.Kind, v *big.Rat) cell {
	if v == nil {
		return cell{unknown, nil}
	}
	if kind.Money() {
		d := v.FloatString(10)
		return cell{"$" + strings.TrimSuffix(strings.TrimRight(d, "0"), "."), d}
	}
	if v.IsInt() && v.Num().IsInt64() {
		n := v.Num().Int64()
		return countCell(&n)
	}
	d := v.FloatString(2)
	return cell{d, d}
}
