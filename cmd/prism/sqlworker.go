package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"prism/internal/admin"
	"prism/internal/ledger/duckdb"
)

// Bounds of the worker.
const (
	workerStart  = 2 * time.Second // of processor time, to open the ledger and to write the answer
	workerMemory = 1536 << 20
	workerFiles  = 64
	workerBytes  = 8 << 20   // of rows
	maxFileBytes = 128 << 20 // of an export
	maxComplaint = 2000      // bytes of what DuckDB says about a query
)

// workerCPU is the processor time of a batch: all that its threads can use until its deadline. With
// less, several queries that keep to their limits would be killed together, and what they have found
// lost with them.
func workerCPU(deadline time.Duration) time.Duration {
	return duckdb.ConfinedThreads*deadline + workerStart
}

// errLarge ends a query whose result is as large as it may be.
var errLarge = errors.New("the result is large enough")

// newSQLWorker is the child process that runs queries of somebody who must not be able to do more
// than read: DuckDB's own settings leave holes, limits of the process do not.
func newSQLWorker(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    "sql-worker",
		Hidden: true,
		Short:  "Run the queries of stdin in a process that can only read; for the gateway itself",
		Args:   args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var b admin.QueryBatch
			if err := json.NewDecoder(a.in).Decode(&b); err != nil {
				return usagef("prism sql", "read the request: %v", err)
			}
			deadline := time.Duration(b.DeadlineMS) * time.Millisecond
			if err := duckdb.Confine(duckdb.Confinement{File: b.File, CPU: workerCPU(deadline), Memory: workerMemory, Files: workerFiles}); err != nil {
				return a.notConfined(b, err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), deadline)
			defer cancel()
			w := sqlWork{batch: b, deadline: deadline}
			if b.Export != "" {
				return a.workerFile(w.file(ctx))
			}
			return a.workerReply(w.answer(ctx))
		},
	}
}

// notConfined answers where no query is run, since nothing would hold it.
func (a *app) notConfined(b admin.QueryBatch, err error) error {
	if !errors.Is(err, duckdb.ErrNotConfined) {
		return &admin.Error{Code: codeInternal, Message: err.Error(), Fix: "prism sql"}
	}
	problem := &admin.Error{Code: admin.CodeNotConfined, Message: "queries of the dashboard run on Linux only: " + err.Error(), Fix: "prism spend, prism logs, prism sql"}
	if b.Export != "" {
		return a.workerReply(admin.QueryFile{Problem: problem})
	}
	return a.workerReply(admin.QueryAnswer{Problem: problem})
}

// workerReply writes one line of JSON to the gateway.
func (a *app) workerReply(v any) error {
	out := json.NewEncoder(a.out)
	out.SetEscapeHTML(false) // it would make the rows larger than was measured
	if err := out.Encode(v); err != nil {
		return fmt.Errorf("answer the gateway: %w", err)
	}
	return nil
}

// sqlWork is a batch that is being run.
type sqlWork struct {
	batch    admin.QueryBatch
	deadline time.Duration
	db       *sql.DB
	bytes    int // of rows, so far
}

// answer runs the queries, one after the other.
func (w *sqlWork) answer(ctx context.Context) admin.QueryAnswer {
	if problem := w.open(ctx); problem != nil {
		return admin.QueryAnswer{Problem: problem}
	}
	defer w.db.Close()
	a := admin.QueryAnswer{Results: make([]admin.QueryResult, len(w.batch.Queries))}
	series := map[string]*seriesState{}
	for i, q := range w.batch.Queries {
		if q.Series == nil {
			a.Results[i] = w.run(ctx, q)
			continue
		}
		state := series[q.Series.Name]
		if state == nil {
			state = &seriesState{left: time.Duration(q.Series.LimitMS) * time.Millisecond, bounded: q.Series.LimitMS > 0}
			series[q.Series.Name] = state
			q.LimitMS = max(q.Series.LimitMS, q.Series.FirstMS)
		}
		a.Results[i] = w.inSeries(ctx, q, state)
	}
	return a
}

// seriesState is how far the queries of a series have come.
type seriesState struct {
	found   int
	left    time.Duration
	bounded bool
	over    bool
}

// inSeries runs a query unless those before it in its series have found enough, or taken too long.
func (w *sqlWork) inSeries(ctx context.Context, q admin.Query, s *seriesState) admin.QueryResult {
	if s.over || s.found >= q.Series.Enough || s.bounded && s.left < time.Millisecond {
		return admin.QueryResult{Columns: []admin.QueryColumn{}, Rows: json.RawMessage("[]"), Skipped: true}
	}
	if s.bounded && q.LimitMS == 0 {
		q.LimitMS = s.left.Milliseconds()
	}
	res := w.run(ctx, q)
	s.found += res.Count
	s.left -= time.Duration(res.TookMS * float64(time.Millisecond))
	s.over = res.Problem != nil
	return res
}

// open opens the ledger, once a program that has it at the moment has let go of it.
func (w *sqlWork) open(ctx context.Context) *admin.Error {
	wait, cancel := context.WithTimeout(ctx, time.Duration(w.batch.WaitMS)*time.Millisecond)
	defer cancel()
	var err error
	w.db, err = patient(wait, func() (*sql.DB, error) {
		return duckdb.OpenConfined(ctx, w.batch.File, duckdb.ReaderOptions{TimeZone: w.batch.TimeZone, Output: w.batch.Export == formatParquet})
	})
	if err == nil {
		return nil
	}
	if _, gone := os.Stat(w.batch.File); errors.Is(gone, os.ErrNotExist) {
		return &admin.Error{Code: admin.CodeNoLedger, Message: "there is no ledger yet", Fix: "prism run -- claude"}
	}
	e, _ := errors.AsType[*admin.Error](ledgerError(w.batch.File, err))
	return e
}

// run runs one query and keeps as much of its result as an answer may hold.
func (w *sqlWork) run(ctx context.Context, q admin.Query) admin.QueryResult {
	limit := w.deadline
	if own := time.Duration(q.LimitMS) * time.Millisecond; own > 0 {
		limit = min(limit, own)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, own)
		defer cancel()
	}
	began := time.Now()
	res, err := w.result(ctx, q)
	if err != nil {
		res = admin.QueryResult{Columns: []admin.QueryColumn{}, Rows: json.RawMessage("[]"), Problem: complaint(ctx, limit, err)}
	}
	res.TookMS = float64(time.Since(began).Microseconds()) / 1000
	return res
}

func (w *sqlWork) result(ctx context.Context, q admin.Query) (admin.QueryResult, error) {
	confined, err := confinedQuery(q)
	if err != nil {
		return admin.QueryResult{}, err
	}
	res := admin.QueryResult{Columns: []admin.QueryColumn{}}
	var columns duckdb.Columns
	rows := []byte("[")
	head := func(c duckdb.Columns) error {
		columns = c
		for _, one := range c {
			res.Columns = append(res.Columns, admin.QueryColumn{Name: one.Name, Type: one.Type})
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
		if w.bytes+len(next) > workerBytes {
			res.Truncated = true
			return errLarge
		}
		rows = next
		res.Count++
		return nil
	}
	if err := duckdb.StreamConfined(ctx, w.db, confined, head, row); err != nil && !errors.Is(err, errLarge) {
		return admin.QueryResult{}, err
	}
	w.bytes += len(rows)
	res.Rows = append(rows, ']')
	return res, nil
}

// confinedQuery gives the parameters of a query their values. One row more than is wanted tells
// whether there are more.
func confinedQuery(q admin.Query) (duckdb.ConfinedQuery, error) {
	all := allStatements(q.SQL)
	if len(all) != 1 {
		return duckdb.ConfinedQuery{}, duckdb.ErrNotSelect
	}
	text, names := parameters(all[0])
	c := duckdb.ConfinedQuery{SQL: text, Explain: q.Explain, MaxRows: q.MaxRows + 1}
	for _, name := range names {
		v, known := q.Params[name]
		if !known {
			return c, &admin.Error{Code: codeSQL, Message: fmt.Sprintf("parameter %s of the query has no value", name), Fix: "give it a value"}
		}
		c.Args = append(c.Args, sql.Named(name, v))
	}
	return c, nil
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
func complaint(ctx context.Context, limit time.Duration, err error) *admin.Error {
	if ctx.Err() != nil {
		return &admin.Error{Code: admin.CodeSQLLimit, Message: "the query was given up after " + limit.String(), Fix: "ask for less: a shorter time, fewer rows"}
	}
	if errors.Is(err, duckdb.ErrNotSelect) {
		return &admin.Error{Code: codeNotSelect, Message: duckdb.ErrNotSelect.Error(), Fix: "one SELECT, or FROM, DESCRIBE, SUMMARIZE or SHOW; an EXPLAIN is asked for by its button"}
	}
	if strings.Contains(err.Error(), "Out of Memory Error") {
		return &admin.Error{Code: admin.CodeSQLLimit, Message: "the query needs more memory than it may have", Fix: "ask for less: a shorter time, fewer rows"}
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
