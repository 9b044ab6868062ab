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

	sqlComplaint = 64 << 10 // bytes of what a worker says besides
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
// its child. It is for queries that come from a page in a browser; whoever writes prism.yaml or
// types a command, as for alerts and prism sql, is not confined by it.
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
	out, complaint := bounded{left: sqlOut}, bounded{left: sqlComplaint}
	cmd := exec.CommandContext(killed, r.command[0], r.command[1:]...) // SIGKILL, at the end of the context
	cmd.Env = []string{}                                               // not nil, which would be ours
	cmd.Dir = string(os.PathSeparator)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaint
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return SQLResult{}, ctx.Err()
	case out.over:
		return SQLResult{}, ErrSQLOutput
	case err == nil:
		return sqlAnswer(&out)
	case killed.Err() != nil:
		return tooMuch("the query was given up after " + limit.String()), nil
	case !overLimit(err):
		return SQLResult{}, fmt.Errorf("run the SQL worker: %w: %s", err, lastLine(complaint.buf.String()))
	}
	return tooMuch("the query needed more memory or processor time than it may have"), nil
}

// overLimit tells whether a child died of a limit, by a signal or in the middle of its work; what
// it finds wrong by itself it says with an exit code of 1.
func overLimit(err error) bool {
	exit, ended := errors.AsType[*exec.ExitError](err)
	return ended && exit.ExitCode() != 1
}

func tooMuch(message string) SQLResult {
	return SQLResult{Problem: &admin.Error{Code: "sql_error", Message: message, Fix: "ask for less: a shorter time, fewer rows"}}
}

func sqlAnswer(out *bounded) (SQLResult, error) {
	var res SQLResult
	if err := json.Unmarshal(out.buf.Bytes(), &res); err != nil {
		return SQLResult{}, fmt.Errorf("answer of the SQL worker: %w", err)
	}
	return res, nil
}

// bounded keeps what is written to it, up to a limit; a write beyond it fails, which ends the child.
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
