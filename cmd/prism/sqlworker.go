package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/daemon"
	"prism/internal/ledger/duckdb"
)

// Bounds of the worker. Its processor time is that of one core for the longest deadline there is.
const (
	workerCPU    = 10 * time.Second
	workerMemory = 1536 << 20
	workerFiles  = 64
	workerBytes  = 8 << 20 // of rows
	maxComplaint = 2000    // bytes of what DuckDB says about a query
)

// errLarge ends a query whose result is as large as it may be.
var errLarge = errors.New("the result is large enough")

// newSQLWorker is the child process that runs a query of somebody who must not be able to do more
// than read: DuckDB's own settings leave holes, limits of the process do not.
func newSQLWorker(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "sql-worker",
		Hidden: true,
		Short:  "Run the query of stdin in a process that can only read; for the gateway itself",
		Args:   args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var q daemon.SQLRequest
			if err := json.NewDecoder(a.in).Decode(&q); err != nil {
				return usagef("prism sql", "read the request: %v", err)
			}
			if err := duckdb.Confine(duckdb.Confinement{File: q.File, CPU: workerCPU, Memory: workerMemory, Files: workerFiles}); err != nil {
				return &admin.Error{Code: codeInternal, Message: err.Error(), Fix: "prism sql"}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Duration(q.DeadlineMS)*time.Millisecond)
			defer cancel()
			res, err := a.confined(ctx, q)
			if err != nil {
				res = daemon.SQLResult{Rows: json.RawMessage("[]"), Problem: complaint(ctx, q, err)}
			}
			out := json.NewEncoder(a.out)
			out.SetEscapeHTML(false) // it would make the rows larger than was measured
			if err := out.Encode(res); err != nil {
				return fmt.Errorf("answer the gateway: %w", err)
			}
			return nil
		},
	}
}

// confined runs the query and keeps as much of its result as an answer may hold.
func (a *app) confined(ctx context.Context, q daemon.SQLRequest) (daemon.SQLResult, error) {
	all := allStatements(q.SQL)
	if len(all) != 1 {
		return daemon.SQLResult{}, duckdb.ErrNotSelect
	}
	db, err := patient(ctx, func() (*sql.DB, error) {
		return duckdb.OpenConfined(ctx, q.File, duckdb.ReaderOptions{TimeZone: q.TimeZone})
	})
	if err != nil {
		return daemon.SQLResult{}, ledgerError(q.File, err)
	}
	defer db.Close()
	res := daemon.SQLResult{Columns: []daemon.SQLColumn{}}
	var columns duckdb.Columns
	rows := []byte("[")
	head := func(c duckdb.Columns) error {
		columns = c
		for _, one := range c {
			res.Columns = append(res.Columns, daemon.SQLColumn{Name: one.Name, Type: one.Type})
		}
		return nil
	}
	row := func(values []any) error {
		if res.Count == q.MaxRows {
			res.Truncated = true
			return errLarge
		}
		next, err := appendRow(rows, sqlRow(values, columns))
		if err != nil {
			return err
		}
		if len(next) > workerBytes {
			res.Truncated = true
			return errLarge
		}
		rows = next
		res.Count++
		return nil
	}
	// One row more than is wanted tells whether there are more.
	err = duckdb.StreamConfined(ctx, db, duckdb.ConfinedQuery{SQL: all[0], Explain: q.Explain, MaxRows: q.MaxRows + 1}, head, row)
	if err != nil && !errors.Is(err, errLarge) {
		return daemon.SQLResult{}, err
	}
	res.Rows = append(rows, ']')
	return res, nil
}

// appendRow writes a row as a list.
func appendRow(rows []byte, cells []cell) ([]byte, error) {
	if len(rows) > 1 {
		rows = append(rows, ',')
	}
	rows = append(rows, '[')
	var err error
	for i, c := range cells {
		if i > 0 {
			rows = append(rows, ',')
		}
		if rows, err = appendJSON(rows, c.value); err != nil {
			return nil, err
		}
	}
	return append(rows, ']'), nil
}

// complaint says what is wrong with a query.
func complaint(ctx context.Context, q daemon.SQLRequest, err error) *admin.Error {
	if ctx.Err() != nil {
		limit := time.Duration(q.DeadlineMS) * time.Millisecond
		return &admin.Error{Code: codeSQL, Message: "the query was given up after " + limit.String(), Fix: "ask for less: a shorter time, fewer rows"}
	}
	if errors.Is(err, duckdb.ErrNotSelect) {
		return &admin.Error{Code: codeNotSelect, Message: duckdb.ErrNotSelect.Error(), Fix: "one SELECT, or FROM, DESCRIBE, SUMMARIZE or SHOW; an EXPLAIN is asked for by its button"}
	}
	e, known := errors.AsType[*admin.Error](err)
	if !known {
		e, _ = errors.AsType[*admin.Error](sqlError(err))
	}
	e.Message = cut(oneLineLess(e.Message), maxComplaint)
	return e
}

// inLine is how DuckDB says where in a text something is wrong.
var inLine = regexp.MustCompile(`(?m)^LINE (\d+): `)

// oneLineLess corrects the number of the line: the text stands below a line of ours.
func oneLineLess(message string) string {
	return inLine.ReplaceAllStringFunc(message, func(found string) string {
		n, err := strconv.Atoi(inLine.FindStringSubmatch(found)[1])
		if err != nil || n < 2 {
			return found
		}
		return fmt.Sprintf("LINE %d: ", n-1)
	})
}

// cut returns at most n bytes of s and does not cut a character in two.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
