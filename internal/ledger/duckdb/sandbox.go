package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// ConfinedThreads is how many threads run the queries of [OpenConfined].
const ConfinedThreads = 2

// OpenConfined is [OpenReader] for a process that [Confine] was called in: it never spills, and
// takes less memory than the limit of the process, so that a query that is too large ends with an
// error of its own. A join with a few hundred rows reads only the blocks of a table that they lie in,
// not only one with fifty: that is how a page of rows is read whose order is not that of the table.
func OpenConfined(ctx context.Context, file string, opt ReaderOptions) (*sql.DB, error) {
	more := `set threads = ` + strconv.Itoa(ConfinedThreads) + `;
		set memory_limit = '512MB';
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
		if p.Error || len(p.Statements) != 1 {
			return "", ErrNotSelect
		}
		if does, err := acts(ctx, db, p.Statements[0]); err != nil {
			return "", err
		} else if does {
			return "", ErrNotSelect
		}
	}
	return bounded, nil
}

// acts tells whether a parsed query calls a function that may do something: switch the log, the
// profiling or the parser, and so write to a file although the configuration is locked; or run a text
// that was not parsed here. Of DuckDB's functions in a FROM those are known that only give rows. The
// others are not called, and so none that a later version brings. What DuckDB has no function for is the
// ledger's own, or a mistake that DuckDB explains.
func acts(ctx context.Context, db *sql.DB, statement json.RawMessage) (bool, error) {
	var tree any
	if err := json.Unmarshal(statement, &tree); err != nil {
		return true, nil
	}
	var c calls
	c.collect(tree)
	if c.writesLog {
		return true, nil
	}
	unknown := slices.DeleteFunc(c.tables, func(name string) bool { return slices.Contains(rowFunctions(), name) })
	if len(unknown) == 0 {
		return false, nil
	}
	rows, err := db.QueryContext(ctx, "select distinct lower(function_name) from duckdb_functions() where internal and function_type = 'table'")
	if err != nil {
		return false, fmt.Errorf("list the functions: %w", err)
	}
	defer rows.Close()
	does := false
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return false, fmt.Errorf("list the functions: %w", err)
		}
		does = does || slices.Contains(unknown, name)
	}
	if err := rows.Err(); err != nil {
		return false, fmt.Errorf("list the functions: %w", err)
	}
	return does, nil
}

// rowFunctions are the functions of DuckDB that stand in a FROM and do nothing but give rows. Those
// that read files are not among them: no file can be read.
func rowFunctions() []string {
	return []string{
		"range", "generate_series", "unnest", "repeat", "repeat_row", "summary", "query_table", "json_each", "json_tree", "icu_calendar_names", "pg_timezone_names",
		"sql_auto_complete", "test_all_types", "test_vector_types", "which_secret",
		"duckdb_approx_database_count", "duckdb_columns", "duckdb_connection_count", "duckdb_constraints", "duckdb_coordinate_systems", "duckdb_databases",
		"duckdb_dependencies", "duckdb_extensions", "duckdb_external_file_cache", "duckdb_functions", "duckdb_indexes", "duckdb_keywords", "duckdb_log_contexts",
		"duckdb_logs", "duckdb_memory", "duckdb_optimizers", "duckdb_prepared_statements", "duckdb_schemas", "duckdb_secret_types", "duckdb_secrets",
		"duckdb_sequences", "duckdb_settings", "duckdb_table_sample", "duckdb_tables", "duckdb_temporary_files", "duckdb_types", "duckdb_variables", "duckdb_views",
		"pragma_collations", "pragma_database_size", "pragma_metadata_info", "pragma_platform", "pragma_show", "pragma_storage_info", "pragma_table_info",
		"pragma_user_agent", "pragma_version",
	}
}

// calls is what a parsed query calls.
type calls struct {
	tables    []string // functions in a FROM, in lower case
	writesLog bool
}

func (c *calls) collect(tree any) {
	switch node := tree.(type) {
	case []any:
		for _, child := range node {
			c.collect(child)
		}
	case map[string]any:
		if f, ok := node["function"].(map[string]any); ok && node["type"] == "TABLE_FUNCTION" {
			name, _ := f["function_name"].(string)
			c.tables = append(c.tables, strings.ToLower(name))
		}
		if name, ok := node["function_name"].(string); ok && strings.EqualFold(name, "write_log") {
			c.writesLog = true
		}
		for _, child := range node {
			c.collect(child)
		}
	}
}
