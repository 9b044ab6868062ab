package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"prism/config"
	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/pricing"
)

func newPricesSet(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set MODEL --provider NAME --input USD --output USD",
		Aliases: []string{"add"},
		Short:   "Give a model a price of your own: a row under prices: in profiles.yaml",
		Long: `Set puts one row into prices: of profiles.yaml and changes nothing else; comments, order and
sealed values stay. Amounts are US dollars per million tokens; what you leave out is not
known, which is not 0. MODEL may be a pattern such as 'kimi-k3*'.

A row without --from holds for all time. With --from it holds from that day on (UTC), beside
the rows before it. A row for the same model from the same day on is replaced.

What is in the ledger already keeps its cost; prism reprice shows the difference.`,
		Example: "  prism prices set qwen3-coder --provider local --input 0 --output 0\n" +
			"  prism prices set kimi-k3 --provider moonshot --input 2.5 --output 12 --cache-read 0.25 --from 2026-12-01",
		Args:              args(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeModels,
	}
	values := map[string]*string{}
	for _, name := range pricing.Columns() {
		if flag := flagOf(name); flag != "" {
			values[name] = cmd.Flags().String(flag, "", columnHelp(name))
		}
	}
	cmd.RunE = func(cmd *cobra.Command, given []string) error {
		r, err := a.room(cmd)
		if err != nil {
			return err
		}
		row, err := rowOfFlags(given[0], values)
		if err != nil {
			return err
		}
		return a.setPrice(cmd.Context(), r, row)
	}
	return cmd
}

// flagOf is the flag for a column; empty for those that are not the user's to say.
func flagOf(column string) string {
	switch column {
	case "id", "layer", "model_match":
		return ""
	case "effective_from":
		return "from"
	case "effective_to":
		return "to"
	}
	return strings.ReplaceAll(column, "_", "-")
}

// columnHelp says what a flag is for.
func columnHelp(column string) string {
	switch column {
	case "profile":
		return "for this `profile` only"
	case "provider":
		return "`name` of the provider, as in prism prices list"
	case "effective_from":
		return "first `day` that the row holds (UTC), or an RFC 3339 time"
	case "effective_to":
		return "first `day` that it no longer holds"
	case "tier_over_prompt_tokens":
		return "above so many prompt `tokens` the tier prices hold for the whole request"
	case "peak_windows_utc":
		return "times of day (UTC) of the peak prices: `01:00-04:00,06:00-10:00`"
	case "peak_days":
		return "days of the peak prices, 1 = Monday: `1,2,3,4,5`"
	case "batch_multiplier", "geo_multiplier":
		return "`factor` for " + map[string]string{"batch_multiplier": "batches", "geo_multiplier": "inference in the us"}[column]
	case "web_search_per_1k":
		return "`USD` per 1,000 web searches"
	case "notes", "source", "confidence":
		return "`text` to keep with the row"
	}
	return "`USD` per million tokens"
}

// rowOfFlags reads the row; what is wrong with it is told by the name of the flag.
func rowOfFlags(model string, values map[string]*string) (pricing.Row, error) {
	columns := map[string]string{"model_match": model}
	for name, value := range values {
		if *value != "" {
			columns[name] = *value
		}
	}
	row, err := pricing.ParseRow(columns)
	if err == nil {
		return row, nil
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		name, problem, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if flag := flagOf(name); flag != "" {
			name = "--" + flag
		} else if name == "model_match" {
			name = "MODEL"
		}
		lines = append(lines, name+": "+problem)
	}
	return row, usagef("prism prices set "+shellQuote(model)+" --provider NAME --input 0.5 --output 2", "%s", strings.Join(lines, "\n"))
}

func (a *app) setPrice(ctx context.Context, r room, row pricing.Row) error {
	path := r.paths.Profiles
	src, st, err := config.ReadFile(path)
	if err != nil {
		return readError(path, err)
	}
	if err := config.Writable(path); err != nil {
		return err
	}
	out, replaced, err := a.withPrice(ctx, r, src, daemon.FilePrice(&row))
	if err != nil {
		return err
	}
	if err := config.WriteFileAtomic(path, out, st); err != nil {
		return err
	}
	for _, doubt := range row.Doubts() {
		a.note("note: %s", doubt)
	}
	if err := a.show(setView(a, path, row, replaced)); err != nil {
		return err
	}
	v, err := r.client.Reload(ctx, false)
	if errors.Is(err, admin.ErrNotRunning) {
		return nil
	}
	if err == nil && !v.OK {
		return config.Problems(v.Problems)
	}
	return err
}

// withPrice is the text of profiles.yaml with the row in it, checked.
func (a *app) withPrice(ctx context.Context, r room, src []byte, row config.PriceRow) (out []byte, replaced bool, err error) {
	out, err = a.rewritten(ctx, r, src, change{edit: func(text []byte, opt config.ParseOptions) ([]byte, error) {
		var edited []byte
		edited, replaced, err = spliceChecked(r, text, row, opt)
		return edited, err
	}})
	return out, replaced, err
}

// spliceChecked puts the row in and reads the outcome as the gateway will: a row that would be
// refused is not written.
func spliceChecked(r room, src []byte, row config.PriceRow, opt config.ParseOptions) ([]byte, bool, error) {
	out, replaced, err := config.SplicePrice(src, row)
	if errors.Is(err, config.ErrPricesShape) {
		return nil, false, &admin.Error{Code: codeConfigInvalid, Message: "prices: is written in a way that a row cannot be put into, or replaced in, without touching more than that", Fix: "prism edit", At: &admin.Position{File: r.paths.Profiles, Path: "prices"}}
	}
	if err != nil {
		return nil, false, err
	}
	if _, err := r.accepted(out, opt); err != nil {
		return nil, false, err
	}
	return out, replaced, nil
}

func setView(a *app, path string, row pricing.Row, replaced bool) view {
	what := "added"
	if replaced {
		what = "replaced"
	}
	v := view{
		columns: []column{{name: "provider"}, {name: "model"}, {name: "outcome"}},
		rows:    [][]cell{{textCell(row.Provider), textCell(row.ModelMatch), a.wordCell(what)}},
		object: struct {
			File     string      `json:"file"`
			Replaced bool        `json:"replaced"`
			Row      pricing.Row `json:"row"`
		}{path, replaced, row},
	}
	v.text = func(w io.Writer) {
		fmt.Fprintln(w, escape(a.text("%s at %s: %s in %s, %s", row.ModelMatch, row.Provider, a.said(what), a.tilde(path), a.spanText(&row)), false))
		fmt.Fprintln(w, a.text("what is in the ledger keeps its cost   see: prism reprice"))
	}
	return v
}
