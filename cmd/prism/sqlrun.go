package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
)

// runSQL runs statements that only read, one after the other, and shows the result of each.
// None is run unless all are such.
func (a *app) runSQL(ctx context.Context, r room, all []statement, limit time.Duration) error {
	format, err := a.formatOf(view{})
	if err != nil {
		return err
	}
	if len(all) > 1 && format == formatParquet {
		return usagef("one query per file", "%s hold one result each", "Parquet files")
	}
	if format == formatParquet {
		return a.throughFile(func(file string) error { return a.copyParquet(ctx, r, all[0], file, limit) })
	}
	db, err := a.reader(ctx, r)
	if err != nil {
		return sqlNeedsLedger(err)
	}
	defer db.Close()
	if err := onlySelects(ctx, db, all); err != nil {
		return err
	}
	for i, s := range all {
		if i > 0 && (format == formatTable || format == formatMarkdown) {
			fmt.Fprintln(a.out)
		}
		if err := a.showStatement(ctx, db, s, format, limit); err != nil {
			return err
		}
	}
	return nil
}

func sqlNeedsLedger(err error) error {
	if errors.Is(err, errNoLedger) {
		return notFound("prism serve, and send a request through it", "there is no ledger yet")
	}
	return err
}

func onlySelects(ctx context.Context, db *sql.DB, all []statement) error {
	for _, s := range all {
		ok, err := duckdb.IsSelect(ctx, db, s.text)
		if err != nil {
			return sqlError(err)
		}
		if !ok {
			return notOneSelect()
		}
	}
	return nil
}

// bounded gives ctx the limit; 0 is none.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// showStatement runs one statement. Formats in which a row does not depend on the others are
// written as the rows come. The library holds the result of a query whole; for what is too
// large for that there is prism export.
func (a *app) showStatement(ctx context.Context, db *sql.DB, s statement, format string, limit time.Duration) error {
	within, cancel := bounded(ctx, limit)
	defer cancel()
	q := duckdb.Statement{SQL: s.text, Args: s.args}
	var err error
	if slices.Contains([]string{formatCSV, formatTSV, formatNDJSON}, format) {
		err = a.streamStatement(within, db, q, format)
	} else {
		var v view
		if v, err = queryView(within, db, s.text, s.args); err == nil {
			return a.show(v)
		}
	}
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return &admin.Error{Code: codeSQL, Message: "the query was given up after " + limit.String(), Fix: "prism sql --timeout 10m, or 0 for no limit"}
	}
	if _, ours := errors.AsType[*admin.Error](err); ours || err == nil || ctx.Err() != nil {
		return err
	}
	return sqlError(err)
}

// streamStatement writes rows as they come.
func (a *app) streamStatement(ctx context.Context, db *sql.DB, q duckdb.Statement, format string) error {
	w := newRowWriter(a, a.out, format)
	var columns duckdb.Columns
	err := duckdb.Stream(ctx, db, q, func(c duckdb.Columns) error {
		columns = c
		return w.head(sqlColumns(c))
	}, func(values []any) error {
		return w.row(sqlRow(values, columns))
	})
	return errors.Join(err, w.flush())
}

// copyParquet writes the result of a statement with the types that DuckDB gives it.
func (a *app) copyParquet(ctx context.Context, r room, s statement, file string, limit time.Duration) error {
	db, err := a.exporter(ctx, r, filepath.Dir(file))
	if err != nil {
		return sqlNeedsLedger(err)
	}
	defer db.Close()
	if err := onlySelects(ctx, db, []statement{s}); err != nil {
		return err
	}
	within, cancel := bounded(ctx, limit)
	defer cancel()
	if _, err := duckdb.CopyParquet(within, db, duckdb.Statement{SQL: s.text, Args: s.args}, file); err != nil {
		return sqlError(err)
	}
	return nil
}

// exporter is reader for one who writes files below dir.
func (a *app) exporter(ctx context.Context, r room, dir string) (*sql.DB, error) {
	if err := a.refresh(ctx, r); err != nil {
		return nil, err
	}
	if _, err := os.Stat(r.paths.LedgerFile); errors.Is(err, os.ErrNotExist) {
		return nil, errNoLedger
	}
	db, err := duckdb.OpenExporter(ctx, r.paths.LedgerFile, dir, duckdb.ReaderOptions{TimeZone: a.zone()})
	if err != nil {
		return nil, ledgerError(r.paths.LedgerFile, err)
	}
	return db, nil
}

func sqlError(err error) error {
	fix := `prism sql "describe requests" shows the columns`
	if strings.Contains(err.Error(), "does not exist") {
		fix = `prism sql "show tables" shows tables and views, prism sql "describe requests" columns`
	}
	if strings.Contains(err.Error(), "unsupported data type") || strings.Contains(err.Error(), "MAP key type") {
		fix = "cast the column to text: column::varchar"
	}
	return &admin.Error{Code: codeSQL, Message: err.Error(), Fix: fix}
}

func queryView(ctx context.Context, db *sql.DB, query string, params []any) (view, error) {
	columns, rows, err := duckdb.Query(ctx, db, query, params)
	if err != nil {
		return view{}, err
	}
	v := view{columns: sqlColumns(columns), empty: "no rows"}
	for _, values := range rows {
		v.rows = append(v.rows, sqlRow(values, columns))
	}
	return v, nil
}

func sqlColumns(columns duckdb.Columns) []column {
	out := make([]column, len(columns))
	for i, c := range columns {
		out[i] = column{name: c.Name, head: c.Name, right: numeric(c.Type), theirs: true}
	}
	return out
}

func sqlRow(values []any, columns duckdb.Columns) []cell {
	row := make([]cell, len(values))
	for i := range values {
		row[i] = sqlCell(values[i], columns[i].Type)
	}
	return row
}
