package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"prism/internal/admin"
)

// Bounds of a query of somebody who is not trusted with more than its result.
const (
	sqlRows     = 10_000
	sqlDeadline = 10 * time.Second
	sqlGrace    = 500 * time.Millisecond // from the deadline to the kill
	sqlAtOnce   = 2                      // children
	sqlOut      = 9 << 20                // bytes of an answer that are read; the worker ends its rows at eight
)

// SQLRequest is what a SQL worker reads from its standard input, as JSON.
type SQLRequest struct {
	File       string `json:"file"` // the ledger
	SQL        string `json:"sql"`
	Explain    bool   `json:"explain,omitempty"` // the plan instead of the result
	TimeZone   string `json:"time_zone,omitempty"`
	MaxRows    int    `json:"max_rows"`
	DeadlineMS int64  `json:"deadline_ms"`
}

// SQLResult is what a SQL worker answers. Either there are columns, or Problem says why not.
type SQLResult struct {
	Columns   []SQLColumn     `json:"columns"`
	Rows      json.RawMessage `json:"rows"` // a list of lists
	Count     int             `json:"count"`
	Truncated bool            `json:"truncated"` // there are more rows, or they were too large
	Problem   *admin.Error    `json:"problem,omitempty"`
}

// SQLColumn is a column of a result.
type SQLColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // as SQL writes it
}

// SQLRunner runs queries on the ledger in children that can do nothing but read it: see
// [SQLRequest]. A query that does not end is killed, and one that wants too much memory fails in
// its child.
type SQLRunner struct {
	command  []string // program and arguments
	deadline time.Duration
	places   chan struct{}
}

// NewSQLRunner returns a SQLRunner that starts command, such as prism sql-worker.
func NewSQLRunner(command ...string) *SQLRunner {
	return &SQLRunner{command: command, deadline: sqlDeadline, places: make(chan struct{}, sqlAtOnce)}
}

// ErrSQLOutput means that the answer of a worker was larger than any answer may be.
var ErrSQLOutput = errors.New("the result is too large")

// Run runs one query. MaxRows and DeadlineMS of q are bounded by 10,000 rows and ten seconds,
// which are also what 0 stands for. What is wrong with the query stands in the result; an error
// is ours.
func (r *SQLRunner) Run(ctx context.Context, q SQLRequest) (SQLResult, error) {
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	case <-ctx.Done():
		return SQLResult{}, ctx.Err()
	}
	if q.MaxRows <= 0 || q.MaxRows > sqlRows {
		q.MaxRows = sqlRows
	}
	limit := r.deadline
	if d := time.Duration(q.DeadlineMS) * time.Millisecond; d > 0 && d < limit {
		limit = d
	}
	q.DeadlineMS = limit.Milliseconds()
	in, err := json.Marshal(q)
	if err != nil {
		return SQLResult{}, err
	}
	killed, cancel := context.WithTimeout(ctx, limit+sqlGrace)
	defer cancel()
	out := bounded{left: sqlOut}
	cmd := exec.CommandContext(killed, r.command[0], r.command[1:]...) // SIGKILL, at the end of the context
	cmd.Env = []string{}                                               // not nil, which would be ours
	cmd.Dir = string(os.PathSeparator)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	return sqlAnswer(ctx, killed, cmd.Run(), &out, limit)
}

// sqlAnswer tells a query that was given up, and one that was too large for its child, from a
// failure of the child itself.
func sqlAnswer(ctx, killed context.Context, failed error, out *bounded, limit time.Duration) (SQLResult, error) {
	if ctx.Err() != nil {
		return SQLResult{}, ctx.Err()
	}
	if killed.Err() != nil {
		return SQLResult{Problem: &admin.Error{Code: "sql_error", Message: "the query was given up after " + limit.String(), Fix: "ask for less: a shorter time, fewer rows"}}, nil
	}
	if out.over {
		return SQLResult{}, ErrSQLOutput
	}
	if _, ended := errors.AsType[*exec.ExitError](failed); ended {
		return SQLResult{Problem: &admin.Error{Code: "sql_error", Message: "the query needed more memory or processor time than it may have", Fix: "ask for less: a shorter time, fewer rows"}}, nil
	}
	if failed != nil {
		return SQLResult{}, fmt.Errorf("run the SQL worker: %w", failed)
	}
	var res SQLResult
	if err := json.Unmarshal(out.buf.Bytes(), &res); err != nil {
		return SQLResult{}, fmt.Errorf("answer of the SQL worker: %w", err)
	}
	return res, nil
}

// bounded keeps what is written to it, up to a limit; a write beyond it fails.
type bounded struct {
	buf  bytes.Buffer
	left int
	over bool
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		b.over = true
		return 0, ErrSQLOutput
	}
	return b.buf.Write(p)
}
