package transfer

import (
	"errors"
	"slices"
	"strings"

	"prism/config"
	"prism/internal/pricing"
)

// asPattern writes the name of a model as the pattern that fits it alone: there are names that end
// with [1m].
func asPattern(model string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(model)
}

// ofPattern is the name that [asPattern] wrote.
func ofPattern(pattern string) string {
	return strings.NewReplacer(`\\`, `\`, `\*`, `*`, `\?`, `?`, `\[`, `[`).Replace(pattern)
}

// price adds what the model that a row names costs at a profile of the plan, in dollars per million
// tokens.
func (b *builder) price(row config.PriceRow) {
	model := row.ModelMatch
	p := b.profile(row.Profile)
	if p == nil || len(b.Prices) >= maxRules || row.Input == "" && row.Output == "" || model == "" || !printable(model) {
		return
	}
	row.Provider, row.ModelMatch, row.Source = p.Provider, asPattern(model), "imported from "+b.Source
	if slices.ContainsFunc(b.Prices, func(r config.PriceRow) bool { return r.Profile == row.Profile && r.ModelMatch == row.ModelMatch }) {
		return
	}
	if why := b.unpriceable(model, bookRow(&row)); why != "" {
		b.leave(row.Profile+": the price of "+model, why)
		return
	}
	b.Prices = append(b.Prices, row)
}

// unpriceable says why a row must not stand in the file. The gateway would refuse the whole file for a
// row that it cannot read; and a row is taken whole, so that one which says less than the book takes the
// price from requests that have one.
func (b *builder) unpriceable(model string, row pricing.Row) (why string) {
	_, err := new(pricing.Book).With([]pricing.Row{row})
	if wrong, ok := errors.AsType[*pricing.FieldError](err); ok {
		return "the price book does not take it: " + wrong.Field + ": " + wrong.Problem
	}
	if b.book == nil {
		read := b.opt.Book
		if read == nil {
			read = pricing.Embedded
		}
		if b.book, _ = read(); b.book == nil {
			return "there is no price book to compare it with"
		}
	}
	for _, known := range b.book.Matching(row.Provider, model) {
		for _, column := range pricing.Columns() {
			if !slices.Contains(aboutRows(), column) && known.Column(column) != nil && row.Column(column) == nil {
				return "the price book says more of this model, such as " + column + ", and stays; a price of your own: prism prices set"
			}
		}
	}
	return ""
}

// aboutRows are the columns that say nothing of what tokens cost.
func aboutRows() []string {
	return []string{"id", "layer", "profile", "provider", "model_match", "effective_from", "effective_to", "notes", "source", "confidence"}
}

// bookRow is a row of a plan as one of the price book.
func bookRow(r *config.PriceRow) pricing.Row {
	return pricing.Row{
		Profile: r.Profile, Provider: r.Provider, ModelMatch: r.ModelMatch,
		Input: r.Input, Output: r.Output, CacheRead: r.CacheRead, CacheWrite5m: r.CacheWrite5m, CacheWrite1h: r.CacheWrite1h,
	}
}
