package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/pricing"
)

func newPrices(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prices",
		Short: "The price book: what a million tokens cost, and since when",
		Long: `Prices shows the rows of the price book that are in force: what prism brings along, what was
fetched, and your own rows under prices: of profiles.yaml, which win. Below it stand the
models that were used and have no price, each with the command that gives it one.`,
		Example: "  prism prices\n  prism prices show claude-opus-5-5\n  prism prices set qwen3-coder --provider local --input 0 --output 0",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if err := a.listPrices(cmd.Context(), r, priceFilter{}); err != nil {
				return err
			}
			return a.noteNoPrice(cmd.Context(), r)
		},
	}
	cmd.AddCommand(newPricesList(a), newPricesShow(a), newPricesSet(a), newPricesUpdate(a))
	return cmd
}

// priceFilter chooses rows of the book.
type priceFilter struct {
	provider, model, profile, at string
	all                          bool
}

func (f *priceFilter) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.provider, "provider", "", "only this `provider`")
	cmd.Flags().StringVar(&f.profile, "profile", "", "with the overrides of this `profile` only")
	cmd.Flags().StringVar(&f.at, "at", "", "in force at this `time`: 2026-10-07, 7d")
}

func newPricesList(a *app) *cobra.Command {
	var f priceFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rows of the price book that are in force",
		Long: `List shows rows in US dollars per million tokens; a row that another one wins over is left
out, unless --all is given. JSON, CSV and TSV have every column; the
JSON can be read again by prism prices update --from FILE.`,
		Example: "  prism prices list --provider anthropic\n  prism prices list --model 'claude-sonnet*' --all --json",
		Args:    args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			return a.listPrices(cmd.Context(), r, f)
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.model, "model", "", "only rows for this `model`, or with a name that it fits as a pattern")
	cmd.Flags().BoolVar(&f.all, "all", false, "also what another row wins over, what was in force once, and what will be")
	return cmd
}

func (a *app) listPrices(ctx context.Context, r room, f priceFilter) error {
	book, err := a.book(ctx, r)
	if err != nil {
		return err
	}
	at, err := a.priceTime(f.at)
	if err != nil {
		return err
	}
	var rows []pricing.Row
	for _, row := range book.Rows() {
		if f.takes(&row) && (f.all || wins(book, &row, at)) {
			rows = append(rows, row)
		}
	}
	v, err := a.priceView(rows)
	if err != nil {
		return err
	}
	return a.show(v)
}

// wins tells whether a row prices what it is named for at an instant. A pattern is left to stand:
// what it is for has no name.
func wins(book *pricing.Book, row *pricing.Row, at time.Time) bool {
	if !row.InForce(at) || strings.ContainsAny(row.ModelMatch, `*?[\`) {
		return row.InForce(at)
	}
	first, ok := book.Find(&pricing.Query{Provider: row.Provider, Model: row.ModelMatch, Profile: row.Profile, At: at})
	return ok && first.ID == row.ID
}

// priceTime reads --at; now, if it is empty.
func (a *app) priceTime(at string) (time.Time, error) {
	if at == "" {
		return a.now(), nil
	}
	if t, err := time.Parse(time.DateOnly, at); err == nil {
		return t, nil // the dates of the book are UTC
	}
	t, err := a.instantOf(at)
	if err != nil {
		return t, usagef("--at 2026-10-07, --at 7d or --at 2026-10-07T12:00:00Z", "%q is neither a duration nor a date", at)
	}
	return t, nil
}

func (f *priceFilter) takes(row *pricing.Row) bool {
	switch {
	case f.provider != "" && row.Provider != f.provider, f.profile != "" && row.Profile != "" && row.Profile != f.profile:
		return false
	case f.model == "":
		return true
	}
	return pricing.Matches(row.ModelMatch, f.model) || pricing.Matches(f.model, row.ModelMatch)
}

// priceView is a table for people, and every column for machines.
func (a *app) priceView(rows []pricing.Row) (view, error) {
	v := view{empty: "no row of the price book fits; see: prism prices list --all"}
	format, err := a.formatOf(v)
	if err != nil {
		return v, err
	}
	if format == formatTable || format == formatMarkdown {
		return priceTable(rows), nil
	}
	for _, name := range pricing.Columns() {
		v.columns = append(v.columns, column{name: name})
	}
	for i := range rows {
		line := make([]cell, len(v.columns))
		for n, c := range v.columns {
			line[n] = columnCell(rows[i].Column(c.name))
		}
		v.rows = append(v.rows, line)
	}
	return v, nil
}

// columnCell is a column of a row as machines read it.
func columnCell(value any) cell {
	switch value := value.(type) {
	case nil:
		return cell{unknown, nil}
	case string:
		return textCell(value)
	case time.Time:
		return cell{sinceText(value), value.Format(time.RFC3339Nano)}
	case []int:
		text, err := json.Marshal(value)
		if err != nil {
			return cell{unknown, nil}
		}
		return cell{string(text), json.RawMessage(text)} // in CSV as in JSON
	}
	return cell{fmt.Sprint(value), value}
}

func priceTable(rows []pricing.Row) view {
	price := func(name, head string) column { return column{name: name, head: head, right: true} }
	v := view{columns: []column{
		{name: "provider"},
		{name: "model", whole: true},
		price("input", ""), price("output", ""), price("cache_read", "READ"), price("cache_write_5m", "5M WRITE"), price("cache_write_1h", "1H WRITE"),
		{name: "also", spare: true},
		{name: "since", spare: true},
		{name: "until", spare: true},
		{name: "origin"},
	}}
	for i := range rows {
		r := &rows[i]
		v.rows = append(v.rows, []cell{
			textCell(r.Provider), textCell(r.ModelMatch),
			textCell(r.Input), textCell(r.Output), textCell(r.CacheRead), textCell(r.CacheWrite5m), textCell(r.CacheWrite1h),
			textAs(strings.Join(r.Extras(), " "), strings.Join(r.Extras(), " ")),
			sinceCell(r.EffectiveFrom), sinceCell(r.EffectiveTo), textCell(r.Origin()),
		})
	}
	v.empty = "no row of the price book fits; see: prism prices list --all"
	return v
}

// sinceCell shows a border of a row, which is a day in UTC as a rule. An open end is empty.
func sinceCell(t time.Time) cell {
	if t.IsZero() {
		return cell{"", nil}
	}
	return cell{sinceText(t), t.UTC().Format(time.RFC3339)}
}

func sinceText(t time.Time) string {
	if t = t.UTC(); t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05Z")
}

// whyNoRow is what the view says of a model that no row fits.
const whyNoRow = "no row"

// noteNoPrice names the models that were used and have no price, and how to give them one.
func (a *app) noteNoPrice(ctx context.Context, r room) error {
	if format, err := a.formatOf(view{}); err != nil || format != formatTable {
		return err
	}
	db, err := a.reader(ctx, r)
	if errors.Is(err, errNoLedger) {
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "select model, provider, why, sum(requests)::bigint from unpriced group by all order by 4 desc, 1, 2, 3")
	if err != nil {
		return fmt.Errorf("look for models without a price: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var model, provider, why sql.NullString
		var n int
		if err := rows.Scan(&model, &provider, &why, &n); err != nil {
			return fmt.Errorf("look for models without a price: %w", err)
		}
		missing, fix := "", priceFix(model.String, provider.String)
		if model.String != "" && why.String != whyNoRow { // a row of yours takes the place of the whole row
			missing = a.text(": its row has %s", a.said(why.String))
			fix = a.text("prism prices show %s, then prism prices set with what it says and what it lacks", shellQuote(model.String))
		}
		a.note("%s of %s at %s without a price%s\n   fix: %s", plural(n, "%d requests"), firstOf(model.String, a.text("an unnamed model")), firstOf(provider.String, a.text("an unknown provider")), missing, fix)
	}
	return rows.Err()
}
