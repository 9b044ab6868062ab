package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

	sqlFileRows     = 100_000
	sqlFileBytes    = 128 << 20
	sqlFileDeadline = 30 * time.Second
	sqlFileHead     = 64 << 10        // bytes of the line before a file
	sqlFileSend     = 5 * time.Minute // to a browser that is slow; the ledger is not open meanwhile

	sqlComplaint = 64 << 10 // bytes of what a worker says besides
)

// SQLRunner runs queries on the ledger in children that can do nothing but read it: see
// [admin.QueryBatch]. A query that does not end is killed, and one that wants too much memory fails in
// its child. It is for what pages in a browser ask; whoever writes prism.yaml or types a command, as
// for alerts and prism sql, is not confined by it.
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

// Run runs the queries of a batch. Its rows and its time are bounded by 10,000 for each query and by
// ten seconds, which are also what 0 stands for. What is wrong with a query stands in its result, what
// is wrong with the ledger in the answer; an error is ours.
func (r *SQLRunner) Run(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
	leave, err := r.enter(ctx)
	if err != nil {
		return admin.QueryAnswer{}, err
	}
	defer leave()
	return r.run(ctx, b)
}

// run is Run for one who has a place.
func (r *SQLRunner) run(ctx context.Context, b admin.QueryBatch) (admin.QueryAnswer, error) {
	b.Export = ""
	limit := r.bound(&b, sqlRows, r.deadline)
	killed, cancel := context.WithTimeout(ctx, limit+sqlGrace)
	defer cancel()
	cmd, complaint, err := r.child(killed, b)
	if err != nil {
		return admin.QueryAnswer{}, err
	}
	out := bounded{left: sqlOut}
	cmd.Stdout = &out
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return admin.QueryAnswer{}, ctx.Err()
	case out.over:
		return admin.QueryAnswer{}, ErrSQLOutput
	case err == nil:
		return sqlAnswer(&out)
	}
	problem, err := r.fate(killed, limit, err, complaint)
	return admin.QueryAnswer{Problem: problem}, err
}

// Export runs the only query of a batch and writes its result as a file, whole or not at all. to is
// called once, before the first byte, and only if there is a file; what is wrong with the query is
// returned as an [admin.Error].
func (r *SQLRunner) Export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	leave, err := r.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return r.export(ctx, b, to)
}

// export is Export for one who has a place.
func (r *SQLRunner) export(ctx context.Context, b admin.QueryBatch, to func(admin.QueryFile) io.Writer) error {
	limit := r.bound(&b, sqlFileRows, sqlFileDeadline)
	killed, cancel := context.WithTimeout(ctx, limit+sqlGrace)
	defer cancel()
	// The kill is for the time in which the ledger is open. The sending has a limit of its own.
	running, stop := context.WithCancel(ctx)
	defer stop()
	gaveUp := context.AfterFunc(killed, stop)
	defer gaveUp()
	cmd, complaint, err := r.child(running, b)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run the SQL worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run the SQL worker: %w", err)
	}
	slow := time.AfterFunc(sqlFileSend+limit+sqlGrace, stop)
	defer slow.Stop()
	send := func() error {
		if !gaveUp() { // the time had passed
			return context.DeadlineExceeded
		}
		slow.Reset(sqlFileSend)
		return nil
	}
	sent := sendFile(out, to, send)
	if sent != nil && !errors.Is(sent, errNoHead) {
		stop() // it has more to say than anybody will hear
	}
	ended := cmd.Wait()
	switch problem, ours := errors.AsType[*admin.Error](sent); {
	case ours:
		return problem
	case ctx.Err() != nil:
		return ctx.Err()
	case sent == nil:
		return ended
	case errors.Is(sent, errNoHead) && ended != nil:
		problem, err := r.fate(killed, limit, ended, complaint)
		if problem != nil {
			return problem
		}
		return err
	}
	return fmt.Errorf("send the result: %w", sent)
}

// errNoHead means that a worker ended before it said what it has.
var errNoHead = errors.New("the worker said nothing")

// sendFile reads what a worker says of its file, and hands the file on. ready is called between.
func sendFile(out io.Reader, to func(admin.QueryFile) io.Writer, ready func() error) error {
	in := bufio.NewReaderSize(out, sqlFileHead)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return errNoHead
	}
	var head admin.QueryFile
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("answer of the SQL worker: %w", err)
	}
	if head.Problem != nil {
		return head.Problem
	}
	if head.Bytes > sqlFileBytes {
		return ErrSQLOutput
	}
	if err := ready(); err != nil {
		return err
	}
	_, err = io.CopyN(to(head), in, head.Bytes)
	return err
}

// enter waits for a place.
func (r *SQLRunner) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case r.places <- struct{}{}:
		return func() { <-r.places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// bound sets the limits that a batch leaves open, and those that it may not go beyond.
func (r *SQLRunner) bound(b *admin.QueryBatch, rows int, deadline time.Duration) time.Duration {
	queries := append([]admin.Query{}, b.Queries...)
	for i := range queries {
		if n := queries[i].MaxRows; n <= 0 || n > rows {
			queries[i].MaxRows = rows
		}
	}
	b.Queries = queries
	if d := time.Duration(b.DeadlineMS) * time.Millisecond; d > 0 && d < deadline {
		deadline = d
	}
	b.DeadlineMS = deadline.Milliseconds()
	return deadline
}

// child is a worker that is asked b, and what it says besides its answer.
func (r *SQLRunner) child(ctx context.Context, b admin.QueryBatch) (*exec.Cmd, *bounded, error) {
	in, err := json.Marshal(b)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the SQL worker: %w", err)
	}
	complaint := &bounded{left: sqlComplaint}
	cmd := exec.CommandContext(ctx, r.command[0], r.command[1:]...) // SIGKILL, at the end of the context
	cmd.Env = []string{}                                            // not nil, which would be ours
	cmd.Dir = string(os.PathSeparator)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), complaint
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	return cmd, complaint, nil
}

// fate says why a worker ended without an answer: by a limit, or by a fault.
func (r *SQLRunner) fate(killed context.Context, limit time.Duration, err error, complaint *bounded) (*admin.Error, error) {
	switch {
	case killed.Err() != nil:
		return tooMuch("the query was given up after " + limit.String()), nil
	case !overLimit(err):
		return nil, fmt.Errorf("run the SQL worker: %w: %s", err, lastLine(complaint.buf.String()))
	}
	return tooMuch("the query needed more memory or processor time than it may have"), nil
}

// overLimit tells whether a child died of a limit, by a signal or in the middle of its work; what
// it finds wrong by itself it says with an exit code of 1.
func overLimit(err error) bool {
	exit, ended := errors.AsType[*exec.ExitError](err)
	return ended && exit.ExitCode() != 1
}

func tooMuch(message string) *admin.Error {
	return &admin.Error{Code: admin.CodeSQLLimit, Message: message, Fix: "ask for less: a shorter time, fewer rows"}
}

func sqlAnswer(out *bounded) (admin.QueryAnswer, error) {
	var a admin.QueryAnswer
	if err := json.Unmarshal(out.buf.Bytes(), &a); err != nil {
		return admin.QueryAnswer{}, fmt.Errorf("answer of the SQL worker: %w", err)
	}
	return a, nil
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
