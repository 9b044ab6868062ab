package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"prism/internal/ledger/duckdb"
)

// upkeep returns the options of a command that makes the ledger anew, and shows its progress.
func (a *app) upkeep(r room, bar *progress) duckdb.UpkeepOptions {
	opt := duckdb.UpkeepOptions{FoldOptions: a.foldOptions(r)}
	opt.Prices = a.foldPrices(r)
	opt.Progress = func(done, total int64) {
		bar.total = total
		bar.set(done)
	}
	return opt
}

func newLedgerRebuild(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make the DuckDB file anew from journal and archive",
		Long: `Rebuild makes the DuckDB file anew from every intact record of journal and archive, and
swaps it in. Where that would give fewer rows than there are, it stops. A file that is
damaged is kept beside the new one.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			bar := a.progressBytes("rebuild", -1)
			res, err := duckdb.Rebuild(cmd.Context(), a.upkeep(r, bar), force)
			bar.done()
			if err != nil {
				return a.upkeepError(r, err)
			}
			return a.show(view{object: res, text: func(w io.Writer) { a.rebuildText(w, res) }})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "go on where rows would be lost that only the DuckDB file has")
	return cmd
}

func (a *app) rebuildText(w io.Writer, res duckdb.Rebuilt) {
	for _, n := range res.Notes {
		fmt.Fprintln(w, escape(a.text("note: %s", a.said(n)), false))
	}
	if res.Aside != "" {
		fmt.Fprintln(w, escape(a.text("the damaged file is now %s", a.tilde(res.Aside)), false))
	}
	before := ""
	if res.Before != nil {
		before = a.text(" (before: %s)", grouped(res.Before.Requests))
	}
	fmt.Fprintln(w, a.text("rebuilt: %s requests%s, %s corrections, %s config events, %s alerts, %s health events", grouped(res.After.Requests), before,
		grouped(res.After.Corrections), grouped(res.After.Events), grouped(res.After.Alerts), grouped(res.After.Health)))
}

func newLedgerCompact(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "compact",
		Short: "Write the DuckDB file anew, without gaps",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.room(cmd)
			if err != nil {
				return err
			}
			if err := a.refresh(cmd.Context(), r); err != nil {
				return a.upkeepError(r, err)
			}
			bar := a.progress(a.text("compact"), -1)
			res, err := duckdb.Compact(cmd.Context(), a.upkeep(r, bar))
			bar.done()
			if err != nil {
				return a.upkeepError(r, err)
			}
			return a.show(view{object: res, text: func(w io.Writer) {
				fmt.Fprintln(w, a.text("%s rows, %s (before: %s)", grouped(res.RowsAfter), bytesText(res.BytesAfter), bytesText(res.BytesBefore)))
			}})
		},
	}
}

func newLedgerCollect(a *app) *cobra.Command {
	var keep string
	var dry bool
	cmd := &cobra.Command{
		Use:   "gc --keep 400d",
		Short: "Let go of what is older, for good",
		Long: `Gc writes a new DuckDB file with the rows that stay, swaps it in, and removes the packed
segments that hold nothing newer. The instant is remembered, so that a rebuild brings
nothing back. --dry-run only counts. A gateway does the same once a day if prism.yaml has
retention: {requests: 400d}.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.collect(cmd, keep, dry) },
	}
	cmd.Flags().StringVar(&keep, "keep", "", "how much stays: 400d, 52w, or the first date that does; default: retention of prism.yaml")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count, and change nothing")
	return cmd
}

func (a *app) collect(cmd *cobra.Command, keep string, dry bool) error {
	r, err := a.room(cmd)
	if err != nil {
		return err
	}
	const fix = "prism ledger gc --keep 400d --dry-run"
	if days := r.settings.Retention.Days(); keep == "" && days > 0 {
		keep = fmt.Sprintf("%dd", days)
	}
	if keep == "" {
		return usagef(fix, "nothing says how much stays: neither --keep nor retention in prism.yaml")
	}
	from, err := a.instantOf(keep)
	if err != nil || !strings.ContainsAny(keep, "dw-") || !from.Before(midnight(a.now())) {
		return usagef(fix, "--keep %s: give one day at least, weeks, or a date in the past", keep)
	}
	if err := a.refresh(cmd.Context(), r); err != nil {
		return a.upkeepError(r, err)
	}
	bar := a.progress(a.text("gc"), -1)
	res, err := duckdb.Collect(cmd.Context(), a.upkeep(r, bar), from, dry)
	bar.done()
	if err != nil {
		return a.upkeepError(r, err)
	}
	return a.show(view{object: res, text: func(w io.Writer) {
		what := a.text("let go of")
		if dry {
			what = a.text("would let go of")
		}
		fmt.Fprintln(w, a.text("%s %s rows from before %s and %s of the archive", what, grouped(res.Rows), from.Format("2006-01-02"), plural(len(res.Segments), "%d segments")))
		if res.BytesAfter > 0 {
			fmt.Fprintln(w, a.text("%s rows stay, %s (before: %s)", grouped(res.RowsAfter), bytesText(res.BytesAfter), bytesText(res.BytesBefore)))
		}
	}})
}
