package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"prism/internal/ledger"
	"prism/internal/ledger/duckdb"
)

// foldRequest is what the gateway asks of its worker; its shape is daemon.FoldRequest's.
type foldRequest struct {
	File    string            `json:"file"`
	Journal string            `json:"journal"`
	Archive string            `json:"archive"`
	Prices  []duckdb.PriceRow `json:"prices"`
	Days    int               `json:"days"`
}

// newFoldWorker is the child process in which the gateway folds: DuckDB never lives in the
// process that serves.
func newFoldWorker(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "fold-worker",
		Hidden: true,
		Short:  "Fold once, as stdin says; for the gateway itself",
		Args:   args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var q foldRequest
			if err := json.NewDecoder(a.in).Decode(&q); err != nil {
				return usagef("prism sql, or prism spend: both fold", "read the request: %v", err)
			}
			opt := duckdb.FoldOptions{File: q.File, JournalDir: q.Journal, ArchiveDir: q.Archive, Prices: q.Prices}
			res, err := duckdb.Fold(cmd.Context(), opt)
			if err == nil {
				letGo(cmd.Context(), opt, q.Days, &res)
			}
			// A holder is an outcome, not a failure: the journal waits.
			if err != nil && !errors.Is(err, duckdb.ErrBusy) {
				res.Err = err.Error()
			}
			if err := json.NewEncoder(a.out).Encode(res); err != nil {
				return fmt.Errorf("answer the gateway: %w", err)
			}
			return nil
		},
	}
}

// letGo applies the retention, if it is time. What goes wrong there takes nothing from the fold.
func letGo(ctx context.Context, opt duckdb.FoldOptions, days int, res *ledger.FoldResult) {
	gone, did, err := duckdb.CollectByPolicy(ctx, opt, days)
	if err != nil && !errors.Is(err, duckdb.ErrBusy) {
		res.Notes = append(res.Notes, fmt.Sprintf("retention: %v", err))
	}
	if did {
		res.Collected = int(gone.Rows)
	}
}
