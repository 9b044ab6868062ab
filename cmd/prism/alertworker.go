package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"prism/internal/alert"
	"prism/internal/daemon"
	"prism/internal/ledger/duckdb"
)

// errFirst ends a query after its first row.
var errFirst = errors.New("one row is enough")

// Bounds of the figures. The gateway waits a minute for all of them; a query that takes longer than
// its share must not keep the others from being answered.
const (
	figureLimit  = 10 * time.Second
	figuresLimit = 50 * time.Second
)

// newAlertWorker is the child process in which the gateway asks the ledger for the figures of
// its alerts.
func newAlertWorker(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "alert-worker",
		Hidden: true,
		Short:  "Answer the queries of stdin; for the gateway itself",
		Args:   args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var q daemon.QueryRequest
			if err := json.NewDecoder(a.in).Decode(&q); err != nil {
				return usagef("alerts: in prism.yaml", "read the request: %v", err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), figuresLimit)
			defer cancel()
			db, err := a.patientReader(ctx, q.File)
			if err != nil {
				return ledgerError(q.File, err)
			}
			defer db.Close()
			if err := json.NewEncoder(a.out).Encode(a.figures(ctx, db, q, figureLimit)); err != nil {
				return fmt.Errorf("answer the gateway: %w", err)
			}
			return nil
		},
	}
}

// figures asks one query after the other, each for as long as limit at most.
func (a *app) figures(ctx context.Context, db *sql.DB, q daemon.QueryRequest, limit time.Duration) []alert.Answer {
	answers := make([]alert.Answer, len(q.Ask))
	for i, ask := range q.Ask {
		own, cancel := context.WithTimeout(ctx, limit)
		v, err := a.figure(own, db, q.Queries, ask)
		switch {
		case err == nil:
			answers[i].Value = v
		case own.Err() != nil:
			answers[i].Err = fmt.Sprintf("no figure within %s", limit)
		default:
			answers[i].Err, _, _ = strings.Cut(err.Error(), "\n")
		}
		cancel()
	}
	return answers
}

// holdLimit is how long a fold may keep the ledger from being read; it takes a fraction of a
// second.
const holdLimit = 15 * time.Second

// patientReader opens the ledger, once a fold that has it at the moment is over.
func (a *app) patientReader(ctx context.Context, file string) (*sql.DB, error) {
	return patient(ctx, func() (*sql.DB, error) {
		return duckdb.OpenReader(ctx, file, duckdb.ReaderOptions{TimeZone: a.zone()})
	})
}

// patient opens a ledger, once a fold that has it at the moment is over.
func patient(ctx context.Context, open func() (*sql.DB, error)) (*sql.DB, error) {
	for began := time.Now(); ; {
		db, err := open()
		if !errors.Is(err, duckdb.ErrBusy) || time.Since(began) > holdLimit {
			return db, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// figure returns the first column of the first row of a query, given by name or as SQL.
func (a *app) figure(ctx context.Context, db *sql.DB, dir, ask string) (string, error) {
	q, err := a.queryOf(dir, sqlOptions{}, []string{ask})
	if err != nil {
		return "", err
	}
	q.several = false
	all, err := q.bind(nil)
	if err != nil {
		return "", err
	}
	if err := onlySelects(ctx, db, all); err != nil {
		return "", err
	}
	var value any
	_, err = duckdb.QueryEach(ctx, db, duckdb.Statement{SQL: all[0].text, Args: all[0].args}, func(values []any) error {
		if len(values) > 0 {
			value = values[0]
		}
		return errFirst
	})
	if err != nil && !errors.Is(err, errFirst) {
		return "", err
	}
	return figureText(value), nil
}

// figureText writes a value so that it can be compared exactly; NULL is nothing.
func figureText(v any) string {
	switch x := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
