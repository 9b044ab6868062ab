package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"prism/internal/ledger/duckdb"
)

// foldRequest is what the gateway asks of its worker; its shape is daemon.FoldRequest's.
type foldRequest struct {
	File    string            `json:"file"`
	Journal string            `json:"journal"`
	Archive string            `json:"archive"`
	Prices  []duckdb.PriceRow `json:"prices"`
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
			res, err := duckdb.Fold(cmd.Context(), duckdb.FoldOptions{File: q.File, JournalDir: q.Journal, ArchiveDir: q.Archive, Prices: q.Prices})
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
