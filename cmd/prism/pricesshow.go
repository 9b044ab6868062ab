package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/pricing"
)

func newPricesShow(a *app) *cobra.Command {
	var f priceFilter
	cmd := &cobra.Command{
		Use:   "show MODEL",
		Short: "Show the row that prices a model, and those that it wins over",
		Long: `Show looks the model up as the gateway does: overrides of the profile, your rows, then what
prism brings along and what was fetched; the most specific name first, the later start first.`,
		Example:           "  prism prices show claude-sonnet-5-5\n  prism prices show claude-sonnet-5-5 --at 2026-10-06",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeModels,
		RunE: func(cmd *cobra.Command, given []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			f.model = given[0]
			return a.showPrice(cmd.Context(), r, f)
		},
	}
	f.flags(cmd)
	return cmd
}

// foundPrice is what the book has for a model at one provider.
type foundPrice struct {
	Provider string        `json:"provider"`
	Model    string        `json:"model"`
	InForce  *pricing.Row  `json:"in_force"` // null = none at that time
	Others   []pricing.Row `json:"others"`
}

func (a *app) showPrice(ctx context.Context, r room, f priceFilter) error {
	book, err := a.book(ctx, r)
	if err != nil {
		return err
	}
	at, err := a.priceTime(f.at)
	if err != nil {
		return err
	}
	providers := providersOf(book)
	if f.provider != "" {
		providers = []string{f.provider}
	}
	found := []foundPrice{}
	for _, p := range providers {
		if one, ok := findPrice(book, pricing.Query{Provider: p, Model: f.model, Profile: f.profile, At: at}); ok {
			found = append(found, one)
		}
	}
	if len(found) == 0 {
		return notFound("prism prices list, or prism prices set "+shellQuote(f.model)+" --provider PROVIDER --input USD --output USD", "the price book has no row for %s", f.model)
	}
	var rows []pricing.Row
	for _, one := range found {
		if one.InForce != nil {
			rows = append(rows, *one.InForce)
		}
		rows = append(rows, one.Others...)
	}
	v, err := a.priceView(rows)
	if err != nil {
		return err
	}
	v.object, v.text = found, func(w io.Writer) { a.writePrices(w, found, at) }
	return a.show(v)
}

func findPrice(book *pricing.Book, q pricing.Query) (foundPrice, bool) {
	one := foundPrice{Provider: q.Provider, Model: q.Model, Others: []pricing.Row{}}
	if row, ok := book.Find(&q); ok {
		one.InForce = &row
	}
	for _, row := range book.Matching(q.Provider, q.Model) {
		if one.InForce == nil || row.ID != one.InForce.ID {
			one.Others = append(one.Others, row)
		}
	}
	return one, one.InForce != nil || len(one.Others) > 0
}

// providersOf lists the providers of a book.
func providersOf(book *pricing.Book) []string {
	var names []string
	for _, row := range book.Rows() {
		names = append(names, row.Provider)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *app) writePrices(w io.Writer, found []foundPrice, at time.Time) {
	for i, one := range found {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, escape(a.text("%s at %s", one.Model, one.Provider), false))
		if one.InForce == nil {
			fmt.Fprintln(w, "  "+a.text("no row is in force at %s", sinceText(at)))
		} else {
			a.writeRow(w, one.InForce)
		}
		for j := range one.Others {
			o := &one.Others[j]
			fmt.Fprintln(w, escape(a.text("  not    %s   %s   %s   input %s   output %s", o.ID, o.Origin(), a.spanText(o), o.Input, o.Output), false))
		}
	}
}

// spanText says when a row holds.
func (a *app) spanText(r *pricing.Row) string {
	switch {
	case r.EffectiveFrom.IsZero() && r.EffectiveTo.IsZero():
		return a.text("always")
	case r.EffectiveTo.IsZero():
		return a.text("since %s", sinceText(r.EffectiveFrom))
	case r.EffectiveFrom.IsZero():
		return a.text("until %s", sinceText(r.EffectiveTo))
	}
	return a.text("%s until %s", sinceText(r.EffectiveFrom), sinceText(r.EffectiveTo))
}

// writeRow writes one row with everything that is known of it.
func (a *app) writeRow(w io.Writer, r *pricing.Row) {
	line := func(head, format string, args ...any) {
		fmt.Fprintln(w, "  "+pad(a.said(head), 6, false)+" "+escape(a.text(format, args...), false))
	}
	line("row", "%s   %s   %s", r.ID, r.Origin(), a.spanText(r))
	line("usd", "per million tokens: %s", a.setText(r, ""))
	if r.TierOverPromptTokens > 0 {
		line("tier", "above %s prompt tokens: %s", grouped(r.TierOverPromptTokens), a.setText(r, "tier_"))
	}
	if len(r.PeakWindowsUTC) > 0 {
		line("peak", "%s UTC%s: %s", strings.Join(r.PeakWindowsUTC, " "), a.daysText(r.PeakDays), a.setText(r, "peak_"))
	}
	if r.FastInput != "" || r.FastOutput != "" {
		line("fast", "%s", a.setText(r, "fast_"))
	}
	for _, f := range [][3]string{
		{"batch", "× %s in batches", r.BatchMultiplier},
		{"geo", "× %s for inference in the us", r.GeoMultiplier},
		{"search", "%s USD per 1,000 web searches", r.WebSearchPer1k},
		{"note", "%s", r.Notes},
		{"source", "%s", strings.TrimSuffix(r.Source+"   "+r.Confidence, "   ")},
	} {
		if f[2] != "" {
			line(f[0], f[1], f[2])
		}
	}
}

// setText writes one set of prices; what has none is not known.
func (a *app) setText(r *pricing.Row, prefix string) string {
	var parts []string
	for _, c := range [][2]string{{"input", "input"}, {"output", "output"}, {"cache_read", "read"}, {"cache_write_5m", "write 5m"}, {"cache_write_1h", "write 1h"}} {
		text, _ := r.Column(prefix + c[0]).(string)
		parts = append(parts, a.said(c[1])+" "+firstOf(text, unknown))
	}
	return strings.Join(parts, "   ")
}

// daysText names the ISO days of the peak hours.
func (a *app) daysText(days []int) string {
	var names []string
	for _, d := range days {
		names = append(names, a.said(time.Weekday(d % 7).String()[:3]))
	}
	if len(names) == 0 {
		return ""
	}
	return ", " + strings.Join(names, " ")
}

// completeModels offers the names of the book that are no patterns.
func (a *app) completeModels(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	book, err := pricing.Embedded()
	if len(given) > 0 || err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, row := range book.Rows() {
		if !strings.ContainsAny(row.ModelMatch, "*?[") {
			names = append(names, row.ModelMatch)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}
