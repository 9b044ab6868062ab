package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrNotSelect means that a text is not exactly one statement, or not one that only reads.
var ErrNotSelect = errors.New("only one statement is run, and only one that reads")

// ErrNotConfined means that this system has no limits that hold for a process.
var ErrNotConfined = errors.New("a process cannot be confined on this system")

// Confinement is what a process may still do once [Confine] has returned.
type Confinement struct {
	File   string        // the ledger: the one file that can still be opened, if the kernel knows Landlock
	CPU    time.Duration // processor time, rounded up to seconds
	Memory int64         // address space beyond what the process has by now, in bytes
	Files  int           // descriptors
}

// ConfinedQuery is a statement of somebody who is not trusted with more than the result.
type ConfinedQuery struct {
	SQL     string // one statement, without a semicolon at its end
	Args    []any  // values of its parameters
	Explain bool   // its plan instead of its result
	MaxRows int    // further rows are not computed
}

// OpenConfined is [OpenReader] for a process that [Confine] was called in: it never spills, and
// takes less memory than the limit of the process, so that a query that is too large ends with an
// error of its own. A join with a few hundred rows reads only the blocks of a table that they lie in,
// not only one with fifty: that is how a page of rows is read whose order is not that of the table.
func OpenConfined(ctx context.Context, file string, opt ReaderOptions) (*sql.DB, error) {
	more := `set memory_limit = '512MB';
		set temp_directory = '';
		set dynamic_or_filter_threshold = 600;`
	if opt.Output {
		more += `set allowed_paths = [` + quote(ConfinedOutput) + `];`
	}
	return openReader(ctx, file, opt, more)
}

// ConfinedOutput is where [CopyConfined] writes to: what the process has been given as its standard
// output. Nothing else can be written, and this only where [ReaderOptions.Output] says so.
const ConfinedOutput = "/dev/stdout"

// StreamConfined runs the query of q on a ledger that [OpenConfined] has opened, and hands on its
// rows as [Stream] does. What is not one SELECT is refused before any of it runs. The text is
// parsed twice: alone, and within the statement that bounds its rows, so that nothing of it can
// end that statement early.
func StreamConfined(ctx context.Context, db *sql.DB, q ConfinedQuery, head func(Columns) error, row func([]any) error) error {
	text, err := q.bounded(ctx, db)
	if err != nil {
		return err
	}
	if q.Explain {
		text = "explain " + q.SQL
	}
	if err := Stream(ctx, db, Statement{SQL: text, Args: q.Args}, head, row); err != nil {
		return fmt.Errorf("run the query: %w", err)
	}
	return nil
}

// CopyConfined runs the query of q, as [StreamConfined] does, and writes its result to
// [ConfinedOutput] as a Parquet file. It returns the number of rows.
func CopyConfined(ctx context.Context, db *sql.DB, q ConfinedQuery) (int64, error) {
	text, err := q.bounded(ctx, db)
	if err != nil {
		return 0, err
	}
	n, err := CopyParquet(ctx, db, Statement{SQL: text, Args: q.Args}, ConfinedOutput)
	if err != nil {
		return 0, fmt.Errorf("run the query: %w", err)
	}
	return n, nil
}

// bounded is the statement that computes MaxRows of q and not more, once it is known to be one SELECT
// that only reads.
func (q ConfinedQuery) bounded(ctx context.Context, db *sql.DB) (string, error) {
	// Line feeds: a comment at the end of the text must not swallow what follows.
	bounded := "select * from (\n" + q.SQL + "\n) limit " + strconv.Itoa(q.MaxRows)
	for _, text := range []string{q.SQL, bounded} {
		p, err := parse(ctx, db, text)
		if err != nil {
			return "", err
		}
		if p.Error || len(p.Statements) != 1 || acts(p.Statements[0]) {
			return "", ErrNotSelect
		}
	}
	return bounded, nil
}

// acts tells whether a parsed query calls a function that does something, or runs a text that was
// not parsed here. DuckDB lets a SELECT switch its log to a file although the configuration is
// locked.
func acts(statement json.RawMessage) bool {
	var tree any
	if err := json.Unmarshal(statement, &tree); err != nil {
		return true
	}
	return calls(tree, func(name string) bool {
		switch strings.ToLower(name) {
		case "enable_logging", "disable_logging", "set_log_level", "truncate_duckdb_logs", "write_log", "checkpoint", "force_checkpoint",
			"query", "json_execute_serialized_sql":
			return true
		}
		return false
	})
}

// calls tells whether a function with such a name stands anywhere in a parsed query.
func calls(tree any, such func(name string) bool) bool {
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			if calls(child, such) {
				return true
			}
		}
	case map[string]any:
		if name, ok := node["function_name"].(string); ok && such(name) {
			return true
		}
		for _, child := range node {
			if calls(child, such) {
				return true
			}
		}
	}
	return false
}
